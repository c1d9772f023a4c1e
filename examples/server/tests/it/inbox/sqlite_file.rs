//! The SQLite file while it is in use: deleted, replaced, and without deleted data.

use std::fs;

use super::deliveries::{STORED, assert_unavailable, delivery, outcome};
use crate::support::{SECRET, Store, run_in, sign};

/// Windows does not delete open files.
#[cfg(unix)]
#[test]
fn responds_with_503_if_the_file_was_deleted_or_replaced() {
    let store = Store::sqlite();
    let listener = store.listener();
    assert_eq!(outcome(&listener.deliver(&delivery(0))), (200, STORED));
    for file in store.directory.path().read_dir().unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    assert_unavailable(&listener.deliver(&delivery(1)));
    fs::write(store.directory.path().join("tawk.db"), "").unwrap();
    assert_unavailable(&listener.deliver(&delivery(1)));
    assert_unavailable(&listener.connect().request("GET", "/readyz"));
    let record = listener.line("not stored");
    assert!(record.contains("start the listener again"), "{record}");
    listener.stop();

    let listener = store.listener();
    assert_eq!(outcome(&listener.deliver(&delivery(1))), (200, STORED));
    assert_eq!(store.signatures(), [sign(&delivery(1))]);
}

#[test]
fn overwrites_deleted_data_in_all_files() {
    const TEXT: &str = "text of a visitor";
    let store = Store::sqlite();
    let listener = store.listener();
    let body = format!(r#"{{"event":"chat:end","chatId":"{TEXT}","property":{{"id":"p"}}}}"#);
    assert_eq!(outcome(&listener.deliver(body.as_bytes())), (200, STORED));
    listener.stop();
    let mut session = store.session();
    assert_eq!(session.execute("UPDATE deliveries SET received_at = 0"), 1);
    session.close();

    let listener = store.listener();
    listener.line("old deliveries deleted");
    for file in store.directory.path().read_dir().unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(TEXT.len()).any(|part| part == TEXT.as_bytes()));
    }
}

/// Windows does not delete open files.
#[cfg(unix)]
#[test]
fn loses_no_acknowledged_delivery_if_the_wal_file_was_deleted() {
    let store = Store::sqlite();
    let listener = store.listener();
    assert_eq!(outcome(&listener.deliver(&delivery(0))), (200, STORED));
    fs::remove_file(store.directory.path().join("tawk.db-wal")).unwrap();
    for path in ["/healthz", "/healthz"] {
        assert_unavailable(&listener.deliver(&delivery(1)));
        assert_eq!(listener.connect().request("GET", path).status, 200);
    }
    assert!(listener.line("not stored").contains("-wal file of the database was deleted"));
    listener.signal("KILL");
    listener.wait();

    let listener = store.listener();
    assert_eq!(listener.deliver(&delivery(1)).status, 200);
    assert_eq!(store.signatures(), [0, 1].map(|number| sign(&delivery(number))));
}

#[cfg(unix)]
#[test]
fn reports_at_startup_that_a_file_of_the_database_is_missing() {
    let store = Store::sqlite();
    let kill = |missing: &str| {
        let listener = store.listener_with(&[("TAWK_RETENTION_DAYS", "0")]);
        assert_eq!(listener.deliver(&delivery(0)).status, 200);
        assert_eq!(listener.connect().request("GET", "/readyz").status, 200);
        listener.signal("KILL");
        listener.wait();
        fs::remove_file(store.directory.path().join(missing)).unwrap();
    };
    kill("tawk.db-wal");
    store.listener().line("the -wal file of the database was deleted");

    kill("tawk.db");
    let settings = [("TAWK_WEBHOOK_SECRET", SECRET), ("PORT", "0")];
    let finished = run_in(&store.directory, &[], &settings);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(finished.stderr.contains("tawk.db-wal holds deliveries"), "{finished:?}");
}
