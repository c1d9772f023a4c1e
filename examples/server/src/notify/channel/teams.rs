//! [`Teams`]: workflows of Microsoft Teams that post adaptive cards
//! (learn.microsoft.com/connectors/teams, "Microsoft Teams Webhook").

use serde_json::{Value, json};

use crate::notify::message::Message;
use crate::notify::webhook::Format;

pub struct Teams;

impl Format for Teams {
    /// Returns a card of text runs, in which Markdown is not interpreted
    /// (learn.microsoft.com/adaptive-cards/schema-explorer/text-run).
    fn format(&self, Message { title, text, .. }: &Message) -> Value {
        let block = |text: &str, weight: &str| {
            let run = json!({ "type": "TextRun", "text": text, "weight": weight });
            json!({ "type": "RichTextBlock", "inlines": [run] })
        };
        let mut body = vec![block(title, "Bolder")];
        body.extend(text.lines().map(|line| block(line, "Default")));
        let card = json!({ "type": "AdaptiveCard", "version": "1.2", "body": body });
        let content_type = "application/vnd.microsoft.card.adaptive";
        json!({
            "type": "message",
            "attachments": [{ "contentType": content_type, "content": card }],
        })
    }
}

#[cfg(test)]
mod tests {
    use tower_tawk::test_util::samples;

    use super::*;
    use crate::notify::{Trigger, payloads};

    #[test]
    fn a_message_is_an_adaptive_card_with_a_block_for_each_line() {
        let message = Message::new(&payloads::one("06"), Trigger::ChatEnd);
        let block = |text: &str, weight: &str| {
            json!({
                "type": "RichTextBlock",
                "inlines": [{ "type": "TextRun", "text": text, "weight": weight }],
            })
        };
        assert_eq!(
            Teams.format(&message),
            json!({
                "type": "message",
                "attachments": [{
                    "contentType": "application/vnd.microsoft.card.adaptive",
                    "content": {
                        "type": "AdaptiveCard",
                        "version": "1.2",
                        "body": [
                            block("A chat ended in Harbor Lane Outfitters", "Bolder"),
                            block(
                                "Chat b7064c20-6d10-11ef-a0f2-57c8e9104d3b with Tomasz Wielgosz",
                                "Default",
                            ),
                        ],
                    },
                }],
            })
        );
    }

    /// Only `TextBlock` interprets Markdown, and only `entities` mention anyone.
    #[test]
    fn what_people_write_is_in_text_runs_only() {
        let evil = "<at>everyone</at> [bank](https://evil.example) ![x](https://evil.example/x)";
        let message = Message::new(&samples::ticket(evil, evil, evil), Trigger::Ticket);
        let card = Teams.format(&message)["attachments"][0]["content"].take();
        assert!(card.get("msteams").is_none(), "{card}");
        for block in card["body"].as_array().unwrap() {
            assert_eq!(block["type"], "RichTextBlock");
            assert_eq!(block["inlines"][0]["type"], "TextRun");
        }
    }
}
