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

/// Takes more than 5 s, the timeout for the database: a step with 32 rows would take 10 s.
#[test]
fn deletes_in_steps_that_become_smaller_until_they_are_fast() {
    let Some(store) = Store::postgres() else { return };
    let listener = store.listener();
    for number in 0..40 {
        assert_eq!(outcome(&listener.deliver(&delivery(number))), (200, STORED));
    }
    listener.stop();
    let mut session = store.session();
    session.execute(
        "UPDATE deliveries SET received_at = 0;
         CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS \
            $$ BEGIN PERFORM pg_sleep(0.3); RETURN new; END $$;
         CREATE TRIGGER wait BEFORE UPDATE ON deliveries FOR EACH ROW EXECUTE FUNCTION wait()",
    );
    let listener = store.listener();
    listener.line("continuing in smaller steps");
    assert_eq!(outcome(&listener.deliver(&delivery(40))), (200, STORED));
    listener.line("old deliveries deleted");
    assert_eq!(store.signatures(), [sign(&delivery(40))]);
}

/// Regression: steps were bounded by rows only, so that large ones took seconds.
#[test]
fn deletes_at_most_8_mib_in_a_step() {
    const MIB: usize = 1 << 20;
    let Some(store) = Store::postgres() else { return };
    let listener = store.listener();
    for number in 0..20 {
        let body = [&b" ".repeat(2 * MIB - 1024)[..], &delivery(number)].concat();
        assert_eq!(outcome(&listener.deliver(&body)), (200, STORED));
    }
    listener.stop();
    let mut session = store.session();
    session.execute(
        "UPDATE deliveries SET received_at = 0;
         CREATE TABLE steps (step BIGINT, bytes BIGINT);
         CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
            INSERT INTO steps VALUES (txid_current(), length(old.body)); RETURN new; END $$;
         CREATE TRIGGER note BEFORE UPDATE ON deliveries FOR EACH ROW EXECUTE FUNCTION note()",
    );
    let listener = store.listener();
    listener.line("old deliveries deleted");
    let count = "UPDATE steps SET step = step WHERE step IN (SELECT step FROM steps GROUP BY step \
                 HAVING sum(bytes) > 8388608)";
    assert_eq!(session.execute("UPDATE steps SET bytes = bytes"), 20);
    assert_eq!(session.execute(count), 0);
}

/// An error that comes at once does not depend on the size of a step.
#[test]
fn retries_in_an_hour_what_fails_at_once() {
    let store = Store::sqlite();
    fill(&store).stop();
    let mut session = store.session();
    session.execute(
        "CREATE TRIGGER fail BEFORE UPDATE ON deliveries \
         BEGIN SELECT RAISE(ABORT, 'invented'); END",
    );
    session.close();
    let listener = store.listener_with(&[("TAWK_RETENTION_DAYS", "1")]);
    listener.line("failed to maintain old deliveries; retrying in an hour");
    let log = listener.stop().stdout;
    assert!(!log.contains("smaller steps") && !log.contains("-shm"), "{log}");
}
