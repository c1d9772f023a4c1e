//! [`Discord`]: webhooks of Discord (docs.discord.com/developers/resources/webhook).

use serde_json::{Value, json};

use crate::notify::message::Message;
use crate::notify::webhook::Format;

/// Punctuation of Discord's Markdown, mentions, emoji and links. Without `:` and `/` a URL is no
/// link and no invite, so that its own punctuation can be escaped too.
const MARKDOWN: &str = r"\*_~`|>#-+[]()<@:/";

/// Do not show what is linked to (docs.discord.com/developers/resources/message, "Message Flags").
const SUPPRESS_EMBEDS: u64 = 1 << 2;

pub struct Discord;

impl Format for Discord {
    /// A message fits into the 2,000 characters that Discord accepts, even if each is escaped.
    fn format(&self, Message { title, text, .. }: &Message) -> Value {
        json!({
            "content": escape(&format!("{title}\n{text}")),
            "allowed_mentions": { "parse": [] },
            "flags": SUPPRESS_EMBEDS,
        })
    }
}

fn escape(text: &str) -> String {
    let escape = |c| MARKDOWN.contains(c).then_some('\\').into_iter().chain([c]);
    text.chars().flat_map(escape).collect()
}

#[cfg(test)]
mod tests {
    use tower_tawk::test_util::samples;

    use super::*;
    use crate::notify::{Trigger, payloads};

    #[test]
    fn mentions_and_embeds_are_off() {
        let message = Message::new(&payloads::one("06"), Trigger::ChatEnd);
        assert_eq!(
            Discord.format(&message),
            json!({
                "content": "A chat ended in Harbor Lane Outfitters\n\
                            Chat b7064c20\\-6d10\\-11ef\\-a0f2\\-57c8e9104d3b with Tomasz Wielgosz",
                "allowed_mentions": { "parse": [] },
                "flags": 4,
            })
        );
    }

    #[test]
    fn escapes_markdown_mentions_and_links() {
        let evil = "@everyone <@1> [bank](https://evil.example) **b** `c` \\* ||d|| <t:0>";
        let message = Message::new(&samples::ticket(evil, evil, evil), Trigger::Ticket);
        let json = Discord.format(&message);
        let content = json["content"].as_str().unwrap();
        let expected =
            r"\@everyone \<\@1\> \[bank\]\(https\:\/\/evil.example\) \*\*b\*\* \`c\` \\\*";
        assert!(content.contains(expected), "{content}");
        assert!(content.contains(r"\|\|d\|\| \<t\:0\>"), "{content}");
    }

    #[test]
    fn a_message_has_at_most_2000_characters() {
        for long in ["*".repeat(5_000), "👋".repeat(5_000)] {
            let message = Message::new(&samples::ticket(&long, &long, &long), Trigger::Ticket);
            let json = Discord.format(&message);
            assert!(json["content"].as_str().unwrap().encode_utf16().count() <= 2_000);
        }
    }
}
