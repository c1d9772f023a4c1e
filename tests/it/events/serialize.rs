//! `Serialize` writes the documented format.

use serde_json::{Value, json};
use tower_tawk::event::Event;

use super::documents::{chat_start, decode, documents, transcript_created, with};
use super::payloads::payloads;

#[test]
fn a_serialized_event_decodes_to_the_same_event() {
    let documents = documents().map(|document| document.to_string().into_bytes());
    for body in payloads().into_iter().map(|(_, body)| body).chain(documents) {
        let event = decode(&body);
        assert_eq!(decode(serde_json::to_vec(&event).unwrap()), event);
    }
}

#[test]
fn payloads_serialize_to_their_own_format_without_empty_fields() {
    for (name, body) in payloads() {
        let mut document: Value = serde_json::from_slice(&body).unwrap();
        remove_empty(&mut document);
        assert_eq!(serde_json::to_value(decode(&body)).unwrap(), document, "{name}");
    }
}

#[test]
fn documents_with_every_field_serialize_to_their_own_format() {
    for document in documents() {
        assert_eq!(serde_json::to_value(decode(document.to_string())).unwrap(), document);
    }
}

#[test]
fn missing_fields_are_not_serialized() {
    let start = |message| {
        let property = json!({"id": "p"});
        json!({"event": "chat:start", "chatId": "c", "property": property, "message": message})
    };
    let transcript = |messages| {
        let chat = json!({"id": "c", "messages": messages});
        json!({"event": "chat:transcript_created", "property": {"id": "p"}, "chat": chat})
    };
    for document in [
        start(json!({})),
        start(json!({"type": "msg"})),
        json!({"event": "chat:end", "chatId": "c", "property": {"id": "p"}}),
        json!({"event": "chat:end", "chatId": "c", "property": {"id": "p"}, "visitor": {}}),
        transcript(json!([])),
        transcript(json!([{}, {"sender": {}}])),
        json!({"event": "ticket:create", "property": {"id": "p"}, "ticket": {"id": "t"}}),
    ] {
        assert_eq!(serde_json::to_value(decode(document.to_string())).unwrap(), document);
    }
}

#[test]
fn unknown_values_are_serialized_as_they_were_sent() {
    let start = with(&chat_start(), "/message/type", json!("poll"));
    let start = with(&start, "/message/sender/type", json!("v"));
    let transcript = with(&transcript_created(), "/chat/messages/0/sender/t", json!("visitor"));
    for document in [start, transcript] {
        assert_eq!(serde_json::to_value(decode(document.to_string())).unwrap(), document);
    }
}

#[test]
fn an_unknown_event_serializes_to_its_own_text() {
    for text in [
        r#"{"event":"contact:merge"}"#,
        r#"{ "x" : 1e400, "\ud83d":"\ud83d", "event": "contact:merge", "x": 1.50 }"#,
    ] {
        assert_eq!(serde_json::to_string(&decode(text)).unwrap(), text);
    }
}

#[test]
fn an_unknown_event_that_value_cannot_represent_is_an_error() {
    for odd in [r#""\ud83d""#, "1e400"] {
        let event = decode(format!(r#"{{"event":"contact:merge","x":{odd}}}"#));
        assert!(serde_json::to_value(&event).is_err(), "{odd}");
    }
}

#[test]
fn an_undecodable_event_cannot_be_serialized() {
    let event = Event::Undecodable(Event::from_slice(b"{}").unwrap_err());
    assert!(serde_json::to_string(&event).is_err());
    assert!(serde_json::to_value([&event]).is_err());
}

fn remove_empty(document: &mut Value) {
    match document {
        Value::Object(object) => {
            object.retain(|_, value| value != "");
            object.values_mut().for_each(remove_empty);
        }
        Value::Array(list) => list.iter_mut().for_each(remove_empty),
        _ => {}
    }
}
