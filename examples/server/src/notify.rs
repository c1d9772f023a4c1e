//! Telling somebody: what is worth telling, what is said, where it goes, and that it gets there.
//!
//! It never holds up a delivery: what is to be told is written into the outbox in the transaction
//! that stores the delivery, and sent from there.
//!
//! ```text
//! occasion.rs    which events are told (NOTIFY_ON)
//! message.rs     an event -> a title and a few lines
//!   said.rs        whose words are quoted
//!   facts.rs       the same for programs
//!   words.rs       what strangers wrote -> one line, cut, without addresses and markup
//!                  (e_mail.rs, markup.rs)
//! channels.rs    where a message goes (NOTIFY_URL); each is a channel.rs
//!   post.rs        as Slack and its like take it
//!   ntfy.rs        as ntfy takes it
//!   endpoint.rs    an address and its credentials
//! worker.rs      takes what is due from the outbox, and writes down what became of it; again
//!                after a while if it failed (backoff.rs)
//!   attempt.rs     makes the message of a delivery and sends it (client.rs)
//! ```

mod attempt;
mod backoff;
mod channel;
mod channels;
mod client;
mod e_mail;
mod endpoint;
mod facts;
mod markup;
mod message;
mod ntfy;
mod occasion;
mod post;
mod said;
mod words;
mod worker;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::{ConfigError, Occasions};
use crate::metrics::Metrics;
use crate::store::Store;
use attempt::Attempt;
use channels::Channels;
use client::Client;
use worker::Worker;

/// The names of the channels of `NOTIFY_URL`.
///
/// # Errors
///
/// When one of its addresses cannot be used.
pub(crate) fn channel_names(addresses: &str) -> Result<Vec<String>, ConfigError> {
    Channels::parse(addresses).map(|channels| channels.names().map(str::to_owned).collect())
}

/// Where somebody is told, and what it takes to tell them.
pub(crate) struct Notifier {
    channels: Channels,
    /// None where there is no channel.
    client: Option<Client>,
}

impl Notifier {
    /// For the addresses of `NOTIFY_URL`.
    ///
    /// # Errors
    ///
    /// When one of them cannot be used.
    pub(crate) fn new(addresses: &str) -> Result<Self, ConfigError> {
        let channels = Channels::parse(addresses)?;
        let client = channels.names().next().map(|_| Client::new()).transpose()?;
        Ok(Self { channels, client })
    }

    /// The names of its channels.
    pub(crate) fn names(&self) -> Vec<String> {
        self.channels.names().map(str::to_owned).collect()
    }

    /// Begins to send what is due, as what happened on one of these occasions.
    pub(crate) fn start(self, on: &Occasions, store: &Store, metrics: &Metrics) -> Workers {
        let stop = watch::Sender::new(());
        let mut working = JoinSet::new();
        if let Some(client) = self.client {
            for (name, channel) in self.channels.into_each() {
                let name = name.into();
                let (client, store, metrics) = (client.clone(), store.clone(), metrics.clone());
                let on = on.clone();
                let attempt = Attempt { name, channel, on, client, store };
                let worker = Worker { attempt, metrics };
                working.spawn(worker.run(stop.subscribe()));
            }
        }
        Workers { working, stop }
    }
}

/// One for each channel.
pub(crate) struct Workers {
    working: JoinSet<()>,
    stop: watch::Sender<()>,
}

impl Workers {
    /// What tells them to begin nothing more.
    pub(crate) fn stop(&self) -> impl FnOnce() + use<> {
        let stop = self.stop.clone();
        move || {
            stop.send_replace(());
        }
    }

    /// Waits until what they have begun is finished, which they have limits for.
    pub(crate) async fn finish(mut self) {
        while self.working.join_next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;
    use serde_json::Value;
    use tower_tawk::event::Event;

    use super::message::Message;
    use super::*;
    use crate::config::Occasion;

    /// Puts an address into every text but those that say what something is.
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

    fn requests(event: &Event, occasion: Occasion) -> Vec<String> {
        let channels = Channels::parse("https://h.example/a,ntfy://h.example/a").unwrap();
        let message = Message::new(event, occasion);
        let request = |name| channels.get(name).unwrap().request(&message);
        let body = |name| String::from_utf8(request(name).body().to_vec()).unwrap();
        channels.names().map(body).collect()
    }

    #[test]
    fn no_address_leaves_whatever_the_field_that_it_stands_in() {
        for (name, event) in payloads::all() {
            let mut json = serde_json::to_value(&event).unwrap();
            fill_with_addresses(&mut json);
            let event = Event::from_slice(json.to_string().as_bytes()).unwrap();
            for &occasion in Occasion::value_variants() {
                for body in requests(&event, occasion) {
                    assert!(!body.contains("hidden") && !body.contains('@'), "{name}: {body}");
                    assert!(body.contains("[e-mail]"), "{name}: {body}");
                }
            }
        }
    }

    #[test]
    fn no_payloads_address_leaves() {
        for (name, event) in payloads::all() {
            for &occasion in Occasion::value_variants() {
                for body in requests(&event, occasion) {
                    assert!(!body.contains('@') && !body.contains("example.com"), "{name}: {body}");
                }
            }
        }
    }
}

#[cfg(test)]
mod payloads {
    use tower_tawk::event::Event;

    /// Those of `examples/payloads/`: the two digits that a file's name begins with, and its event.
    pub(super) fn all() -> Vec<(String, Event)> {
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

    pub(super) fn one(digits: &str) -> Event {
        all().into_iter().find(|(name, _)| name == digits).unwrap().1
    }
}
