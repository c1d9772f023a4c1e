//! Duplicates, sequential and concurrent.

use std::sync::Barrier;
use std::thread;

use super::deliveries::{DUPLICATE, STORED, delivery, outcome};
use crate::support::{Store, sign};

pub(crate) fn responds_with_200_to_duplicates_and_changes_nothing(store: &Store) {
    let body = delivery(0);
    let signature = sign(&body);
    let upper_case = signature.to_uppercase();
    let requests = [
        &[("X-Tawk-Signature", &*signature), ("X-Hook-Event-Id", "first")][..],
        &[("X-Tawk-Signature", &signature), ("X-Hook-Event-Id", "second")],
        &[("X-Tawk-Signature", &signature), ("Authorization", "another"), ("X-New", "header")],
        &[("X-Tawk-Signature", &upper_case)],
    ];
    let mut listener = store.listener();
    assert_eq!(outcome(&listener.post(requests[0], &body)), (200, STORED));
    let before = store.export();
    assert_eq!(before.len(), 1);
    for _ in ["the same process", "the next process"] {
        for headers in requests {
            assert_eq!(outcome(&listener.post(headers, &body)), (200, DUPLICATE), "{headers:?}");
        }
        assert_eq!(store.export(), before);
        assert_eq!(listener.stop().code, Some(0));
        listener = store.listener();
    }
    assert_eq!(outcome(&listener.deliver(&delivery(1))), (200, STORED));
    assert_eq!(store.export().len(), 2);
}

pub(crate) fn stores_64_concurrent_duplicates_once(store: &Store) {
    let listener = store.listener();
    let body = delivery(0);
    let at_once = Barrier::new(64);
    let deliver = || {
        let mut connection = listener.connect();
        at_once.wait();
        connection.post(&[("X-Tawk-Signature", &sign(&body))], &body)
    };
    let answers: Vec<_> = thread::scope(|scope| {
        let senders: Vec<_> = (0..64).map(|_| scope.spawn(deliver)).collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    });
    let count = |expected| answers.iter().filter(|answer| outcome(answer) == expected).count();
    assert_eq!((count((200, STORED)), count((200, DUPLICATE))), (1, 63), "{answers:?}");
    assert_eq!(store.signatures(), [sign(&body)]);
}

pub(crate) fn stores_different_deliveries_with_the_same_event_id(store: &Store) {
    let listener = store.listener();
    for number in 0..2 {
        let body = delivery(number);
        let headers = [("X-Tawk-Signature", &*sign(&body)), ("X-Hook-Event-Id", "the-same")];
        assert_eq!(outcome(&listener.post(&headers, &body)), (200, STORED));
    }
    assert_eq!(store.signatures(), [0, 1].map(|number| sign(&delivery(number))));
}
