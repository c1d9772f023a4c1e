//! [`Slack`]: incoming webhooks of Slack and of services that accept the same JSON: Mattermost,
//! Discord (URLs that end in `/slack`), and custom receivers.

use serde_json::{Value, json};

use super::{Channel, without_mentions};
use crate::notify::message::Message;

pub struct Slack;

impl Channel for Slack {
    /// Returns a `text`, and the fields of the event next to it, which Slack ignores.
    fn format(&self, message: &Message) -> Value {
        let text = escape(&format!("{}\n{}", message.title, message.text));
        // Otherwise Slack fetches and shows what a visitor links to.
        let mut json = json!({ "text": text, "unfurl_links": false, "unfurl_media": false });
        for (name, value) in &message.fields {
            json[name] = value.clone();
        }
        json
    }
}

/// Escapes mentions and links (docs.slack.dev/messaging/formatting-message-text): `<!channel>`,
/// `<@U123>` and `<https://…|text>`.
fn escape(text: &str) -> String {
    without_mentions(&text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"))
}

#[cfg(test)]
mod tests {
    use tower_tawk::event::Role;
    use tower_tawk::test_util::samples;

    use super::*;
    use crate::notify::Trigger;
    use crate::notify::payloads;

    #[test]
    fn the_fields_of_the_event_are_next_to_the_text() {
        let message = Message::new(&payloads::one("08"), Trigger::AgentReply);
        assert_eq!(
            Slack.format(&message),
            json!({
                "text": "Ingrid Vale replied in Harbor Lane Outfitters\n\
                         “Yes, two pairs left in brown.”\n\
                         Chat b7064c20-6d10-11ef-a0f2-57c8e9104d3b with Tomasz Wielgosz",
                "unfurl_links": false,
                "unfurl_media": false,
                "trigger": "agent-reply",
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
    fn escapes_mentions_and_links_in_what_people_write() {
        let evil = "<!channel> <@U123> <http://evil.example|bank> @everyone @here &lt;!here&gt; \
                    [bank](http://evil.example) ![x](http://evil.example/x.png)";
        for (event, trigger) in [
            (samples::ticket(evil, evil, evil), Trigger::Ticket),
            (samples::chat_start(evil, evil), Trigger::ChatStart),
            (samples::transcript(evil, &[(Role::Agent, evil)]), Trigger::AgentReply),
        ] {
            let json = Slack.format(&Message::new(&event, trigger));
            let text = json["text"].as_str().unwrap();
            assert!(text.contains("&lt;!channel&gt; &lt;\u{ff20}U123&gt;"), "{text}");
            assert!(text.contains("\u{ff20}everyone \u{ff20}here &amp;lt;!here&amp;gt;"), "{text}");
            assert!(text.contains("[bank] (http"), "{text}");
            assert!(!text.contains(['<', '>', '@']) && !text.contains("]("), "{text}");
        }
        assert_eq!(escape("[x]: http://evil.example"), "[x] : http://evil.example");
    }
}
