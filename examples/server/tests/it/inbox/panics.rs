//! A thread or task that panics is restarted.

use super::deliveries::{STORED, assert_unavailable, delivery, outcome};
use crate::support::{Store, sign, until};

const PANIC_ONCE: &str = "TAWK_PANIC_ONCE";

pub(crate) fn restarts_what_panics(store: &Store) {
    if cfg!(not(debug_assertions)) {
        return;
    }
    let listener = store.listener_with(&[(PANIC_ONCE, "store-writer"), RETENTION_OFF]);
    let answer = until(|| {
        let answer = listener.deliver(&delivery(0));
        if answer.status == 503 {
            assert_unavailable(&answer);
        }
        (answer.status == 200).then_some(answer)
    });
    assert_eq!(outcome(&answer), (200, STORED));
    listener.line("panicked; restarting");
    listener.stop();
    assert_eq!(store.signatures(), [sign(&delivery(0))]);

    if store.url.starts_with("sqlite:") {
        let listener = store.listener_with(&[(PANIC_ONCE, "store-reader"), RETENTION_OFF]);
        let mut probe = listener.connect();
        until(|| (probe.request("GET", "/readyz").status == 200).then_some(()));
        listener.line("panicked; restarting");
        listener.stop();
    }

    let mut session = store.session();
    session.execute("UPDATE deliveries SET received_at = 0");
    session.close();
    let listener = store.listener_with(&[(PANIC_ONCE, "retention")]);
    listener.line("panicked; restarting");
    listener.line("old deliveries deleted");
}

const RETENTION_OFF: (&str, &str) = ("TAWK_RETENTION_DAYS", "0");
