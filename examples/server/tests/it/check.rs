//! `tawk-listener check`.

use std::fs;
use std::net::TcpListener;

use crate::support::{
    Directory, Finished, Listener, Postgres, SECRET, execute, on_each_database, run_in,
};

const SETTINGS: [(&str, &str); 2] = [("TAWK_WEBHOOK_SECRET", SECRET), ("PORT", "0")];

fn check(directory: &Directory, settings: &[(&str, &str)]) -> Finished {
    run_in(directory, &["check"], &[&SETTINGS, settings].concat())
}

#[track_caller]
fn assert_no_problems(finished: &Finished, expected: &str) {
    assert_eq!((finished.code, &*finished.stderr), (Some(0), ""), "{finished:?}");
    assert!(finished.stdout.contains(expected), "no {expected:?} in {finished:?}");
    assert!(finished.stdout.ends_with("no problems found"), "{finished:?}");
}

#[track_caller]
fn assert_problems(finished: &Finished, expected: &[&str]) {
    assert_eq!(finished.code, Some(2), "{finished:#?}");
    let lines: Vec<_> = finished.stderr.lines().collect();
    assert_eq!(lines.len(), expected.len(), "{finished:#?}");
    for text in expected {
        let is_line = |line: &&&str| line.starts_with("tawk-listener: ") && line.contains(text);
        assert_eq!(lines.iter().filter(is_line).count(), 1, "{text} {finished:#?}");
    }
}

#[test]
fn reports_every_problem_at_once_and_no_secret() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let settings = [
        ("TAWK_MODE", "off"),
        ("TAWK_BODY_LIMIT", "large"),
        ("TAWK_ALLOWED_IPS", "example.com"),
        ("PORT", "0"),
        ("METRICS_PORT", &port),
        ("TLS_CERT", "cert.pem"),
        ("NOTIFY_URL", "slack://hidden.example.com/hidden"),
        ("DATABASE_URL", "postgres://tawk:hidden@127.0.0.1:1/tawk"),
        ("RUST_LOG", "tower=loud"),
    ];
    let directory = Directory::new();
    let finished = run_in(&directory, &["check"], &settings);
    let problems = [
        "invalid value 'off' for TAWK_MODE",
        "TAWK_BODY_LIMIT",
        "TAWK_ALLOWED_IPS",
        "METRICS_PORT to another port",
        "only one of TLS_CERT and TLS_KEY is set",
        "URL 1 in NOTIFY_URL",
        "check DATABASE_URL",
        "invalid RUST_LOG",
        "TAWK_WEBHOOK_SECRET is not set",
    ];
    assert_problems(&finished, &problems);
    assert!(finished.stdout.ends_with("9 problems found"), "{finished:#?}");
    assert!(!finished.output().contains("hidden"), "{finished:#?}");
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);
}

#[test]
fn warnings_are_not_problems() {
    let finished = check(&Directory::new(), &[("TAWK_WEBHOOK_SECRET", "short")]);
    assert_no_problems(&finished, "secret does not look like");
}

#[test]
fn a_port_may_be_in_use_by_the_listener_only() {
    let listener = Listener::start(&[]);
    let port = listener.address.port().to_string();
    let directory = Directory::new();
    assert_no_problems(&check(&directory, &[("PORT", &port)]), "");
    assert_eq!(listener.stop().code, Some(0));

    let other = TcpListener::bind(("127.0.0.1", port.parse().unwrap())).unwrap();
    // Accepts and closes connections until the end of the process.
    std::thread::spawn(move || other.incoming().for_each(drop));
    assert_problems(&check(&directory, &[("PORT", &port)]), &["set PORT to another port"]);
}

#[test]
fn reports_a_sqlite_file_that_is_no_database_and_a_directory_without_write_access() {
    let directory = Directory::new();
    directory.write("file", "x".repeat(4096));
    for (url, expected) in [
        ("sqlite://file", "file is not a database"),
        ("sqlite://file/tawk.db", "cannot create files in file"),
        ("sqlite:///proc/tawk/tawk.db", "cannot create files in /proc"),
    ] {
        assert_problems(&check(&directory, &[("DATABASE_URL", url)]), &[expected]);
    }
}

#[test]
fn reports_a_postgres_user_who_may_not_create_tables() {
    let Some(server) = Postgres::shared() else { return };
    let url = server.database();
    let role = url.rsplit('/').next().unwrap();
    execute(&url, &format!("CREATE ROLE {role} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC"));
    let url = url.replacen("postgres@", &format!("{role}@"), 1);
    let finished = check(&Directory::new(), &[("DATABASE_URL", &url)]);
    assert_problems(&finished, &["may not create tables; GRANT CREATE ON SCHEMA"]);
}

on_each_database! {
    database::says_what_happens_to_the_database_and_changes_nothing,
    database::says_that_an_older_database_is_migrated,
    database::reports_a_database_of_a_newer_listener,
}

mod database {
    use super::*;
    use crate::support::Store;

    fn check(store: &Store) -> Finished {
        super::check(&store.directory, &[("DATABASE_URL", &store.url)])
    }

    /// Returns the names and contents of all files.
    fn files(store: &Store) -> Vec<(std::path::PathBuf, Vec<u8>)> {
        let files = store.directory.path().read_dir().unwrap().map(|file| file.unwrap().path());
        let mut files: Vec<_> = files.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
        files.sort();
        files
    }

    pub(crate) fn says_what_happens_to_the_database_and_changes_nothing(store: &Store) {
        for _ in ["first", "second"] {
            assert_no_problems(&check(store), "empty or missing");
        }
        assert!(files(store).is_empty());

        let listener = store.listener();
        assert_eq!(listener.deliver(b"{}").status, 200);
        assert_no_problems(&check(store), "up to date");
        assert_eq!(listener.deliver(b"[]").status, 200);
        assert_eq!(listener.stop().code, Some(0));
        let before = files(store);
        assert_no_problems(&check(store), "up to date");
        assert!(files(store) == before);
        assert_eq!(store.signatures().len(), 2);
    }

    pub(crate) fn says_that_an_older_database_is_migrated(store: &Store) {
        let dump = match store.url.starts_with("sqlite:") {
            true => include_str!("inbox/sqlx_sqlite.sql"),
            false => include_str!("inbox/sqlx_postgres.sql"),
        };
        let mut session = store.session();
        session.execute(dump);
        session.execute("UPDATE _sqlx_migrations SET success = false WHERE version > 1");
        session.close();
        let before = files(store);
        for _ in ["first", "second"] {
            assert_no_problems(&check(store), "migrates it");
        }
        assert!(files(store) == before);
    }

    pub(crate) fn reports_a_database_of_a_newer_listener(store: &Store) {
        assert_eq!(store.listener().stop().code, Some(0));
        let mut session = store.session();
        session.execute("UPDATE refinery_schema_history SET version = 999 WHERE version = 1");
        session.close();
        assert_problems(&check(store), &["a newer listener has migrated it"]);
    }
}
