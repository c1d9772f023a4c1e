//! Which requests are stored, and with which columns.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::deliveries::{STORED, delivery, outcome};
use crate::support::{SECRET, Store, payloads, sign, sign_with};

const PASSWORD: &str = "Basic dGF3azppbnZlbnRlZA==";

pub(crate) fn stores_every_payload_with_its_columns_and_redacted_headers(store: &Store) {
    let listener = store.listener();
    let start = SystemTime::now();
    for (number, body) in (1..).zip(payloads()) {
        let (signature, event_id) = (sign(&body), format!("event-{number}"));
        let headers = [
            ("X-Tawk-Signature", &*signature),
            ("X-Hook-Event-Id", &event_id),
            ("Authorization", PASSWORD),
        ];
        let answer = listener.post(&headers, &body);
        assert_eq!(outcome(&answer), (200, STORED));

        // Committed before the response.
        let mut stored = store.export();
        assert_eq!(stored.len(), number);
        let mut stored = stored.pop().unwrap();
        assert_received_since(start, &stored["received_at"].take());
        let headers = stored["headers"].take();
        assert_eq!(headers["x-hook-event-id"], event_id);
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(headers["authorization"], "[redacted]");
        assert_eq!(stored, expected(number, &body));
    }
    let exported = store.inbox(&["export"]);
    assert!(!exported.stdout.contains("dGF3azp"), "{}", exported.stdout);
}

/// Returns the exported delivery without its headers and time.
fn expected(number: usize, body: &[u8]) -> Value {
    let event: Value = serde_json::from_slice(body).unwrap();
    let chat_id = event.get("chatId").unwrap_or(&event["chat"]["id"]);
    json!({
        "id": number,
        "received_at": null,
        "secret": "default",
        "signature": sign(body),
        "event_id": format!("event-{number}"),
        "event": event["event"],
        "chat_id": chat_id,
        "ticket_id": event["ticket"]["id"],
        "property_id": event["property"]["id"],
        "headers": null,
        "body": str::from_utf8(body).unwrap(),
        "body_encoding": "utf-8",
    })
}

fn assert_received_since(start: SystemTime, received_at: &Value) {
    let received = humantime::parse_rfc3339(received_at.as_str().unwrap()).unwrap();
    // Stored in milliseconds.
    assert!(received >= start - Duration::from_millis(1), "{received_at}");
    assert!(received <= SystemTime::now(), "{received_at}");
}

pub(crate) fn records_the_label_of_the_secret(store: &Store) {
    let secrets = format!("new={SECRET},old=an-invented-secret");
    let listener = store.listener_with(&[("TAWK_WEBHOOK_SECRET", &secrets)]);
    let body = delivery(0);
    for signature in [sign_with("an-invented-secret", &body), sign(&body)] {
        let answer = listener.post(&[("X-Tawk-Signature", &signature)], &body);
        // With another secret, the same body has another signature.
        assert_eq!(outcome(&answer), (200, STORED));
    }
    let stored = store.export();
    let labels: Vec<_> = stored.iter().map(|delivery| delivery["secret"].as_str()).collect();
    assert_eq!(labels, [Some("old"), Some("new")]);
}

pub(crate) fn does_not_store_unverified_requests(store: &Store) {
    let body = delivery(0);
    let wrong = sign(b"another body");
    let headers = [
        &[][..],
        &[("X-Tawk-Signature", "not-a-signature")],
        &[("X-Tawk-Signature", &wrong)],
        &[("X-Tawk-Signature", &sign(&body)), ("X-Tawk-Signature", &sign(&body))],
    ];
    for (mode, status) in [("enforce", 403), ("observe", 200)] {
        let listener = store.listener_with(&[("TAWK_MODE", mode)]);
        for headers in headers {
            assert_eq!(listener.post(headers, &body).status, status, "{headers:?}");
        }
        assert_eq!(store.export(), [Value::Null; 0], "{mode}");
    }
    // The verified request is not a duplicate of these.
    let listener = store.listener();
    assert_eq!(outcome(&listener.deliver(&body)), (200, STORED));
    assert_eq!(store.export().len(), 1);
}

pub(crate) fn is_ready_with_its_database(store: &Store) {
    let listener = store.listener();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(outcome(&listener.connect().request("GET", path)), (200, STORED), "{path}");
    }
}
