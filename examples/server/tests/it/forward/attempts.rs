//! The attempts that `inbox outbox` lists.

use super::sent::SECRET;
use crate::notify::outbox::outbox_when;
use crate::notify::receiver::{Receiver, status, unavailable};
use crate::support::{Listener, Store, payload};

/// Forwards a delivery to a receiver.
fn forward(store: &Store, receiver: &Receiver) -> Listener {
    let settings = [("FORWARD_URL", &*receiver.url()), ("FORWARD_SECRET", SECRET)];
    let listener = store.listener_with(&settings);
    assert_eq!(listener.deliver(&payload("06-chat-end")).status, 200);
    listener
}

fn execute(store: &Store, sql: &str) {
    let mut session = store.session();
    assert_eq!(session.execute(sql), 1);
    session.close();
}

pub(crate) fn lists_every_attempt_with_its_outcome(store: &Store) {
    let receiver = Receiver::start([status("500 Internal Server Error"), status("202 Accepted")]);
    let listener = forward(store, &receiver);
    let rows = outbox_when(store, |rows| rows[0].state == "sent");
    assert_eq!(rows[0].outcomes, ["receiver responded with 500", "receiver responded with 202"]);
    assert_eq!((rows[0].attempts, &*rows[0].error), (2, ""));
    listener.stop();
}

pub(crate) fn keeps_the_last_20_attempts(store: &Store) {
    let receiver = Receiver::start([unavailable()]);
    let listener = forward(store, &receiver);
    outbox_when(store, |rows| rows[0].outcomes.len() == 1);
    listener.stop();
    let attempts: Vec<_> = (1..=20)
        .map(|number| format!(r#"{{"at":{number},"millis":1,"outcome":"attempt {number}"}}"#))
        .collect();
    let history = attempts.join(",");
    execute(store, &format!("UPDATE outbox SET due_at = 0, history = '[{history}]'"));

    let settings = [("FORWARD_URL", &*receiver.url()), ("FORWARD_SECRET", SECRET)];
    let listener = store.listener_with(&settings);
    let rows = outbox_when(store, |rows| rows[0].outcomes[19] != "attempt 20");
    assert_eq!(rows[0].outcomes.len(), 20);
    assert_eq!(rows[0].outcomes[0], "attempt 2");
    assert_eq!(rows[0].outcomes[19], "receiver responded with 503");
    listener.stop();
}

pub(crate) fn an_abandoned_forward_names_its_setting(store: &Store) {
    const TWO_DAYS: u64 = 2 * 24 * 60 * 60 * 1_000;
    let receiver = Receiver::start([unavailable()]);
    let listener = forward(store, &receiver);
    let rows = outbox_when(store, |rows| rows[0].outcomes.len() == 1);
    assert!(rows[0].channel.starts_with("forward+127.0.0.1-"), "{rows:?}");
    listener.stop();
    execute(store, &format!("UPDATE outbox SET due_at = 0, created_at = created_at - {TWO_DAYS}"));

    let listener = store.listener();
    let rows = outbox_when(store, |rows| rows[0].state == "failed");
    let error = "receiver responded with 503; FORWARD_URL no longer has this channel";
    assert_eq!(rows[0].error, error);
    listener.line("notifications failed: FORWARD_URL no longer has their channel");
    let table = store.inbox(&["outbox"]).stdout;
    assert_eq!(table.matches("responded with 503").count(), 1, "{table}");
    listener.stop();
}
