//! [`Metrics`]: what is counted and timed over the life of the process, for `/metrics` to show and
//! for the log.
//!
//! On the way of a request each costs an atomic add, a histogram a lock for some nanoseconds. The
//! time series are all there from the start, so that a rate can be taken of the first increment, but
//! for those of notifications, which come with their first attempt; nothing that a stranger sends
//! adds one, and none holds an id, a client's address or a path.

mod requests;
mod series;
mod sizes;

pub(crate) use sizes::Sizes;

use std::sync::Arc;
use std::time::Duration;

use tower_tawk::event::Event;
use tower_tawk::{Reason, Rejection};

use crate::guard::Refused;
use series::Series;

/// What [`Metrics::encode`] writes: OpenMetrics text (prometheus.io/docs/specs/om).
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Cheap to clone; the clones count together.
#[derive(Clone)]
pub(crate) struct Metrics(Arc<Series>);

/// How many of its sort there were, this one included; nothing for a known event.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counted {
    pub(crate) unknown_events: Option<u64>,
    pub(crate) undecodable_bodies: Option<u64>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Series::new()))
    }

    /// Counts a delivery that is verified, whatever becomes of it.
    pub(crate) fn verified(&self, bytes: usize) {
        self.0.requests.verified.inc();
        self.0.body_bytes.inc_by(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Counts a delivery that is not verified, but that has reached the handler.
    pub(crate) fn observed(&self, reason: &Reason) {
        self.0.requests.unverified(reason).inc();
    }

    /// Counts a delivery that the signature layer answered.
    pub(crate) fn rejected(&self, rejection: &Rejection) {
        self.0.requests.rejected(rejection).inc();
    }

    /// Counts a delivery that a guard answered.
    pub(crate) fn refused(&self, refused: Refused) {
        self.0.requests.refused(refused).inc();
    }

    /// Counts a verified event that is none of the four known ones. (What strangers send would say
    /// nothing of Tawk.to.)
    pub(crate) fn event(&self, event: &Event) -> Counted {
        match event {
            Event::Unknown(_) => Counted {
                unknown_events: Some(self.0.unknown_events.inc() + 1),
                ..Counted::default()
            },
            Event::Undecodable(_) => Counted {
                undecodable_bodies: Some(self.0.undecodable_bodies.inc() + 1),
                ..Counted::default()
            },
            _ => Counted::default(),
        }
    }

    /// Counts a verified delivery that is in the inbox already.
    pub(crate) fn duplicate(&self) {
        self.0.duplicates.inc();
    }

    /// Counts a verified delivery that the database did not take.
    pub(crate) fn unavailable(&self) {
        self.0.unavailable.inc();
    }

    /// Counts an attempt to send a notification. Channels and outcomes are few.
    pub(crate) fn notification(&self, channel: &str, outcome: &str) {
        let labels = [("channel", channel.to_owned()), ("outcome", outcome.to_owned())];
        self.0.notifications.get_or_create(&labels).inc();
    }

    /// From the end of a request's head to what the signature layer made of it.
    pub(crate) fn verification(&self, took: Duration) {
        self.0.verification.observe(took.as_secs_f64());
    }

    /// Of one transaction, in which several deliveries may be.
    pub(crate) fn commit(&self, took: Duration) {
        self.0.commit.observe(took.as_secs_f64());
    }

    pub(crate) fn unknown_events(&self) -> u64 {
        self.0.unknown_events.get()
    }

    pub(crate) fn undecodable_bodies(&self) -> u64 {
        self.0.undecodable_bodies.get()
    }

    /// All series as [`CONTENT_TYPE`]. The sizes are left out when they are not known.
    pub(crate) fn encode(&self, sizes: Option<&Sizes>) -> String {
        let mut text = String::new();
        // Writing to a string does not fail. (Nor would half of the text be taken for all of it:
        // its last line is missing.)
        let _ = self.0.write(&mut text, sizes);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::series::BUCKETS;
    use super::*;

    fn names(text: &str) -> Vec<&str> {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let mut names: Vec<_> =
            samples.filter_map(|line| line.rsplit_once(' ')).map(|(name, _)| name).collect();
        names.sort_unstable();
        names
    }

    /// The samples that a call changes, as they are then, the buckets of histograms left out.
    fn changed(call: impl Fn(&Metrics)) -> Vec<String> {
        let metrics = Metrics::new();
        let before = metrics.encode(None);
        call(&metrics);
        let after = metrics.encode(None);
        assert_eq!(names(&before), names(&after), "the series are the same");
        let lines = after.lines().filter(|line| !before.lines().any(|other| other == *line));
        lines.filter(|line| !line.contains("_bucket{")).map(str::to_owned).collect()
    }

    #[test]
    fn every_series_is_there_from_the_start_at_zero() {
        let text = Metrics::new().encode(Some(&Sizes::default()));
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            assert!(line.ends_with(" 0") || line.ends_with("_sum 0.0"), "{line}");
        }
        let names = names(&text);
        for name in [
            "tawk_body_bytes_total",
            "tawk_commit_duration_seconds_count",
            "tawk_commit_duration_seconds_sum",
            "tawk_duplicates_total",
            "tawk_outbox_notifications{state=\"waiting\"}",
            "tawk_outbox_oldest_waiting_seconds",
            "tawk_inbox_deliveries",
            "tawk_requests_total{verdict=\"verified\",reason=\"\"}",
            "tawk_unavailable_total",
            "tawk_undecodable_bodies_total",
            "tawk_unknown_events_total",
            "tawk_verification_duration_seconds_bucket{le=\"0.0001\"}",
            "tawk_verification_duration_seconds_bucket{le=\"30.0\"}",
            "tawk_verification_duration_seconds_bucket{le=\"+Inf\"}",
            "tawk_verification_duration_seconds_count",
            "tawk_verification_duration_seconds_sum",
        ] {
            assert!(names.contains(&name), "no {name} in {names:#?}");
        }
        let (requests, buckets, others) = (14, 2 * (BUCKETS.len() + 1), 14);
        assert_eq!(names.len(), requests + buckets + others, "{names:#?}");
    }

    #[test]
    fn each_call_changes_its_own_series_and_no_other() {
        assert_eq!(
            changed(|metrics| metrics.verified(372)),
            [r#"tawk_requests_total{verdict="verified",reason=""} 1"#, "tawk_body_bytes_total 372"]
        );
        assert_eq!(
            changed(|metrics| metrics.observed(&Reason::Missing)),
            [r#"tawk_requests_total{verdict="unverified",reason="missing"} 1"#]
        );
        assert_eq!(
            changed(|metrics| metrics.refused(Refused::Overloaded)),
            [r#"tawk_requests_total{verdict="none",reason="overloaded"} 1"#]
        );
        assert_eq!(changed(Metrics::duplicate), ["tawk_duplicates_total 1"]);
        assert_eq!(changed(Metrics::unavailable), ["tawk_unavailable_total 1"]);
        assert_eq!(
            changed(|metrics| metrics.verification(Duration::from_millis(250))),
            [
                "tawk_verification_duration_seconds_sum 0.25",
                "tawk_verification_duration_seconds_count 1",
            ]
        );
        assert_eq!(
            changed(|metrics| metrics.commit(Duration::from_secs(40))),
            ["tawk_commit_duration_seconds_sum 40.0", "tawk_commit_duration_seconds_count 1"]
        );
    }

    #[test]
    fn events_that_are_new_are_counted_and_known_ones_are_not() {
        let metrics = Metrics::new();
        let event =
            |body: &str| Event::from_slice(body.as_bytes()).unwrap_or_else(Event::Undecodable);
        let counted = |body| {
            let counted = metrics.event(&event(body));
            (counted.unknown_events, counted.undecodable_bodies)
        };
        assert_eq!(counted(r#"{"event":"new:event"}"#), (Some(1), None));
        assert_eq!(counted("not JSON"), (None, Some(1)));
        assert_eq!(counted(r#"{"event":"newer:event"}"#), (Some(2), None));
        let known = include_str!("../../payloads/06-chat-end.json");
        assert_eq!(counted(known), (None, None));
        assert_eq!((metrics.unknown_events(), metrics.undecodable_bodies()), (2, 1));

        let text = metrics.encode(None);
        assert!(text.contains("\ntawk_unknown_events_total 2\n"), "{text}");
        assert!(text.contains("\ntawk_undecodable_bodies_total 1\n"), "{text}");
    }

    #[test]
    fn the_sizes_of_inbox_and_outbox_are_left_out_when_they_are_not_known() {
        let metrics = Metrics::new();
        let oldest_waits = Duration::from_secs(5);
        let text = metrics.encode(Some(&Sizes {
            deliveries: 7,
            waiting: 1,
            sent: 2,
            failed: 3,
            oldest_waits,
        }));
        for sample in [
            "tawk_inbox_deliveries 7",
            "tawk_outbox_notifications{state=\"waiting\"} 1",
            "tawk_outbox_notifications{state=\"sent\"} 2",
            "tawk_outbox_notifications{state=\"failed\"} 3",
            "tawk_outbox_oldest_waiting_seconds 5",
        ] {
            assert!(text.contains(&format!("\n{sample}\n")), "no {sample} in {text}");
        }
        let text = metrics.encode(None);
        assert!(!text.contains("inbox_deliveries") && !text.contains("outbox"), "{text}");
    }

    #[test]
    fn attempts_to_tell_somebody_are_counted_by_channel_and_outcome() {
        let sample = r#"tawk_notification_attempts_total{channel="h-1",outcome="sent"} 1"#;
        let metrics = Metrics::new();
        metrics.notification("h-1", "sent");
        assert!(metrics.encode(None).contains(sample));
    }

    #[test]
    fn the_text_ends_with_its_mark_and_says_what_each_series_is() {
        let metrics = Metrics::new();
        for sizes in [None, Some(&Sizes::default())] {
            let text = metrics.encode(sizes);
            assert!(text.ends_with("\n# EOF\n"), "{text}");
            assert_eq!(text.matches("# EOF").count(), 1);
            assert_eq!(text.matches("# HELP ").count(), text.matches("# TYPE ").count());
            assert!(!text.contains(".."), "the library ends a sentence: {text}");
        }
    }
}
