//! What can become of a file: locked, full, in a directory that is not there, in others' sight.

use super::deliveries::{STORED, assert_unavailable, delivery, outcome};
use crate::support::{Connection, METRICS, Store, metrics, sign, until};

/// Locks the database against everybody else who writes.
const LOCK: &str = "BEGIN IMMEDIATE";

/// Takes 5 s, which is the promise.
#[test]
fn a_locked_database_is_503_until_it_is_unlocked() {
    let store = Store::sqlite();
    let listener = store.listener();
    let mut other = store.session();
    other.execute(LOCK);
    let mut connection = listener.connect();
    begin(&mut connection, &delivery(0));
    let mut same = listener.connect();
    begin(&mut same, &delivery(0));
    assert_eq!(listener.connect().request("GET", "/healthz").status, 200);
    for connection in [&mut connection, &mut same] {
        assert_unavailable(&connection.receive());
    }
    other.execute("ROLLBACK");
    // It may have been stored since: nobody said that it was not.
    assert_eq!(listener.deliver(&delivery(0)).status, 200);
    assert_eq!(outcome(&listener.deliver(&delivery(1))), (200, STORED));
    assert_eq!(store.signatures(), [0, 1].map(|number| sign(&delivery(number))));
}

#[test]
fn a_delivery_whose_sender_has_gone_is_stored_and_logged_all_the_same() {
    let store = Store::sqlite();
    let listener = store.listener_with(&[METRICS]);
    let mut other = store.session();
    other.execute(LOCK);
    let mut connection = listener.connect();
    begin(&mut connection, &delivery(0));
    // Whoever hangs up before its end is read has delivered nothing.
    let is_verified = || {
        let metrics = metrics(&listener);
        metrics.contains("tawk_requests_total{verdict=\"verified\",reason=\"\"} 1").then_some(())
    };
    until(is_verified);
    connection.end();
    drop(connection);
    // By then it has read to the end of that connection.
    assert_eq!(listener.connect().request("GET", "/readyz").status, 200);
    other.execute("ROLLBACK");
    listener.line("delivery verified");
    assert_eq!(store.signatures(), [sign(&delivery(0))]);
}

/// A delivery whose answer is waited for later.
fn begin(connection: &mut Connection, body: &[u8]) {
    connection.begin(&[("X-Tawk-Signature", &sign(body))], body.len());
    connection.send(body);
}

/// Takes 1 s, which the lock is held for.
#[test]
fn a_database_that_is_locked_for_a_moment_is_waited_for() {
    let store = Store::sqlite();
    let listener = store.listener();
    let mut other = store.session();
    other.execute(LOCK);
    let mut connection = listener.connect();
    begin(&mut connection, &delivery(0));
    std::thread::sleep(std::time::Duration::from_secs(1));
    other.execute("ROLLBACK");
    assert_eq!(outcome(&connection.receive()), (200, STORED));
    assert_eq!(store.signatures(), [sign(&delivery(0))]);
}

/// No file may grow beyond 1 MiB, which is 2,048 blocks; a write beyond fails once its signal is
/// ignored (setrlimit(2), `RLIMIT_FSIZE`).
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_503_until_there_is_room_and_loses_nothing() {
    use std::collections::HashSet;
    use std::process::Command;

    use crate::support::{Listener, SECRET};

    let store = Store::sqlite();
    let settings = [
        ("DATABASE_URL", &*store.url),
        ("TAWK_WEBHOOK_SECRET", SECRET),
        ("TAWK_LOG", "summary"),
        ("PORT", "0"),
    ];
    let limit = "trap '' XFSZ; ulimit -S -f 2048";
    let listener = Listener::start_after(limit, store.directory.clone(), &settings);
    let mut connection = listener.connect();
    let mut deliver = |number: usize| {
        let body = [&b"x".repeat(64 * 1024)[..], &delivery(number)].concat();
        connection.post(&[("X-Tawk-Signature", &sign(&body))], &body)
    };
    let refused: Vec<_> = (0..40)
        .filter(|number| {
            let answer = deliver(*number);
            if answer.status != 200 {
                assert_unavailable(&answer);
            }
            answer.status != 200
        })
        .collect();
    assert!((1..40).contains(&refused.len()), "{refused:?}");
    assert_eq!(listener.connect().request("GET", "/healthz").status, 200);
    assert_eq!(store.export().len(), 40 - refused.len());

    let more = ["--fsize=unlimited", "--pid", &listener.process_id()];
    assert!(Command::new("prlimit").args(more).status().unwrap().success());
    for number in refused {
        assert_eq!(deliver(number).status, 200, "{number}");
    }
    let stored = store.signatures();
    assert_eq!((stored.len(), stored.into_iter().collect::<HashSet<_>>().len()), (40, 40));
    // Nor does it stand in the listener's own memory alone.
    listener.signal("KILL");
    listener.wait();
    assert_eq!(store.export().len(), 40);
}

#[cfg(unix)]
#[test]
fn the_database_is_created_with_its_directory_and_not_for_others_to_read() {
    use std::os::unix::fs::PermissionsExt;

    let store = Store::new("sqlite://data/inbox/tawk.db");
    let listener = store.listener();
    assert_eq!(outcome(&listener.deliver(&delivery(0))), (200, STORED));
    let files = store.directory.path().join("data/inbox").read_dir().unwrap();
    let files: Vec<_> = files.map(Result::unwrap).collect();
    assert!(files.iter().any(|file| file.file_name() == "tawk.db"), "{files:?}");
    for file in files {
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file:?}: {mode:o}");
    }
    listener.stop();
    // Closed: what was beside it is in it.
    let files = store.directory.path().join("data/inbox").read_dir().unwrap();
    assert_eq!(files.count(), 1);
    assert_eq!(store.signatures(), [sign(&delivery(0))]);
}
