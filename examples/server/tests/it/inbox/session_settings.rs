//! PostgreSQL only: defaults of the database that transactions must not rely on.

use std::thread;

use super::deliveries::{STORED, delivery, outcome};
use crate::support::{Postgres, Store};

/// Regression: a quarter of the deliveries was not stored with `repeatable read`.
#[test]
fn stores_every_delivery_whatever_the_defaults_of_the_database_are() {
    let Some(server) = Postgres::shared() else { return };
    for settings in [
        "default_transaction_isolation = 'repeatable read'",
        "default_transaction_isolation = 'serializable'",
        "default_transaction_read_only = on",
        "statement_timeout = '20ms'",
        "lock_timeout = '1ms'",
        "synchronous_commit = off",
    ] {
        let store = Store::new(server.database());
        let name = store.url.rsplit('/').next().unwrap();
        let mut session = store.session();
        session.execute(&format!("ALTER DATABASE {name} SET {settings}"));
        session.close();
        let listeners = [store.listener(), store.listener()];
        thread::scope(|scope| {
            for sender in 0..20 {
                let listener = &listeners[sender % 2];
                scope.spawn(move || {
                    let mut connection = listener.connect();
                    for number in (0..600).skip(sender).step_by(20) {
                        let body = delivery(number);
                        let headers = [("X-Tawk-Signature", &*crate::support::sign(&body))];
                        let answer = connection.post(&headers, &body);
                        assert_eq!(outcome(&answer), (200, STORED), "{settings} {number}");
                    }
                });
            }
        });
        assert_eq!(store.signatures().len(), 600, "{settings}");
    }
}

/// With a `lock_timeout` or a tiny `statement_timeout`, a lock would end the transaction.
#[test]
fn waits_for_a_lock_whatever_the_timeouts_of_the_database_are() {
    let Some(server) = Postgres::shared() else { return };
    for setting in ["statement_timeout = '50ms'", "lock_timeout = '50ms'"] {
        let store = Store::new(server.database());
        let name = store.url.rsplit('/').next().unwrap();
        let mut session = store.session();
        session.execute(&format!("ALTER DATABASE {name} SET {setting}"));
        let listener = store.listener();
        session.execute("BEGIN; LOCK TABLE deliveries IN SHARE MODE");
        thread::scope(|scope| {
            let answer = scope.spawn(|| listener.deliver(&delivery(0)));
            thread::sleep(std::time::Duration::from_millis(500));
            session.execute("COMMIT");
            assert_eq!(outcome(&answer.join().unwrap()), (200, STORED), "{setting}");
        });
    }
}
