//! Verified deliveries with unusual bodies and event ids, none of which may be rejected.

use serde_json::Value;

use super::deliveries::{DUPLICATE, STORED, delivery, outcome};
use crate::support::{Store, sign};

/// Asserts that the exported body is `body`.
fn assert_body(stored: &Value, body: &[u8]) {
    let (text, encoding) = match str::from_utf8(body) {
        Ok(text) => (text.to_owned(), "utf-8"),
        Err(_) => (body.escape_ascii().to_string(), "escaped"),
    };
    assert_eq!(stored["body_encoding"], encoding);
    // `assert_eq` would print megabytes.
    assert!(stored["body"] == text, "expected a body of {} bytes", body.len());
    assert_eq!(stored["signature"], sign(body));
}

pub(crate) fn stores_any_verified_body(store: &Store) {
    let long = format!(r#"{{"event":"chat:end","chatId":"{}"}}"#, "é".repeat(1 << 20));
    let bodies = [
        &b""[..],
        b"\xff\xfe{\"event\":\"chat:end\"}\x80",
        b"a\0b",
        br#"{"event":"chat:end","chatId":"a\u0000b","property":{"id":"\u0000"}}"#,
        br#"{"event":"ticket:\u0000","ticket":{"id":"a\u0000b"},"property":{"id":"p"}}"#,
        br#"{"event":"chat:end","chatId":"\ud800","property":{"id":"'; DROP TABLE x --"}}"#,
        b"{\"event\":\"chat:end\",\"event\":\"chat:end\",\"chatId\":\"\xc3\xa9\r\n\"}",
        &[b'['; 100_000],
        &long.as_bytes()[..2 << 20],
    ];
    let listener = store.listener();
    for (index, body) in bodies.iter().enumerate() {
        assert_eq!(outcome(&listener.deliver(body)), (200, STORED), "body {index}");
        assert_eq!(outcome(&listener.deliver(body)), (200, DUPLICATE), "body {index}");
    }
    let stored = store.export();
    assert_eq!(stored.len(), bodies.len());
    for (stored, body) in stored.iter().zip(bodies) {
        assert_body(stored, body);
    }
}

pub(crate) fn stores_any_event_id(store: &Store) {
    let long = "i".repeat(8 * 1024);
    let event_ids =
        [&b"\xff\x80\xc3"[..], "é\t\u{202e}".as_bytes(), b"", b"'\"\\u0000", long.as_bytes()];
    let listener = store.listener();
    for (number, event_id) in event_ids.iter().enumerate() {
        let body = delivery(number);
        let (signature, length) = (sign(&body), body.len());
        let mut connection = listener.connect();
        connection.send(b"POST /tawk-webhook HTTP/1.1\r\nHost: localhost\r\nX-Hook-Event-Id: ");
        connection.send(event_id);
        connection.send(
            format!("\r\nX-Tawk-Signature: {signature}\r\nContent-Length: {length}\r\n\r\n")
                .as_bytes(),
        );
        connection.send(&body);
        assert_eq!(outcome(&connection.receive()), (200, STORED), "{event_id:?}");
    }
    let stored = store.export();
    assert_eq!(stored.len(), event_ids.len());
    for (number, stored) in stored.iter().enumerate() {
        assert_body(stored, &delivery(number));
    }
    assert_eq!(stored[0]["event_id"], r"\xff\x80\xc3");
}
