//! [`Ntfy`]: a push notification, published as JSON (docs.ntfy.sh/publish, "Publish as JSON"): a
//! header does not hold every title (RFC 9110, section 5.5).

use bytes::Bytes;
use http::uri::{PathAndQuery, Scheme};
use http::{Request, Uri};
use serde_json::json;

use super::channel::{Channel, WRONG_ADDRESS};
use super::endpoint::Endpoint;
use super::message::Message;
use crate::config;
use crate::config::Occasion;

/// Where a tap on the notification leads. No address of a single chat is documented.
const DASHBOARD: &str = "https://dashboard.tawk.to/";

pub(super) struct Ntfy {
    server: Endpoint,
    topic: String,
}

impl Ntfy {
    pub(super) fn new(scheme: Scheme, uri: &Uri) -> Result<Self, &'static str> {
        let authority = uri.authority().ok_or(WRONG_ADDRESS)?;
        let topic = uri.path().strip_prefix('/').unwrap_or_default();
        if !is_topic(topic) || uri.query().is_some() {
            return Err("write ntfys://host/topic, the topic in 1 to 64 letters, digits, `-` and \
                        `_`, and nothing behind it");
        }
        // The topic is in the JSON, which goes to the root of the server.
        let server = Endpoint::new(scheme, authority, PathAndQuery::from_static("/"))?;
        Ok(Self { server, topic: topic.to_owned() })
    }
}

/// As ntfy's server has it.
fn is_topic(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

impl Channel for Ntfy {
    fn request(&self, message: &Message) -> Request<Bytes> {
        let occasion = message.facts.occasion;
        let priority = if occasion == Occasion::AgentReply { HIGH } else { DEFAULT };
        self.server.post(&json!({
            "topic": self.topic,
            "title": message.title,
            "message": message.text,
            "tags": [emoji(occasion), config::name(&occasion)],
            "priority": priority,
            "click": DASHBOARD,
        }))
    }
}

/// Of 1 to 5: from [`HIGH`] on a phone vibrates for long, and shows the notification over what is
/// open.
const DEFAULT: u8 = 3;
const HIGH: u8 = 4;

/// A tag that is the name of an emoji is shown as that, before the title.
const fn emoji(occasion: Occasion) -> &'static str {
    match occasion {
        Occasion::AgentReply => "speech_balloon",
        Occasion::ChatStart => "wave",
        Occasion::ChatEnd => "checkered_flag",
        Occasion::Transcript => "page_facing_up",
        Occasion::Ticket => "ticket",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use tower_tawk::test_util::samples;

    use super::*;
    use crate::notify::channels::Channels;
    use crate::notify::payloads;

    fn published(message: &Message) -> Value {
        let channels = Channels::parse("ntfys://ntfy.example.com/shop").unwrap();
        let name = channels.names().next().unwrap();
        let request = channels.get(name).unwrap().request(message);
        serde_json::from_slice(request.body()).unwrap()
    }

    #[test]
    fn an_agents_reply_is_a_notification_of_high_priority() {
        let message = Message::new(&payloads::one("08"), Occasion::AgentReply);
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
    fn everything_else_is_of_the_usual_priority() {
        let json = published(&Message::new(&payloads::one("12"), Occasion::Ticket));
        assert_eq!((&json["priority"], &json["tags"]), (&json!(3), &json!(["ticket", "ticket"])));
        let json = published(&Message::new(&payloads::one("06"), Occasion::ChatEnd));
        assert_eq!(json["priority"], 3);
    }

    /// It shows text as it is.
    #[test]
    fn text_is_not_escaped() {
        let message = Message::new(&samples::chat_start("A & B", "<3 @you"), Occasion::ChatStart);
        let json = published(&message);
        assert_eq!(json["title"], "A & B opened a chat in Lantern & Loom");
        assert!(json["message"].as_str().unwrap().starts_with("“<3 @you”"));
    }

    /// What is longer ntfy sends as a file (docs.ntfy.sh/publish, "Limitations").
    #[test]
    fn the_longest_message_is_no_more_than_4096_bytes() {
        let long = "👋".repeat(1_000);
        let message = Message::new(&samples::ticket(&long, &long, &long), Occasion::Ticket);
        let json = published(&message);
        assert!(json["message"].as_str().unwrap().len() <= 4096);
    }
}
