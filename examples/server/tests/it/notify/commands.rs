//! `inbox outbox`, `inbox replay`, and the metrics of the outbox.

use std::collections::BTreeMap;

use super::outbox::{are_attempted, assert_sent, deliver, number, outbox_when, reply};
use super::receiver::{Receiver, distinct, status, unavailable};
use crate::support::{Connection, Listener, Store, payload, sign, until};

pub(crate) fn lists_waiting_sent_and_failed_notifications_with_the_error(store: &Store) {
    let receivers = [
        Receiver::start([unavailable()]),
        Receiver::start([status("200 OK")]),
        Receiver::start([status("410 Gone")]),
    ];
    let urls = receivers.each_ref().map(Receiver::url).join(",");
    let listener = store.listener_with(&[("NOTIFY_URL", &urls)]);
    assert_eq!(store.inbox(&["outbox"]).stdout.lines().count(), 1);
    deliver(&mut listener.connect(), [0]);
    let notifications = outbox_when(store, |notifications| {
        are_attempted(notifications) && notifications.len() == 3
    });
    let expected = [
        ("waiting", "receiver responded with 503: out_of_order"),
        ("sent", ""),
        ("failed", "receiver responded with 410"),
    ];
    for (notification, expected) in notifications.iter().zip(expected) {
        assert_eq!((&*notification.state, &*notification.error), expected);
        assert_eq!(notification.outcomes.len(), 1, "{notification:?}");
        assert_eq!((notification.delivery, notification.attempts), (1, 1));
        assert!(notification.channel.starts_with("127.0.0.1-"), "{notification:?}");
    }
}

pub(crate) fn a_replay_is_sent_with_another_key(store: &Store) {
    let receiver = Receiver::start([status("200 OK")]);
    let urls = format!("{},{}", receiver.url(), receiver.ntfy_url());
    let settings = [("NOTIFY_URL", &*urls)];
    let listener = store.listener_with(&settings);
    deliver(&mut listener.connect(), [0, 1]);
    receiver.wait_for(4);
    for count in [6, 8] {
        let replayed = store.inbox_with(&["replay", "2"], &settings);
        assert_eq!((replayed.code, &*replayed.stderr), (Some(0), ""), "{replayed:?}");
        assert_eq!(replayed.stdout.lines().count(), 1, "{replayed:?}");
        receiver.wait_for(count);
    }
    assert_eq!(listener.stop().code, Some(0));
    assert_sent(store, 8);
    let received = receiver.received();
    assert_eq!((received.len(), distinct(&received).len()), (8, 8));
    for replayed in &received[4..] {
        assert_eq!(number(replayed), 1);
        let first = received[..4].iter().find(|first| first.body == replayed.body);
        assert!(first.is_some(), "{replayed:#?}");
        assert!(!replayed.head.contains(&sign(&reply(1))), "{replayed:#?}");
    }
}

pub(crate) fn a_replay_that_sends_nothing_is_an_error_in_one_line(store: &Store) {
    let receiver = Receiver::start([status("200 OK")]);
    let url = receiver.url();
    let settings = [("NOTIFY_URL", &*url)];
    let listener = store.listener_with(&settings);
    deliver(&mut listener.connect(), [0]);
    let quiet = [payload("06-chat-end"), b"no event".to_vec(), payload("10-transcript-anonymous")];
    for body in quiet {
        assert_eq!(listener.deliver(&body).status, 200);
    }
    for (id, settings, why) in [
        ("1", &[][..], "NOTIFY_URL is not set"),
        ("1", &[("NOTIFY_URL", "")], "NOTIFY_URL is not set"),
        ("1", &[("NOTIFY_URL", &*url), ("NOTIFY_ON", "ticket")], "NOTIFY_ON"),
        ("2", &settings, "NOTIFY_ON"),
        ("3", &settings, "NOTIFY_ON"),
        ("4", &settings, "NOTIFY_ON"),
        ("5", &settings, "there is no delivery 5"),
    ] {
        let finished = store.inbox_with(&["replay", id], settings);
        assert_eq!((finished.code, &*finished.stdout), (Some(1), ""), "{id} {finished:?}");
        assert_eq!(finished.stderr.lines().count(), 1, "{id} {finished:?}");
        assert!(finished.stderr.contains(why), "{id} {finished:?}");
    }
    receiver.wait_for(1);
    listener.stop();
    assert_sent(store, 1);
    assert_eq!(receiver.received().len(), 1);
}

/// Returns the samples of notifications by their names and labels.
fn scrape(listener: &Listener) -> BTreeMap<String, f64> {
    let line = listener.line("metrics on http://");
    let (_, address) = line.split_once("metrics on http://").unwrap();
    let address = address.split('/').next().unwrap().parse().unwrap();
    let response = Connection::open(address).request("GET", "/metrics");
    assert_eq!(response.status, 200, "{response:?}");
    let lines = response.body.lines().filter(|line| !line.starts_with('#'));
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

pub(crate) fn metrics_count_notifications_by_state_channel_and_outcome(store: &Store) {
    let receivers = [
        Receiver::start([unavailable()]),
        Receiver::start([status("200 OK")]),
        Receiver::start([status("410 Gone")]),
    ];
    let urls = receivers.each_ref().map(Receiver::url).join(",");
    let listener = store.listener_with(&[("NOTIFY_URL", &*urls), ("METRICS_PORT", "0")]);
    let before = scrape(&listener);
    assert_eq!(before[OLDEST], 0.0);
    for state in ["waiting", "sent", "failed"] {
        assert_eq!(before[&in_state(state)], 0.0);
    }

    deliver(&mut listener.connect(), [0]);
    let notifications = outbox_when(store, |notifications| {
        are_attempted(notifications) && notifications.len() == 3
    });
    let age = "UPDATE outbox SET created_at = created_at - 60000 WHERE state = 'waiting'";
    let mut session = store.session();
    assert_eq!(session.execute(age), 1);
    session.close();
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
