//! Events that several webhooks of the dashboard deliver, each signed under its own secret.

use std::sync::Barrier;
use std::thread;

use super::outbox::{assert_sent, outbox, reply};
use super::receiver::{Receiver, status};
use crate::support::{Listener, SECRET, Store, payload, sign_with};

const OTHER_SECRET: &str = "another-invented-secret-0123456789abcdef";

fn secrets() -> String {
    format!("{SECRET},{OTHER_SECRET}")
}

/// Delivers a new event.
fn deliver(listener: &Listener, secret: &str, event_id: &str, body: &[u8]) {
    let signature = sign_with(secret, body);
    let headers = [("X-Tawk-Signature", &*signature), ("X-Hook-Event-Id", event_id)];
    let answer = listener.post(&headers, body);
    assert_eq!((answer.status, &*answer.body), (200, r#"{"status":"ok"}"#));
}

/// Returns the same event of the same chat with other bytes, such as a webhook of another version
/// may send.
fn spaced(body: &[u8]) -> Vec<u8> {
    [body, b"\n"].concat()
}

pub(crate) fn an_event_signed_under_two_secrets_is_notified_once(store: &Store) {
    let receiver = Receiver::start([status("200 OK")]);
    let urls = format!("{},{}", receiver.url(), receiver.ntfy_url());
    let secrets = secrets();
    let settings = [("NOTIFY_URL", &*urls), ("TAWK_WEBHOOK_SECRET", &secrets)];
    let ticket = payload("12-ticket-create-by-visitor");
    let transcript = payload("08-transcript");
    let listener = store.listener_with(&settings);
    deliver(&listener, SECRET, "ticket", &ticket);
    deliver(&listener, SECRET, "transcript", &transcript);
    receiver.wait_for(4);
    listener.stop();
    // Also after a restart.
    let listener = store.listener_with(&settings);
    deliver(&listener, OTHER_SECRET, "ticket", &ticket);
    deliver(&listener, OTHER_SECRET, "transcript", &transcript);
    deliver(&listener, OTHER_SECRET, "ticket", &spaced(&ticket));
    listener.stop();
    assert_eq!(store.export().len(), 5);
    assert_sent(store, 4);
    assert_eq!(receiver.received().len(), 4);

    // A replay is sent nevertheless.
    let listener = store.listener_with(&settings);
    let replayed = store.inbox_with(&["replay", "3"], &settings);
    assert_eq!(replayed.code, Some(0), "{replayed:?}");
    receiver.wait_for(6);
    listener.stop();
    assert_sent(store, 6);
}

pub(crate) fn concurrent_deliveries_of_an_event_are_notified_once(store: &Store) {
    let receiver = Receiver::start([status("200 OK")]);
    let (url, secrets) = (receiver.url(), secrets());
    let settings = [("NOTIFY_URL", &*url), ("TAWK_WEBHOOK_SECRET", &secrets)];
    // SQLite has a single listener.
    let count = if store.url.starts_with("sqlite:") { 1 } else { 2 };
    let listeners: Vec<_> = (0..count).map(|_| store.listener_with(&settings)).collect();
    let at_once = Barrier::new(8);
    thread::scope(|scope| {
        for number in 0..8 {
            let listener = &listeners[number / 2 % count];
            let secret = if number % 2 == 0 { SECRET } else { OTHER_SECRET };
            let at_once = &at_once;
            scope.spawn(move || {
                for event in 0..20 {
                    // A different delivery from each sender.
                    let body = [reply(event), vec![b' '; number]].concat();
                    at_once.wait();
                    deliver(listener, secret, &format!("event {event}"), &body);
                }
            });
        }
    });
    receiver.wait_for(20);
    for listener in listeners {
        listener.stop();
    }
    assert_eq!(store.export().len(), 8 * 20);
    assert_eq!(outbox(store).len(), 20);
    assert_eq!(receiver.received().len(), 20);
}

/// The id is not signed, so anyone who can delay a delivery could reuse one.
pub(crate) fn an_event_id_does_not_suppress_the_notification_of_another_event(store: &Store) {
    let receiver = Receiver::start([status("200 OK")]);
    let (url, secrets) = (receiver.url(), secrets());
    let listener = store.listener_with(&[
        ("NOTIFY_URL", &*url),
        ("TAWK_WEBHOOK_SECRET", &secrets),
        ("NOTIFY_ON", "agent-reply,chat-start,chat-end,ticket"),
    ]);
    // Three events of one chat, another chat, and a ticket.
    let events = ["03-chat-start-documented-order", "06-chat-end", "08-transcript"].map(payload);
    for body in &events {
        deliver(&listener, SECRET, "the same", body);
    }
    deliver(&listener, OTHER_SECRET, "the same", &payload("07-chat-end-anonymous"));
    deliver(&listener, OTHER_SECRET, "the same", &payload("12-ticket-create-by-visitor"));
    // Without an id nothing is the same.
    for secret in [SECRET, OTHER_SECRET] {
        deliver(&listener, secret, "", &payload("11-ticket-create-by-agent"));
    }
    receiver.wait_for(7);
    listener.stop();
    assert_sent(store, 7);
}
