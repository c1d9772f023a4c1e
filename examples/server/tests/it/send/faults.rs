//! `--fault`: the rejection is the expected response.

use super::receiver::Receiver;
use super::{rows, send};
use crate::support::Listener;

#[test]
fn every_fault_gets_the_expected_response() {
    let listener = Listener::start(&[("TAWK_BODY_DEADLINE", "300ms")]);
    for (fault, status) in [
        ("missing", "403 as expected"),
        ("empty", "403 as expected"),
        ("prefixed", "403 as expected"),
        ("base64", "403 as expected"),
        ("sha256", "403 as expected"),
        ("too-short", "403 as expected"),
        ("not-hex", "403 as expected"),
        ("multiple", "403 as expected"),
        ("wrong-secret", "403 as expected"),
        ("altered", "403 as expected"),
        ("truncated", "400 as expected"),
        ("oversize", "413 as expected"),
        ("slow", "408 as expected"),
        ("duplicate", "200, duplicate 200"),
    ] {
        let sent = send(&["--url", &listener.url(), "--fault", fault, "09"]);
        assert_eq!(sent.code, Some(0), "{fault}: {sent:?}");
        let expected = ["09-transcript-attachments.json", "chat:transcript_created", status];
        assert_eq!(rows(&sent), [expected], "{fault}");
    }
}

#[test]
fn fails_if_a_fault_is_accepted() {
    let listener = Listener::start(&[("TAWK_MODE", "observe")]);
    let sent = send(&["--url", &listener.url(), "--fault", "altered", "06"]);
    assert_eq!(sent.code, Some(1), "{sent:?}");
    assert_eq!(rows(&sent)[0][2], "200; expected 403");
}

#[test]
fn duplicate_has_the_same_event_id_and_bytes() {
    let receiver = Receiver::start(&[200, 409]);
    let sent = send(&["--url", &receiver.url(), "--fault", "duplicate", "06"]);
    assert_eq!(sent.code, Some(1), "{sent:?}");
    assert_eq!(rows(&sent)[0][2], "200, duplicate 409");
    let [first, duplicate] = &receiver.received()[..] else { panic!("not two requests") };
    assert_eq!(first.body, duplicate.body);
    assert_eq!(first.header("x-hook-event-id"), duplicate.header("x-hook-event-id"));
}
