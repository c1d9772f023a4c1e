//! `inbox backup`.

use super::deliveries::{STORED, delivery, outcome};
use crate::support::{Store, sign};

#[test]
fn backs_up_sqlite_while_the_listener_runs() {
    let store = Store::sqlite();
    let listener = store.listener();
    for number in 0..3 {
        assert_eq!(outcome(&listener.deliver(&delivery(number))), (200, STORED));
    }
    let finished = store.inbox(&["backup", "copy of tawk.db"]);
    assert_eq!((finished.code, &*finished.stderr), (Some(0), ""), "{finished:?}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;

        let file = store.directory.path().join("copy of tawk.db").metadata().unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }
    // An existing file is not overwritten.
    assert_eq!(outcome(&listener.deliver(&delivery(3))), (200, STORED));
    for file in ["copy of tawk.db", "tawk.db"] {
        let finished = store.inbox(&["backup", file]);
        assert_eq!(finished.code, Some(1), "{finished:?}");
        assert!(finished.stderr.contains("File exists"), "{finished:?}");
    }
    assert_eq!(store.inbox(&["backup", "no/such/directory"]).code, Some(1));

    let expected = [0, 1, 2].map(|number| sign(&delivery(number)));
    let copy = Store { directory: store.directory, url: "sqlite://copy of tawk.db".to_owned() };
    assert_eq!(copy.signatures(), expected);
    let found = copy.inbox(&["export", "--search", "visitor 1"]).stdout;
    assert!(found.contains(&expected[1]) && found.lines().count() == 1, "{found}");
    let listener = copy.listener();
    assert_eq!(outcome(&listener.deliver(&delivery(4))), (200, STORED));
    assert_eq!(copy.signatures().len(), 4);
}

#[test]
fn names_pg_dump_for_postgres() {
    let Some(store) = Store::postgres() else { return };
    store.listener().stop();
    let finished = store.inbox(&["backup", "copy"]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("pg_dump"), "{finished:?}");
    assert!(!store.directory.path().join("copy").exists());
}
