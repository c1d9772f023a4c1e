//! The SQLite file while it is in use: deleted, replaced, and without deleted data.

use std::fs;

use super::deliveries::{STORED, assert_unavailable, delivery, outcome};
use crate::support::{Store, sign};

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
    assert!(listener.line("not stored").contains("start the listener again"));
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
