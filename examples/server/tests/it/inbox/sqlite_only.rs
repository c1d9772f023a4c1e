//! SQLite only: a locked database, a full disk, a missing directory, and file permissions.

use super::deliveries::{STORED, assert_unavailable, delivery, outcome};
use crate::support::{Connection, METRICS, Store, metrics, sign, until};

/// Locks the database for other writers.
const LOCK: &str = "BEGIN IMMEDIATE";

/// Takes 5 s, the timeout for the database.
#[test]
fn responds_with_503_while_the_database_is_locked() {
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
    // It may have been stored since. A 503 does not exclude that.
    assert_eq!(listener.deliver(&delivery(0)).status, 200);
    assert_eq!(outcome(&listener.deliver(&delivery(1))), (200, STORED));
    assert_eq!(store.signatures(), [0, 1].map(|number| sign(&delivery(number))));
}

#[test]
fn stores_and_logs_a_delivery_whose_sender_disconnected() {
    let store = Store::sqlite();
    let listener = store.listener_with(&[METRICS]);
    let mut other = store.session();
    other.execute(LOCK);
    let mut connection = listener.connect();
    begin(&mut connection, &delivery(0));
    // A client that disconnects before its body is read has delivered nothing.
    let is_verified = || {
        let metrics = metrics(&listener);
        metrics.contains("tawk_requests_total{verdict=\"verified\",reason=\"\"} 1").then_some(())
    };
    until(is_verified);
    connection.end();
    drop(connection);
    // By now the listener has read to the end of that connection.
    assert_eq!(listener.connect().request("GET", "/readyz").status, 200);
    other.execute("ROLLBACK");
    listener.line("delivery verified");
    assert_eq!(store.signatures(), [sign(&delivery(0))]);
}

/// Sends a delivery without waiting for the response.
fn begin(connection: &mut Connection, body: &[u8]) {
    connection.begin(&[("X-Tawk-Signature", &sign(body))], body.len());
    connection.send(body);
}

/// Takes 1 s, for which the lock is held.
#[test]
fn waits_for_a_briefly_locked_database() {
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

/// Limits the size of files to 1 MiB, which is 2,048 blocks. Writes beyond it fail, because the
/// signal is ignored (setrlimit(2), `RLIMIT_FSIZE`).
#[cfg(target_os = "linux")]
#[test]
fn responds_with_503_while_the_disk_is_full_and_loses_nothing() {
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
    let unavailable: Vec<_> = (0..40)
        .filter(|number| {
            let answer = deliver(*number);
            if answer.status != 200 {
                assert_unavailable(&answer);
            }
            answer.status != 200
        })
        .collect();
    assert!((1..40).contains(&unavailable.len()), "{unavailable:?}");
    assert_eq!(listener.connect().request("GET", "/healthz").status, 200);
    assert_eq!(store.export().len(), 40 - unavailable.len());

    let more = ["--fsize=unlimited", "--pid", &listener.process_id()];
    assert!(Command::new("prlimit").args(more).status().unwrap().success());
    for number in unavailable {
        assert_eq!(deliver(number).status, 200, "{number}");
    }
    let stored = store.signatures();
    assert_eq!((stored.len(), stored.into_iter().collect::<HashSet<_>>().len()), (40, 40));
    // Everything is on disk, not only in the listener's memory.
    listener.signal("KILL");
    listener.wait();
    assert_eq!(store.export().len(), 40);
}

#[cfg(unix)]
#[test]
fn creates_the_database_and_its_directory_readable_by_its_owner_only() {
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
    // After it is closed, the database is a single file.
    let files = store.directory.path().join("data/inbox").read_dir().unwrap();
    assert_eq!(files.count(), 1);
    assert_eq!(store.signatures(), [sign(&delivery(0))]);
}
