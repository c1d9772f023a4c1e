//! What becomes of a file while it is in use: started on twice, deleted, and what it still holds.

use std::fs;

use super::deliveries::{STORED, assert_unavailable, delivery, outcome};
use crate::support::{Store, sign};

/// On Windows nobody can delete it.
#[cfg(unix)]
#[test]
fn nothing_is_acknowledged_in_a_file_that_is_deleted_or_replaced() {
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
fn what_is_deleted_is_in_no_file_any_more() {
    const SAID: &str = "what Nadia wrote";
    let store = Store::sqlite();
    let listener = store.listener();
    let body = format!(r#"{{"event":"chat:end","chatId":"{SAID}","property":{{"id":"p"}}}}"#);
    assert_eq!(outcome(&listener.deliver(body.as_bytes())), (200, STORED));
    listener.stop();
    let mut session = store.session();
    assert_eq!(session.execute("UPDATE deliveries SET received_at = 0"), 1);
    session.close();

    let listener = store.listener();
    listener.line("old deliveries deleted");
    for file in store.directory.path().read_dir().unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(SAID.len()).any(|part| part == SAID.as_bytes()));
    }
}
