//! PostgreSQL only: several listeners share a database, and the server stops and restarts.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::deliveries::{DUPLICATE, STORED, assert_unavailable, delivery, outcome};
use crate::support::{Connection, Listener, Postgres, SECRET, Store, run, sign};

/// Sends the same delivery to both, and returns the bodies of the responses.
fn at_once(connections: &mut [Connection; 2], body: &[u8]) -> [String; 2] {
    for connection in &mut *connections {
        connection.begin(&[("X-Tawk-Signature", &sign(body))], body.len());
    }
    for connection in &mut *connections {
        connection.send(body);
    }
    connections.each_mut().map(|connection| {
        let answer = connection.receive();
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    })
}

#[test]
fn two_listeners_store_500_concurrent_duplicates_once() {
    let Some(store) = Store::postgres() else { return };
    // They also start concurrently, on a database without tables.
    let listeners = thread::scope(|scope| {
        [(); 2].map(|()| scope.spawn(|| store.listener())).map(|started| started.join().unwrap())
    });
    let next = AtomicUsize::new(0);
    let deliver = || {
        let mut connections = listeners.each_ref().map(Listener::connect);
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= 500 {
                return;
            }
            let mut answers = at_once(&mut connections, &delivery(number));
            answers.sort_unstable();
            assert_eq!(answers, [DUPLICATE, STORED], "{number}");
        }
    };
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(deliver);
        }
    });
    let stored = store.signatures();
    assert_eq!(stored.len(), 500);
    assert_eq!(
        stored.into_iter().collect::<HashSet<_>>(),
        (0..500).map(|number| sign(&delivery(number))).collect()
    );
}

#[test]
fn responds_with_503_while_the_server_is_down_and_recovers() {
    let Some(mut server) = Postgres::start() else { return };
    let store = Store::new(server.database());
    let listener = store.listener();
    assert_eq!(outcome(&listener.deliver(&delivery(0))), (200, STORED));

    server.stop();
    assert_eq!(listener.connect().request("GET", "/healthz").status, 200);
    thread::scope(|scope| {
        for number in 0..4 {
            let listener = &listener;
            scope.spawn(move || assert_unavailable(&listener.deliver(&delivery(number))));
        }
        scope.spawn(|| assert_unavailable(&listener.connect().request("GET", "/readyz")));
    });

    server.resume();
    assert_eq!(outcome(&listener.deliver(&delivery(0))), (200, DUPLICATE));
    assert_eq!(outcome(&listener.deliver(&delivery(4))), (200, STORED));
    for number in 1..4 {
        // It may have been stored since. A 503 does not exclude that.
        assert_eq!(listener.deliver(&delivery(number)).status, 200);
    }
    let mut stored = store.signatures();
    stored.sort_unstable();
    let mut expected = [0, 1, 2, 3, 4].map(|number| sign(&delivery(number)));
    expected.sort_unstable();
    assert_eq!(stored, expected);
    listener.stop();
}

/// Regression: nothing was written for a duplicate, so that its commit did not wait. Once the
/// standby was promoted, the delivery was lost.
#[test]
fn acknowledges_a_duplicate_once_a_synchronous_standby_has_it() {
    const NEXT_ID: &str = "SET synchronous_commit = local; \
                           SELECT nextval(pg_get_serial_sequence('deliveries', 'id'))";
    let Some(mut server) = Postgres::start() else { return };
    let store = Store::new(server.database());
    let listener = store.listener();
    assert_eq!(outcome(&listener.deliver(&delivery(0))), (200, STORED));
    store.session().execute("ALTER SYSTEM SET synchronous_standby_names = 'missing'");
    server.stop();
    server.resume();
    let mut session = store.session();
    // The first id after a crash is written to the log, the next ones are not.
    session.execute(NEXT_ID);
    assert_unavailable(&listener.deliver(&delivery(0)));

    session.execute("ALTER SYSTEM RESET synchronous_standby_names");
    session.execute("SELECT pg_reload_conf()");
    assert_eq!(outcome(&listener.deliver(&delivery(0))), (200, DUPLICATE));
}

/// Regression: connecting to the first host took all of the time.
#[cfg(target_os = "linux")]
#[test]
fn uses_the_next_host_if_one_does_not_answer() {
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    let Some(server) = Postgres::shared() else { return };
    // Linux drops connections while the queue of a listening socket is full.
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = gone.local_addr().unwrap();
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(100)).ok();
    let _queue: Vec<_> = std::iter::from_fn(connect).collect();

    let hosts = format!("@{address},");
    let options = "?target_session_attrs=read-write";
    let store = Store::new(server.database().replace('@', &hosts) + options);
    let listener = store.listener();
    assert_eq!(outcome(&listener.deliver(&delivery(0))), (200, STORED));
    assert_eq!(store.signatures(), [sign(&delivery(0))]);
}

#[test]
fn rejects_a_database_with_another_encoding_at_startup() {
    let Some(server) = Postgres::shared() else { return };
    let url = server.database_with("ENCODING 'LATIN1' TEMPLATE template0");
    let settings = [("DATABASE_URL", &*url), ("TAWK_WEBHOOK_SECRET", SECRET), ("PORT", "0")];
    let finished = run(&[], &settings);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(finished.stderr.contains("create one with the encoding UTF8"), "{finished:?}");
}
