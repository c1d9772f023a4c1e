//! [`GoogleChat`]: incoming webhooks of Google Chat, which reject fields that they do not know
//! (developers.google.com/workspace/chat/quickstart/webhooks).

use serde_json::{Value, json};

use super::without_mentions;
use crate::notify::message::Message;
use crate::notify::webhook::Format;

pub struct GoogleChat;

impl Format for GoogleChat {
    /// Replaces the brackets of `<users/all>` and `<https://…|text>`, which have no escapes, with
    /// full-width ones (developers.google.com/workspace/chat/format-messages).
    fn format(&self, Message { title, text, .. }: &Message) -> Value {
        let text = format!("{title}\n{text}").replace('<', "\u{ff1c}").replace('>', "\u{ff1e}");
        json!({ "text": without_mentions(&text) })
    }
}

#[cfg(test)]
mod tests {
    use tower_tawk::test_util::samples;

    use super::*;
    use crate::notify::{Trigger, payloads};

    #[test]
    fn a_message_is_a_text_only() {
        let message = Message::new(&payloads::one("06"), Trigger::ChatEnd);
        let text = "A chat ended in Harbor Lane Outfitters\n\
                    Chat b7064c20-6d10-11ef-a0f2-57c8e9104d3b with Tomasz Wielgosz";
        assert_eq!(GoogleChat.format(&message), json!({ "text": text }));
    }

    #[test]
    fn escapes_mentions_and_links_in_what_people_write() {
        let evil = "<users/all> <https://evil.example|bank> @all [bank](https://evil.example)";
        let message = Message::new(&samples::ticket(evil, evil, evil), Trigger::Ticket);
        let json = GoogleChat.format(&message);
        let text = json["text"].as_str().unwrap();
        assert!(!text.contains(['<', '>', '@']) && !text.contains("]("), "{text}");
    }

    /// Google Chat accepts 32,000 bytes (developers.google.com/workspace/chat/create-messages).
    #[test]
    fn a_message_has_at_most_32000_bytes() {
        let long = "👋".repeat(1_000);
        let message = Message::new(&samples::ticket(&long, &long, &long), Trigger::Ticket);
        let json = GoogleChat.format(&message);
        assert!(json["text"].as_str().unwrap().len() <= 32_000);
    }
}
