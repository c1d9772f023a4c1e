//! What the access log contains of each event.

use serde_json::{Value, json};
use tower_tawk::event::Role;
use tower_tawk::test_util::{encode, samples};

use crate::support::{Finished, Listener, payload, payloads, sign};

/// The fields that do not depend on the event.
const COMMON_FIELDS: &str = "severity time target request_id method path verdict secret bytes \
                             delivery signature expected_signature headers body body_encoding json \
                             json_error";

const JSON: (&str, &str) = ("LOG_FORMAT", "json");

const LEVELS: [&str; 3] = ["summary", "payload", "full"];

/// Sends deliveries, and returns their records.
fn deliver(settings: &[(&str, &str)], bodies: &[impl AsRef<[u8]>]) -> (Vec<Value>, Finished) {
    let listener = Listener::start(settings);
    let mut connection = listener.connect();
    for body in bodies.iter().map(AsRef::as_ref) {
        let answer = connection.post(&[("X-Tawk-Signature", &sign(body))], body);
        assert_eq!(answer.status, 200);
    }
    let finished = listener.stop();
    (records(&finished), finished)
}

fn records(finished: &Finished) -> Vec<Value> {
    let lines = finished.stdout.lines().filter(|line| line.contains(r#""verdict":"#));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The fields of a record that depend on the event.
fn event_fields(record: &Value) -> Value {
    let mut fields = record.as_object().unwrap().clone();
    fields.retain(|name, _| COMMON_FIELDS.split(' ').all(|other| other != name));
    fields.into()
}

/// A payload of each kind, and its fields.
fn events() -> [(&'static str, Value); 4] {
    [
        (
            "01-chat-start-prechat-form",
            json!({
                "message": "delivery verified",
                "event": "chat:start",
                "event_time": "2024-08-15T09:12:41.307Z",
                "chat_id": "3c1f7a90-5b2e-11ef-9d41-6f0b2a8e4c17",
                "property_id": "64b1f0c29d3e7a5518c2e9d4",
                "opened_by": "visitor",
            }),
        ),
        (
            "06-chat-end",
            json!({
                "message": "delivery verified",
                "event": "chat:end",
                "event_time": "2024-09-07T15:58:27.511Z",
                "chat_id": "b7064c20-6d10-11ef-a0f2-57c8e9104d3b",
                "property_id": "64b1f0c29d3e7a5518c2e9d4",
            }),
        ),
        (
            "08-transcript",
            json!({
                "message": "delivery verified",
                "event": "chat:transcript_created",
                "event_time": "2024-09-07T16:01:30.077Z",
                "chat_id": "b7064c20-6d10-11ef-a0f2-57c8e9104d3b",
                "property_id": "64b1f0c29d3e7a5518c2e9d4",
                "opened_by": "visitor",
                "messages": 4,
                "agent_replies": 1,
            }),
        ),
        (
            "11-ticket-create-by-agent",
            json!({
                "message": "delivery verified",
                "event": "ticket:create",
                "event_time": "2024-09-12T13:07:13.512Z",
                "ticket_id": "5a0e6b70-7106-11ef-8c2d-4f9b7d1e3a60",
                "property_id": "65c9ab3417f2d80e6a4b1573",
                "opened_by": "agent",
            }),
        ),
    ]
}

#[test]
fn records_contain_the_event_and_from_payload_on_its_json() {
    let bodies = events().map(|(name, _)| payload(name));
    for level in LEVELS {
        let (records, _) = deliver(&[("TAWK_LOG", level), JSON], &bodies);
        assert_eq!(records.len(), bodies.len());
        for (record, ((name, expected), body)) in records.iter().zip(events().iter().zip(&bodies)) {
            assert_eq!(event_fields(record), *expected, "{name}");
            let json = (level != "summary").then(|| serde_json::from_slice(body).unwrap());
            assert_eq!(record.get("json"), json.as_ref(), "{name}");
            assert_eq!(record.get("body"), None, "{name}");
        }
    }
}

/// Collects all texts except ids, times and the names of events, roles and types.
fn personal_texts(value: &Value, texts: &mut Vec<String>) {
    let impersonal = ["event", "chatId", "id", "time", "t", "type"];
    match value {
        Value::Array(values) => values.iter().for_each(|value| personal_texts(value, texts)),
        Value::Object(object) => {
            let fields = object.iter().filter(|(name, _)| !impersonal.contains(&name.as_str()));
            fields.for_each(|(_, value)| personal_texts(value, texts));
        }
        Value::String(text) => texts.push(text.clone()),
        _ => {}
    }
}

#[test]
fn summaries_contain_no_personal_data() {
    let bodies = payloads();
    let (records, _) = deliver(&[("TAWK_LOG", "summary"), JSON], &bodies);
    assert_eq!(records.len(), 12);

    let mut texts = Vec::new();
    bodies.iter().for_each(|b| personal_texts(&serde_json::from_slice(b).unwrap(), &mut texts));
    // Shorter texts occur everywhere.
    texts.retain(|text| text.len() > 2);
    assert!(texts.len() > 50, "{texts:?}");
    let logged = records.iter().map(Value::to_string).collect::<String>();
    for text in texts {
        assert!(!logged.contains(&text), "{text} in {logged}");
    }
}

#[test]
fn unknown_events_are_logged_by_name() {
    for level in LEVELS {
        let body = encode(&samples::unknown("chat:rated"));
        let (records, _) = deliver(&[("TAWK_LOG", level), JSON], &[body]);
        let expected =
            json!({ "message": "delivery verified, unknown event", "event": "chat:rated" });
        assert_eq!(event_fields(&records[0]), expected);
        assert_eq!(records[0]["severity"], "INFO");
        assert_eq!(records[0].get("json").is_some(), level != "summary");
    }
}

#[test]
fn undecodable_bodies_are_logged_with_the_error() {
    let bodies = [
        r#"{"event":"chat:end","chatId":"c"}"#,
        r#"{"name":"chat:end"}"#,
        r#"["chat:end"]"#,
        "A visitor's name",
    ];
    for level in LEVELS {
        let (records, finished) = deliver(&[("TAWK_LOG", level), JSON], &bodies);
        let expected = [
            json!({
                "event": "chat:end",
                "event_error": "identifier `property.id` is missing",
            }),
            json!({ "event_error": "field `event` is missing" }),
            json!({ "event_error": "body is not a JSON object" }),
            json!({ "event_error": "body is not valid JSON" }),
        ];
        for (record, mut expected) in records.iter().zip(expected) {
            expected["message"] = "delivery verified, but not an event".into();
            assert_eq!(event_fields(record), expected);
            assert_eq!(record["severity"], "WARNING");
        }
        assert_eq!(finished.stdout.contains("A visitor"), level != "summary");
    }
}

#[test]
fn unverified_bodies_are_not_decoded() {
    let bodies = [
        encode(&samples::unknown("chat:rated")),
        "not an event".into(),
        encode(&samples::chat_start("Eve", "Hi")),
    ];
    for level in LEVELS {
        let settings = [("TAWK_MODE", "observe"), ("TAWK_LOG", level), JSON];
        let listener = Listener::start(&settings);
        for body in &bodies {
            let wrong = sign(b"another body");
            assert_eq!(listener.post(&[("X-Tawk-Signature", &wrong)], body).status, 200);
        }
        let finished = listener.stop();
        let records = records(&finished);
        assert_eq!(records.len(), 3);
        for (record, body) in records.iter().zip(&bodies) {
            assert_eq!(record["verdict"], "unverified");
            let logged = (level != "summary").then(|| str::from_utf8(body).unwrap());
            assert_eq!(record.get("body").and_then(Value::as_str), logged);
            let mut rest = event_fields(record);
            assert!(rest.as_object_mut().unwrap().remove("reason").is_some());
            assert_eq!(rest, json!({ "message": "delivery not verified" }));
            assert_eq!(record.get("json"), None);
            assert_eq!(record["bytes"].as_u64(), Some(body.len() as u64));
        }
        assert_eq!(finished.stdout.contains("Eve"), level != "summary");
    }
}

#[test]
fn events_cannot_inject_fields_lines_or_escape_sequences() {
    const HOSTILE: &str =
        "x\" verdict=\"forged\n2026-01-01T00:00:00Z INFO \u{1b}[2J\u{9b}2J\u{202e}\u{2028}\\";
    let form = format!("{HOSTILE} : {HOSTILE}").replace('\n', " ");
    let bodies = [
        samples::chat_start(HOSTILE, &form),
        samples::transcript(
            HOSTILE,
            &[(Role::Agent, HOSTILE), (Role::Other(HOSTILE.to_owned()), "")],
        ),
        samples::transcript("", &[(Role::Other(HOSTILE.to_owned()), "")]),
        samples::ticket(HOSTILE, HOSTILE, HOSTILE),
        samples::unknown(HOSTILE),
    ];
    for format in ["text", "json"] {
        let (_, finished) = deliver(&[("LOG_FORMAT", format)], &bodies.each_ref().map(encode));
        let begins = if format == "json" { "{\"severity\"" } else { "20" };
        let records = finished.stdout.lines().filter(|line| line.contains("delivery verified"));
        for record in records.clone() {
            assert!(record.starts_with(begins) && !record.starts_with("2026-01-01"), "{record}");
            let is_unprintable = |c: char| c.is_control() || "\u{2028}\u{202e}".contains(c);
            assert!(!record.contains(is_unprintable), "{record:?}");
            let verdicts =
                record.matches(" verdict=\"").count() + record.matches(",\"verdict\":").count();
            assert_eq!(verdicts, 1, "{record}");
        }
        assert_eq!(records.count(), bodies.len());
        let others = finished.stdout.lines().filter(|line| !line.starts_with(begins));
        assert_eq!(others.count(), 0, "{}", finished.stdout);
    }
}
