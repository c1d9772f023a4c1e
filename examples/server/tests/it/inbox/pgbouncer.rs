//! PostgreSQL behind a real `PgBouncer` in transaction mode, if that is installed.

use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::{fs, thread};

use super::deliveries::{STORED, delivery, outcome};
use crate::notify::outbox::outbox;
use crate::support::{Directory, Listener, Postgres, Store, free_port, sign, until};

/// It does not run as root.
const SHELL: &str = r#"
[ "$(id -u)" = 0 ] && set -- --user=postgres "$@"
PATH=$PATH:/usr/sbin exec pgbouncer --quiet "$@"
"#;

struct PgBouncer {
    process: Child,
    url: String,
    _directory: Directory,
}

impl PgBouncer {
    /// Starts it with few connections, so that transactions of several clients share them.
    fn start(url: &str) -> Option<Self> {
        let installed = "PATH=$PATH:/usr/sbin command -v pgbouncer";
        let found = Command::new("/bin/sh").args(["-c", installed]).stdout(Stdio::null()).status();
        if !found.unwrap().success() {
            let _ = writeln!(std::io::stderr(), "skipped: PgBouncer is not installed");
            return None;
        }
        let (server, database) = url.rsplit_once('/').unwrap();
        let server_port = server.rsplit(':').next().unwrap();
        let port = free_port();
        let directory = Directory::new();
        directory.write(
            "pgbouncer.ini",
            format!(
                "[databases]\n* = host=127.0.0.1 port={server_port} user=postgres\n[pgbouncer]\n\
                 listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
                 auth_type = any\npool_mode = transaction\ndefault_pool_size = 3\n\
                 ignore_startup_parameters = extra_float_digits\n"
            ),
        );
        let path = directory.path().join("pgbouncer.ini");
        for path in [&path, directory.path()] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let process = Command::new("/bin/sh")
            .args(["-c", SHELL, "sh"])
            .arg(&path)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let url = format!("postgres://postgres@127.0.0.1:{port}/{database}");
        until(|| TcpStream::connect(("127.0.0.1", port)).ok());
        Some(Self { process, url, _directory: directory })
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Regression: prepared statements stayed in connections that other transactions then used.
#[test]
fn works_behind_pgbouncer_in_transaction_mode() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let Some(pooler) = PgBouncer::start(&database) else { return };
    let store = Store::new(&*pooler.url);
    let settings = [("NOTIFY_URL", "http://127.0.0.1:1/"), ("NOTIFY_ON", "chat-end")];
    let listeners = thread::scope(|scope| {
        [(); 2].map(|()| scope.spawn(|| store.listener_with(&settings))).map(|l| l.join().unwrap())
    });
    deliver(&listeners, 0);
    let listeners = listeners.map(|listener| {
        assert_eq!(listener.stop().code, Some(0));
        store.listener_with(&settings)
    });
    deliver(&listeners, 200);
    let stored = store.signatures();
    assert_eq!(stored.len(), 400);
    assert!(stored.contains(&sign(&delivery(399))));
    assert_eq!(store.inbox(&["list", "--limit", "1000"]).stdout.lines().count(), 1 + 400);
    assert_eq!(outbox(&store).len(), 400);
    assert_eq!(store.inbox_with(&["replay", "1"], &settings).code, Some(0));

    let mut session = Store::new(database).session();
    assert_eq!(session.execute("UPDATE deliveries SET received_at = 0"), 400);
    let listener = store.listener_with(&settings);
    listener.line("old deliveries deleted");
    assert_eq!(store.signatures(), [""; 0]);
}

/// 200 deliveries from 20 connections.
fn deliver(listeners: &[Listener; 2], first: usize) {
    thread::scope(|scope| {
        for sender in 0..20 {
            scope.spawn(move || {
                let mut connection = listeners[sender % 2].connect();
                for number in (first + sender..first + 200).step_by(20) {
                    let body = delivery(number);
                    let answer = connection.post(&[("X-Tawk-Signature", &sign(&body))], &body);
                    assert_eq!(outcome(&answer), (200, STORED), "{number}");
                }
            });
        }
    });
}
