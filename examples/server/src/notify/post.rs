//! [`Post`]: JSON as Slack, Mattermost, Discord (its addresses that end in `/slack`) and receivers
//! of one's own take it: a `text`, and the facts beside it, which those that do not know them
//! ignore.

use bytes::Bytes;
use http::uri::Scheme;
use http::{Request, Uri};
use serde_json::{Map, Value};

use super::channel::{Channel, WRONG_ADDRESS};
use super::endpoint::Endpoint;
use super::message::Message;

pub(super) struct Post(Endpoint);

impl Post {
    pub(super) fn new(scheme: Scheme, uri: &Uri) -> Result<Self, &'static str> {
        let authority = uri.authority().ok_or(WRONG_ADDRESS)?;
        let path = uri.path_and_query().ok_or(WRONG_ADDRESS)?;
        Endpoint::new(scheme, authority, path.clone()).map(Self)
    }
}

impl Channel for Post {
    fn request(&self, message: &Message) -> Request<Bytes> {
        let text = inert(&format!("{}\n{}", message.title, message.text));
        let mut json = Map::from_iter([
            ("text".to_owned(), text.into()),
            // Slack would fetch what a visitor links to, and show it.
            ("unfurl_links".to_owned(), false.into()),
            ("unfurl_media".to_owned(), false.into()),
        ]);
        json.extend(message.facts.json());
        self.0.post(&Value::from(json))
    }
}

/// `text`, in which nothing acts on those who read it: the chat shows what was written.
///
/// - `&`, `<` and `>` as Slack has them escaped (docs.slack.dev/messaging/formatting-message-text):
///   `<!channel>`, `<@U123>` and `<https://…|text>` act there.
/// - `@` becomes its wide form, U+FF20: Mattermost and Discord need nothing but `@here` to call
///   everybody, and receivers have been seen to drop a character without width from between.
/// - A space between the halves of a Markdown link, which shows one address and opens another, or
///   is a picture and fetched.
fn inert(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('@', "\u{ff20}")
        .replace("](", "] (")
        .replace("]:", "] :")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tower_tawk::event::Role;
    use tower_tawk::test_util::samples;

    use super::*;
    use crate::config::Occasion;
    use crate::notify::channels::Channels;
    use crate::notify::payloads;

    fn posted(message: &Message) -> Value {
        let channels = Channels::parse("https://hooks.example.com/services/T1/B2").unwrap();
        let name = channels.names().next().unwrap();
        let request = channels.get(name).unwrap().request(message);
        serde_json::from_slice(request.body()).unwrap()
    }

    #[test]
    fn the_text_is_followed_by_the_facts() {
        let message = Message::new(&payloads::one("08"), Occasion::AgentReply);
        assert_eq!(
            posted(&message),
            json!({
                "text": "Ingrid Vale replied in Harbor Lane Outfitters\n\
                         “Yes, two pairs left in brown.”\n\
                         Chat b7064c20-6d10-11ef-a0f2-57c8e9104d3b with Tomasz Wielgosz",
                "unfurl_links": false,
                "unfurl_media": false,
                "occasion": "agent-reply",
                "event": "chat:transcript_created",
                "event_time": "2024-09-07T16:01:30.077Z",
                "property_id": "64b1f0c29d3e7a5518c2e9d4",
                "property": "Harbor Lane Outfitters",
                "chat_id": "b7064c20-6d10-11ef-a0f2-57c8e9104d3b",
                "messages": 4,
                "agent_replies": 1,
                "agents": ["Ingrid Vale"],
            })
        );
    }

    #[test]
    fn what_people_write_does_not_act_on_the_receivers() {
        let evil = "<!channel> <@U123> <http://evil.example|bank> @everyone @here &lt;!here&gt; \
                    [bank](http://evil.example) ![x](http://evil.example/x.png)";
        for (event, occasion) in [
            (samples::ticket(evil, evil, evil), Occasion::Ticket),
            (samples::chat_start(evil, evil), Occasion::ChatStart),
            (samples::transcript(evil, &[(Role::Agent, evil)]), Occasion::AgentReply),
        ] {
            let json = posted(&Message::new(&event, occasion));
            let text = json["text"].as_str().unwrap();
            assert!(text.contains("&lt;!channel&gt; &lt;\u{ff20}U123&gt;"), "{text}");
            assert!(text.contains("\u{ff20}everyone \u{ff20}here &amp;lt;!here&amp;gt;"), "{text}");
            assert!(text.contains("[bank] (http"), "{text}");
            assert!(!text.contains(['<', '>', '@']) && !text.contains("]("), "{text}");
        }
        assert_eq!(inert("[x]: http://evil.example"), "[x] : http://evil.example");
    }
}
