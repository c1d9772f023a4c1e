//! [`Metrics`], exported by `/metrics`.
//!
//! Every series except those of notifications exists from the start, so that a rate includes the
//! first increment. The labels are a closed set: clients can't add a series.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};
use tower_tawk::event::Event;
use tower_tawk::{Delivery, Reason, Rejection};

/// OpenMetrics text, as written by [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds in seconds: from a small delivery to the timeout of Tawk.to.
const BUCKETS: [f64; 12] =
    [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];

/// Verdicts, and their reasons. Prometheus treats an empty reason as a missing label.
const REQUESTS: [(&str, &str); 4] = [
    ("verified", ""),
    ("unverified", "missing multiple_signatures malformed mismatch unknown_secret other"),
    ("none", "body_too_large body_timeout body_incomplete not_allowed not_https overloaded"),
    ("none", "evicted other"),
];

/// Cheap to clone. Clones share their values.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    requests: Family<[(&'static str, &'static str); 2], Counter>,
    notifications: Family<[(&'static str, String); 2], Counter>,
    /// In seconds, like the next.
    pub request_duration: Histogram,
    pub commit_duration: Histogram,
    body_bytes: Counter,
    pub duplicates: Counter,
    pub not_stored: Counter,
    unknown_events: Counter,
    undecodable_bodies: Counter,
    pub misrouted: Counter,
    pub dropped_log_records: Counter,
    pub deliveries_in_flight: Gauge,
    pub connections: Gauge,
    pub evicted_connections: Counter,
    pub failed_connections: Counter,
}

/// The number of rows in the database.
#[derive(Clone, Copy, Default)]
pub struct Sizes {
    pub deliveries: u64,
    pub waiting: u64,
    pub sent: u64,
    pub failed: u64,
    /// Age of the oldest waiting notification.
    pub oldest_waits: Duration,
}

impl Metrics {
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("tawk");
        let r = &mut registry;
        let metrics = Self {
            requests: add(r, "requests", "Requests to the webhook, by verdict and reason"),
            notifications: add(r, "notification_attempts", "Attempts, by channel and outcome"),
            request_duration: Histogram::new(BUCKETS),
            commit_duration: Histogram::new(BUCKETS),
            body_bytes: add(r, "body_bytes", "Bytes of the bodies of verified requests"),
            duplicates: add(r, "duplicates", "Verified deliveries that were already stored"),
            not_stored: add(r, "unavailable", "Verified deliveries that could not be stored"),
            unknown_events: add(r, "unknown_events", "Verified events with an unknown name"),
            undecodable_bodies: add(r, "undecodable_bodies", "Verified bodies that are no event"),
            misrouted: add(r, "misrouted", "Requests with an unknown path or method"),
            dropped_log_records: add(r, "dropped_log_records", "Log records that were not written"),
            deliveries_in_flight: add(r, "deliveries_in_flight", "TAWK_MAX_CONCURRENT permits"),
            connections: add(r, "connections", "Open connections"),
            evicted_connections: add(r, "evicted_connections", "Connections closed for others"),
            failed_connections: add(r, "failed_connections", "Connections without a request"),
            registry: Arc::default(),
        };
        let help = "Time from the head of a request to its response";
        r.register("request_duration_seconds", help, metrics.request_duration.clone());
        let help = "Time of a transaction that stores deliveries";
        r.register("commit_duration_seconds", help, metrics.commit_duration.clone());
        for (verdict, reasons) in REQUESTS {
            for reason in reasons.split(' ') {
                drop(metrics.requests.get_or_create(&[("verdict", verdict), ("reason", reason)]));
            }
        }
        Self { registry: Arc::new(registry), ..metrics }
    }

    /// Counts a verified delivery, whether or not it is stored.
    pub fn verified(&self, delivery: &Delivery) {
        self.count("verified", "");
        self.body_bytes.inc_by(delivery.raw.len().try_into().unwrap_or(u64::MAX));
        match delivery.event {
            Event::Unknown(_) => self.unknown_events.inc(),
            Event::Undecodable(_) => self.undecodable_bodies.inc(),
            _ => return,
        };
    }

    pub fn unverified(&self, reason: &Reason) {
        let reason = match reason {
            Reason::Missing => "missing",
            Reason::MultipleSignatures => "multiple_signatures",
            Reason::Malformed(_) => "malformed",
            Reason::Mismatch(_) => "mismatch",
            Reason::UnknownSecret => "unknown_secret",
            _ => "other",
        };
        self.count("unverified", reason);
    }

    pub fn rejected(&self, rejection: &Rejection) {
        match rejection {
            Rejection::Unverified(reason) => self.unverified(reason),
            Rejection::BodyTooLarge => self.count("none", "body_too_large"),
            Rejection::BodyTimeout => self.count("none", "body_timeout"),
            Rejection::BodyIncomplete => self.count("none", "body_incomplete"),
            _ => self.count("none", "other"),
        }
    }

    /// Counts a request, for one of the verdicts and reasons of [`REQUESTS`].
    pub fn count(&self, verdict: &'static str, reason: &'static str) {
        self.requests.get_or_create(&[("verdict", verdict), ("reason", reason)]).inc();
    }

    pub fn notification(&self, channel: &str, outcome: &str) {
        let labels = [("channel", channel.to_owned()), ("outcome", outcome.to_owned())];
        self.notifications.get_or_create(&labels).inc();
    }

    /// Writes all series. `sizes` are left out if they are unknown.
    pub fn encode(&self, sizes: Option<&Sizes>) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode_registry(&mut text, &self.registry)?;
        if let Some(sizes) = sizes {
            encode_registry(&mut text, &sizes.registry())?;
        }
        encode_eof(&mut text)?;
        Ok(text)
    }
}

impl Sizes {
    fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix("tawk");
        let outbox = Family::<[(&str, &str); 1], Gauge>::default();
        for (state, count) in
            [("waiting", self.waiting), ("sent", self.sent), ("failed", self.failed)]
        {
            let count = count.try_into().unwrap_or(i64::MAX);
            outbox.get_or_create(&[("state", state)]).set(count);
        }
        let deliveries = ConstGauge::new(self.deliveries);
        registry.register("inbox_deliveries", "Deliveries in the inbox", deliveries);
        registry.register("outbox_notifications", "Notifications in the outbox, by state", outbox);
        let oldest = ConstGauge::new(self.oldest_waits.as_secs());
        let help = "Age of the oldest waiting notification, 0 if none is waiting";
        registry.register("outbox_oldest_waiting_seconds", help, oldest);
        registry
    }
}

fn add<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names and labels of all samples, and those that are not 0.
    fn samples(metrics: &Metrics, sizes: Option<&Sizes>) -> (usize, Vec<String>) {
        let text = metrics.encode(sizes).unwrap();
        assert!(text.ends_with("\n# EOF\n"), "{text}");
        let samples: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let counted =
            samples.iter().filter(|line| !line.ends_with(" 0") && !line.ends_with(" 0.0"));
        let counted = counted.filter(|line| !line.contains("_bucket{"));
        (samples.len(), counted.map(|&line| line.to_owned()).collect())
    }

    #[test]
    fn each_call_changes_only_its_series() {
        type Call = fn(&Metrics);

        let cases: [(Call, &[&str]); 7] = [
            (
                |metrics| metrics.unverified(&Reason::Missing),
                &[r#"tawk_requests_total{verdict="unverified",reason="missing"} 1"#],
            ),
            (
                |metrics| metrics.rejected(&Rejection::BodyTimeout),
                &[r#"tawk_requests_total{verdict="none",reason="body_timeout"} 1"#],
            ),
            (
                |metrics| metrics.count("none", "overloaded"),
                &[r#"tawk_requests_total{verdict="none",reason="overloaded"} 1"#],
            ),
            (|metrics| _ = metrics.duplicates.inc(), &["tawk_duplicates_total 1"]),
            (|metrics| _ = metrics.not_stored.inc(), &["tawk_unavailable_total 1"]),
            (
                |metrics| metrics.request_duration.observe(0.25),
                &[
                    "tawk_request_duration_seconds_sum 0.25",
                    "tawk_request_duration_seconds_count 1",
                ],
            ),
            (
                |metrics| metrics.commit_duration.observe(40.0),
                &["tawk_commit_duration_seconds_sum 40.0", "tawk_commit_duration_seconds_count 1"],
            ),
        ];
        let (count, counted) = samples(&Metrics::new(), None);
        assert_eq!(counted, [""; 0]);
        for (call, expected) in cases {
            let metrics = Metrics::new();
            call(&metrics);
            assert_eq!(
                samples(&metrics, None),
                (count, expected.iter().map(|&e| e.into()).collect())
            );
        }
    }

    #[test]
    fn sizes_are_left_out_if_they_are_unknown() {
        let oldest_waits = Duration::from_secs(5);
        let sizes = Sizes { deliveries: 7, waiting: 1, sent: 2, failed: 3, oldest_waits };
        let metrics = Metrics::new();
        let (count, _) = samples(&metrics, None);
        let expected = [
            "tawk_inbox_deliveries 7",
            r#"tawk_outbox_notifications{state="failed"} 3"#,
            r#"tawk_outbox_notifications{state="sent"} 2"#,
            r#"tawk_outbox_notifications{state="waiting"} 1"#,
            "tawk_outbox_oldest_waiting_seconds 5",
        ];
        let (with_sizes, mut counted) = samples(&metrics, Some(&sizes));
        counted.sort_unstable();
        assert_eq!((with_sizes, counted), (count + 5, expected.map(str::to_owned).to_vec()));
    }

    #[test]
    fn notifications_are_counted_by_channel_and_outcome() {
        let metrics = Metrics::new();
        metrics.notification("h-1", "sent");
        let expected = r#"tawk_notification_attempts_total{channel="h-1",outcome="sent"} 1"#;
        assert_eq!(samples(&metrics, None).1, [expected]);
    }
}
