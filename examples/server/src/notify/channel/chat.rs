//! [`Chat`]: webhooks of chat services that accept a text, each in its own JSON.

use serde_json::{Value, json};

use super::{Channel, without_mentions};
use crate::notify::message::Message;

/// Maximum bytes of a text. Tencent's is the lowest.
const MAX_TEXT_LEN: usize = 2_048;

pub enum Chat {
    /// Google Chat rejects further fields with 400. Teams ignores them.
    Text,
    Feishu,
    DingTalk,
}

impl Chat {
    pub fn find(host: &str) -> Option<Self> {
        let is_teams = host == "outlook.office.com" || host.ends_with(".webhook.office.com");
        match host {
            // developers.google.com/workspace/chat/quickstart/webhooks
            _ if host == "chat.googleapis.com" || is_teams => Some(Self::Text),
            // open.feishu.cn/document/client-docs/bot-v3/add-custom-bot
            "open.feishu.cn" | "open.larksuite.com" => Some(Self::Feishu),
            // open.dingtalk.com/document/orgapp/custom-robot-access
            // developer.work.weixin.qq.com/document/path/91770
            "oapi.dingtalk.com" | "qyapi.weixin.qq.com" => Some(Self::DingTalk),
            _ => None,
        }
    }
}

impl Channel for Chat {
    fn format(&self, message: &Message) -> Value {
        let text = escape(&format!("{}\n{}", message.title, message.text));
        let text = &text[..text.floor_char_boundary(MAX_TEXT_LEN)];
        match self {
            Self::Text => json!({ "text": text }),
            Self::Feishu => json!({ "msg_type": "text", "content": { "text": text } }),
            Self::DingTalk => json!({ "msgtype": "text", "text": { "content": text } }),
        }
    }
}

/// Replaces what these services interpret with full-width characters: `<users/all>` of Google Chat
/// and `<at user_id="all">` of Feishu notify everybody. They do not decode `&lt;`.
fn escape(text: &str) -> String {
    without_mentions(&text.replace('<', "\u{ff1c}").replace('>', "\u{ff1e}"))
}

#[cfg(test)]
mod tests {
    use tower_tawk::test_util::samples;

    use super::*;
    use crate::notify::{Trigger, payloads};

    #[test]
    fn each_service_gets_the_text_only() {
        let message = Message::new(&payloads::one("06"), Trigger::ChatEnd);
        let text = "A chat ended in Harbor Lane Outfitters\n\
                    Chat b7064c20-6d10-11ef-a0f2-57c8e9104d3b with Tomasz Wielgosz";
        for (host, expected) in [
            ("chat.googleapis.com", json!({ "text": text })),
            ("shop.webhook.office.com", json!({ "text": text })),
            ("open.feishu.cn", json!({ "msg_type": "text", "content": { "text": text } })),
            ("open.larksuite.com", json!({ "msg_type": "text", "content": { "text": text } })),
            ("oapi.dingtalk.com", json!({ "msgtype": "text", "text": { "content": text } })),
            ("qyapi.weixin.qq.com", json!({ "msgtype": "text", "text": { "content": text } })),
        ] {
            assert_eq!(Chat::find(host).unwrap().format(&message), expected, "{host}");
        }
        for host in ["hooks.slack.com", "webhook.office.com", "chat.googleapis.com.example.com"] {
            assert!(Chat::find(host).is_none(), "{host}");
        }
    }

    #[test]
    fn escapes_mentions_and_links_in_what_people_write() {
        let evil = "<users/all> <at user_id=\"all\"></at> <https://evil.example|bank> @all \
                    [bank](https://evil.example)";
        let message = Message::new(&samples::ticket(evil, evil, evil), Trigger::Ticket);
        let json = Chat::Text.format(&message);
        let text = json["text"].as_str().unwrap();
        assert!(!text.contains(['<', '>', '@']) && !text.contains("]("), "{text}");
    }

    #[test]
    fn truncates_at_a_character_boundary() {
        let long = "👋".repeat(1_000);
        let message = Message::new(&samples::ticket(&long, &long, &long), Trigger::Ticket);
        let json = Chat::Text.format(&message);
        assert!(json["text"].as_str().unwrap().len() <= MAX_TEXT_LEN);
    }
}
