//! SIGKILL while deliveries arrive and are forwarded.

use std::collections::{HashMap, HashSet};
use std::thread;
use std::time::Duration;

use super::sent::{SECRET, id};
use crate::inbox::crash::deliver_until_killed;
use crate::inbox::deliveries::delivery;
use crate::notify::outbox::outbox_when;
use crate::notify::receiver::{Receiver, Reply};
use crate::support::Store;

/// Takes 20 s, until the leases expire, so both databases are tested at the same time.
#[test]
fn a_crash_loses_no_forward_and_duplicates_have_the_same_id() {
    let stores = [Some(Store::sqlite()), Store::postgres()];
    thread::scope(|scope| {
        for store in stores.iter().flatten() {
            scope.spawn(|| kill_while_forwarding(store));
        }
    });
}

fn kill_while_forwarding(store: &Store) {
    // Forwards are in flight at any time.
    let receivers = [(); 2].map(|()| Receiver::start([Reply::Delayed(Duration::from_millis(10))]));
    let urls = receivers.each_ref().map(Receiver::url).join(" ");
    let settings = [("FORWARD_URL", &*urls), ("FORWARD_SECRET", SECRET)];
    let listener = store.listener_with(&settings);
    let (_, acknowledged) = deliver_until_killed(&listener);
    assert_eq!(listener.wait().code, None);

    let listener = store.listener_with(&settings);
    outbox_when(store, |rows| rows.iter().all(|row| row.state == "sent"));
    assert_eq!(listener.stop().code, Some(0));
    for receiver in receivers {
        let received = receiver.received();
        let mut ids = HashMap::<_, HashSet<_>>::new();
        for received in &received {
            ids.entry(&*received.bytes).or_default().insert(id(received));
        }
        for number in &acknowledged {
            assert!(ids.contains_key(&*delivery(*number)), "{number} was acknowledged");
        }
        assert_eq!(ids.len(), store.signatures().len());
        assert!(ids.values().all(|ids| ids.len() == 1), "one id for all copies of a delivery");
        assert_eq!(ids.values().flatten().collect::<HashSet<_>>().len(), ids.len());
    }
}
