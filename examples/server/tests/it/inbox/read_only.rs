//! Commands that read, without permission to write.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::deliveries::{STORED, delivery, outcome};
use crate::support::{Finished, Postgres, Store, run, run_unprivileged};

const COMMANDS: [&[&str]; 4] = [&["list"], &["show", "1"], &["export"], &["outbox"]];

/// Stores three deliveries.
fn fill(store: &Store) {
    let listener = store.listener();
    for number in 0..3 {
        assert_eq!(outcome(&listener.deliver(&delivery(number))), (200, STORED));
    }
    listener.signal("KILL");
    listener.wait();
}

/// Runs a command of the inbox with every file and the directory read-only.
fn read(store: &Store, command: &[&str]) -> Finished {
    let set_mode = |file_mode, directory_mode| {
        let directory = store.directory.path();
        for file in directory.read_dir().unwrap() {
            fs::set_permissions(file.unwrap().path(), Permissions::from_mode(file_mode)).unwrap();
        }
        fs::set_permissions(directory, Permissions::from_mode(directory_mode)).unwrap();
    };
    set_mode(0o400, 0o500);
    let arguments = [&["inbox"], command].concat();
    let finished = run_unprivileged(&store.directory, &arguments, &[("DATABASE_URL", &store.url)]);
    set_mode(0o600, 0o700);
    finished
}

fn files(store: &Store) -> BTreeMap<String, Vec<u8>> {
    let files = store.directory.path().read_dir().unwrap().map(Result::unwrap);
    files
        .map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap()))
        .collect()
}

fn assert_three(finished: &Finished, command: &[&str]) {
    assert_eq!((finished.code, &*finished.stderr), (Some(0), ""), "{command:?} {finished:?}");
    let lines = finished.stdout.lines().count();
    match command {
        ["list"] => assert_eq!(lines, 1 + 3, "{finished:?}"),
        ["export"] => assert_eq!(lines, 3, "{finished:?}"),
        _ => assert!(lines > 0, "{finished:?}"),
    }
}

/// A file without the other two, as after a clean stop or from a backup.
#[test]
fn reads_a_sqlite_file_that_it_may_not_write() {
    let store = Store::new("sqlite://a%20file%3F%25.db");
    fill(&store);
    store.listener().stop();
    let before = files(&store);
    assert_eq!(before.keys().collect::<Vec<_>>(), ["a file?%.db"]);
    for command in COMMANDS {
        assert_three(&read(&store, command), command);
        let arguments = [&["inbox"], command].concat();
        let url = [("DATABASE_URL", &*store.url)];
        assert_three(&crate::support::run_in(&store.directory, &arguments, &url), command);
        assert!(files(&store) == before, "{command:?} has written");
    }
}

/// The listener was killed: what it had committed is in the other files.
#[test]
fn reads_a_sqlite_file_that_was_not_closed() {
    let store = Store::sqlite();
    fill(&store);
    let before = files(&store);
    assert_eq!(before.len(), 3, "{:?}", before.keys());
    for command in COMMANDS {
        assert_three(&read(&store, command), command);
    }
    assert!(files(&store) == before, "a command has written");

    fs::remove_file(store.directory.path().join("tawk.db-shm")).unwrap();
    let finished = read(&store, &["list"]);
    assert_eq!((finished.code, &*finished.stdout), (Some(2), ""), "{finished:?}");
    assert!(finished.stderr.contains("-shm"), "{finished:?}");
    assert_three(&store.inbox(&["list"]), &["list"]);
}

#[test]
fn reads_postgres_in_a_role_that_may_only_read() {
    let Some(server) = Postgres::shared() else { return };
    let store = Store::new(server.database());
    fill(&store);
    let role = store.url.rsplit('/').next().unwrap().replace("test", "reader");
    let mut session = store.session();
    session.execute(&format!(
        "CREATE ROLE {role} LOGIN; ALTER ROLE {role} SET default_transaction_read_only = on; \
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"
    ));
    let url = store.url.replacen("postgres@", &format!("{role}@"), 1);
    let settings = [("DATABASE_URL", &*url), ("NOTIFY_URL", "http://127.0.0.1:1/")];
    for command in COMMANDS {
        assert_three(&run(&[&["inbox"], command].concat(), &settings), command);
    }
    let settings = [settings[0], settings[1], ("NOTIFY_ON", "chat-end")];
    let finished = run(&["inbox", "replay", "1"], &settings);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("permission denied for table"), "{finished:?}");
}
