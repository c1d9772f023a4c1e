//! SIGKILL in the midst of the work.

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use super::deliveries::{deliver, number};
use super::outbox::outbox_when;
use super::receiver::{Receiver, Reply, distinct};
use crate::support::{Store, until};

/// So many are under way at once, at most.
const UNDER_WAY: usize = 4;

/// Takes 20 s, after which another one takes up what was under way: on both databases at once.
#[test]
fn of_200_notifications_none_is_lost_and_a_receiver_that_knows_keys_sees_each_once() {
    let stores = [Some(Store::sqlite()), Store::postgres()];
    thread::scope(|scope| {
        for store in stores.iter().flatten() {
            scope.spawn(|| kill_in_the_midst(store));
        }
    });
}

fn kill_in_the_midst(store: &Store) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", socket.local_addr().unwrap());
    let listener = store.listener_with(&[("NOTIFY_URL", &url)]);
    deliver(&mut listener.connect(), 0..200);
    let receiver = Receiver::listen(socket, [Reply::Late(Duration::from_millis(20))]);
    receiver.wait_for(80);
    listener.signal("KILL");
    assert_eq!(listener.wait().code, None);
    let told = receiver.received().len();
    assert!(told < 200, "it was not in the midst");

    let listener = store.listener_with(&[("NOTIFY_URL", &url)]);
    until(|| (distinct(&receiver.received()).len() == 200).then_some(()));
    outbox_when(store, |notifications| notifications.iter().all(|it| it.state == "sent"));
    assert_eq!(listener.stop().code, Some(0));
    let received = receiver.received();
    let distinct = distinct(&received);
    let mut numbers: Vec<_> = distinct.values().map(|received| number(received)).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..200));
    // Nothing but what was under way is sent again.
    assert!(received.len() <= 200 + UNDER_WAY, "{}", received.len());
}
