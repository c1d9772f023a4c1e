//! [`Series`]: the time series, what is said of each, and how they are written.

use std::fmt;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::requests::Requests;
use super::sizes::Sizes;

/// From what a small delivery takes to the time after which Tawk.to gives up, in seconds.
pub(super) const BUCKETS: [f64; 12] =
    [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];

pub(super) struct Series {
    registry: Registry,
    pub(super) requests: Requests,
    pub(super) body_bytes: Counter,
    pub(super) duplicates: Counter,
    pub(super) unavailable: Counter,
    pub(super) unknown_events: Counter,
    pub(super) undecodable_bodies: Counter,
    /// By channel and outcome.
    pub(super) notifications: Family<[(&'static str, String); 2], Counter>,
    pub(super) verification: Histogram,
    pub(super) commit: Histogram,
}

impl Series {
    /// (The library adds `_total`, the unit, and a full stop to what is said of each.)
    pub(super) fn new() -> Self {
        let mut registry = registry();
        let requests = Requests::register(&mut registry);
        let body_bytes = Counter::default();
        let help = "Bytes of the bodies of verified requests";
        registry.register_with_unit("body", help, Unit::Bytes, body_bytes.clone());

        let mut counter = |name, help| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let duplicates =
            counter("duplicates", "Verified deliveries that were in the inbox already");
        let unavailable = counter(
            "unavailable",
            "Verified deliveries answered 503, since the database did not take them",
        );
        let unknown_events =
            counter("unknown_events", "Verified events of another name than the four known ones");
        let undecodable_bodies =
            counter("undecodable_bodies", "Verified bodies that could not be read as an event");

        let notifications = Family::default();
        registry.register(
            "notification_attempts",
            "Attempts to send a notification, by channel and outcome",
            notifications.clone(),
        );

        let mut histogram = |name, help| {
            let histogram = Histogram::new(BUCKETS);
            registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
            histogram
        };
        let verification = histogram(
            "verification_duration",
            "Time from a request's head to its verdict or refusal, the body's arrival included",
        );
        let commit = histogram(
            "commit_duration",
            "Time that the transaction of one or several deliveries took, committed or failed",
        );
        Self {
            registry,
            requests,
            body_bytes,
            duplicates,
            unavailable,
            unknown_events,
            undecodable_bodies,
            notifications,
            verification,
            commit,
        }
    }

    /// Writes what Prometheus reads.
    pub(super) fn write(&self, text: &mut String, sizes: Option<&Sizes>) -> fmt::Result {
        encode_registry(text, &self.registry)?;
        if let Some(sizes) = sizes {
            sizes.write(text, registry())?;
        }
        encode_eof(text)
    }
}

fn registry() -> Registry {
    Registry::with_prefix("tawk")
}
