//! Fields: present, missing, empty, of another type, and with unknown values.

use serde_json::{Value, json};
use tower_tawk::event::{Event, MessageKind, Role};

use super::documents::{
    IDENTIFIERS, chat_start, decode, documents, leaves, leaves_of_json, pointers, ticket_create,
    transcript_created, with, without,
};

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
fn every_documented_field_is_decoded() {
    let fields = [format!("{CHAT} {MESSAGE}"), CHAT.into(), TRANSCRIPT.into(), TICKET.into()];
    for (document, fields) in documents().iter().zip(&fields) {
        let decoded = leaves(&decode(document.to_string()));
        assert_eq!(decoded, leaves_of_json(document));
        for field in fields.split_whitespace() {
            let pointer = format!("/{}", field.replace('.', "/"));
            assert!(decoded.contains_key(&pointer), "{} has no {field}", decoded["/event"]);
        }
    }
}

#[test]
fn a_missing_field_is_none() {
    for_each_optional(|document, pointer| {
        if let Some(changed) = without(document, pointer) {
            assert_only_missing(document, pointer, &changed);
        }
    });
}

#[test]
fn a_null_or_empty_field_is_none() {
    for_each_optional(|document, pointer| {
        for value in [json!(null), json!("")] {
            assert_only_missing(document, pointer, &with(document, pointer, value));
        }
    });
}

#[test]
fn a_field_of_another_type_is_none() {
    for_each_optional(|document, pointer| {
        for value in values_of_another_type(document, pointer) {
            assert_only_missing(document, pointer, &with(document, pointer, value));
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
fn a_message_of_another_type_is_empty() {
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

/// Returns whether the pointer is that of the event's name, of an identifier, or of an object that
/// contains one.
fn is_required(pointer: &str) -> bool {
    let children = format!("{pointer}/");
    let is_at_or_below =
        |identifier: &&str| *identifier == pointer || identifier.starts_with(&children);
    pointer == "/event" || IDENTIFIERS.iter().any(is_at_or_below)
}

/// Asserts that the changed document decodes like the document without the value at the pointer.
#[track_caller]
fn assert_only_missing(document: &Value, pointer: &str, changed: &Value) {
    let mut rest = leaves_of_json(document);
    rest.retain(|leaf, _| leaf != pointer && !leaf.starts_with(&format!("{pointer}/")));
    assert_eq!(leaves(&decode(changed.to_string())), rest, "{changed}");
}

fn values_of_another_type(document: &Value, pointer: &str) -> Vec<Value> {
    let numbers = [json!(7), json!(-7), json!(7.5), json!(1e300)];
    let mut others = vec![json!(true), json!([]), json!({})];
    match document.pointer(pointer).unwrap() {
        Value::String(text) => {
            others.extend([json!([text]), json!({"text": text})]);
            // The id of an agent may be a number.
            if !pointer.ends_with("/sender/id") {
                others.extend(numbers);
            }
        }
        Value::Number(number) => {
            others.extend([json!(number.to_string()), json!(-7), json!(7.5), json!(1e300)]);
        }
        Value::Object(object) => others.extend([json!("text"), json!(7), json!([object])]),
        Value::Array(list) => others.extend([json!("text"), json!(7), json!({"0": list[0]})]),
        other => panic!("unexpected value: {other}"),
    }
    others
}

const UNKNOWN_NAMES: [&str; 5] = ["bot", "Visitor", " visitor", "é😀", "\u{0}"];

#[test]
fn roles_are_decoded_from_names_and_letters() {
    for (name, letter, role) in [
        ("visitor", "v", Role::Visitor),
        ("agent", "a", Role::Agent),
        ("system", "s", Role::System),
    ] {
        assert_eq!(first_sender(name), Some(role.clone()));
        assert_eq!(requester(name), Some(role.clone()));
        assert_eq!(sender_in_transcript(letter), Some(role.clone()));
        assert_eq!(role.as_str(), name);
    }
}

#[test]
fn an_unknown_role_is_kept() {
    for name in UNKNOWN_NAMES {
        for role in [first_sender(name), requester(name), sender_in_transcript(name)] {
            let role = role.unwrap();
            assert_eq!(role, Role::Other(name.to_owned()));
            assert_eq!(role.as_str(), name);
        }
    }
}

#[test]
fn message_kinds_are_decoded_and_an_unknown_kind_is_kept() {
    let other = |name: &str| MessageKind::Other(name.to_owned());
    let known = [
        ("msg", MessageKind::Text),
        ("file", MessageKind::File),
        ("webrtc-call", MessageKind::WebrtcCall),
    ];
    for (name, kind) in known.into_iter().chain(UNKNOWN_NAMES.map(|name| (name, other(name)))) {
        assert_eq!(kind.as_str(), name);
        for decoded in kinds(name) {
            assert_eq!(decoded, Some(kind.clone()));
        }
    }
}

fn first_sender(name: &str) -> Option<Role> {
    let changed = with(&chat_start(), "/message/sender/type", json!(name));
    let event = decode(changed.to_string());
    assert_eq!(event.person().unwrap().name(), Some("Nadia Okafor-Lind"));
    event.opened_by().cloned()
}

fn requester(name: &str) -> Option<Role> {
    let changed = with(&ticket_create(), "/requester/type", json!(name));
    let event = decode(changed.to_string());
    assert_eq!(event.person().unwrap().name(), Some("Ruth Abenov"));
    event.opened_by().cloned()
}

fn sender_in_transcript(letter: &str) -> Option<Role> {
    let changed = with(&transcript_created(), "/chat/messages/1/sender/t", json!(letter));
    let Event::TranscriptCreated(transcript) = decode(changed.to_string()) else {
        panic!("{changed}")
    };
    let sender = transcript.chat.messages[1].sender.clone().unwrap();
    assert_eq!(sender.name.as_deref(), Some("Ingrid Vale"));
    sender.role
}

fn kinds(name: &str) -> [Option<MessageKind>; 2] {
    let changed = with(&chat_start(), "/message/type", json!(name));
    let Event::ChatStart(start) = decode(changed.to_string()) else { panic!("{changed}") };
    let changed = with(&transcript_created(), "/chat/messages/0/type", json!(name));
    let Event::TranscriptCreated(transcript) = decode(changed.to_string()) else {
        panic!("{changed}")
    };
    [start.message.unwrap().kind, transcript.chat.messages[0].kind.clone()]
}
