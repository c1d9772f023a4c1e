//! Responses of the webhook.

use crate::support::{Answer, Listener, METRICS, SECRET, metrics, payload, sign, sign_with};

const OK: &str = r#"{"status":"ok"}"#;

/// An invented secret that the listener does not know.
const OTHER: &str = "0f1e2d3c4b5a69780f1e2d3c4b5a69780f1e2d3c4b5a69780f1e2d3c4b5a6978\
                     0f1e2d3c4b5a69780f1e2d3c4b5a6978";

fn assert_json(answer: &Answer, status: u16, body: &str) {
    assert_eq!((answer.status, answer.body.as_str()), (status, body));
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

fn assert_rejected(answer: &Answer) {
    assert_json(answer, 403, r#"{"detail":"Invalid signature"}"#);
}

#[test]
fn accepts_every_payload_with_its_published_signature() {
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
fn rejects_unverified_requests_with_the_same_403_for_every_reason() {
    let listener = Listener::start(&[]);
    let body = payload("06-chat-end");
    let right = sign(&body);
    let wrong = sign_with(OTHER, &body);
    assert_rejected(&listener.post(&[], &body));
    assert_rejected(&listener.post(&[("X-Tawk-Signature", &wrong)], &body));
    assert_rejected(&listener.post(&[("X-Tawk-Signature", &right[1..])], &body));
    assert_rejected(&listener.post(&[("X-Tawk-Signature", &format!("sha1={right}"))], &body));
    assert_rejected(
        &listener.post(&[("X-Tawk-Signature", &right), ("X-Tawk-Signature", &right)], &body),
    );
    assert_rejected(&listener.post(&[("X-Tawk-Signature", &right)], &body[1..]));
}

#[test]
fn observe_mode_responds_to_all_requests_with_the_same_200() {
    let listener = Listener::start(&[("TAWK_MODE", "observe")]);
    let body = payload("06-chat-end");
    assert_json(&listener.deliver(&body), 200, OK);
    assert_json(&listener.post(&[], &body), 200, OK);
    assert_json(&listener.post(&[("X-Tawk-Signature", &sign(b"other"))], &body), 200, OK);
}

#[test]
fn accepts_verified_deliveries_whatever_they_contain() {
    let listener = Listener::start(&[]);
    for body in [&b""[..], b"not JSON", b"\xff\x00", br#"{"event":"new:event"}"#, b"[1]"] {
        assert_json(&listener.deliver(body), 200, OK);
    }
}

#[test]
fn responds_to_other_methods_with_405_and_to_other_paths_with_404() {
    let listener = Listener::start(&[]);
    let mut connection = listener.connect();
    for (method, path, status) in [
        ("GET", "/tawk-webhook", 405),
        ("DELETE", "/tawk-webhook", 405),
        ("POST", "/healthz", 405),
        ("GET", "/", 404),
        ("GET", "/metrics", 404),
        ("POST", "/tawk-webhook/label/", 404),
    ] {
        assert_eq!(connection.request(method, path).status, status, "{method} {path}");
    }
    assert_json(&connection.request("GET", "/healthz"), 200, OK);
    assert_json(&connection.request("GET", "/readyz"), 200, OK);
}

#[test]
fn accepts_a_trailing_slash() {
    let listener = Listener::start(&[]);
    let signed = [("X-Tawk-Signature", &*sign(b"{}"))];
    let mut connection = listener.connect();
    assert_json(&connection.post_to("/tawk-webhook/", &signed, b"{}"), 200, OK);
    assert_eq!(connection.post_to("/tawk-webhook/", &[], b"{}").status, 403);
}

#[test]
fn requests_to_other_paths_are_logged_at_most_ten_times_a_minute_and_counted() {
    let listener = Listener::start(&[METRICS]);
    let signed = [("X-Tawk-Signature", &*sign(b"{}"))];
    let long = format!("/{}?token=hidden", "x".repeat(300));
    for path in ["/api/tawk-webhook", "/tawk", &long, "/Tawk-Webhook", "/tawk-webhook/a/b"] {
        assert_eq!(listener.connect().post_to(path, &signed, b"{}").status, 404, "{path}");
    }
    let mut connection = listener.connect();
    assert_eq!(connection.request("PUT", "/tawk-webhook").status, 405);
    for _ in 0..20 {
        assert_eq!(connection.request("GET", "/").status, 404);
    }
    let counted = metrics(&listener);
    assert!(counted.contains("\ntawk_misrouted_total 26\n"), "{counted}");
    let log = listener.stop().stdout;
    let records: Vec<_> =
        log.lines().filter(|line| line.contains("received by POST on /tawk-webhook")).collect();
    assert_eq!(records.len(), 10, "{log}");
    assert!(records[0].contains(r#"method="POST" path="/api/tawk-webhook""#), "{log}");
    assert!(records[2].contains(&format!("path=\"/{}\"", "x".repeat(199))), "{log}");
    assert!(records[5].contains(r#"method="PUT" path="/tawk-webhook""#), "{log}");
    assert!(!log.contains("hidden"), "{log}");
}

#[test]
fn a_path_with_a_label_uses_the_secret_with_this_label() {
    let names = (1..=17).map(|number| format!("shop-{number}=secret-{number}"));
    let setting = names.collect::<Vec<_>>().join(",");
    let listener = Listener::start(&[("TAWK_WEBHOOK_SECRET", &setting)]);
    listener.line("more than 16 secrets");
    let signed = |number| {
        let signature = sign_with(&format!("secret-{number}"), b"{}");
        move |path: &str| {
            listener.connect().post_to(path, &[("X-Tawk-Signature", &signature)], b"{}").status
        }
    };
    let post = signed(17);
    assert_eq!(post("/tawk-webhook/shop-17"), 200);
    for path in ["/tawk-webhook/shop-1", "/tawk-webhook/none", "/tawk-webhook", "/tawk-webhook/"] {
        assert_eq!(post(path), 403, "{path}");
    }
}

#[test]
fn an_unknown_label_is_rejected_as_a_wrong_signature_is() {
    let setting = format!("a={SECRET},b=other");
    let listener = Listener::start(&[("TAWK_WEBHOOK_SECRET", &setting)]);
    let signed = [("X-Tawk-Signature", &*sign(b"{}"))];
    let responses = ["/tawk-webhook/b", "/tawk-webhook/c"].map(|path| {
        let answer = listener.connect().post_to(path, &signed, b"{}");
        let lines = answer.head.lines().filter(|line| !line.starts_with("x-request-id"));
        let head: Vec<_> =
            lines.filter(|line| !line.starts_with("date")).map(str::to_owned).collect();
        (head, answer.body)
    });
    assert_eq!(responses[0], responses[1]);
    assert_eq!(responses[0].1, r#"{"detail":"Invalid signature"}"#);
    for path in ["/tawk-webhook", "/tawk-webhook/", "/tawk-webhook/a"] {
        assert_eq!(listener.connect().post_to(path, &signed, b"{}").status, 200, "{path}");
    }
}

#[test]
fn rejects_bodies_above_the_limit_with_413() {
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
fn rejects_a_body_that_times_out_with_408() {
    let listener = Listener::start(&[("TAWK_BODY_DEADLINE", "50ms")]);
    let mut connection = listener.connect();
    connection.begin(&[("X-Tawk-Signature", &sign(b"{}"))], 2);
    connection.send(b"{");
    assert_json(&connection.receive(), 408, r#"{"detail":"Body took too long"}"#);
}

#[test]
fn rejects_a_truncated_body_with_400() {
    let listener = Listener::start(&[]);
    let mut connection = listener.connect();
    connection.begin(&[("X-Tawk-Signature", &sign(b"{}"))], 2);
    connection.send(b"{");
    connection.end();
    assert_json(&connection.receive(), 400, r#"{"detail":"Body incomplete"}"#);
}

#[test]
fn rejects_a_head_above_64_kib_with_431() {
    const BEGINNING: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Padding: ";
    let listener = Listener::start(&[]);
    let mut connection = listener.connect();
    connection.send(format!("{BEGINNING}{}\r\n\r\n", "a".repeat(60 << 10)).as_bytes());
    assert_json(&connection.receive(), 200, OK);
    // The end of the head is not sent.
    let padding = "a".repeat((64 << 10) - BEGINNING.len());
    connection.send(format!("{BEGINNING}{padding}").as_bytes());
    assert_eq!(connection.receive().status, 431);
}

#[test]
fn verifies_with_each_of_several_secrets_and_logs_its_label() {
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
fn closes_http_2_connections() {
    let listener = Listener::start(&[]);
    let mut connection = listener.connect();
    connection.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(connection.is_ended());
}
