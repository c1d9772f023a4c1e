//! The access log: one record a request, as detailed as `TAWK_LOG` says.

use crate::support::{Finished, Listener, SECRET, payload, sign};
use serde_json::Value;

/// Personal data of `01-chat-start-prechat-form`.
const PERSONAL: [&str; 4] = ["Nadia", "example.com", "5550142087", "gothenburg"];

/// A body and its signature: a forgery ready to use.
fn forged() -> (Vec<u8>, String) {
    let body = payload("06-chat-end");
    let signature = sign(&body);
    (body, signature)
}

/// Sends one request of each kind, and returns their records in order.
fn records(settings: &[(&str, &str)]) -> ([String; 5], Finished) {
    let listener = Listener::start(settings);
    let (forged, _) = forged();
    let event_id = ("X-Hook-Event-Id", "event-1");
    let body = payload("01-chat-start-prechat-form");
    listener.post(&[event_id, ("X-Tawk-Signature", &sign(&body)), ("Cookie", "hidden")], &body);
    listener.post(&[event_id, ("X-Tawk-Signature", &sign(b"{}")), ("Cookie", "hidden")], &forged);
    listener.post(&[event_id], &body);
    listener.post(&[event_id, ("X-Tawk-Signature", "sha1=00")], &body);
    let mut connection = listener.connect();
    connection.begin(&[event_id, ("X-Tawk-Signature", &sign(b"{}"))], 3 << 20);
    assert_eq!(connection.receive().status, 413);

    let finished = listener.stop();
    let records: Vec<_> = finished.stdout.lines().filter(|line| line.contains("event-1")).collect();
    let records = records.into_iter().map(str::to_owned).collect::<Vec<_>>();
    (records.try_into().expect("one record a request"), finished)
}

fn assert_contains(record: &str, expected: &[&str]) {
    for text in expected {
        assert!(record.contains(text), "no {text} in {record}");
    }
}

fn assert_lacks(record: &str, unexpected: &[&str]) {
    for text in unexpected {
        assert!(!record.contains(text), "{text} in {record}");
    }
}

#[test]
fn summaries_contain_verdict_reason_event_ids_sizes_and_label_but_no_personal_data() {
    let ([verified, mismatch, missing, malformed, too_large], finished) =
        records(&[("TAWK_LOG", "summary")]);
    assert_contains(
        &verified,
        &[
            " INFO ",
            "delivery verified",
            r#"verdict="verified""#,
            r#"secret="default""#,
            "bytes=510",
            r#"event="chat:start""#,
            r#"chat_id="3c1f7a90-5b2e-11ef-9d41-6f0b2a8e4c17""#,
            r#"property_id="64b1f0c29d3e7a5518c2e9d4""#,
        ],
    );
    assert_contains(
        &mismatch,
        &[" WARN ", r#"verdict="unverified""#, "does not match", "declared_bytes=372"],
    );
    assert_contains(
        &missing,
        &[" INFO ", r#"verdict="unverified""#, "missing X-Tawk-Signature header"],
    );
    assert_contains(&malformed, &[" INFO ", r#"verdict="unverified""#, "has a prefix"]);
    assert_contains(
        &too_large,
        &[" WARN ", r#"verdict="none""#, "too large", "declared_bytes=3145728"],
    );
    assert_lacks(&finished.output(), &PERSONAL);
    assert_lacks(&finished.output(), &[&sign(b"{}"), &forged().1, "body=", "headers=", "hidden"]);
}

#[test]
fn payload_records_add_headers_body_and_signature_once() {
    let ([verified, mismatch, missing, malformed, _], finished) = records(&[]);
    assert_contains(
        &finished.stdout,
        &["personal data, and with signatures", "set TAWK_LOG=summary"],
    );
    let signature = sign(&payload("01-chat-start-prechat-form"));
    assert_contains(
        &verified,
        &[
            &format!(" signature={signature:?} "),
            r#"headers={"host":"localhost","#,
            r#""cookie":"[redacted]""#,
            r#"json={"chatId":"3c1f7a90-5b2e-11ef-9d41-6f0b2a8e4c17","visitor":"#,
        ],
    );
    assert_contains(&verified, &PERSONAL);
    assert_lacks(&verified, &["expected_signature", "body=", "json_error"]);
    assert_eq!(verified.matches("Do the rain jackets run small?").count(), 1, "{verified}");
    assert_contains(
        &mismatch,
        &[&format!("signature={:?}", sign(b"{}")), r#"headers={"host":"#, "[redacted]"],
    );
    assert_lacks(&mismatch, &["expected_signature", "body=", "json="]);
    assert_contains(&missing, &[r#"headers={"host":"#]);
    assert_contains(&malformed, &[r#""x-tawk-signature":"sha1=00""#]);
    assert_lacks(&finished.output(), &["hidden", &forged().1]);
}

#[test]
fn full_records_add_the_expected_signature_of_a_mismatch_after_a_warning() {
    let ([_, mismatch, ..], finished) = records(&[("TAWK_LOG", "full")]);
    let expected = format!("expected_signature={:?}", forged().1);
    assert_contains(&mismatch, &[&expected]);
    assert_eq!(finished.output().matches(&forged().1).count(), 1);
    let warned = finished.stdout.find("a forgery ready to use").expect("a warning at start");
    assert!(warned < finished.stdout.find("listening on").unwrap());
}

#[test]
fn observed_mismatches_are_logged_once_with_their_bodies() {
    for (level, shown) in [("summary", false), ("payload", true), ("full", true)] {
        let listener = Listener::start(&[("TAWK_MODE", "observe"), ("TAWK_LOG", level)]);
        let (body, signature) = forged();
        listener.post(&[("X-Tawk-Signature", &sign(b"{}"))], &body);
        let finished = listener.stop();
        let records: Vec<_> = finished.stdout.lines().filter(|l| l.contains("delivery ")).collect();
        let [record] = records[..] else { panic!("{records:#?}") };
        assert_contains(record, &["delivery not verified", "bytes=372"]);
        assert_lacks(record, &[" event=", "chat_id=", " json=", "body_truncated="]);
        assert_eq!(record.contains("Tomasz"), shown, "{record}");
        assert_eq!(finished.output().contains(&signature), level == "full", "{finished:#?}");
    }
}

#[test]
fn unverified_bodies_are_truncated_to_16_kib() {
    let listener = Listener::start(&[("TAWK_MODE", "observe")]);
    let body = [vec![b'a'; 16 << 10], b"rest".to_vec()].concat();
    assert_eq!(listener.post(&[], &body).status, 200);
    let record = listener.line("delivery not verified");
    assert_contains(&record, &["bytes=16388", r#"aaa" body_encoding="utf-8" body_truncated=true"#]);
    assert_lacks(&record, &["rest"]);
}

#[test]
fn verified_bodies_are_logged_as_json_or_as_text_on_one_line() {
    let listener = Listener::start(&[("LOG_FORMAT", "json")]);
    let deep = format!("{}1{}", "[".repeat(1000), "]".repeat(1000));
    let lines = "{\r\n\t\"a\": [\n1,\n\"\u{2028}\"]\n}\n";
    for (body, is_json) in [(lines, true), (r#"{"a":"\ud83d"}"#, false), (&*deep, false)] {
        listener.deliver(body.as_bytes());
        let record = listener.line(&format!("\"bytes\":{},", body.len()));
        let record: Value = serde_json::from_str(&record).unwrap();
        let (expected, logged) = if is_json {
            (serde_json::from_str(body).unwrap(), &record["json"])
        } else {
            (Value::from(body), &record["body"])
        };
        assert_eq!(*logged, expected);
        assert_eq!(record.get("json").is_some(), is_json);
        assert_eq!(record.get("body").is_some(), !is_json);
        assert_eq!(record.get("json_error").is_some(), !is_json);
    }
}

#[test]
fn verified_bodies_are_truncated_to_64_kib() {
    let listener = Listener::start(&[]);
    let body = format!(r#"{{"event":"long","pad":"{}rest"}}"#, "a".repeat(64 << 10));
    assert_eq!(listener.deliver(body.as_bytes()).status, 200);
    let record = listener.line("delivery verified");
    assert_contains(&record, &[r#"event="long""#, "body_truncated=true"]);
    assert_lacks(&record, &["rest", "json="]);
}

#[test]
fn secrets_in_the_signature_header_are_not_logged() {
    let listener = Listener::start(&[]);
    assert_eq!(listener.post(&[("X-Tawk-Signature", SECRET)], b"{}").status, 403);
    assert_contains(&listener.line("not verified"), &[r#""x-tawk-signature":"[96 bytes]""#]);
    listener.stop();
}

#[test]
fn json_records_are_one_object_a_line_for_cloud_run() {
    let ([verified, mismatch, ..], finished) = records(&[("LOG_FORMAT", "json")]);
    for line in finished.stdout.lines() {
        let object: Value = serde_json::from_str(line).unwrap();
        let severity = object["severity"].as_str().unwrap();
        assert!(["INFO", "WARNING"].contains(&severity), "{line}");
        assert!(object["time"].as_str().unwrap().ends_with('Z'), "{line}");
        assert!(object["message"].is_string(), "{line}");
    }
    let body = payload("01-chat-start-prechat-form");
    let verified: Value = serde_json::from_str(&verified).unwrap();
    assert_eq!(verified["severity"], "INFO");
    assert_eq!(verified["message"], "delivery verified");
    assert_eq!(verified["bytes"], 510);
    assert_eq!(verified["path"], "/tawk-webhook");
    assert!(verified["request_id"].is_string());
    assert_eq!(verified["headers"]["cookie"], "[redacted]");
    assert_eq!(verified["json"], serde_json::from_slice::<Value>(&body).unwrap());
    let mismatch: Value = serde_json::from_str(&mismatch).unwrap();
    assert_eq!(mismatch["severity"], "WARNING");
    assert_eq!(mismatch["verdict"], "unverified");
}

#[test]
fn unverified_requests_cannot_inject_lines_or_escape_sequences() {
    let hostile = "{\"event\":\"x\\n2026-01-01T00:00:00Z INFO forged\",\
                   \"chatId\":\"\\u001b[2J\u{9b}2J\\u2028\u{202e}\"}";
    for format in ["text", "json"] {
        let listener = Listener::start(&[("TAWK_MODE", "observe"), ("LOG_FORMAT", format)]);
        let mut connection = listener.connect();
        let id = [b'i'; 200];
        connection.send(b"POST /tawk-webhook HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\xc2\x9bb\r\n");
        connection.send(b"X-Hook-Event-Id: \xc2\x9b");
        connection.send(&id);
        connection.send(format!("\r\nContent-Length: {}\r\n\r\n", hostile.len()).as_bytes());
        connection.send(hostile.as_bytes());
        assert_eq!(connection.receive().status, 200);
        let output = listener.stop().output();
        for line in output.lines().filter(|line| !line.is_empty()) {
            let begins = if format == "json" { "{\"severity\"" } else { "20" };
            assert!(line.starts_with(begins) && !line.starts_with("2026-01-01"), "{line}");
            let is_unprintable = |c: char| c.is_control() || "\u{2028}\u{202e}".contains(c);
            assert!(!line.contains(is_unprintable), "{line:?}");
        }
        // Truncated to 128 bytes, of which the first two are escaped.
        let id = "i".repeat(126);
        let expected = match format {
            "json" => format!(r#""event_id":"\\xc2\\x9b{id}","#),
            _ => format!(r#"event_id="\\xc2\\x9b{id}" "#),
        };
        assert_contains(&output, &[&expected]);
    }
}

#[test]
fn bodies_that_are_not_text_are_escaped() {
    let listener = Listener::start(&[]);
    assert_eq!(listener.deliver(b"\xff{").status, 200);
    let record = listener.line("delivery verified");
    assert_contains(&record, &[r#"body="\\xff{""#, r#"body_encoding="escaped""#, "json_error="]);
}

#[test]
fn events_of_the_signature_layer_are_logged_only_if_rust_log_names_them() {
    for (filter, expected) in
        [("info", 0), ("", 0), (" ", 0), ("debug", 0), ("info,tower_tawk=debug", 1)]
    {
        let listener = Listener::start(&[("RUST_LOG", filter)]);
        listener.deliver(b"{}");
        let stdout = listener.stop().stdout;
        let events = stdout.lines().filter(|line| line.contains(" tower_tawk: ")).count();
        assert_eq!(events, expected, "{stdout}");
        assert_eq!(stdout.matches(" tawk_listener: delivery verified").count(), 1, "{stdout}");
    }
}

#[test]
fn queries_are_not_logged() {
    let listener = Listener::start(&[("RUST_LOG", "debug")]);
    assert_eq!(listener.connect().request("GET", "/healthz?token=hidden").status, 200);
    listener.line("/healthz");
    assert_lacks(&listener.stop().output(), &["hidden"]);
}

#[test]
fn truncated_requests_are_logged_once() {
    let listener = Listener::start(&[]);
    let mut connection = listener.connect();
    connection.begin(&[("X-Tawk-Signature", &sign(b"{}"))], 2);
    connection.send(b"{");
    drop(connection);
    let record = listener.line("delivery not received");
    assert_contains(&record, &[" INFO ", r#"verdict="none""#, "body is incomplete"]);
}

/// The limit of Google Cloud Logging.
#[test]
fn no_record_exceeds_256_kib() {
    let long = "Long ago ".repeat(80_000);
    let transcript = format!(r#"{{"event":"chat:transcript_created","x":"{long}"}}"#);
    let escaped = format!(r#"{{"x":"{}"}}"#, "\u{7f}".repeat(32_000));
    let bodies =
        [transcript.into_bytes(), escaped.into_bytes(), vec![0x01; 700_000], vec![0xff; 700_000]];
    for format in ["text", "json"] {
        let listener = Listener::start(&[("LOG_FORMAT", format)]);
        let header = "a".repeat(8_000);
        for body in &bodies {
            let signature = sign(body);
            let headers = [("X-Tawk-Signature", &*signature), ("User-Agent", &header)];
            assert_eq!(listener.post(&headers, body).status, 200);
            let other = [("X-Tawk-Signature", &*sign(b"other")), ("User-Agent", &header)];
            assert_eq!(listener.post(&other, body).status, 403);
        }
        let log = listener.stop().stdout;
        let longest = log.lines().map(str::len).max().unwrap();
        assert!((100_000..=256 * 1024).contains(&longest), "{format}: {longest}");
        assert_eq!(log.matches("body_truncated").count(), 3, "{format}");
    }
}
