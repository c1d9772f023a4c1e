//! What the listener logs of each event: what it is at every level, who said what from `payload`
//! on, and of what a stranger sent nothing but its bytes.

mod expected;

use crate::support::{Finished, Listener, payload, sign};
use expected::events;
use serde_json::{Value, json};
use tower_tawk::event::Role;
use tower_tawk::test_util::{encode, samples};

/// What a record is made of besides the event.
const OF_EVERY_RECORD: &str = "severity time target request_id method path verdict secret bytes \
                               delivery signature computed_digest headers body body_encoding json";

const JSON: (&str, &str) = ("LOG_FORMAT", "json");

/// Delivers the bodies, each of which is answered 200, and returns their records.
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

/// What a record says of the event, and no more.
fn of_event(record: &Value) -> Value {
    let mut fields = record.as_object().unwrap().clone();
    fields.retain(|name, _| OF_EVERY_RECORD.split(' ').all(|other| other != name));
    fields.into()
}

#[test]
fn a_summary_says_what_each_event_is_and_nothing_of_people() {
    let bodies = events().map(|(name, ..)| payload(name));
    let (records, finished) = deliver(&[("TAWK_LOG", "summary"), JSON], &bodies);
    for (record, (name, mut outline, said)) in records.iter().zip(events()) {
        outline["message"] = "delivery verified".into();
        assert_eq!(of_event(record), outline, "{name}");
        assert!(said.as_object().unwrap().keys().all(|field| record.get(field).is_none()));
    }
    assert_eq!(records.len(), events().len());
    assert!(!finished.stdout.contains("example.com"), "{}", finished.stdout);
}

/// Adds every text that is neither an id, a time, nor the name of an event, a role or a sort.
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
fn no_text_of_any_payload_gets_into_a_summary() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../payloads");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let bodies: Vec<_> = files.map(|path| std::fs::read(path).unwrap()).collect();
    let (records, _) = deliver(&[("TAWK_LOG", "summary"), JSON], &bodies);
    assert_eq!(records.len(), 12);

    let mut texts = Vec::new();
    bodies.iter().for_each(|b| personal_texts(&serde_json::from_slice(b).unwrap(), &mut texts));
    // Shorter ones stand everywhere.
    texts.retain(|text| text.len() > 2);
    assert!(texts.len() > 50, "{texts:?}");
    let logged = records.iter().map(Value::to_string).collect::<String>();
    for text in texts {
        assert!(!logged.contains(&text), "{text} in {logged}");
    }
}

#[test]
fn from_payload_on_a_record_says_who_said_what() {
    let bodies = events().map(|(name, ..)| payload(name));
    for level in ["payload", "full"] {
        let (records, _) = deliver(&[("TAWK_LOG", level), JSON], &bodies);
        for (record, (name, mut expected, said)) in records.iter().zip(events()) {
            expected["message"] = "delivery verified".into();
            expected.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
            assert_eq!(of_event(record), expected, "{name}");
        }
        assert_eq!(records.len(), events().len());
    }
}

#[test]
fn in_text_records_too_what_was_said_stands_in_quotes() {
    let listener = Listener::start(&[]);
    listener.deliver(&payload("08-transcript"));
    let record = listener.line("delivery verified");
    for field in [
        r#" opened_by="visitor" messages=4 agent_replies=1 "#,
        r#" person={"name":"Tomasz Wielgosz","placeholder":false,"email":"t.wielgosz@example.com"} "#,
        r#" property="Harbor Lane Outfitters" "#,
        r#" replies=[{"name":"Ingrid Vale","text":"Yes, two pairs left in brown."}] "#,
    ] {
        assert!(record.contains(field), "no {field} in {record}");
    }
}

#[test]
fn unknown_events_are_logged_by_name_and_counted() {
    for level in ["summary", "payload", "full"] {
        let bodies = ["chat:rated", "chat:moved"].map(|name| encode(&samples::unknown(name)));
        let (records, finished) = deliver(&[("TAWK_LOG", level), JSON], &bodies);
        for (record, (name, count)) in records.iter().zip([("chat:rated", 1), ("chat:moved", 2)]) {
            assert_eq!(
                of_event(record),
                json!({
                    "message": "delivery verified, an unknown event",
                    "event": name,
                    "unknown_events": count,
                })
            );
            assert_eq!(record["severity"], "INFO");
            assert_eq!(record.get("json").is_some(), level != "summary");
        }
        assert_counted(&finished, 2, 0);
    }
}

#[test]
fn undecodable_bodies_are_logged_with_what_is_wrong_and_counted() {
    let bodies = [
        r#"{"event":"chat:end","chatId":"c"}"#,
        r#"{"name":"chat:end"}"#,
        r#"["chat:end"]"#,
        "Somebody's name",
    ];
    for level in ["summary", "payload", "full"] {
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
        for (count, (record, mut expected)) in (1..).zip(records.iter().zip(expected)) {
            expected["message"] = "delivery verified, but no event".into();
            expected["undecodable_bodies"] = count.into();
            let mut of_event = of_event(record);
            of_event.as_object_mut().unwrap().remove("json_error");
            assert_eq!(of_event, expected);
            assert_eq!(record["severity"], "WARNING");
        }
        assert_eq!(finished.stdout.contains("Somebody"), level != "summary");
        assert_counted(&finished, 0, 4);
    }
}

/// What is said once, at the end.
fn assert_counted(finished: &Finished, unknown_events: u64, undecodable_bodies: u64) {
    let last: Value = serde_json::from_str(finished.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(last["message"], "stopped");
    assert_eq!(last["unknown_events"], unknown_events);
    assert_eq!(last["undecodable_bodies"], undecodable_bodies);
}

#[test]
fn what_a_stranger_sent_is_neither_read_nor_counted() {
    let bodies = [
        encode(&samples::unknown("chat:rated")),
        "no event".into(),
        encode(&samples::chat_start("Eve", "Hi")),
    ];
    for level in ["summary", "payload", "full"] {
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
            let shown = (level != "summary").then(|| str::from_utf8(body).unwrap());
            assert_eq!(record.get("body").and_then(Value::as_str), shown);
            let mut rest = of_event(record);
            assert!(rest.as_object_mut().unwrap().remove("reason").is_some());
            assert_eq!(rest, json!({ "message": "delivery not verified" }));
            assert_eq!(
                (record.get("json"), record["bytes"].as_u64()),
                (None, Some(body.len() as u64))
            );
        }
        assert_eq!(finished.stdout.contains("Eve"), level != "summary");
        assert_counted(&finished, 0, 0);
    }
}

#[test]
fn what_people_write_cannot_pass_for_a_field_a_line_or_a_command() {
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
            let commands = |c: char| c.is_control() || "\u{2028}\u{202e}".contains(c);
            assert!(!record.contains(commands), "{record:?}");
            let verdicts =
                record.matches(" verdict=\"").count() + record.matches(",\"verdict\":").count();
            assert_eq!(verdicts, 1, "{record}");
        }
        assert_eq!(records.count(), bodies.len());
        let others = finished.stdout.lines().filter(|line| !line.starts_with(begins));
        assert_eq!(others.count(), 0, "{}", finished.stdout);
    }
}
