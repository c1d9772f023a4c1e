//! Which events send notifications, on which channels, and what they contain.

use serde_json::{Value, json};
use tower_tawk::test_util::{encode, samples};

use super::outbox::assert_sent;
use super::receiver::{Received, Receiver, status};
use crate::support::{Store, payload, payloads, sign};

const TRANSCRIPT: &str = "08-transcript";

/// Asserts that no email address and no signature is sent.
fn assert_no_secrets(Received { head, body, .. }: &Received) {
    let sent = format!("{head}{body}");
    assert!(!sent.contains('@'), "{sent}");
    for delivery in payloads() {
        assert!(!sent.contains(&sign(&delivery)), "{sent}");
    }
}

/// Asserts 64 hex digits.
fn assert_key(received: &Received) {
    let key = received.key();
    let are_digits = key.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
    assert!(key.len() == 64 && are_digits, "{key}");
}

pub(crate) fn a_reply_is_sent_once_on_every_channel_however_often_it_is_delivered(store: &Store) {
    let receiver = Receiver::start([status("200 OK")]);
    let urls = format!("{}, {}", receiver.url(), receiver.ntfy_url());
    for _ in ["first process", "second process"] {
        let listener = store.listener_with(&[("NOTIFY_URL", &urls)]);
        for _ in 0..4 {
            assert_eq!(listener.deliver(&payload(TRANSCRIPT)).status, 200);
        }
        receiver.wait_for(2);
        assert_eq!(listener.deliver(&payload(TRANSCRIPT)).status, 200);
        assert_eq!(listener.stop().code, Some(0));
        assert_sent(store, 2);
    }

    let mut received = receiver.received();
    received.sort_by(|one, other| one.path().cmp(other.path()));
    let [ntfy, slack] = &received[..] else { panic!("expected two: {received:#?}") };
    for received in [ntfy, slack] {
        assert_no_secrets(received);
        assert_key(received);
        assert_eq!(received.header("content-type"), "application/json");
        assert_eq!(received.header("host"), receiver.address.to_string());
    }
    assert_ne!(ntfy.key(), slack.key());
    assert_slack(slack);
    assert_ntfy(ntfy);
}

fn assert_slack(received: &Received) {
    assert_eq!(received.path(), "/hook");
    let text = received.body["text"].as_str().unwrap();
    assert!(text.starts_with("Ingrid Vale replied in Harbor Lane Outfitters\n"), "{text}");
    assert!(text.contains("Yes, two pairs left in brown."), "{text}");
    assert_eq!(received.body, json!({ "text": text }));
}

fn assert_ntfy(received: &Received) {
    assert_eq!(received.path(), "/");
    let mut body = received.body.clone();
    let message = body["message"].take();
    assert!(message.as_str().unwrap().contains("Yes, two pairs left in brown."), "{message}");
    assert_eq!(
        body,
        json!({
            "topic": "shop",
            "title": "Ingrid Vale replied in Harbor Lane Outfitters",
            "message": null,
            "tags": ["agent-reply"],
            "priority": 4,
            "click": "https://dashboard.tawk.to/",
        })
    );
}

/// Delivers all payloads, and returns the number of each that sent a notification, from 1, and its
/// trigger.
fn sent(store: &Store, settings: &[(&str, &str)], count: usize) -> Vec<(usize, String)> {
    let receiver = Receiver::start([status("200 OK")]);
    let url = receiver.ntfy_url();
    let listener = store.listener_with(&[&[("NOTIFY_URL", &*url)], settings].concat());
    for body in payloads() {
        assert_eq!(listener.deliver(&body).status, 200);
    }
    receiver.wait_for(count);
    listener.stop();
    assert_sent(store, count);
    let mut sent: Vec<_> = receiver.received().iter().map(number_and_trigger).collect();
    sent.sort();
    sent
}

fn number_and_trigger(received: &Received) -> (usize, String) {
    assert_no_secrets(received);
    let text = |field: &str| received.body[field].as_str().unwrap();
    let is_sent = |body: &Vec<u8>| {
        let payload: Value = serde_json::from_slice(body).unwrap();
        let ids = [&payload["chatId"], &payload["chat"]["id"], &payload["ticket"]["id"]];
        let id = ids.into_iter().find_map(Value::as_str).unwrap();
        let is_event = |verb| text("title").contains(verb);
        text("message").contains(id)
            && match payload["event"].as_str().unwrap() {
                "chat:end" => is_event("ended"),
                "chat:transcript_created" => is_event("replied") || is_event("Transcript"),
                _ => is_event("opened"),
            }
    };
    let numbered = (1..).zip(payloads());
    let sent: Vec<_> = numbered.filter(|(_, body)| is_sent(body)).collect();
    let [(number, _)] = sent[..] else { panic!("expected one: {received:?}") };
    (number, received.body["tags"][0].as_str().unwrap().to_owned())
}

fn expected(triggers: &[(&str, &[usize])]) -> Vec<(usize, String)> {
    let each = |(trigger, payloads): &(&str, &[usize])| {
        payloads.iter().map(|payload| (*payload, (*trigger).to_owned())).collect::<Vec<_>>()
    };
    let mut expected: Vec<_> = triggers.iter().flat_map(each).collect();
    expected.sort();
    expected
}

pub(crate) fn replies_and_tickets_are_sent_by_default(store: &Store) {
    let replies_and_tickets = expected(&[("agent-reply", &[4, 8, 9]), ("ticket", &[11, 12])]);
    assert_eq!(sent(store, &[], 5), replies_and_tickets);
}

#[test]
fn notify_on_selects_the_events() {
    let chats = [("NOTIFY_ON", "chat-start,chat-end,transcript")];
    assert_eq!(
        sent(&Store::sqlite(), &chats, 10),
        expected(&[
            ("chat-start", &[1, 2, 3, 4, 5]),
            ("chat-end", &[6, 7]),
            ("transcript", &[8, 9, 10]),
        ])
    );
}

#[test]
fn an_event_that_matches_two_triggers_is_sent_once() {
    let transcripts = [("NOTIFY_ON", "agent-reply,transcript")];
    assert_eq!(
        sent(&Store::sqlite(), &transcripts, 4),
        expected(&[("agent-reply", &[4, 8, 9]), ("transcript", &[10])])
    );
}

#[test]
fn an_html_email_in_a_ticket_is_quoted_as_a_mail_reader_shows_it() {
    const HTML: &str = "<html><head><title>hidden</title><style>.hidden > p {}</style></head>\
        <!--[if mso]>hidden<![endif]--><body><div style=\"display:none\">hidden</div>\
        <script>hidden()</script><p>The boots are <b>t</b>oo small.</p><p>Can I swap&nbsp;them?";
    let store = Store::sqlite();
    let receiver = Receiver::start([status("200 OK")]);
    let url = receiver.url();
    let listener = store.listener_with(&[("NOTIFY_URL", &url)]);
    let body = encode(&samples::ticket("Noor", "Boots", HTML));
    assert_eq!(listener.deliver(&body).status, 200);
    let received = receiver.wait_for(1);
    let text = received[0].body["text"].as_str().unwrap();
    assert!(text.contains("“The boots are too small. Can I swap them?”"), "{text}");
    assert!(!text.contains("hidden"), "{text}");
    listener.stop();
}
