//! One document for each of the four events, with every field that is documented, and ways to
//! change it.

use serde_json::{Value, json};
use tower_tawk::event::Event;

/// The four events, complete.
pub(crate) fn documents() -> [Value; 4] {
    [chat_start(), chat_end(), transcript_created(), ticket_create()]
}

/// The identifiers that an event cannot be without, by the pointer to them (RFC 6901).
pub(crate) const IDENTIFIERS: [&str; 4] = ["/chatId", "/chat/id", "/ticket/id", "/property/id"];

pub(crate) fn chat_start() -> Value {
    let mut document = chat_end();
    document["event"] = json!("chat:start");
    document["message"] = json!({
        "text": "Do the rain jackets run small?",
        "type": "msg",
        "sender": {"type": "visitor"},
    });
    document
}

pub(crate) fn chat_end() -> Value {
    json!({
        "event": "chat:end",
        "chatId": "3c1f7a90-5b2e-11ef-9d41-6f0b2a8e4c17",
        "time": "2024-08-15T09:12:41.307Z",
        "domain": "shop.example.com",
        "referrer": "https://www.example.com/search",
        "visitor": visitor(),
        "property": property(),
    })
}

pub(crate) fn transcript_created() -> Value {
    json!({
        "event": "chat:transcript_created",
        "time": "2024-08-15T09:20:00.000Z",
        "domain": "shop.example.com",
        "referrer": "https://www.example.com/search",
        "property": property(),
        "chat": {
            "id": "3c1f7a90-5b2e-11ef-9d41-6f0b2a8e4c17",
            "visitor": visitor(),
            "messages": [
                {"sender": {"t": "v"}, "type": "msg", "msg": "Like this?",
                 "time": "2024-08-15T09:13:00.000Z", "attchs": [attachment("a"), attachment("b")]},
                {"sender": {"t": "a", "n": "Ingrid Vale", "id": "64b1f3a7c0de11223344aa01"},
                 "type": "msg", "msg": "Just so.", "time": "2024-08-15T09:14:00.000Z"},
            ],
        },
    })
}

pub(crate) fn ticket_create() -> Value {
    json!({
        "event": "ticket:create",
        "time": "2024-08-15T10:00:00.000Z",
        "property": property(),
        "requester": {
            "name": "Ruth Abenov",
            "email": "ruth.abenov@example.com",
            "type": "agent",
        },
        "ticket": {
            "id": "5a0e6b70-7106-11ef-8c2d-4f9b7d1e3a60",
            "humanId": 318,
            "subject": "Call back",
            "message": "After four.",
        },
    })
}

fn visitor() -> Value {
    json!({
        "name": "Nadia Okafor-Lind",
        "email": "nadia.okafor@example.com",
        "city": "gothenburg",
        "country": "SE",
    })
}

fn property() -> Value {
    json!({"id": "64b1f0c29d3e7a5518c2e9d4", "name": "Harbor Lane Outfitters"})
}

fn attachment(name: &str) -> Value {
    json!({"type": "file", "content": {"file": {
        "url": format!("https://files.example.com/{name}.png"),
        "name": format!("{name}.png"),
        "mimeType": "image/png",
        "size": 482_113,
        "extension": "png",
    }}})
}

#[track_caller]
pub(crate) fn decode(body: impl AsRef<[u8]>) -> Event {
    Event::from_slice(body.as_ref()).unwrap()
}

/// The pointers to everything inside a document, objects and lists too.
pub(crate) fn pointers(document: &Value) -> Vec<String> {
    let members: Vec<(String, &Value)> = match document {
        Value::Object(members) => members.iter().map(|(key, one)| (key.clone(), one)).collect(),
        Value::Array(elements) => {
            elements.iter().enumerate().map(|(at, one)| (at.to_string(), one)).collect()
        }
        _ => Vec::new(),
    };
    let mut pointers = Vec::new();
    for (key, inside) in members {
        pointers.push(format!("/{key}"));
        pointers.extend(pointers_below(&key, inside));
    }
    pointers
}

fn pointers_below(key: &str, inside: &Value) -> impl Iterator<Item = String> {
    pointers(inside).into_iter().map(move |pointer| format!("/{key}{pointer}"))
}

/// The document with another value at the pointer.
pub(crate) fn with(document: &Value, pointer: &str, value: Value) -> Value {
    let mut changed = document.clone();
    *changed.pointer_mut(pointer).unwrap() = value;
    changed
}

/// The document without the field at the pointer; none where that is no field of an object.
pub(crate) fn without(document: &Value, pointer: &str) -> Option<Value> {
    let mut changed = document.clone();
    let (parent, key) = pointer.rsplit_once('/')?;
    changed.pointer_mut(parent)?.as_object_mut()?.remove(key)?;
    Some(changed)
}
