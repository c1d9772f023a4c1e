//! The layer records one tracing event for each request, which explains and does not leak.

use crate::support::inner::answer;
use crate::support::log::Log;
use crate::support::script::{Script, Step};
use crate::support::{SECRET, request, run, secret, sign, signed};
use bytes::Bytes;
use http::{HeaderValue, Request};
use http_body_util::Full;
use tower::BoxError;
use tower_tawk::TawkSignatureLayer;

const BODY: &str = r#"{"visitor":{"email":"nadia@example.com"}}"#;

/// The one line that a request leaves at DEBUG and above.
fn logged<B>(layer: TawkSignatureLayer, mut request: Request<B>) -> String
where
    B: http_body::Body,
    B::Error: Into<BoxError>,
{
    let event_id = HeaderValue::from_static("event-1");
    request.headers_mut().entry("x-hook-event-id").or_insert(event_id);
    let text = Log::of(|| drop(run(answer(layer, request))));
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("tower_tawk")).collect();
    assert_eq!(lines.len(), 1, "{text}");
    assert!(!text.contains(&SECRET[..8]) && !text.contains("nadia"), "{text}");
    lines[0].to_owned()
}

fn enforce() -> TawkSignatureLayer {
    TawkSignatureLayer::enforce(secret())
}

fn unsigned() -> Request<Full<Bytes>> {
    Request::new(Full::from(BODY))
}

#[test]
fn a_verified_request_is_recorded_at_debug() {
    let line = logged(enforce(), signed(BODY));
    assert!(line.contains("DEBUG"), "{line}");
    for field in [r#"verdict="verified""#, r#"secret="default""#, "bytes=41", "event_id=event-1"] {
        assert!(line.contains(field), "{line}");
    }
    assert!(!line.contains(&sign(BODY.as_bytes())[..8]), "{line}");
}

#[test]
fn what_strangers_can_write_at_will_is_recorded_at_info() {
    let mut repeated = signed(BODY);
    repeated.headers_mut().append("x-tawk-signature", HeaderValue::from_static("x"));
    let malformed = || request("sha1=0", Full::from(BODY));
    for (layer, request, reason) in [
        (enforce(), unsigned(), "missing X-Tawk-Signature header"),
        (TawkSignatureLayer::observe(secret()), unsigned(), "missing X-Tawk-Signature"),
        (enforce(), repeated, "multiple"),
        (enforce(), malformed(), "has a prefix"),
        (TawkSignatureLayer::observe(secret()), malformed(), "has a prefix"),
    ] {
        let line = logged(layer, request);
        assert!(line.contains("INFO") && line.contains(r#"verdict="unverified""#), "{line}");
        assert!(line.contains(reason) && line.contains("event_id=event-1"), "{line}");
    }
}

#[test]
fn a_mismatch_and_an_unknown_secret_are_recorded_at_warn() {
    let mismatch = || request(&sign(b"another body"), Full::<Bytes>::from(BODY));
    for (layer, request, reason) in [
        (enforce(), mismatch(), "does not match the body"),
        (enforce().expose_expected_signature(), mismatch(), "does not match the body"),
        (TawkSignatureLayer::observe(secret()), mismatch(), "does not match the body"),
        (TawkSignatureLayer::enforce_with(|_| None), mismatch(), "no secret for this request"),
    ] {
        let line = logged(layer, request);
        assert!(line.contains("WARN") && line.contains(reason), "{line}");
        assert!(!line.contains(&sign(BODY.as_bytes())[..8]), "{line}");
    }
}

#[test]
fn a_body_that_does_not_arrive_is_recorded_without_a_verdict() {
    let any = |body| request(&sign(b"any"), body);
    let some = || Step::Data(Bytes::from_static(b"four"));
    for (body, reason, bytes) in [
        (Script::new([some(), Step::Break("reset".into())]), "body is incomplete", "bytes=4"),
        (Script::new([some(), Step::Wait]), "before the deadline", "bytes=4"),
        (Script::new([some(), some()]), "too large", "bytes=8"),
        (Script::new([]).declaring(9), "too large", "bytes=0"),
    ] {
        let line = logged(enforce().body_limit(5), any(body));
        assert!(line.contains("INFO") && line.contains(r#"verdict="none""#), "{line}");
        assert!(line.contains(reason) && line.contains(bytes), "{line}");
    }
}

#[test]
fn an_event_id_cannot_forge_a_line_and_is_cut() {
    let mut request = unsigned();
    let forged = format!("a\tb\u{1b}[31m\"{}", "x".repeat(1000));
    let forged = HeaderValue::from_bytes(forged.replace('\u{1b}', "\u{80}").as_bytes()).unwrap();
    request.headers_mut().insert("x-hook-event-id", forged);
    let line = logged(enforce(), request);
    assert!(line.contains(r#"event_id=a\tb\xc2\x80[31m\"x"#), "{line}");
    assert!(line.matches('x').count() < 160, "{line}");
}
