//! What is old is deleted, and known all the same.

use super::deliveries::{KNOWN, STORED, delivery, outcome};
use crate::support::{Listener, Store, sign};

const TWO_DAYS: u64 = 2 * 24 * 60 * 60 * 1_000;

/// 40 deliveries, the first 36 of which seem to have come two days ago: more than go at a time.
fn fill(store: &Store) -> Listener {
    let listener = store.listener();
    let mut connection = listener.connect();
    for number in 0..40 {
        let body = delivery(number);
        let event_id = number.to_string();
        let headers = [("X-Tawk-Signature", &*sign(&body)), ("X-Hook-Event-Id", &event_id)];
        assert_eq!(outcome(&connection.post(&headers, &body)), (200, STORED));
    }
    listener.stop();
    let ageing = "UPDATE deliveries SET received_at = received_at - ";
    let mut session = store.session();
    assert_eq!(session.execute(&format!("{ageing}{TWO_DAYS} WHERE id <= 36")), 36);
    session.close();
    store.listener_with(&[("TAWK_RETENTION_DAYS", "3")])
}

pub(crate) fn what_is_old_loses_its_data_and_is_still_known(store: &Store) {
    let listener = fill(store);
    assert_eq!(store.export().len(), 40);
    listener.stop();

    let listener = store.listener_with(&[("TAWK_RETENTION_DAYS", "1")]);
    listener.line("old deliveries deleted");
    let kept: Vec<_> = (36..40).map(|number| sign(&delivery(number))).collect();
    assert_eq!(store.signatures(), kept);
    assert_eq!(store.inbox(&["list"]).stdout.lines().count(), 1 + 4);
    assert_eq!(store.inbox(&["show", "1"]).code, Some(1));

    // Nothing of a person is left, and a repeat brings nothing back.
    let empty = "UPDATE deliveries SET received_at = received_at WHERE id <= 36 AND body IS NULL \
                 AND headers IS NULL AND event_id IS NULL AND event IS NULL AND chat_id IS NULL \
                 AND ticket_id IS NULL AND property_id IS NULL";
    let mut session = store.session();
    for number in 0..40 {
        assert_eq!(outcome(&listener.deliver(&delivery(number))), (200, KNOWN), "{number}");
    }
    assert_eq!(session.execute(empty), 36);
    session.close();
    assert_eq!(store.signatures(), kept);
}

pub(crate) fn zero_days_keep_everything(store: &Store) {
    fill(store).stop();
    let listener = store.listener_with(&[("TAWK_RETENTION_DAYS", "0")]);
    assert_eq!(outcome(&listener.deliver(&delivery(40))), (200, STORED));
    assert_eq!(store.export().len(), 41);
    assert!(!listener.stop().stdout.contains("old deliveries deleted"));
}
