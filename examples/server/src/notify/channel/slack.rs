//! [`Slack`]: incoming webhooks of Slack, and of services that accept the same JSON, such as
//! Mattermost, Rocket.Chat and Discord (URLs that end in `/slack`).

use serde_json::{Value, json};

use super::without_mentions;
use crate::notify::message::Message;
use crate::notify::webhook::Format;

pub struct Slack;

impl Format for Slack {
    fn format(&self, message: &Message) -> Value {
        // Otherwise Slack fetches and shows what a visitor links to.
        json!({ "text": text(message), "unfurl_links": false, "unfurl_media": false })
    }
}

/// A receiver that is not known, and may reject fields other than `text`.
pub struct SlackCompatible;

impl Format for SlackCompatible {
    fn format(&self, message: &Message) -> Value {
        json!({ "text": text(message) })
    }
}

/// Escapes mentions and links (docs.slack.dev/messaging/formatting-message-text): `<!channel>`,
/// `<@U123>` and `<https://…|text>`.
fn text(Message { title, text, .. }: &Message) -> String {
    let text = format!("{title}\n{text}").replace('&', "&amp;");
    without_mentions(&text.replace('<', "&lt;").replace('>', "&gt;"))
}

#[cfg(test)]
mod tests {
    use tower_tawk::event::Role;
    use tower_tawk::test_util::samples;

    use super::*;
    use crate::notify::Trigger;
    use crate::notify::payloads;

    #[test]
    fn slack_receives_a_text_without_previews_and_others_only_a_text() {
        let message = Message::new(&payloads::one("08"), Trigger::AgentReply);
        let text = "Ingrid Vale replied in Harbor Lane Outfitters\n\
                    “Yes, two pairs left in brown.”\n\
                    Chat b7064c20-6d10-11ef-a0f2-57c8e9104d3b with Tomasz Wielgosz";
        assert_eq!(
            Slack.format(&message),
            json!({ "text": text, "unfurl_links": false, "unfurl_media": false })
        );
        assert_eq!(SlackCompatible.format(&message), json!({ "text": text }));
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
        assert_eq!(without_mentions("[x]: http://evil.example"), "[x] : http://evil.example");
    }
}
