//! Notifications: triggers, messages, channels and sending. The outbox decides when.

mod channel;
mod html;
mod message;
mod sanitize;
mod send_error;
mod trigger;
mod webhook;

pub use channel::{Notifier, notifiers};
pub use html::html_to_text;
pub use message::Message;
pub use send_error::{SendError, responded};
pub use trigger::{Trigger, Triggers};

use sha2::{Digest, Sha256};

/// Returns the hex digits of the SHA-256 of all parts.
pub fn sha256_hex(parts: &[&[u8]]) -> String {
    Sha256::digest(parts.concat()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;
    use serde_json::Value;
    use tokio_rustls::rustls::crypto::ring;
    use tower_tawk::event::Event;

    use super::channel::Channel;
    use super::*;

    /// Puts email addresses into every text that does not state a type.
    fn fill_with_addresses(json: &mut Value) {
        match json {
            Value::String(text) => {
                *text = "Nadia <hidden.nadia@example.com>, hidden@b hidden%40c".to_owned();
            }
            Value::Array(values) => values.iter_mut().for_each(fill_with_addresses),
            Value::Object(fields) => {
                let is_free = |key: &str| !["event", "t", "type"].contains(&key);
                fields
                    .iter_mut()
                    .filter(|(key, _)| is_free(key))
                    .for_each(|(_, value)| fill_with_addresses(value));
            }
            _ => {}
        }
    }

    fn bodies(event: &Event, trigger: Trigger) -> Vec<String> {
        let _ = ring::default_provider().install_default();
        let urls = "http://h.example/a,slack+http://s.example/a,ntfy://h.example/a,tgram://1:a/2,\
                    http://chat.googleapis.com/a,http://a.logic.azure.com/b,\
                    http://discord.com/api/webhooks/1/a";
        let message = Message::new(event, trigger);
        let body = |notifier: &Notifier| match &notifier.channel {
            // Discord's escapes.
            Channel::Webhook(webhook) => {
                webhook.format.format(&message).to_string().replace('\\', "")
            }
            Channel::Email(_) => panic!("expected webhooks"),
        };
        notifiers(Some(urls)).unwrap().iter().map(body).collect()
    }

    #[test]
    fn no_address_leaves_whatever_field_it_is_in() {
        for (name, event) in payloads::all() {
            let mut json = serde_json::to_value(&event).unwrap();
            fill_with_addresses(&mut json);
            let event = Event::from_slice(json.to_string().as_bytes()).unwrap();
            for &trigger in Trigger::value_variants() {
                for body in bodies(&event, trigger) {
                    assert!(!body.contains("hidden") && !body.contains('@'), "{name}: {body}");
                    assert!(body.contains("[email]"), "{name}: {body}");
                }
            }
        }
    }

    #[test]
    fn no_address_leaves_of_the_sample_payloads() {
        for (name, event) in payloads::all() {
            for &trigger in Trigger::value_variants() {
                for body in bodies(&event, trigger) {
                    assert!(!body.contains('@') && !body.contains("example.com"), "{name}: {body}");
                }
            }
        }
    }
}

#[cfg(test)]
mod payloads {
    use tower_tawk::event::Event;

    /// Returns the events of `examples/payloads/`, named by the two digits of their file names.
    pub fn all() -> Vec<(String, Event)> {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../payloads");
        let paths = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        let mut events: Vec<_> = paths
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .map(|path| {
                let name = path.file_name().unwrap().to_str().unwrap()[..2].to_owned();
                (name, Event::from_slice(&std::fs::read(path).unwrap()).unwrap())
            })
            .collect();
        events.sort_by(|(one, _), (other, _)| one.cmp(other));
        events
    }

    pub fn one(digits: &str) -> Event {
        all().into_iter().find(|(name, _)| name == digits).unwrap().1
    }
}
