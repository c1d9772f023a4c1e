//! Old notifications, and those of channels that were removed from `NOTIFY_URL`.

use super::outbox::{are_attempted, assert_sent, deliver, outbox, outbox_when};
use super::receiver::{Receiver, status, unavailable};
use crate::support::Store;

const TWO_DAYS: u64 = 2 * 24 * 60 * 60 * 1_000;

/// Backdates a delivery by two days.
fn age(store: &Store, delivery: usize) {
    let mut session = store.session();
    for (table, column, id) in
        [("deliveries", "received_at", "id"), ("outbox", "created_at", "delivery_id")]
    {
        let sql = format!("UPDATE {table} SET {column} = {column} - {TWO_DAYS}");
        assert_eq!(session.execute(&format!("{sql} WHERE {id} = {delivery}")), 1);
    }
    session.close();
}

pub(crate) fn notifications_are_deleted_with_their_deliveries(store: &Store) {
    let receiver = Receiver::start([status("200 OK")]);
    let url = receiver.url();
    let listener = store.listener_with(&[("NOTIFY_URL", &url)]);
    deliver(&mut listener.connect(), 0..3);
    receiver.wait_for(3);
    listener.stop();
    age(store, 1);
    age(store, 2);

    let settings = [("NOTIFY_URL", &*url), ("TAWK_RETENTION_DAYS", "1")];
    let listener = store.listener_with(&settings);
    listener.line("old deliveries deleted");
    let kept = outbox(store);
    assert_eq!((kept.len(), kept[0].delivery), (1, 3), "{kept:#?}");
    // A duplicate is still recognized, and sends nothing.
    deliver(&mut listener.connect(), 0..3);
    listener.stop();
    assert_eq!(outbox(store), kept);
    assert_eq!(receiver.received().len(), 3);
}

pub(crate) fn notifications_that_waited_while_no_listener_ran_are_sent_however_old(store: &Store) {
    let receiver = Receiver::start([unavailable(), status("200 OK")]);
    let url = receiver.url();
    let listener = store.listener_with(&[("NOTIFY_URL", &url)]);
    deliver(&mut listener.connect(), [0]);
    outbox_when(store, are_attempted);
    listener.stop();
    age(store, 1);
    let mut session = store.session();
    assert_eq!(session.execute("UPDATE outbox SET due_at = created_at"), 1);
    session.close();

    let listener = store.listener_with(&[("NOTIFY_URL", &url)]);
    receiver.wait_for(2);
    listener.stop();
    assert_sent(store, 1);
}

pub(crate) fn notifications_of_a_removed_channel_fail_after_a_day(store: &Store) {
    let receiver = Receiver::start([unavailable()]);
    let listener = store.listener_with(&[("NOTIFY_URL", &receiver.url())]);
    deliver(&mut listener.connect(), [0]);
    outbox_when(store, are_attempted);
    listener.stop();
    age(store, 1);
    let mut session = store.session();
    assert_eq!(session.execute("UPDATE outbox SET due_at = created_at"), 1);
    session.close();

    let listener = store.listener();
    let failed = outbox_when(store, |notifications| notifications[0].state == "failed");
    let error = "receiver responded with 503: out_of_order; NOTIFY_URL no longer has this channel";
    assert_eq!(failed[0].error, error);
    listener.line("notifications failed: NOTIFY_URL no longer has their channel");
    listener.stop();
    assert_eq!(receiver.received().len(), 1);
}

pub(crate) fn waiting_notifications_of_a_removed_channel_are_logged_at_startup(store: &Store) {
    let receiver = Receiver::start([unavailable()]);
    let listener = store.listener_with(&[("NOTIFY_URL", &receiver.url())]);
    deliver(&mut listener.connect(), [0]);
    outbox_when(store, are_attempted);
    listener.stop();
    let listener = store.listener();
    assert!(listener.line("not in NOTIFY_URL").contains("notifications=1"));
}
