//! Documents with every documented field, and ways to modify and compare them.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tower_tawk::event::{
    Attachment, ChatEnd, ChatStart, Event, Message, MessageKind, Property, Role, TicketCreate,
    TranscriptCreated, Visitor,
};

/// The four events, with every documented field.
pub(crate) fn documents() -> [Value; 4] {
    [chat_start(), chat_end(), transcript_created(), ticket_create()]
}

/// Pointers (RFC 6901) to the required identifiers.
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

/// Returns pointers to every value inside a document, including objects and arrays.
pub(crate) fn pointers(document: &Value) -> Vec<String> {
    let members: Vec<(String, &Value)> = match document {
        Value::Object(members) => members.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(elements) => {
            elements.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    let mut pointers = Vec::new();
    for (key, value) in members {
        let below = self::pointers(value);
        pointers.push(format!("/{key}"));
        pointers.extend(below.into_iter().map(|pointer| format!("/{key}{pointer}")));
    }
    pointers
}

/// Returns the document with another value at the pointer.
pub(crate) fn with(document: &Value, pointer: &str, value: Value) -> Value {
    let mut changed = document.clone();
    *changed.pointer_mut(pointer).unwrap() = value;
    changed
}

/// Returns the document without the field at the pointer. `None` if it is not a field of an object.
pub(crate) fn without(document: &Value, pointer: &str) -> Option<Value> {
    let mut changed = document.clone();
    let (parent, key) = pointer.rsplit_once('/')?;
    changed.pointer_mut(parent)?.as_object_mut()?.remove(key)?;
    Some(changed)
}

/// Strings and numbers by their pointers.
pub(crate) type Leaves = BTreeMap<String, String>;

/// Returns the values of an event's public fields, by the pointers at which they are documented.
pub(crate) fn leaves(event: &Event) -> Leaves {
    let mut leaves = Leaves::new();
    put(&mut leaves, "/event", Some(event.name()));
    match event {
        Event::ChatStart(start) => put_chat_start(&mut leaves, start),
        Event::ChatEnd(end) => put_chat_end(&mut leaves, end),
        Event::TranscriptCreated(transcript) => put_transcript(&mut leaves, transcript),
        Event::TicketCreate(ticket) => put_ticket(&mut leaves, ticket),
        _ => panic!("not a known event: {event:?}"),
    }
    leaves
}

fn put_chat_start(leaves: &mut Leaves, start: &ChatStart) {
    put(leaves, "/chatId", Some(&start.chat_id));
    put(leaves, "/time", start.time.as_ref());
    put(leaves, "/domain", start.domain.as_ref());
    put(leaves, "/referrer", start.referrer.as_ref());
    if let Some(message) = &start.message {
        put(leaves, "/message/text", message.text.as_ref());
        put(leaves, "/message/type", message.kind.as_ref().map(MessageKind::as_str));
        put(leaves, "/message/sender/type", message.sender.as_ref().map(Role::as_str));
    }
    put_visitor(leaves, "", start.visitor.as_ref());
    put_property(leaves, &start.property);
}

fn put_chat_end(leaves: &mut Leaves, end: &ChatEnd) {
    put(leaves, "/chatId", Some(&end.chat_id));
    put(leaves, "/time", end.time.as_ref());
    put(leaves, "/domain", end.domain.as_ref());
    put(leaves, "/referrer", end.referrer.as_ref());
    put_visitor(leaves, "", end.visitor.as_ref());
    put_property(leaves, &end.property);
}

fn put_transcript(leaves: &mut Leaves, transcript: &TranscriptCreated) {
    put(leaves, "/time", transcript.time.as_ref());
    put(leaves, "/domain", transcript.domain.as_ref());
    put(leaves, "/referrer", transcript.referrer.as_ref());
    put_property(leaves, &transcript.property);
    put(leaves, "/chat/id", Some(&transcript.chat.id));
    put_visitor(leaves, "/chat", transcript.chat.visitor.as_ref());
    for (index, message) in transcript.chat.messages.iter().enumerate() {
        put_message(leaves, &format!("/chat/messages/{index}"), message);
    }
}

fn put_ticket(leaves: &mut Leaves, created: &TicketCreate) {
    put(leaves, "/time", created.time.as_ref());
    put_property(leaves, &created.property);
    if let Some(requester) = &created.requester {
        put(leaves, "/requester/name", requester.name.as_ref());
        put(leaves, "/requester/email", requester.email.as_ref());
        put(leaves, "/requester/type", requester.role.as_ref().map(Role::as_str));
    }
    put(leaves, "/ticket/id", Some(&created.ticket.id));
    put(leaves, "/ticket/humanId", created.ticket.human_id);
    put(leaves, "/ticket/subject", created.ticket.subject.as_ref());
    put(leaves, "/ticket/message", created.ticket.message.as_ref());
}

fn put(leaves: &mut Leaves, pointer: &str, leaf: Option<impl ToString>) {
    if let Some(leaf) = leaf {
        leaves.insert(pointer.to_owned(), leaf.to_string());
    }
}

fn put_property(leaves: &mut Leaves, property: &Property) {
    put(leaves, "/property/id", Some(&property.id));
    put(leaves, "/property/name", property.name.as_ref());
}

fn put_visitor(leaves: &mut Leaves, parent: &str, visitor: Option<&Visitor>) {
    if let Some(visitor) = visitor {
        put(leaves, &format!("{parent}/visitor/name"), visitor.name.as_ref());
        put(leaves, &format!("{parent}/visitor/email"), visitor.email.as_ref());
        put(leaves, &format!("{parent}/visitor/city"), visitor.city.as_ref());
        put(leaves, &format!("{parent}/visitor/country"), visitor.country.as_ref());
    }
}

fn put_message(leaves: &mut Leaves, parent: &str, message: &Message) {
    if let Some(sender) = &message.sender {
        let letter = sender.role.as_ref().map(|role| match role {
            Role::Visitor => "v",
            Role::Agent => "a",
            Role::System => "s",
            other => other.as_str(),
        });
        put(leaves, &format!("{parent}/sender/t"), letter);
        put(leaves, &format!("{parent}/sender/n"), sender.name.as_ref());
        put(leaves, &format!("{parent}/sender/id"), sender.id.as_ref());
    }
    put(leaves, &format!("{parent}/type"), message.kind.as_ref().map(MessageKind::as_str));
    put(leaves, &format!("{parent}/msg"), message.text.as_ref());
    put(leaves, &format!("{parent}/time"), message.time.as_ref());
    for (index, attachment) in message.attachments.iter().enumerate() {
        put_attachment(leaves, &format!("{parent}/attchs/{index}"), attachment);
    }
}

fn put_attachment(leaves: &mut Leaves, parent: &str, attachment: &Attachment) {
    let file = format!("{parent}/content/file");
    put(leaves, &format!("{parent}/type"), attachment.kind.as_ref());
    put(leaves, &format!("{file}/url"), attachment.url.as_ref());
    put(leaves, &format!("{file}/name"), attachment.name.as_ref());
    put(leaves, &format!("{file}/mimeType"), attachment.mime_type.as_ref());
    put(leaves, &format!("{file}/size"), attachment.size);
    put(leaves, &format!("{file}/extension"), attachment.extension.as_ref());
}

/// Returns the values of a document. Empty strings are left out.
pub(crate) fn leaves_of_json(document: &Value) -> Leaves {
    let mut leaves = Leaves::new();
    for pointer in pointers(document) {
        let leaf = match document.pointer(&pointer) {
            Some(Value::String(text)) if !text.is_empty() => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => continue,
        };
        leaves.insert(pointer, leaf);
    }
    leaves
}
