//! [`AppState`], shared by handlers and middleware.

use std::sync::Arc;

use tokio_util::task::TaskTracker;
use tower_tawk::event::Event;

use crate::config::TawkLog;
use crate::forward::Forwarder;
use crate::notify::Triggers;
use crate::store::{Recipient, Store, VerifiedDelivery};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::rate_limit::RateLimit;

pub struct AppState {
    pub log_level: TawkLog,
    pub store: Store,
    pub notify_on: Triggers,
    /// The channels that are notified.
    pub notified: Vec<String>,
    /// By the names of their channels.
    pub forwarders: Vec<(String, Arc<Forwarder>)>,
    pub metrics: Metrics,
    /// Limits the records of requests to unknown paths.
    pub unknown_paths: RateLimit,
    /// Connections and requests, which are finished at shutdown.
    pub tasks: TaskTracker,
}

impl AppState {
    /// Returns where a delivery is sent to.
    pub fn recipients(&self, delivery: &VerifiedDelivery, event: &Event) -> Vec<Recipient> {
        let recipient = |channel: &String, once_per_event| {
            let channel = channel.clone();
            Recipient { channel, once_per_event }
        };
        let is_notified = self.notify_on.find(event).is_some();
        let notified = self.notified.iter().filter(|_| is_notified);
        let forwarders = self.forwarders.iter();
        let forwarded = forwarders.filter(|(_, forwarder)| forwarder.accepts(delivery));
        let notified = notified.map(|channel| recipient(channel, true));
        notified.chain(forwarded.map(|(channel, _)| recipient(channel, false))).collect()
    }
}
