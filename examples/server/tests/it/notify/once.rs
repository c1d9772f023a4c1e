//! Each notification is sent once, through crashes, restarts and with several listeners.

use std::iter::repeat_with;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use super::outbox::{Notification, assert_sent, deliver, number, outbox, outbox_when};
use super::receiver::{Receiver, Reply, distinct, status};
use crate::support::{Store, until};

/// Maximum notifications in flight.
const MAX_IN_FLIGHT: usize = 4;

/// Takes 20 s, until the leases expire, so both databases are tested at the same time.
#[test]
fn a_crash_loses_no_notification_and_duplicates_have_the_same_key() {
    let stores = [Some(Store::sqlite()), Store::postgres()];
    thread::scope(|scope| {
        for store in stores.iter().flatten() {
            scope.spawn(|| kill_while_sending(store));
        }
    });
}

fn kill_while_sending(store: &Store) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", socket.local_addr().unwrap());
    let listener = store.listener_with(&[("NOTIFY_URL", &url)]);
    deliver(&mut listener.connect(), 0..200);
    let receiver = Receiver::listen(socket, [Reply::Delayed(Duration::from_millis(20))]);
    receiver.wait_for(80);
    listener.signal("KILL");
    assert_eq!(listener.wait().code, None);
    let sent = receiver.received().len();
    assert!(sent < 200, "everything was sent before the crash");

    let listener = store.listener_with(&[("NOTIFY_URL", &url)]);
    until(|| (distinct(&receiver.received()).len() == 200).then_some(()));
    outbox_when(store, |notifications| notifications.iter().all(|it| it.state == "sent"));
    assert_eq!(listener.stop().code, Some(0));
    let received = receiver.received();
    let distinct = distinct(&received);
    let mut numbers: Vec<_> = distinct.values().map(|received| number(received)).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..200));
    // Only what was in flight is sent again.
    assert!(received.len() <= 200 + MAX_IN_FLIGHT, "{}", received.len());
}

pub(crate) fn shutdown_finishes_what_is_in_flight_and_a_restart_sends_the_rest(store: &Store) {
    // The four in flight are among the first four.
    let delayed = repeat_with(|| Reply::Delayed(Duration::from_secs(1))).take(4);
    let receiver = Receiver::start(delayed.chain([status("200 OK")]).collect::<Vec<_>>());
    let url = receiver.url();
    let listener = store.listener_with(&[("NOTIFY_URL", &url)]);
    deliver(&mut listener.connect(), 0..20);
    // Four are in flight, so nothing is being claimed.
    let begun = receiver.wait_for(4).len();
    assert!((4..20).contains(&begun));
    assert_eq!(listener.stop().code, Some(0));

    let sent = receiver.received().len();
    let notifications = outbox(store);
    let count = |state: &str, attempts: usize| {
        let matches = |it: &&Notification| it.state == state && it.attempts == attempts;
        notifications.iter().filter(matches).count()
    };
    assert_eq!((count("sent", 1), count("waiting", 0)), (sent, 20 - sent), "{notifications:#?}");
    assert!(sent < 20, "nothing is waiting");

    let listener = store.listener_with(&[("NOTIFY_URL", &url)]);
    receiver.wait_for(20);
    assert_eq!(listener.stop().code, Some(0));
    assert_sent(store, 20);
    let received = receiver.received();
    assert_eq!((received.len(), distinct(&received).len()), (20, 20));
}

#[test]
fn two_listeners_on_one_database_send_each_notification_once() {
    let Some(store) = Store::postgres() else { return };
    let receiver = Receiver::start([Reply::Delayed(Duration::from_millis(5))]);
    let url = receiver.url();
    let listeners = [(); 2].map(|()| store.listener_with(&[("NOTIFY_URL", &url)]));
    thread::scope(|scope| {
        for listener in &listeners {
            scope.spawn(|| deliver(&mut listener.connect(), 0..100));
        }
    });
    receiver.wait_for(100);
    for listener in listeners {
        assert_eq!(listener.stop().code, Some(0));
    }
    assert_sent(&store, 100);
    let received = receiver.received();
    assert_eq!((received.len(), distinct(&received).len()), (100, 100));
    let mut numbers: Vec<_> = received.iter().map(number).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..100));
}
