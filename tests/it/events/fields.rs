//! Every documented field: present, missing, null, empty, and of another type.

use serde_json::{Value, json};
use tower_tawk::event::Event;

use super::documents::{IDENTIFIERS, decode, documents, pointers, with, without};
use super::leaves::{leaves, leaves_of_json};

const CHAT: &str = "event chatId time domain referrer property.id property.name \
    visitor.name visitor.email visitor.city visitor.country";
const MESSAGE: &str = "message.text message.type message.sender.type";
const TRANSCRIPT: &str = "event time domain referrer property.id property.name chat.id \
    chat.visitor.name chat.visitor.email chat.visitor.city chat.visitor.country \
    chat.messages.0.sender.t chat.messages.0.type chat.messages.0.msg chat.messages.0.time \
    chat.messages.0.attchs.0.type chat.messages.0.attchs.0.content.file.url \
    chat.messages.0.attchs.0.content.file.name chat.messages.0.attchs.0.content.file.mimeType \
    chat.messages.0.attchs.0.content.file.size chat.messages.0.attchs.0.content.file.extension \
    chat.messages.1.sender.t chat.messages.1.sender.n chat.messages.1.sender.id";
const TICKET: &str = "event time property.id property.name requester.name requester.email \
    requester.type ticket.id ticket.humanId ticket.subject ticket.message";

#[test]
fn every_documented_field_is_read() {
    let fields = [format!("{CHAT} {MESSAGE}"), CHAT.into(), TRANSCRIPT.into(), TICKET.into()];
    for (document, fields) in documents().iter().zip(&fields) {
        let read = leaves(&decode(document.to_string()));
        assert_eq!(read, leaves_of_json(document));
        for field in fields.split_whitespace() {
            let pointer = format!("/{}", field.replace('.', "/"));
            assert!(read.contains_key(&pointer), "{} has no {field}", read["/event"]);
        }
    }
}

#[test]
fn a_field_that_is_missing_is_none_and_the_rest_is_as_it_was() {
    for_each_optional(|document, pointer| {
        if let Some(changed) = without(document, pointer) {
            assert_nothing_but(document, pointer, &changed);
        }
    });
}

#[test]
fn a_field_that_is_null_or_empty_is_none_and_the_rest_is_as_it_was() {
    for_each_optional(|document, pointer| {
        for value in [json!(null), json!("")] {
            assert_nothing_but(document, pointer, &with(document, pointer, value));
        }
    });
}

#[test]
fn a_field_of_another_type_is_none_and_the_rest_is_as_it_was() {
    for_each_optional(|document, pointer| {
        for value in of_another_type(document, pointer) {
            assert_nothing_but(document, pointer, &with(document, pointer, value));
        }
    });
}

#[test]
fn an_object_of_another_type_is_none() {
    for value in [json!(null), json!(""), json!(7), json!([]), json!([{"name": "Nadia"}])] {
        let body = json!({
            "event": "chat:start", "chatId": "c", "property": {"id": "p"},
            "visitor": value, "message": value,
        });
        let Event::ChatStart(start) = decode(body.to_string()) else { panic!("{body}") };
        assert_eq!((start.visitor, start.message), (None, None));

        let body = json!({
            "event": "ticket:create", "property": {"id": "p"}, "ticket": {"id": "t"},
            "requester": value,
        });
        let Event::TicketCreate(created) = decode(body.to_string()) else { panic!("{body}") };
        assert_eq!(created.requester, None);
    }
}

#[test]
fn a_message_of_another_type_keeps_its_place() {
    let body = json!({
        "event": "chat:transcript_created", "property": {"id": "p"},
        "chat": {"id": "c", "messages": [
            null, 7, "text", [], {}, {"msg": "Hello", "attchs": [0, {}]},
        ]},
    });
    let Event::TranscriptCreated(transcript) = decode(body.to_string()) else { panic!("{body}") };
    let texts = transcript.chat.messages.iter().map(|message| message.text.as_deref());
    assert_eq!(texts.collect::<Vec<_>>(), [None, None, None, None, None, Some("Hello")]);
    assert_eq!(transcript.chat.messages[5].attachments.len(), 2);
}

fn for_each_optional(test: impl Fn(&Value, &str)) {
    for document in documents() {
        for pointer in pointers(&document).iter().filter(|pointer| !is_required(pointer)) {
            test(&document, pointer);
        }
    }
}

/// The event's name, an identifier, or an object that holds one.
fn is_required(pointer: &str) -> bool {
    let inside = format!("{pointer}/");
    let is_at = |identifier: &&str| *identifier == pointer || identifier.starts_with(&inside);
    pointer == "/event" || IDENTIFIERS.iter().any(is_at)
}

/// The changed document says what the document says, but for what lies at the pointer.
#[track_caller]
fn assert_nothing_but(document: &Value, pointer: &str, changed: &Value) {
    let mut rest = leaves_of_json(document);
    rest.retain(|leaf, _| leaf != pointer && !leaf.starts_with(&format!("{pointer}/")));
    assert_eq!(leaves(&decode(changed.to_string())), rest, "{changed}");
}

fn of_another_type(document: &Value, pointer: &str) -> Vec<Value> {
    let numbers = [json!(7), json!(-7), json!(7.5), json!(1e300)];
    let mut others = vec![json!(true), json!([]), json!({})];
    match document.pointer(pointer).unwrap() {
        Value::String(text) => {
            others.extend([json!([text]), json!({"text": text})]);
            // An agent's id is an identifier: a number is kept.
            if !pointer.ends_with("/sender/id") {
                others.extend(numbers);
            }
        }
        Value::Number(number) => {
            others.extend([json!(number.to_string()), json!(-7), json!(7.5), json!(1e300)]);
        }
        Value::Object(object) => others.extend([json!("text"), json!(7), json!([object])]),
        Value::Array(list) => others.extend([json!("text"), json!(7), json!({"0": list[0]})]),
        other => panic!("no document has {other}"),
    }
    others
}
