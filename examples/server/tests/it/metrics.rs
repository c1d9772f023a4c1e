//! `/metrics` on `METRICS_PORT`.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::support::{
    Answer, Connection, Listener, METRICS, Postgres, metrics, metrics_address, payload, sign, until,
};

const VERIFIED: &str = r#"tawk_requests_total{verdict="verified",reason=""}"#;

fn get(address: SocketAddr, path: &str) -> Answer {
    Connection::open(address).request("GET", path)
}

/// The samples by their names and labels.
fn samples(text: &str) -> BTreeMap<&str, &str> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').unwrap()).collect()
}

/// The samples that are not zero, without those that depend on durations and on when a connection
/// is closed.
fn counted(text: &str) -> Vec<(&str, &str)> {
    let is_timed = |name: &str| {
        name.contains("_bucket{") || name.ends_with("_sum") || name == "tawk_connections"
    };
    samples(text).into_iter().filter(|(name, value)| *value != "0" && !is_timed(name)).collect()
}

fn unverified(reason: &str) -> String {
    format!(r#"tawk_requests_total{{verdict="unverified",reason="{reason}"}}"#)
}

#[test]
fn requests_are_counted_once_by_verdict_and_reason() {
    let listener = Listener::start(&[METRICS]);
    let body = payload("06-chat-end");
    assert_eq!(listener.deliver(&body).status, 200);
    assert_eq!(listener.deliver(&body).status, 200);
    assert_eq!(listener.post(&[], &body).status, 403);
    assert_eq!(listener.post(&[("X-Tawk-Signature", "sha1=00")], &body).status, 403);
    assert_eq!(listener.post(&[("X-Tawk-Signature", &sign(b"{}"))], &body).status, 403);
    let mut connection = listener.connect();
    connection.begin(&[("X-Tawk-Signature", &sign(b"{}"))], 3 << 20);
    assert_eq!(connection.receive().status, 413);

    assert_eq!(
        counted(&metrics(&listener)),
        [
            ("tawk_body_bytes_total", &*(2 * body.len()).to_string()),
            ("tawk_commit_duration_seconds_count", "2"),
            ("tawk_duplicates_total", "1"),
            ("tawk_inbox_deliveries", "1"),
            ("tawk_request_duration_seconds_count", "6"),
            (r#"tawk_requests_total{verdict="none",reason="body_too_large"}"#, "1"),
            (&unverified("malformed"), "1"),
            (&unverified("mismatch"), "1"),
            (&unverified("missing"), "1"),
            (VERIFIED, "2"),
        ]
    );
}

#[test]
fn observed_requests_are_counted_as_unverified() {
    let listener = Listener::start(&[METRICS, ("TAWK_MODE", "observe")]);
    let body = payload("06-chat-end");
    assert_eq!(listener.deliver(&body).status, 200);
    assert_eq!(listener.post(&[], &body).status, 200);
    assert_eq!(listener.post(&[("X-Tawk-Signature", &sign(b"{}"))], &body).status, 200);
    assert_eq!(
        counted(&metrics(&listener)),
        [
            ("tawk_body_bytes_total", &*body.len().to_string()),
            ("tawk_commit_duration_seconds_count", "1"),
            ("tawk_inbox_deliveries", "1"),
            ("tawk_request_duration_seconds_count", "3"),
            (&unverified("mismatch"), "1"),
            (&unverified("missing"), "1"),
            (VERIFIED, "1"),
        ]
    );
}

#[test]
fn requests_rejected_because_of_their_head_are_counted_by_reason() {
    for (setting, reason) in [
        (("TAWK_ALLOWED_IPS", "192.0.2.0/24"), "not_allowed"),
        (("TAWK_REQUIRE_HTTPS", "true"), "not_https"),
    ] {
        let listener = Listener::start(&[METRICS, setting]);
        assert_eq!(listener.deliver(b"{}").status, 403);
        let expected = format!(r#"tawk_requests_total{{verdict="none",reason="{reason}"}}"#);
        let duration = "tawk_request_duration_seconds_count";
        assert_eq!(counted(&metrics(&listener)), [(duration, "1"), (&*expected, "1")]);
    }
}

#[test]
fn deliveries_that_can_not_be_stored_are_counted_and_the_size_of_the_inbox_is_left_out() {
    let Some(mut postgres) = Postgres::start() else { return };
    let listener = Listener::start(&[METRICS, ("DATABASE_URL", &postgres.database())]);
    assert_eq!(listener.deliver(b"{}").status, 200);
    assert_eq!(samples(&metrics(&listener))["tawk_inbox_deliveries"], "1");

    postgres.stop();
    assert_eq!(listener.deliver(b"[]").status, 503);
    let text = until(|| {
        let text = metrics(&listener);
        (!samples(&text).contains_key("tawk_inbox_deliveries")).then_some(text)
    });
    let samples = samples(&text);
    assert_eq!((samples["tawk_unavailable_total"], samples[VERIFIED]), ("1", "2"));
}

#[test]
fn unknown_events_and_undecodable_bodies_are_counted() {
    let listener = Listener::start(&[METRICS]);
    for body in [&br#"{"event":"new:event"}"#[..], br#"{"event":"newer:event"}"#, b"not JSON"] {
        assert_eq!(listener.deliver(body).status, 200);
    }
    let text = metrics(&listener);
    let samples = samples(&text);
    assert_eq!(samples["tawk_unknown_events_total"], "2");
    assert_eq!(samples["tawk_undecodable_bodies_total"], "1");
}

#[test]
fn clients_can_not_add_a_series() {
    let listener = Listener::start(&[METRICS]);
    let before = metrics(&listener);
    let marks = ["mark-event-id", "mark-agent", "mark-path", "mark:event", "mark-method"];
    let body = br#"{"event":"mark:event","chatId":"mark-event-id"}"#;
    let headers = [("X-Hook-Event-Id", marks[0]), ("User-Agent", marks[1])];
    for signature in [sign(body), sign(b"{}"), "mark-event-id".to_owned()] {
        let signed = [("X-Tawk-Signature", &*signature)];
        listener.post(&[&headers[..], &signed].concat(), body);
    }
    assert_eq!(listener.post(&headers, body).status, 403);
    let mut connection = listener.connect();
    assert_eq!(connection.request("GET", "/mark-path?mark-path").status, 404);
    assert_eq!(connection.request("mark-method", "/tawk-webhook").status, 405);

    let after = metrics(&listener);
    assert!(samples(&before).keys().eq(samples(&after).keys()), "{before}\n{after}");
    let signature = sign(body);
    for text in marks.into_iter().chain([&*signature, "127.0.0.1", "tawk-webhook", "default"]) {
        assert!(!after.contains(text), "{text} in {after}");
    }
}

#[test]
fn the_metrics_port_serves_only_the_metrics() {
    let listener = Listener::start(&[METRICS]);
    let address = metrics_address(&listener);
    assert_ne!(address, listener.address);
    assert_eq!(get(listener.address, "/metrics").status, 404);

    for path in ["/", "/healthz", "/readyz", "/tawk-webhook", "/metrics/"] {
        assert_eq!(get(address, path).status, 404, "{path}");
    }
    let signature = sign(b"{}");
    let answer = Connection::open(address).post(&[("X-Tawk-Signature", &signature)], b"{}");
    assert_eq!(answer.status, 404);
    let answer = get(address, "/metrics");
    assert_eq!(counted(&answer.body), [("tawk_misrouted_total", "1")]);
    assert_eq!(
        answer.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    assert!(answer.body.ends_with("\n# EOF\n"), "{}", answer.body);

    assert_eq!(listener.deliver(b"{}").status, 200);
    assert_eq!(samples(&metrics(&listener))[VERIFIED], "1");
}
