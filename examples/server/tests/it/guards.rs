//! The guards: who may deliver, over what, and how many at once.
//!
//! Here every peer is 127.0.0.1; as a trusted proxy it may speak for any client.

use crate::support::{Answer, Connection, Listener, SECRET, run, sign};

const PROXY: (&str, &str) = ("TAWK_TRUSTED_PROXIES", "127.0.0.1");
const ALLOWED: (&str, &str) = ("TAWK_ALLOWED_IPS", "192.0.2.0/24, 2001:db8::/32");
const HTTPS: (&str, &str) = ("TAWK_REQUIRE_HTTPS", "true");

const NOT_ALLOWED: &str = r#"{"detail":"Not allowed"}"#;
const OVERLOADED: &str = r#"{"detail":"Too many requests in work"}"#;
const NOT_HTTPS: &str = r#"{"detail":"HTTPS required"}"#;

fn deliver(listener: &Listener, headers: &[(&str, &str)]) -> Answer {
    let signature = sign(b"{}");
    listener.post(&[&[("X-Tawk-Signature", &*signature)], headers].concat(), b"{}")
}

/// Sends the head of a delivery that is signed, and nothing of its body.
fn assert_refused(
    listener: &Listener,
    headers: &[(&str, &str)],
    status: u16,
    body: &str,
) -> Answer {
    let mut connection = listener.connect();
    let signature = sign(b"{}");
    connection.begin(&[&[("X-Tawk-Signature", &*signature)], headers].concat(), 2);
    let answer = connection.receive();
    assert_eq!((answer.status, answer.body.as_str()), (status, body), "{headers:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("connection"), Some("close"));
    answer
}

/// A request that the listener has for certain: it asked for the body (RFC 9110, section
/// 10.1.1).
fn in_flight(listener: &Listener) -> Connection {
    let mut connection = listener.connect();
    let headers = [("X-Tawk-Signature", &*sign(b"{}")), ("Expect", "100-continue")];
    connection.begin(&headers, 2);
    assert_eq!(connection.receive().status, 100);
    connection
}

#[test]
fn a_client_that_is_allowed_gets_through_and_every_other_is_answered_403() {
    let listener = Listener::start(&[("TAWK_ALLOWED_IPS", "127.0.0.0/8")]);
    // Nobody is trusted to speak for others, so this says nothing.
    assert_eq!(deliver(&listener, &[("X-Forwarded-For", "203.0.113.9")]).status, 200);

    let listener = Listener::start(&[ALLOWED]);
    assert_refused(&listener, &[], 403, NOT_ALLOWED);
    let spoofed = [("X-Forwarded-For", "192.0.2.7"), ("Forwarded", "for=192.0.2.7")];
    assert_refused(&listener, &spoofed, 403, NOT_ALLOWED);
}

#[test]
fn behind_a_trusted_proxy_the_client_is_whom_the_proxy_names() {
    let listener = Listener::start(&[ALLOWED, PROXY]);
    for headers in [
        &[("X-Forwarded-For", "192.0.2.7")][..],
        &[("X-Forwarded-For", "::ffff:192.0.2.7")],
        &[("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-For", "192.0.2.7, 127.0.0.1")],
        &[("Forwarded", "for=\"[2001:db8::1]:4711\";proto=http")],
        &[("Forwarded", "for=192.0.2.7"), ("X-Forwarded-For", "192.0.2.7:4711")],
    ] {
        assert_eq!(deliver(&listener, headers).status, 200, "{headers:?}");
    }
    for headers in [
        &[][..],
        &[("X-Forwarded-For", "203.0.113.9")],
        &[("X-Forwarded-For", "192.0.2.7, 203.0.113.9")],
        &[("X-Forwarded-For", "192.0.2.7"), ("X-Forwarded-For", "203.0.113.9")],
        &[("X-Forwarded-For", "unknown")],
        &[("Forwarded", "for=192.0.2.7, for=_hidden")],
        &[("Forwarded", "for=192.0.2.7"), ("X-Forwarded-For", "203.0.113.9")],
    ] {
        assert_refused(&listener, headers, 403, NOT_ALLOWED);
    }
}

#[test]
fn whoever_is_refused_is_answered_before_the_body_and_told_that_the_connection_ends() {
    let listener = Listener::start(&[ALLOWED]);
    let mut connection = listener.connect();
    let headers = [("X-Tawk-Signature", &*sign(b"{}")), ("Expect", "100-continue")];
    connection.begin(&headers, 10 << 20);
    let answer = connection.receive();
    assert_eq!((answer.status, answer.body.as_str()), (403, NOT_ALLOWED));
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(connection.is_ended());
}

#[test]
fn where_https_is_required_it_is_so_by_the_word_of_a_trusted_proxy_alone() {
    let listener = Listener::start(&[HTTPS, PROXY]);
    assert_eq!(deliver(&listener, &[("X-Forwarded-Proto", "https")]).status, 200);
    assert_refused(&listener, &[("X-Forwarded-Proto", "http")], 403, NOT_HTTPS);
    assert_refused(&listener, &[("X-Forwarded-Proto", "https, http")], 403, NOT_HTTPS);
    assert_refused(&listener, &[], 403, NOT_HTTPS);

    let listener = Listener::start(&[HTTPS]);
    assert_refused(&listener, &[("X-Forwarded-Proto", "https")], 403, NOT_HTTPS);
}

#[test]
fn the_health_check_is_open_to_everybody() {
    let listener = Listener::start(&[ALLOWED, HTTPS]);
    assert_eq!(listener.connect().request("GET", "/healthz").status, 200);
}

#[test]
fn a_delivery_that_there_is_no_place_for_is_answered_503_at_once() {
    let listener = Listener::start(&[("TAWK_MAX_CONCURRENT", "1")]);
    let mut first = in_flight(&listener);
    let refused = assert_refused(&listener, &[], 503, OVERLOADED);
    assert!(refused.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
    assert_eq!(listener.connect().request("GET", "/healthz").status, 200);

    first.send(b"{}");
    assert_eq!(first.receive().status, 200);
    assert_eq!(deliver(&listener, &[]).status, 200, "there is room again");
}

#[test]
fn whoever_is_not_allowed_is_told_so_also_when_there_is_no_place() {
    let listener = Listener::start(&[ALLOWED, PROXY, ("TAWK_MAX_CONCURRENT", "1")]);
    let mut first = listener.connect();
    let signature = sign(b"{}");
    let headers = [("X-Tawk-Signature", &*signature), ("X-Forwarded-For", "192.0.2.7")];
    first.begin(&[&headers[..], &[("Expect", "100-continue")]].concat(), 2);
    assert_eq!(first.receive().status, 100);
    assert_refused(&listener, &[], 403, NOT_ALLOWED);
    assert_refused(&listener, &headers[1..], 503, OVERLOADED);
}

#[test]
fn a_client_that_breaks_off_leaves_its_place() {
    let listener = Listener::start(&[("TAWK_MAX_CONCURRENT", "1")]);
    let mut first = in_flight(&listener);
    first.end();
    assert_eq!(first.receive().status, 400);
    assert_eq!(deliver(&listener, &[]).status, 200);
}

#[test]
fn a_setting_that_cannot_be_used_is_named_in_one_line() {
    for (name, value) in [
        ("TAWK_ALLOWED_IPS", "10.0.0.0/33"),
        ("TAWK_ALLOWED_IPS", " "),
        ("TAWK_TRUSTED_PROXIES", "10.0.0.1,localhost"),
        ("TAWK_REQUIRE_HTTPS", "perhaps"),
        ("TAWK_MAX_CONCURRENT", "0"),
    ] {
        let finished = run(&[], &[("TAWK_WEBHOOK_SECRET", SECRET), (name, value)]);
        assert_eq!(finished.code, Some(2), "{finished:#?}");
        assert_eq!(finished.stdout, "");
        assert_eq!(finished.stderr.lines().count(), 1, "{finished:#?}");
        let flag = format!("--{}", name.to_lowercase().replace('_', "-"));
        assert!(finished.stderr.contains(&flag), "no {flag} in {finished:#?}");
    }
}

#[test]
fn settings_that_are_empty_or_huge_are_as_good_as_none() {
    let most = usize::MAX.to_string();
    let listener = Listener::start(&[
        ("TAWK_ALLOWED_IPS", ""),
        ("TAWK_TRUSTED_PROXIES", ""),
        ("TAWK_MAX_CONCURRENT", &most),
    ]);
    assert_eq!(deliver(&listener, &[]).status, 200);
}
