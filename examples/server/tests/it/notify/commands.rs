//! `tawk-listener inbox outbox` and `inbox replay`.

use super::deliveries::{deliver, number, reply};
use super::outbox::{Notification, assert_sent, outbox_when};
use super::receiver::{Receiver, Reply, distinct, status};
use crate::support::{Store, payload, sign};

/// Asks for so much time that it is not told again as long as a test runs.
pub(crate) fn waiting() -> Receiver {
    let headers = vec!["retry-after: 3600\r\n".to_owned()];
    Receiver::start([Reply::Answer("503 Service Unavailable", headers, "out of order")])
}

pub(crate) fn is_settled(notifications: &[Notification]) -> bool {
    let is_settled = |it: &Notification| it.state != "waiting" || !it.why.is_empty();
    !notifications.is_empty() && notifications.iter().all(is_settled)
}

pub(crate) fn notifications_are_listed_as_waiting_sent_and_failed_with_the_reason(store: &Store) {
    let receivers =
        [waiting(), Receiver::start([status("200 OK")]), Receiver::start([status("410 Gone")])];
    let urls = receivers.each_ref().map(Receiver::url).join(",");
    let listener = store.listener_with(&[("NOTIFY_URL", &urls)]);
    assert_eq!(store.inbox(&["outbox"]).stdout.lines().count(), 1);
    deliver(&mut listener.connect(), [0]);
    let notifications =
        outbox_when(store, |notifications| is_settled(notifications) && notifications.len() == 3);
    let expected = [
        ("waiting", "the receiver answered 503: out of order"),
        ("sent", ""),
        ("failed", "the receiver answered 410"),
    ];
    for (notification, expected) in notifications.iter().zip(expected) {
        assert_eq!((&*notification.state, &*notification.why), expected);
        assert_eq!((notification.delivery, notification.tries), (1, 1));
        assert!(notification.channel.starts_with("127.0.0.1-"), "{notification:?}");
    }
}

pub(crate) fn a_replay_is_told_again_with_another_key(store: &Store) {
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

pub(crate) fn a_replay_that_tells_nobody_is_said_so_in_one_line(store: &Store) {
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
