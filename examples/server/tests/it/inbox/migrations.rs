//! Databases of earlier versions, and databases that several listeners open concurrently.

use std::thread;

use super::deliveries::{DUPLICATE, STORED, delivery, outcome};
use crate::support::{Store, payload, sign};

fn dump(store: &Store) -> &'static str {
    if store.url.starts_with("sqlite:") {
        include_str!("sqlx_sqlite.sql")
    } else {
        include_str!("sqlx_postgres.sql")
    }
}

pub(crate) fn adopts_a_database_migrated_by_sqlx_without_losing_data(store: &Store) {
    let mut session = store.session();
    session.execute(dump(store));
    session.close();

    let expected = [
        payload("06-chat-end"),
        payload("12-ticket-create-by-visitor"),
        b"\xff\0 not an event".to_vec(),
        payload("08-transcript"),
        payload("09-transcript-attachments"),
    ];
    let emptied = payload("10-transcript-anonymous");

    // Only the listener migrates.
    let finished = store.inbox(&["export"]);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(finished.stderr.contains("start the listener to migrate it"), "{finished:?}");
    store.listener_with(&[("TAWK_RETENTION_DAYS", "0")]).stop();

    let before = store.export();
    assert_eq!(store.signatures(), expected.each_ref().map(|body| sign(body)));
    for (stored, body) in before.iter().zip(&expected) {
        let text = match str::from_utf8(body) {
            Ok(text) => text.to_owned(),
            Err(_) => body.escape_ascii().to_string(),
        };
        assert_eq!(stored["body"], text);
        assert_eq!(stored["headers"]["x-tawk-signature"], sign(body));
        assert_eq!(stored["secret"], "default");
    }
    assert_eq!(before[0]["event"], "chat:end");
    let notifications = store.inbox(&["outbox"]).stdout;
    for state in ["sent     ", "failed      20", "waiting"] {
        assert_eq!(notifications.matches(state).count(), 1, "{notifications}");
    }

    let settings = [("TAWK_RETENTION_DAYS", "0")];
    for _ in ["adopted", "and opened again"] {
        let listener = store.listener_with(&settings);
        for body in expected.iter().chain([&emptied]) {
            assert_eq!(outcome(&listener.deliver(body)), (200, DUPLICATE));
        }
        assert_eq!(listener.stop().code, Some(0));
    }
    let listener = store.listener_with(&settings);
    assert_eq!(outcome(&listener.deliver(&delivery(0))), (200, STORED));
    let after = store.export();
    assert_eq!(after[..5], before);
    assert!(after[5]["id"].as_i64() > Some(6), "{after:?}");
}

pub(crate) fn four_listeners_start_concurrently_on_a_new_database(store: &Store) {
    start_four(store);
    assert_eq!(store.export().len(), 4);
}

pub(crate) fn four_listeners_start_concurrently_on_a_database_migrated_by_sqlx(store: &Store) {
    let mut session = store.session();
    session.execute(dump(store));
    session.close();
    start_four(store);
    assert_eq!(store.export().len(), 5 + 4);
}

fn start_four(store: &Store) {
    thread::scope(|scope| {
        for number in 0..4 {
            scope.spawn(move || {
                let listener = store.listener_with(&[("TAWK_RETENTION_DAYS", "0")]);
                assert_eq!(outcome(&listener.deliver(&delivery(number))), (200, STORED));
            });
        }
    });
}

pub(crate) fn rejects_a_database_migrated_by_a_newer_listener(store: &Store) {
    store.listener().stop();
    let mut session = store.session();
    session.execute(
        "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) \
         VALUES (999, 'newer', '2030-01-01T00:00:00Z', '1')",
    );
    session.close();
    let finished = store.inbox(&["list"]);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(finished.stderr.contains("a newer listener has migrated it"), "{finished:?}");
    assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
}

pub(crate) fn reading_commands_reject_a_database_without_tables(store: &Store) {
    let mut session = store.session();
    session.execute("CREATE TABLE another (id INTEGER)");
    session.close();
    for arguments in [&["list"][..], &["show", "1"], &["export"], &["outbox"]] {
        let finished = store.inbox(arguments);
        assert_eq!((finished.code, &*finished.stdout), (Some(2), ""), "{finished:?}");
        assert!(finished.stderr.contains("it has no tables"), "{finished:?}");
    }
    let mut session = store.session();
    session.execute("CREATE TABLE refinery_schema_history (id INTEGER)");
    session.close();
}
