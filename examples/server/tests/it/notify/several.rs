//! Two listeners on one database.

use std::thread;
use std::time::Duration;

use super::deliveries::{deliver, number};
use super::outbox::assert_sent;
use super::receiver::{Receiver, Reply, distinct};
use crate::support::Store;

#[test]
fn of_100_deliveries_sent_to_two_listeners_each_is_told_once() {
    let Some(store) = Store::postgres() else { return };
    let receiver = Receiver::start([Reply::Late(Duration::from_millis(5))]);
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
