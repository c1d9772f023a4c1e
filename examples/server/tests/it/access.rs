//! Which clients may deliver, over which scheme, and how many at once.
//!
//! Every peer is 127.0.0.1. As a trusted proxy it can forward requests of any client.

use crate::support::{
    Answer, Listener, METRICS, SECRET, Store, in_flight, metrics, run, sign, until,
};

const PROXY: (&str, &str) = ("TAWK_TRUSTED_PROXIES", "127.0.0.1");
const ALLOWED: (&str, &str) = ("TAWK_ALLOWED_IPS", "192.0.2.0/24, 2001:db8::/32");
const HTTPS: (&str, &str) = ("TAWK_REQUIRE_HTTPS", "true");

const NOT_ALLOWED: &str = r#"{"detail":"Not allowed"}"#;
const NOT_HTTPS: &str = r#"{"detail":"HTTPS required"}"#;
const OVERLOADED: &str = r#"{"detail":"Too many concurrent requests"}"#;

fn deliver(listener: &Listener, headers: &[(&str, &str)]) -> Answer {
    let signature = sign(b"{}");
    listener.post(&[&[("X-Tawk-Signature", &*signature)], headers].concat(), b"{}")
}

/// Sends the head of a signed delivery, and checks that it is rejected without its body.
fn assert_rejected(
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

#[test]
fn rejects_clients_that_are_not_in_the_allow_list() {
    let listener = Listener::start(&[("TAWK_ALLOWED_IPS", "127.0.0.0/8")]);
    // The header of an untrusted peer is ignored.
    assert_eq!(deliver(&listener, &[("X-Forwarded-For", "203.0.113.9")]).status, 200);

    let listener = Listener::start(&[ALLOWED]);
    assert_rejected(&listener, &[], 403, NOT_ALLOWED);
    assert_rejected(&listener, &[("X-Forwarded-For", "192.0.2.7")], 403, NOT_ALLOWED);
}

#[test]
fn takes_the_client_address_from_x_forwarded_for_of_a_trusted_proxy() {
    let listener = Listener::start(&[ALLOWED, PROXY]);
    for headers in [
        &[("X-Forwarded-For", "192.0.2.7")][..],
        &[("X-Forwarded-For", "::ffff:192.0.2.7")],
        &[("X-Forwarded-For", "[2001:db8::1]:4711")],
        &[("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-For", "192.0.2.7, 127.0.0.1")],
    ] {
        assert_eq!(deliver(&listener, headers).status, 200, "{headers:?}");
    }
    for headers in [
        &[("X-Forwarded-For", "203.0.113.9")][..],
        &[("X-Forwarded-For", "192.0.2.7, 203.0.113.9")],
        &[("X-Forwarded-For", "192.0.2.7"), ("X-Forwarded-For", "203.0.113.9")],
    ] {
        assert_rejected(&listener, headers, 403, NOT_ALLOWED);
    }
}

#[test]
fn rejects_requests_of_unknown_clients_if_there_is_an_allow_list() {
    let listener = Listener::start(&[("TAWK_ALLOWED_IPS", "0.0.0.0/0,::/0"), PROXY]);
    for headers in [
        &[][..],
        &[("X-Forwarded-For", "unknown")],
        &[("X-Forwarded-For", "192.0.2.7,")],
        &[("Forwarded", "for=192.0.2.7")],
    ] {
        assert_rejected(&listener, headers, 403, NOT_ALLOWED);
    }
    let listener = Listener::start(&[PROXY]);
    assert_eq!(deliver(&listener, &[]).status, 200);
}

#[test]
fn the_log_names_the_addresses_and_the_rule_of_a_rejected_request() {
    let listener = Listener::start(&[ALLOWED]);
    assert_rejected(&listener, &[("X-Forwarded-For", "192.0.2.9")], 403, NOT_ALLOWED);
    let record = listener.line("delivery not received");
    let reason = r#"reason="client is not in TAWK_ALLOWED_IPS""#;
    for text in [reason, "peer=127.0.0.1 client=127.0.0.1"] {
        assert!(record.contains(text), "no {text} in {record}");
    }

    let listener = Listener::start(&[("TAWK_ALLOWED_IPS", "203.0.113.0/24"), PROXY, HTTPS]);
    assert_rejected(&listener, &[("X-Forwarded-For", "192.0.2.9")], 403, NOT_ALLOWED);
    let record = listener.line("delivery not received");
    assert!(record.contains("peer=127.0.0.1 client=192.0.2.9"), "{record}");
    assert_rejected(&listener, &[("X-Forwarded-For", "unknown")], 403, NOT_ALLOWED);
    let record = listener.line("names no client");
    assert!(record.contains("peer=127.0.0.1") && !record.contains("client="), "{record}");
    assert_rejected(&listener, &[("X-Forwarded-For", "203.0.113.9")], 403, NOT_HTTPS);
    let record = listener.line("TAWK_REQUIRE_HTTPS is set");
    assert!(record.contains("peer=127.0.0.1"), "{record}");
}

#[test]
fn rejects_without_reading_the_body_and_closes_the_connection() {
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
fn rejects_plain_http_unless_a_trusted_proxy_received_https() {
    let listener = Listener::start(&[HTTPS, PROXY]);
    assert_eq!(deliver(&listener, &[("X-Forwarded-Proto", "https")]).status, 200);
    assert_rejected(&listener, &[("X-Forwarded-Proto", "http")], 403, NOT_HTTPS);
    assert_rejected(&listener, &[("X-Forwarded-Proto", "https, http")], 403, NOT_HTTPS);
    assert_rejected(&listener, &[], 403, NOT_HTTPS);

    let listener = Listener::start(&[HTTPS]);
    assert_rejected(&listener, &[("X-Forwarded-Proto", "https")], 403, NOT_HTTPS);
}

#[test]
fn the_health_check_is_open_to_all_clients() {
    let listener = Listener::start(&[ALLOWED, HTTPS]);
    assert_eq!(listener.connect().request("GET", "/healthz").status, 200);
}

/// Takes 5 s, until the delivery that waits for the database is rejected.
#[test]
fn rejects_deliveries_above_the_limit_with_503_if_all_bodies_have_arrived() {
    let store = Store::sqlite();
    let listener = store.listener_with(&[METRICS, ("TAWK_MAX_CONCURRENT", "1")]);
    let mut lock = store.session();
    lock.execute("BEGIN IMMEDIATE");
    let mut first = listener.connect();
    first.begin(&[("X-Tawk-Signature", &*sign(b"{}"))], 2);
    first.send(b"{}");
    until(|| metrics(&listener).contains("\ntawk_deliveries_in_flight 1\n").then_some(()));
    let rejected = assert_rejected(&listener, &[], 503, OVERLOADED);
    assert!(rejected.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
    assert_eq!(listener.connect().request("GET", "/healthz").status, 200);

    assert_eq!(first.receive().status, 503);
    lock.execute("ROLLBACK");
    assert_eq!(deliver(&listener, &[]).status, 200, "the permit is free again");
}

#[test]
fn a_delivery_above_the_limit_gets_the_permit_of_one_whose_body_has_not_arrived() {
    for mode in ["enforce", "observe"] {
        let listener = Listener::start(&[("TAWK_MAX_CONCURRENT", "1"), ("TAWK_MODE", mode)]);
        let mut first = in_flight(&listener);
        assert_eq!(deliver(&listener, &[]).status, 200, "{mode}");
        let answer = first.receive();
        assert_eq!((answer.status, &*answer.body), (408, r#"{"detail":"Body took too long"}"#));
        assert_eq!(answer.header("connection"), Some("close"));
        first.end();
        assert!(first.is_ended());
        assert!(listener.line("body was the slowest").contains("verdict=\"none\""));
        listener.line("TAWK_MAX_CONCURRENT is reached");
    }
}

#[test]
fn clients_that_are_not_allowed_need_no_permit() {
    let listener = Listener::start(&[ALLOWED, PROXY, ("TAWK_MAX_CONCURRENT", "1")]);
    let mut first = listener.connect();
    let signature = sign(b"{}");
    let headers = [("X-Tawk-Signature", &*signature), ("X-Forwarded-For", "192.0.2.7")];
    first.begin(&[&headers[..], &[("Expect", "100-continue")]].concat(), 2);
    assert_eq!(first.receive().status, 100);
    assert_rejected(&listener, &[], 403, NOT_ALLOWED);
    first.send(b"{}");
    assert_eq!(first.receive().status, 200);
}

#[test]
fn requests_without_a_well_formed_signature_need_no_permit() {
    let listener = Listener::start(&[("TAWK_MAX_CONCURRENT", "1")]);
    let mut first = in_flight(&listener);
    let (signature, short) = (sign(b"{}"), "sha1=00");
    let name = "X-Tawk-Signature";
    for headers in [&[][..], &[(name, short)], &[(name, &*signature), (name, &*signature)]] {
        assert_eq!(listener.post(headers, b"{}").status, 403);
        // The body does not arrive.
        listener.connect().begin(headers, 2);
    }
    first.send(b"{}");
    assert_eq!(first.receive().status, 200);
}

#[test]
fn a_truncated_body_frees_its_permit() {
    let listener = Listener::start(&[("TAWK_MAX_CONCURRENT", "1")]);
    let mut first = in_flight(&listener);
    first.end();
    assert_eq!(first.receive().status, 400);
    assert_eq!(deliver(&listener, &[]).status, 200);
}

#[test]
fn invalid_settings_are_named_in_one_line() {
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
        assert!(finished.stderr.contains(name), "no {name} in {finished:#?}");
    }
}

#[test]
fn a_huge_limit_is_as_good_as_none() {
    let max = usize::MAX.to_string();
    let listener = Listener::start(&[("TAWK_MAX_CONCURRENT", &max)]);
    assert_eq!(deliver(&listener, &[]).status, 200);
}
