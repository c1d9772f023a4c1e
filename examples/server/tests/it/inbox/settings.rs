//! A `DATABASE_URL` that cannot be used.

use crate::support::{Directory, SECRET, run_in};

const PASSWORD: &str = "an-invented-password";

#[test]
fn a_database_that_cannot_be_used_is_refused_in_one_line_without_its_password() {
    let directory = Directory::new();
    directory.write("file", "").write("not-a-database", "x".repeat(4096));
    let urls = [
        "tawk.db",
        "mysql://x",
        &format!("mysql://tawk:{PASSWORD}@localhost/tawk"),
        "sqlite:",
        "sqlite::memory:",
        "sqlite://:memory:",
        "sqlite://tawk.db?mode=memory",
        "sqlite://.",
        "sqlite://file/tawk.db",
        "sqlite://not-a-database",
        "sqlite://tawk.db?no-such-option=1",
        &format!("postgres://tawk:{PASSWORD}@127.0.0.1:1/tawk"),
        &format!("postgres://tawk:{PASSWORD}@127.0.0.1:65536/tawk"),
        &format!("postgres://tawk:{PASSWORD}@[/tawk"),
        &format!("postgres://127.0.0.1:1/tawk?user=tawk&password={PASSWORD}"),
        // It begins with what ends a URL's host.
        &format!("postgres://127.0.0.1:1?{PASSWORD}@127.0.0.1:1/tawk"),
        &format!("postgres://127.0.0.1:1#{PASSWORD}@127.0.0.1:1/tawk"),
        &format!("postgres://tawk:/{PASSWORD}@127.0.0.1:1/tawk"),
    ];
    for url in urls {
        let settings = [("DATABASE_URL", url), ("TAWK_WEBHOOK_SECRET", SECRET), ("PORT", "0")];
        for arguments in [&[][..], &["inbox", "export"]] {
            let finished = run_in(&directory, arguments, &settings);
            assert_eq!((finished.code, &*finished.stdout), (Some(2), ""), "{url} {finished:?}");
            assert_eq!(finished.stderr.lines().count(), 1, "{url} {finished:?}");
            assert!(finished.stderr.starts_with("tawk-listener: "), "{url} {finished:?}");
            assert!(!finished.stderr.contains(PASSWORD), "{url} {finished:?}");
        }
    }
}

#[test]
fn the_inbox_is_not_created_by_looking_into_it() {
    let directory = Directory::new();
    for arguments in [&["inbox", "list"][..], &["inbox", "export"], &["inbox", "show", "1"]] {
        let finished = run_in(&directory, arguments, &[]);
        assert_eq!((finished.code, &*finished.stdout), (Some(2), ""), "{finished:?}");
        assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
    }
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);
}
