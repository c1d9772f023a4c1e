//! `--fault`: a refusal is the expected outcome.

use super::receiver::Receiver;
use super::{rows, send};
use crate::support::Listener;

#[test]
fn every_fault_is_refused_as_expected() {
    let listener = Listener::start(&[("TAWK_BODY_DEADLINE", "300ms")]);
    for (fault, status) in [
        ("missing", "403 refused, as expected"),
        ("malformed", "403 refused, as expected"),
        ("sha256", "403 refused, as expected"),
        ("repeated", "403 refused, as expected"),
        ("wrong-secret", "403 refused, as expected"),
        ("altered", "403 refused, as expected"),
        ("truncated", "400 refused, as expected"),
        ("oversize", "413 refused, as expected"),
        ("slow", "408 refused, as expected"),
        ("replay", "200 and 200 again, as expected"),
    ] {
        let sent = send(&["--url", &listener.url(), "--fault", fault, "09"]);
        assert_eq!(sent.code, Some(0), "{fault}: {sent:?}");
        let expected = ["09-transcript-attachments.json", "chat:transcript_created", status];
        assert_eq!(rows(&sent), [expected], "{fault}");
    }
}

#[test]
fn a_fault_that_is_accepted_fails() {
    let listener = Listener::start(&[("TAWK_MODE", "observe")]);
    let sent = send(&["--url", &listener.url(), "--fault", "altered", "06"]);
    assert_eq!(sent.code, Some(1), "{sent:?}");
    assert_eq!(rows(&sent)[0][2], "200 accepted; 403 was expected");
}

#[test]
fn a_replay_has_the_same_event_id_and_the_same_bytes() {
    let receiver = Receiver::start(&[200, 409]);
    let sent = send(&["--url", &receiver.url(), "--fault", "replay", "06"]);
    assert_eq!(sent.code, Some(1), "{sent:?}");
    assert_eq!(rows(&sent)[0][2], "200, then 409; 2xx was expected twice");
    let [first, again] = &receiver.received()[..] else { panic!("two deliveries") };
    assert_eq!(first.body, again.body);
    assert_eq!(first.header("x-hook-event-id"), again.header("x-hook-event-id"));
}
