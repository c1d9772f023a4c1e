//! `/metrics`: what it counts, and who may read it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::support::{Answer, Connection, Listener, Postgres, payload, sign, until};

const VERIFIED: &str = r#"tawk_requests_total{verdict="verified",reason=""}"#;

const NOTHING: [(&str, &str); 0] = [];

fn get(address: SocketAddr, path: &str, headers: &str) -> Answer {
    let mut connection = Connection::open(address);
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
    connection.send(head.as_bytes());
    connection.receive()
}

fn scrape(address: SocketAddr) -> String {
    let answer = get(address, "/metrics", "");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        answer.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    assert!(answer.body.ends_with("\n# EOF\n"), "{}", answer.body);
    answer.body
}

/// The samples by their names and labels.
fn samples(text: &str) -> BTreeMap<&str, &str> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').unwrap()).collect()
}

/// The samples that are not zero, without those that depend on how long something took.
fn counted(text: &str) -> Vec<(&str, &str)> {
    let is_timed = |name: &str| name.contains("_bucket{") || name.ends_with("_sum");
    samples(text).into_iter().filter(|(name, value)| *value != "0" && !is_timed(name)).collect()
}

fn unverified(reason: &str) -> String {
    format!(r#"tawk_requests_total{{verdict="unverified",reason="{reason}"}}"#)
}

#[test]
fn every_count_begins_at_zero() {
    assert_eq!(counted(&scrape(Listener::start(&[]).address)), NOTHING);
}

#[test]
fn each_delivery_is_counted_once_by_its_verdict_and_reason() {
    let listener = Listener::start(&[]);
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
        counted(&scrape(listener.address)),
        [
            ("tawk_body_bytes_total", &*(2 * body.len()).to_string()),
            ("tawk_commit_duration_seconds_count", "2"),
            ("tawk_duplicates_total", "1"),
            ("tawk_inbox_deliveries", "1"),
            (r#"tawk_requests_total{verdict="none",reason="body_too_large"}"#, "1"),
            (&unverified("malformed"), "1"),
            (&unverified("mismatch"), "1"),
            (&unverified("missing"), "1"),
            (VERIFIED, "2"),
            ("tawk_verification_duration_seconds_count", "6"),
        ]
    );
}

#[test]
fn what_is_observed_is_counted_as_unverified_and_its_bytes_are_not() {
    let listener = Listener::start(&[("TAWK_MODE", "observe")]);
    let body = payload("06-chat-end");
    assert_eq!(listener.deliver(&body).status, 200);
    assert_eq!(listener.post(&[], &body).status, 200);
    assert_eq!(listener.post(&[("X-Tawk-Signature", &sign(b"{}"))], &body).status, 200);
    assert_eq!(
        counted(&scrape(listener.address)),
        [
            ("tawk_body_bytes_total", &*body.len().to_string()),
            ("tawk_commit_duration_seconds_count", "1"),
            ("tawk_inbox_deliveries", "1"),
            (&unverified("mismatch"), "1"),
            (&unverified("missing"), "1"),
            (VERIFIED, "1"),
            ("tawk_verification_duration_seconds_count", "3"),
        ]
    );
}

#[test]
fn what_a_guard_refuses_is_counted_by_its_reason() {
    for (setting, reason) in [
        (("TAWK_ALLOWED_IPS", "192.0.2.0/24"), "not_allowed"),
        (("TAWK_REQUIRE_HTTPS", "true"), "not_https"),
    ] {
        let listener = Listener::start(&[setting]);
        assert_eq!(listener.deliver(b"{}").status, 403);
        let expected = format!(r#"tawk_requests_total{{verdict="none",reason="{reason}"}}"#);
        assert_eq!(counted(&scrape(listener.address)), [(&*expected, "1")]);
    }
}

#[test]
fn what_the_database_does_not_take_is_counted_and_the_size_of_the_inbox_is_left_out() {
    let Some(mut postgres) = Postgres::start() else { return };
    let listener = Listener::start(&[("DATABASE_URL", &postgres.database())]);
    assert_eq!(listener.deliver(b"{}").status, 200);
    assert_eq!(samples(&scrape(listener.address))["tawk_inbox_deliveries"], "1");

    postgres.stop();
    assert_eq!(listener.deliver(b"[]").status, 503);
    // The count is cached for a second.
    let without_count = || {
        let text = scrape(listener.address);
        (!samples(&text).contains_key("tawk_inbox_deliveries")).then_some(text)
    };
    let text = until(without_count);
    let samples = samples(&text);
    assert_eq!((samples["tawk_unavailable_total"], samples[VERIFIED]), ("1", "2"));
}

#[test]
fn events_that_are_new_are_counted() {
    let listener = Listener::start(&[]);
    for body in [&br#"{"event":"new:event"}"#[..], br#"{"event":"newer:event"}"#, b"not JSON"] {
        assert_eq!(listener.deliver(body).status, 200);
    }
    let text = scrape(listener.address);
    let samples = samples(&text);
    assert_eq!(samples["tawk_unknown_events_total"], "2");
    assert_eq!(samples["tawk_undecodable_bodies_total"], "1");
}

#[test]
fn nothing_that_is_sent_adds_a_series_or_shows_in_one() {
    let listener = Listener::start(&[]);
    let before = scrape(listener.address);
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

    let after = scrape(listener.address);
    assert!(samples(&before).keys().eq(samples(&after).keys()), "{before}\n{after}");
    let signature = sign(body);
    for text in marks.into_iter().chain([&*signature, "127.0.0.1", "tawk-webhook", "default"]) {
        assert!(!after.contains(text), "{text} in {after}");
    }
}

/// A reverse proxy on the same machine connects from loopback, whoever asked it.
#[test]
fn what_a_proxy_hands_on_is_refused() {
    let listener = Listener::start(&[("TAWK_TRUSTED_PROXIES", "127.0.0.1")]);
    for header in [
        "X-Forwarded-For: 192.0.2.7\r\n",
        "X-Forwarded-For: 127.0.0.1\r\n",
        "Forwarded: for=192.0.2.7\r\n",
        "Forwarded: for=127.0.0.1\r\n",
        "X-Real-IP: 192.0.2.7\r\n",
        "Via: 1.1 proxy\r\n",
    ] {
        let answer = get(listener.address, "/metrics", header);
        assert_eq!(answer.status, 403, "{header}");
        assert!(!answer.body.contains("tawk_"), "{answer:?}");
    }
    scrape(listener.address);
}

#[test]
fn a_port_of_their_own_has_the_metrics_and_nothing_else() {
    let listener = Listener::start(&[("METRICS_PORT", "0")]);
    let line = listener.line("metrics on http://127.0.0.1:");
    let (_, address) = line.split_once("metrics on http://").unwrap();
    let (address, _) = address.split_once("/metrics").unwrap();
    let address = address.parse().unwrap();
    assert_ne!(address, listener.address);
    assert_eq!(get(listener.address, "/metrics", "").status, 404);

    for path in ["/", "/healthz", "/readyz", "/tawk-webhook", "/metrics/"] {
        assert_eq!(get(address, path, "").status, 404, "{path}");
    }
    let signature = sign(b"{}");
    let answer = Connection::open(address).post(&[("X-Tawk-Signature", &signature)], b"{}");
    assert_eq!(answer.status, 404);
    assert_eq!(counted(&scrape(address)), NOTHING);

    assert_eq!(listener.deliver(b"{}").status, 200);
    assert_eq!(samples(&scrape(address))[VERIFIED], "1");
}
