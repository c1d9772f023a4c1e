//! What `/metrics` has of the outbox.

use std::collections::BTreeMap;

use super::commands::{is_settled, waiting};
use super::deliveries::deliver;
use super::outbox::outbox_when;
use super::receiver::{Receiver, status};
use crate::support::{Listener, METRICS, Store, metrics, until};

/// The samples of notifications by their names and labels.
fn scrape(listener: &Listener) -> BTreeMap<String, f64> {
    let text = metrics(listener);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let samples = lines.map(|line| line.rsplit_once(' ').unwrap());
    samples
        .filter(|(name, _)| name.contains("outbox") || name.contains("notification"))
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

const OLDEST: &str = "tawk_outbox_oldest_waiting_seconds";

fn in_state(state: &str) -> String {
    format!(r#"tawk_outbox_notifications{{state="{state}"}}"#)
}

pub(crate) fn notifications_are_counted_by_state_channel_and_outcome(store: &Store) {
    let receivers =
        [waiting(), Receiver::start([status("200 OK")]), Receiver::start([status("410 Gone")])];
    let urls = receivers.each_ref().map(Receiver::url).join(",");
    let listener = store.listener_with(&[("NOTIFY_URL", &urls), METRICS]);
    let before = scrape(&listener);
    assert_eq!(before[OLDEST], 0.0);
    for state in ["waiting", "sent", "failed"] {
        assert_eq!(before[&in_state(state)], 0.0);
    }

    deliver(&mut listener.connect(), [0]);
    let notifications =
        outbox_when(store, |notifications| is_settled(notifications) && notifications.len() == 3);
    let ageing = "UPDATE outbox SET created_at = created_at - 60000 WHERE state = 'waiting'";
    let mut session = store.session();
    assert_eq!(session.execute(ageing), 1);
    session.close();
    // It is not looked for each time.
    let mut after = until(|| Some(scrape(&listener)).filter(|after| after[OLDEST] >= 60.0));
    after.remove(OLDEST);
    let mut expected: BTreeMap<_, _> =
        ["waiting", "sent", "failed"].map(|state| (in_state(state), 1.0)).into();
    for notification in notifications {
        let outcome = if notification.state == "waiting" { "again" } else { &notification.state };
        let channel = notification.channel;
        let attempts = "tawk_notification_attempts_total";
        let sample = format!(r#"{attempts}{{channel="{channel}",outcome="{outcome}"}}"#);
        expected.insert(sample, 1.0);
    }
    assert_eq!(after, expected);
}
