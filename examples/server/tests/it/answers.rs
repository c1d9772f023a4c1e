//! What the listener answers, to whom.

use crate::support::{Answer, Listener, SECRET, payload, sign, sign_with};

const OK: &str = r#"{"status":"ok"}"#;

/// An invented secret that the listener does not know.
const OTHER: &str = "0f1e2d3c4b5a69780f1e2d3c4b5a69780f1e2d3c4b5a69780f1e2d3c4b5a6978\
                     0f1e2d3c4b5a69780f1e2d3c4b5a6978";

fn assert_json(answer: &Answer, status: u16, body: &str) {
    assert_eq!((answer.status, answer.body.as_str()), (status, body));
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

fn assert_refused(answer: &Answer) {
    assert_json(answer, 403, r#"{"detail":"Invalid signature"}"#);
}

#[test]
fn every_payload_with_its_published_signature_is_answered_200() {
    let listener = Listener::start(&[]);
    let signatures = include_str!("../../../payloads/SIGNATURES.tsv");
    let rows: Vec<Vec<_>> = signatures
        .lines()
        .skip_while(|line| line.starts_with('#'))
        .skip(1)
        .map(|line| line.split('\t').collect())
        .collect();
    assert_eq!(rows.len(), 12);
    let mut connection = listener.connect();
    for row in rows {
        let body = payload(row[0].trim_end_matches(".json"));
        assert_json(&connection.post(&[("X-Tawk-Signature", row[2])], &body), 200, OK);
    }
    assert_eq!(listener.stop().code, Some(0));
}

#[test]
fn what_is_not_verified_is_answered_403_whatever_the_reason() {
    let listener = Listener::start(&[]);
    let body = payload("06-chat-end");
    let right = sign(&body);
    let wrong = sign_with(OTHER, &body);
    assert_refused(&listener.post(&[], &body));
    assert_refused(&listener.post(&[("X-Tawk-Signature", &wrong)], &body));
    assert_refused(&listener.post(&[("X-Tawk-Signature", &right[1..])], &body));
    assert_refused(&listener.post(&[("X-Tawk-Signature", &format!("sha1={right}"))], &body));
    assert_refused(
        &listener.post(&[("X-Tawk-Signature", &right), ("X-Tawk-Signature", &right)], &body),
    );
    assert_refused(&listener.post(&[("X-Tawk-Signature", &right)], &body[1..]));
}

#[test]
fn observing_answers_200_to_everybody_in_the_same_words() {
    let listener = Listener::start(&[("TAWK_MODE", "observe")]);
    let body = payload("06-chat-end");
    assert_json(&listener.deliver(&body), 200, OK);
    assert_json(&listener.post(&[], &body), 200, OK);
    assert_json(&listener.post(&[("X-Tawk-Signature", &sign(b"other"))], &body), 200, OK);
}

#[test]
fn a_verified_delivery_is_answered_200_whatever_it_says() {
    let listener = Listener::start(&[]);
    for body in [&b""[..], b"not JSON", b"\xff\x00", br#"{"event":"new:event"}"#, b"[1]"] {
        assert_json(&listener.deliver(body), 200, OK);
    }
}

#[test]
fn other_methods_are_405_other_paths_404_and_the_health_check_needs_no_signature() {
    let listener = Listener::start(&[]);
    let mut connection = listener.connect();
    assert_eq!(connection.request("GET", "/tawk-webhook").status, 405);
    assert_eq!(connection.request("DELETE", "/tawk-webhook").status, 405);
    assert_eq!(connection.request("POST", "/healthz").status, 405);
    assert_eq!(connection.request("GET", "/").status, 404);
    assert_eq!(connection.request("POST", "/tawk-webhook/").status, 404);
    assert_json(&connection.request("GET", "/healthz"), 200, OK);
}

#[test]
fn a_delivery_of_3_mib_is_taken_under_a_limit_of_4_mib_and_answered_413_under_the_default() {
    let mut body = payload("08-transcript");
    body.resize(3 << 20, b' ');
    let listener = Listener::start(&[("TAWK_BODY_LIMIT", "4MiB"), ("TAWK_LOG", "summary")]);
    assert_json(&listener.deliver(&body), 200, OK);
    assert!(listener.stop().stdout.contains("bytes=3145728"));

    let listener = Listener::start(&[]);
    let mut connection = listener.connect();
    connection.begin(&[("X-Tawk-Signature", &sign(&body))], body.len());
    assert_json(&connection.receive(), 413, r#"{"detail":"Body too large"}"#);
}

#[test]
fn a_body_that_does_not_come_in_time_is_answered_408() {
    let listener = Listener::start(&[("TAWK_BODY_DEADLINE", "50ms")]);
    let mut connection = listener.connect();
    connection.begin(&[("X-Tawk-Signature", &sign(b"{}"))], 2);
    connection.send(b"{");
    assert_json(&connection.receive(), 408, r#"{"detail":"Body took too long"}"#);
}

#[test]
fn a_body_that_breaks_off_is_answered_400() {
    let listener = Listener::start(&[]);
    let mut connection = listener.connect();
    connection.begin(&[("X-Tawk-Signature", &sign(b"{}"))], 2);
    connection.send(b"{");
    connection.end();
    assert_json(&connection.receive(), 400, r#"{"detail":"Body incomplete"}"#);
}

#[test]
fn each_of_several_secrets_verifies_and_is_logged_by_its_label() {
    let secrets = format!("new={OTHER},{SECRET},b=c2VjcmV0LXRleHQ==");
    let listener = Listener::start(&[("TAWK_WEBHOOK_SECRET", &secrets), ("TAWK_LOG", "summary")]);
    for (secret, label) in [(OTHER, "new"), (SECRET, "default"), ("c2VjcmV0LXRleHQ==", "b")] {
        let signature = sign_with(secret, b"{}");
        let answer = listener.post(&[("X-Tawk-Signature", &signature)], b"{}");
        assert_json(&answer, 200, OK);
        listener.line(&format!("secret={label:?}"));
    }
    let output = listener.stop().output();
    assert!(!output.contains(OTHER) && !output.contains("c2Vj"), "{output}");
}

#[test]
fn http_2_is_spoken_too() {
    let listener = Listener::start(&[]);
    let mut connection = listener.connect();
    // The preface and an empty SETTINGS frame (RFC 9113, sections 3.4 and 6.5).
    connection.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    connection.send(&[0, 0, 0, 4, 0, 0, 0, 0, 0]);
    let head = connection.read::<9>();
    assert_eq!((head[0], head[1], head[3]), (0, 0, 4), "a SETTINGS frame");
    let settings: Vec<_> = (0..head[2] / 6).map(|_| connection.read::<6>()).collect();
    assert!(settings.contains(&[0, 3, 0, 0, 0, 16]), "16 streams at most: {settings:?}");
}

#[test]
fn a_head_of_more_than_64_kib_is_answered_431() {
    const BEGINNING: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Padding: ";
    let listener = Listener::start(&[]);
    let mut connection = listener.connect();
    connection.send(format!("{BEGINNING}{}\r\n\r\n", "a".repeat(60 << 10)).as_bytes());
    assert_json(&connection.receive(), 200, OK);
    // Its end is still to come.
    let padding = "a".repeat((64 << 10) - BEGINNING.len());
    connection.send(format!("{BEGINNING}{padding}").as_bytes());
    assert_eq!(connection.receive().status, 431);
}
