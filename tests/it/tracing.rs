//! Logging: one event per request, which explains a rejection without leaking secrets or data.

use crate::support::mock_body::{MockBody, Step};
use crate::support::response::send;
use crate::support::{
    SECRET, block_on, capture_logs, enforce, mismatched_request, observe, request, sign,
    signed_request,
};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue};
use axum::routing::{MethodRouter, post};
use http_body_util::Full;
use tower::{BoxError, ServiceBuilder, ServiceExt};
use tower_http::map_request_body::MapRequestBodyLayer;
use tower_tawk::{
    BufferedBody, Delivery, DeliveryRejection, MissingLayer, TawkSignatureLayer, Verdict, Verified,
};

const BODY: &str = r#"{"visitor":{"email":"nadia@example.com"}}"#;

#[test]
fn logs_verified_requests_at_debug() {
    let line = log_line(enforce(), signed_request(BODY));
    assert!(line.contains("DEBUG"), "{line}");
    for field in
        [r#"verdict="verified""#, r#"secret_label="default""#, "bytes=41", "event_id=event-1"]
    {
        assert!(line.contains(field), "{line}");
    }
    assert!(!line.contains(&sign(BODY.as_bytes())[..8]), "{line}");
}

#[test]
fn logs_missing_and_malformed_signatures_at_info() {
    let mut multiple = signed_request(BODY);
    multiple.headers_mut().append("x-tawk-signature", HeaderValue::from_static("x"));
    let malformed = || request("sha1=0", full_body());
    for (layer, request, reason) in [
        (enforce(), unsigned(), "missing X-Tawk-Signature header"),
        (observe(), unsigned(), "missing X-Tawk-Signature"),
        (enforce(), multiple, "multiple"),
        (enforce(), malformed(), "has a prefix"),
        (observe(), malformed(), "has a prefix"),
    ] {
        let line = log_line(layer, request);
        assert!(line.contains("INFO") && line.contains(r#"verdict="unverified""#), "{line}");
        assert!(line.contains(reason) && line.contains("event_id=event-1"), "{line}");
    }
}

#[test]
fn logs_mismatches_and_unknown_secrets_at_warn() {
    let mismatch = || mismatched_request(full_body());
    for (layer, request, reason) in [
        (enforce(), mismatch(), "does not match the body"),
        (enforce().expose_expected_signature(), mismatch(), "does not match the body"),
        (observe(), mismatch(), "does not match the body"),
        (TawkSignatureLayer::enforce_with(|_| None), mismatch(), "no secret for this request"),
    ] {
        let line = log_line(layer, request);
        assert!(line.contains("WARN") && line.contains(reason), "{line}");
        assert!(!line.contains(&sign(BODY.as_bytes())[..8]), "{line}");
    }
}

#[test]
fn logs_incomplete_bodies_without_a_verdict() {
    let data = || Step::data("four");
    for (body, reason, bytes) in [
        (MockBody::new([data(), Step::Error("reset".into())]), "body is incomplete", "bytes=4"),
        (MockBody::new([data(), Step::Pending]), "before the deadline", "bytes=4"),
        (MockBody::new([data(), data()]), "too large", "bytes=8"),
        (MockBody::new([]).with_declared_length(9), "too large", "bytes=0"),
    ] {
        let line = log_line(enforce().body_limit(5), request(&sign(b"any"), body));
        assert!(line.contains("INFO") && line.contains(r#"verdict="none""#), "{line}");
        assert!(line.contains(reason) && line.contains(bytes), "{line}");
    }
}

#[test]
fn escapes_and_truncates_event_ids() {
    let mut request = unsigned();
    let event_id = format!("a\tb\u{1b}[31m\"{}", "x".repeat(1000));
    let event_id = event_id.replace('\u{1b}', "\u{80}");
    let event_id = HeaderValue::from_bytes(event_id.as_bytes()).unwrap();
    request.headers_mut().insert("x-hook-event-id", event_id);
    let line = log_line(enforce(), request);
    assert!(line.contains(r#"event_id=a\tb\xc2\x80[31m\"x"#), "{line}");
    assert!(line.matches('x').count() < 160, "{line}");
}

#[test]
fn logs_a_missing_layer_once_at_error() {
    let routes = [
        post(async |_: Verdict| ()),
        post(async |_: Verified<Bytes>| ()),
        post(async |_: Delivery| ()),
        // Several extractors, one of them nested.
        post(async |_: Verified<HeaderMap>, _: Verified<Verdict>, _: Verified<Delivery>| ()),
        // The handler catches the rejection and returns it.
        post(async |result: Result<Verdict, MissingLayer>| result.unwrap_err()),
        post(async |result: Result<Delivery, DeliveryRejection>| result.unwrap_err()),
    ];
    for route in routes {
        let lines = error_lines(route, signed_delivery());
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("missing TawkSignatureLayer"), "{lines:?}");
        assert!(lines[0].contains("route_layer(TawkSignatureLayer::enforce"), "{lines:?}");
    }
}

#[test]
fn logs_a_modified_body_once_at_error() {
    let into_stream = |body: BufferedBody| Body::from_stream(Body::new(body).into_data_stream());
    let stack = ServiceBuilder::new().layer(enforce()).layer(MapRequestBodyLayer::new(into_stream));
    let lines = error_lines(post(async |_: Delivery| ()).route_layer(stack), signed_delivery());
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("modified or lost its length"), "{lines:?}");
    assert!(lines[0].contains("outside of TawkSignatureLayer"), "{lines:?}");
}

#[test]
fn logs_no_error_if_the_layer_is_optional_or_applied() {
    let unsigned = || unsigned().map(Body::new);
    for (route, request) in [
        (post(async |_: Option<Verdict>| ()), signed_delivery()),
        (post(async |_: Delivery| ()).route_layer(observe()), signed_delivery()),
        (post(async |_: Delivery| ()).route_layer(observe()), unsigned()),
        (post(async |_: Verified<Bytes>| ()).route_layer(observe()), unsigned()),
    ] {
        assert!(error_lines(route, request).is_empty());
    }
}

fn full_body() -> Full<Bytes> {
    Full::from(BODY)
}

fn unsigned() -> Request<Full<Bytes>> {
    Request::post("/tawk-webhook").body(full_body()).unwrap()
}

fn signed_delivery() -> Request {
    signed_request(BODY).map(Body::new)
}

/// Sends a request through the layer and returns the one line that the crate logs.
fn log_line<B>(layer: TawkSignatureLayer, mut request: Request<B>) -> String
where
    B: http_body::Body,
    B::Error: Into<BoxError>,
{
    let event_id = HeaderValue::from_static("event-1");
    request.headers_mut().entry("x-hook-event-id").or_insert(event_id);
    let logs = capture_logs(|| drop(block_on(send(layer, request))));
    let lines: Vec<&str> = logs.lines().filter(|line| line.contains("tower_tawk")).collect();
    assert_eq!(lines.len(), 1, "{logs}");
    assert!(!logs.contains(&SECRET[..8]) && !logs.contains("nadia"), "{logs}");
    lines[0].to_owned()
}

/// Sends a request to the route and returns the lines that the crate logs at ERROR.
fn error_lines(route: MethodRouter, request: Request) -> Vec<String> {
    let app = Router::new().route("/tawk-webhook", route);
    let logs = capture_logs(|| drop(block_on(app.oneshot(request)).unwrap()));
    for sensitive in [&SECRET[..8], &sign(BODY.as_bytes())[..8], "nadia"] {
        assert!(!logs.contains(sensitive), "{logs}");
    }
    logs.lines().filter(|line| line.contains("ERROR tower_tawk")).map(str::to_owned).collect()
}
