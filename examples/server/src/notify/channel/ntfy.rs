//! [`Ntfy`]: push notifications of ntfy, published as JSON (docs.ntfy.sh/publish, "Publish as
//! JSON"), since a header cannot hold every title.

use anyhow::{Result, ensure};
use reqwest::Url;
use serde_json::{Value, json};

use crate::notify::Trigger;
use crate::notify::message::Message;
use crate::notify::webhook::Format;

pub struct Ntfy(String);

impl Ntfy {
    /// Takes the topic from the URL. It is in the JSON, which is posted to the root of the server.
    /// Fails if the path is not a topic as the ntfy server checks it.
    pub fn new(url: &mut Url) -> Result<Self> {
        let topic = url.path().trim_start_matches('/').to_owned();
        let is_topic = (1..=64).contains(&topic.len())
            && topic.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        ensure!(
            is_topic && url.query().is_none(),
            "expected ntfys://HOST/TOPIC with a topic of 1 to 64 letters, digits, `-` and `_`"
        );
        url.set_path("/");
        Ok(Self(topic))
    }
}

impl Format for Ntfy {
    fn format(&self, message: &Message) -> Value {
        let trigger = message.trigger;
        json!({
            "topic": self.0,
            "title": message.title,
            "message": message.text,
            "tags": [trigger.name()],
            // From 4 of 5 a phone vibrates longer and shows a pop-over. 3 is the default.
            "priority": if trigger == Trigger::AgentReply { 4 } else { 3 },
            // Opened by a tap on the notification. The URL of a single chat is not documented.
            "click": "https://dashboard.tawk.to/",
        })
    }
}

#[cfg(test)]
mod tests {
    use tower_tawk::test_util::samples;

    use super::*;
    use crate::notify::payloads;

    fn published(message: &Message) -> Value {
        Ntfy("shop".to_owned()).format(message)
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
                "tags": ["agent-reply"],
                "priority": 4,
                "click": "https://dashboard.tawk.to/",
            })
        );
    }

    #[test]
    fn other_triggers_have_the_default_priority() {
        let json = published(&Message::new(&payloads::one("12"), Trigger::Ticket));
        assert_eq!((&json["priority"], &json["tags"]), (&json!(3), &json!(["ticket"])));
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
