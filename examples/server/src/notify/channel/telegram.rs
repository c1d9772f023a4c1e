//! [`Telegram`]: messages of a bot (core.telegram.org/bots/api, "sendMessage").

use anyhow::{Context, Result, ensure};
use reqwest::Url;
use serde_json::{Value, json};

use crate::notify::message::Message;
use crate::notify::webhook::Format;

pub const EXPECTED_URL: &str = "for Telegram expected tgram://TOKEN/CHAT, with the token of a bot, \
                                as in 123:ABC, and the id of a chat, or @NAME of a channel";

pub struct Telegram {
    chat: String,
}

impl Telegram {
    /// Inserts the host into what follows `tgram://`, so that the token is a user and password.
    pub fn with_host(rest: &str) -> Result<String> {
        let (token, chat) = rest.split_once('/').context(EXPECTED_URL)?;
        Ok(format!("{token}@api.telegram.org/{chat}"))
    }

    /// Takes the token and the chat from the URL.
    pub fn new(url: &mut Url) -> Result<Self> {
        let chat = url.path().trim_matches('/').to_owned();
        let (bot, secret) = (url.username(), url.password().unwrap_or_default());
        let name = chat.strip_prefix('@').unwrap_or(&chat);
        let is_word = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        };
        let is_valid = [bot, secret, name].into_iter().all(is_word) && url.query().is_none();
        ensure!(is_valid, EXPECTED_URL);
        let api = format!("https://api.telegram.org/bot{bot}:{secret}/sendMessage");
        *url = Url::parse(&api).context(EXPECTED_URL)?;
        Ok(Self { chat })
    }
}

impl Format for Telegram {
    /// Without `parse_mode` the text is not interpreted. It has at most 4,096 characters.
    fn format(&self, Message { title, text, .. }: &Message) -> Value {
        json!({
            "chat_id": self.chat,
            "text": format!("{title}\n{text}"),
            "link_preview_options": { "is_disabled": true },
        })
    }
}

#[cfg(test)]
mod tests {
    use tower_tawk::test_util::samples;

    use super::*;
    use crate::notify::Trigger;

    fn sent(message: &Message) -> Value {
        Telegram { chat: "-100123".to_owned() }.format(message)
    }

    #[test]
    fn text_is_plain_and_link_previews_are_off() {
        let evil = "<b>bank</b> [bank](https://evil.example) *c*";
        let message = Message::new(&samples::chat_start("A & B", evil), Trigger::ChatStart);
        let mut json = sent(&message);
        let text = json["text"].take();
        assert!(text.as_str().unwrap().starts_with("A & B opened a chat in Lantern & Loom\n"));
        assert!(text.as_str().unwrap().contains(evil), "{text}");
        assert_eq!(
            json,
            json!({
                "chat_id": "-100123",
                "text": null,
                "link_preview_options": { "is_disabled": true },
            })
        );
    }

    #[test]
    fn a_message_has_at_most_4096_characters() {
        let long = "👋".repeat(5_000);
        let message = Message::new(&samples::ticket(&long, &long, &long), Trigger::Ticket);
        let text = sent(&message)["text"].as_str().unwrap().encode_utf16().count();
        assert!(text <= 4_096, "{text}");
    }
}
