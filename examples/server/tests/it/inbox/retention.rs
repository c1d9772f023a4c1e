//! Retention: old deliveries lose their data, and are still recognized as duplicates.

use super::deliveries::{DUPLICATE, STORED, delivery, outcome};
use crate::support::{Listener, Store, sign};

const TWO_DAYS: u64 = 2 * 24 * 60 * 60 * 1_000;

/// Stores 40 deliveries, and dates the first 36 back by two days: more than one step deletes.
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

pub(crate) fn deletes_the_data_of_old_deliveries_and_still_detects_duplicates(store: &Store) {
    let listener = fill(store);
    assert_eq!(store.export().len(), 40);
    listener.stop();

    let listener = store.listener_with(&[("TAWK_RETENTION_DAYS", "1")]);
    listener.line("old deliveries deleted");
    let kept: Vec<_> = (36..40).map(|number| sign(&delivery(number))).collect();
    assert_eq!(store.signatures(), kept);
    assert_eq!(store.inbox(&["list"]).stdout.lines().count(), 1 + 4);
    assert_eq!(store.inbox(&["show", "1"]).code, Some(1));

    // No personal data is left, and a duplicate does not restore it.
    let empty = "UPDATE deliveries SET received_at = received_at WHERE id <= 36 AND body IS NULL \
                 AND headers IS NULL AND event_id IS NULL AND event IS NULL AND chat_id IS NULL \
                 AND ticket_id IS NULL AND property_id IS NULL";
    let mut session = store.session();
    for number in 0..40 {
        assert_eq!(outcome(&listener.deliver(&delivery(number))), (200, DUPLICATE), "{number}");
    }
    assert_eq!(session.execute(empty), 36);
    session.close();
    assert_eq!(store.signatures(), kept);
}

pub(crate) fn zero_days_keep_all_deliveries(store: &Store) {
    fill(store).stop();
    let listener = store.listener_with(&[("TAWK_RETENTION_DAYS", "0")]);
    assert_eq!(outcome(&listener.deliver(&delivery(40))), (200, STORED));
    assert_eq!(store.export().len(), 41);
    assert!(!listener.stop().stdout.contains("old deliveries deleted"));
}
