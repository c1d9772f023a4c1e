//! What is old.

use super::commands::{is_settled, waiting};
use super::deliveries::deliver;
use super::outbox::{assert_sent, outbox, outbox_when};
use super::receiver::{Receiver, Reply, status};
use crate::support::Store;

const TWO_DAYS: u64 = 2 * 24 * 60 * 60 * 1_000;

/// Makes a delivery seem to have come two days ago.
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

pub(crate) fn notifications_go_with_their_deliveries(store: &Store) {
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
    // A repeat is known all the same, and tells nobody.
    deliver(&mut listener.connect(), 0..3);
    listener.stop();
    assert_eq!(outbox(store), kept);
    assert_eq!(receiver.received().len(), 3);
}

pub(crate) fn what_waited_while_nobody_listened_is_told_however_old_it_is(store: &Store) {
    let headers = vec!["retry-after: 3600\r\n".to_owned()];
    let busy = Reply::Answer("503 Service Unavailable", headers, "");
    let receiver = Receiver::start([busy, status("200 OK")]);
    let url = receiver.url();
    let listener = store.listener_with(&[("NOTIFY_URL", &url)]);
    deliver(&mut listener.connect(), [0]);
    outbox_when(store, is_settled);
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

pub(crate) fn what_waits_for_an_address_that_is_gone_fails(store: &Store) {
    let receiver = waiting();
    let listener = store.listener_with(&[("NOTIFY_URL", &receiver.url())]);
    deliver(&mut listener.connect(), [0]);
    outbox_when(store, is_settled);
    listener.stop();
    age(store, 1);
    let mut session = store.session();
    assert_eq!(session.execute("UPDATE outbox SET due_at = created_at"), 1);
    session.close();

    let listener = store.listener();
    let failed = outbox_when(store, |notifications| notifications[0].state == "failed");
    let why = "the receiver answered 503: out of order; NOTIFY_URL no longer has this channel";
    assert_eq!(failed[0].why, why);
    listener.line("notifications failed: NOTIFY_URL no longer has their channel");
    listener.stop();
    assert_eq!(receiver.received().len(), 1);
}

pub(crate) fn what_waits_for_an_address_that_has_left_is_said_at_the_start(store: &Store) {
    let receiver = waiting();
    let listener = store.listener_with(&[("NOTIFY_URL", &receiver.url())]);
    deliver(&mut listener.connect(), [0]);
    outbox_when(store, is_settled);
    listener.stop();
    let listener = store.listener();
    assert!(listener.line("not in NOTIFY_URL").contains("notifications=1"));
}
