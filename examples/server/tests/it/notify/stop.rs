//! SIGTERM in the midst of the work.

use std::iter::repeat_with;
use std::time::Duration;

use super::deliveries::deliver;
use super::outbox::{assert_sent, outbox};
use super::receiver::{Receiver, Reply, distinct, status};
use crate::support::Store;

pub(crate) fn what_is_under_way_is_finished_and_what_waits_is_told_after_the_start(store: &Store) {
    // All that are under way are among the first four.
    let late = repeat_with(|| Reply::Late(Duration::from_secs(1))).take(4);
    let receiver = Receiver::start(late.chain([status("200 OK")]).collect::<Vec<_>>());
    let url = receiver.url();
    let listener = store.listener_with(&[("NOTIFY_URL", &url)]);
    deliver(&mut listener.connect(), 0..20);
    // With these there is no room, so nothing is being claimed.
    let begun = receiver.wait_for(4).len();
    assert!((4..20).contains(&begun));
    assert_eq!(listener.stop().code, Some(0));

    let told = receiver.received().len();
    let notifications = outbox(store);
    let count = |state: &str, tries: usize| {
        let is_it = |it: &&super::outbox::Notification| it.state == state && it.tries == tries;
        notifications.iter().filter(is_it).count()
    };
    assert_eq!((count("sent", 1), count("waiting", 0)), (told, 20 - told), "{notifications:#?}");
    assert!(told < 20, "nothing waits");

    let listener = store.listener_with(&[("NOTIFY_URL", &url)]);
    receiver.wait_for(20);
    assert_eq!(listener.stop().code, Some(0));
    assert_sent(store, 20);
    let received = receiver.received();
    assert_eq!((received.len(), distinct(&received).len()), (20, 20));
}
