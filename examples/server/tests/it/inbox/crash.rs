//! SIGKILL while deliveries are in flight.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::deliveries::{deliver_all, delivery};
use crate::support::{Connection, Listener, Store, sign};

/// Sends deliveries over 32 connections, and kills the listener after 400 responses. Returns how
/// many deliveries were begun, and the acknowledged ones.
pub(crate) fn deliver_until_killed(listener: &Listener) -> (usize, HashSet<usize>) {
    let next = AtomicUsize::new(0);
    let acknowledged = Mutex::new(HashSet::new());
    let deliver = |mut connection: Connection| {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let body = delivery(number);
            let Ok(answer) = connection.try_post(&[("X-Tawk-Signature", &sign(&body))], &body)
            else {
                return;
            };
            assert_eq!(answer.status, 200);
            let mut acknowledged = acknowledged.lock().unwrap();
            acknowledged.insert(number);
            let is_time = acknowledged.len() == 400;
            drop(acknowledged);
            if is_time {
                listener.signal("KILL");
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..32 {
            let connection = listener.connect();
            scope.spawn(move || deliver(connection));
        }
    });
    (next.into_inner(), acknowledged.into_inner().unwrap())
}

pub(crate) fn sigkill_loses_no_acknowledged_delivery_and_duplicates_none(store: &Store) {
    let listener = store.listener();
    let (begun, acknowledged) = deliver_until_killed(&listener);
    assert_eq!(listener.wait().code, None);

    let listener = store.listener();
    let survived: HashSet<_> = store.signatures().into_iter().collect();
    for number in &acknowledged {
        assert!(survived.contains(&sign(&delivery(*number))), "{number} was acknowledged");
    }

    let numbers = 0..begun.max(1_000);
    let rest: Vec<_> = numbers.clone().filter(|number| !acknowledged.contains(number)).collect();
    for answer in deliver_all(listener.address, &rest) {
        assert_eq!(answer.status, 200);
    }
    let stored = store.signatures();
    assert_eq!(stored.len(), numbers.len());
    assert_eq!(
        stored.into_iter().collect::<HashSet<_>>(),
        numbers.map(|number| sign(&delivery(number))).collect()
    );
}
