//! [`leaves`]: what an event says, by the paths at which it is documented, so that it can be
//! compared with the JSON that it came from.

use std::collections::BTreeMap;

use serde_json::Value;
use tower_tawk::event::{
    Attachment, ChatEnd, ChatStart, Event, Message, MessageKind, Property, Role, TicketCreate,
    TranscriptCreated, Visitor,
};

use super::documents::pointers;

/// Texts and numbers by the pointer to them (RFC 6901).
pub(crate) type Leaves = BTreeMap<String, String>;

/// What an event says, read from its public fields.
pub(crate) fn leaves(event: &Event) -> Leaves {
    let mut leaves = Leaves::new();
    put(&mut leaves, "/event", Some(event.name()));
    match event {
        Event::ChatStart(start) => put_chat_start(&mut leaves, start),
        Event::ChatEnd(end) => put_chat_end(&mut leaves, end),
        Event::TranscriptCreated(transcript) => put_transcript(&mut leaves, transcript),
        Event::TicketCreate(ticket) => put_ticket(&mut leaves, ticket),
        _ => panic!("not one of the four: {event:?}"),
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
    for (at, message) in transcript.chat.messages.iter().enumerate() {
        put_message(leaves, &format!("/chat/messages/{at}"), message);
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
    for (at, attachment) in message.attachments.iter().enumerate() {
        put_attachment(leaves, &format!("{parent}/attchs/{at}"), attachment);
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

/// What a document says, read by `serde_json` alone. What is empty says nothing.
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
