//! [`Ntfy`]: push notifications of ntfy, published as JSON (docs.ntfy.sh/publish, "Publish as
//! JSON"), since a header cannot hold every title.

use reqwest::Url;
use serde_json::{Value, json};

use super::{Channel, json_code};
use crate::notify::Trigger;
use crate::notify::message::Message;

/// The page that a tap on the notification opens. The URL of a single chat is not documented.
const DASHBOARD: &str = "https://dashboard.tawk.to/";

/// Priorities, 1 to 5. From [`HIGH_PRIORITY`] a phone vibrates longer and shows a pop-over.
const DEFAULT_PRIORITY: u8 = 3;
const HIGH_PRIORITY: u8 = 4;

pub struct Ntfy {
    server: Url,
    topic: String,
}

impl Ntfy {
    /// # Errors
    ///
    /// When the path is not a topic.
    pub fn new(mut url: Url) -> Result<Self, &'static str> {
        let topic = url.path().strip_prefix('/').unwrap_or_default().to_owned();
        if !is_topic(&topic) || url.query().is_some() {
            return Err(
                "expected ntfys://HOST/TOPIC with a topic of 1 to 64 letters, digits, `-` \
                        and `_`",
            );
        }
        // The topic is in the JSON, which is posted to the root of the server.
        url.set_path("/");
        Ok(Self { server: url, topic })
    }
}

/// Checks the topic as the ntfy server does.
fn is_topic(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

impl Channel for Ntfy {
    fn url(&self) -> &Url {
        &self.server
    }

    fn format(&self, message: &Message) -> Value {
        let trigger = message.trigger;
        let is_reply = trigger == Trigger::AgentReply;
        json!({
            "topic": self.topic,
            "title": message.title,
            "message": message.text,
            "tags": [emoji(trigger), trigger.name()],
            "priority": if is_reply { HIGH_PRIORITY } else { DEFAULT_PRIORITY },
            "click": DASHBOARD,
        })
    }

    fn error_code(&self, body: &[u8]) -> Option<String> {
        json_code(body)
    }
}

/// Returns a tag that ntfy shows as an emoji before the title.
const fn emoji(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::AgentReply => "speech_balloon",
        Trigger::ChatStart => "wave",
        Trigger::ChatEnd => "checkered_flag",
        Trigger::Transcript => "page_facing_up",
        Trigger::Ticket => "ticket",
    }
}

#[cfg(test)]
mod tests {
    use tower_tawk::test_util::samples;

    use super::*;
    use crate::notify::payloads;

    fn published(message: &Message) -> Value {
        Ntfy::new("https://ntfy.example.com/shop".parse().unwrap()).unwrap().format(message)
    }

    #[test]
    fn a_reply_has_high_priority() {
        let message = Message::new(&payloads::one("08"), Trigger::AgentReply);
        assert_eq!(
            published(&message),
            json!({
                "topic": "shop",
                "title": "Ingrid Vale replied in Harbor Lane Outfitters",
                "message": "“Yes, two pairs left in brown.”\n\
                            Chat b7064c20-6d10-11ef-a0f2-57c8e9104d3b with Tomasz Wielgosz",
                "tags": ["speech_balloon", "agent-reply"],
                "priority": 4,
                "click": "https://dashboard.tawk.to/",
            })
        );
    }

    #[test]
    fn other_triggers_have_the_default_priority() {
        let json = published(&Message::new(&payloads::one("12"), Trigger::Ticket));
        assert_eq!((&json["priority"], &json["tags"]), (&json!(3), &json!(["ticket", "ticket"])));
        let json = published(&Message::new(&payloads::one("06"), Trigger::ChatEnd));
        assert_eq!(json["priority"], 3);
    }

    /// ntfy shows plain text.
    #[test]
    fn text_is_not_escaped() {
        let message = Message::new(&samples::chat_start("A & B", "<3 @you"), Trigger::ChatStart);
        let json = published(&message);
        assert_eq!(json["title"], "A & B opened a chat in Lantern & Loom");
        assert!(json["message"].as_str().unwrap().starts_with("“<3 @you”"));
    }

    /// ntfy sends longer messages as a file (docs.ntfy.sh/publish, "Limitations").
    #[test]
    fn a_message_has_at_most_4096_bytes() {
        let long = "👋".repeat(1_000);
        let message = Message::new(&samples::ticket(&long, &long, &long), Trigger::Ticket);
        let json = published(&message);
        assert!(json["message"].as_str().unwrap().len() <= 4096);
    }
}
