//! [`AppState`], shared by handlers and middleware.

use std::sync::Arc;

use tokio_util::task::TaskTracker;
use tower_tawk::event::Event;

use crate::config::TawkLog;
use crate::forward::Forwarder;
use crate::notify::{Notifier, Triggers};
use crate::store::{Recipient, Store, VerifiedDelivery};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::rate_limit::RateLimit;

pub struct AppState {
    pub log_level: TawkLog,
    pub store: Store,
    pub notify_on: Triggers,
    /// By the names of their channels.
    pub senders: Vec<(String, Arc<Sender>)>,
    pub metrics: Metrics,
    /// Limits the records of requests to unknown paths.
    pub unknown_paths: RateLimit,
    /// Connections and requests, which are finished at shutdown.
    pub tasks: TaskTracker,
}

pub enum Sender {
    Notify(Box<Notifier>),
    Forward(Box<Forwarder>),
}

impl AppState {
    pub fn recipients(&self, delivery: &VerifiedDelivery, event: &Event) -> Vec<Recipient> {
        let is_notified = self.notify_on.find(event).is_some();
        let recipient = |(channel, sender): &(String, Arc<Sender>)| {
            let (is_sent, once_per_event) = match &**sender {
                Sender::Notify(_) => (is_notified, true),
                Sender::Forward(forwarder) => (forwarder.accepts(delivery), false),
            };
            is_sent.then(|| Recipient { channel: channel.clone(), once_per_event })
        };
        self.senders.iter().filter_map(recipient).collect()
    }
}
