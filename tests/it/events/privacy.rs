//! `Debug` output and errors contain no personal data.

use std::collections::HashSet;

use serde_json::{Value, json};
use tower_tawk::event::Event;

use super::documents::{IDENTIFIERS, decode, documents, leaves_of_json, with, without};
use super::payloads::payloads;

/// Keys of values that are not personal data.
const PUBLIC: [&str; 9] =
    ["event", "chatId", "time", "id", "humanId", "type", "t", "mimeType", "size"];

/// Returns the personal data of a document.
fn personal_data(document: &Value) -> Vec<String> {
    let property = document["property"]["name"].as_str().unwrap_or_default();
    leaves_of_json(document)
        .into_iter()
        .filter(|(pointer, _)| PUBLIC.iter().all(|key| !pointer.ends_with(&format!("/{key}"))))
        // The extension of a file is also part of its media type.
        .filter(|(pointer, leaf)| !pointer.ends_with("/extension") && leaf != property)
        .map(|(_, leaf)| leaf)
        .collect()
}

#[track_caller]
fn assert_absent(shown: &str, personal_data: &[String]) {
    for value in personal_data {
        // `Debug` escapes control characters.
        let first_line = value.split(|c: char| c.is_control()).next().unwrap_or_default();
        assert!(!shown.contains(first_line), "{first_line:?} is shown in {shown}");
    }
}

/// Returns the `Debug` output of the event and of every type in it.
fn shown(event: &Event) -> String {
    let mut shown = format!("{event:?} {event:#?} {:?}", event.person());
    match event {
        Event::ChatStart(start) => shown += &format!("{:?} {:?}", start.message, start.visitor),
        Event::ChatEnd(end) => shown += &format!("{:?}", end.visitor),
        Event::TicketCreate(created) => {
            shown += &format!("{:?} {:?}", created.requester, created.ticket);
        }
        Event::TranscriptCreated(transcript) => {
            let chat = &transcript.chat;
            let attachments = chat.messages.iter().flat_map(|message| &message.attachments);
            let attachments = attachments.collect::<Vec<_>>();
            shown += &format!("{chat:?} {:?} {:?} {attachments:?}", chat.visitor, chat.messages);
        }
        _ => {}
    }
    shown
}

#[test]
fn debug_of_payloads_contains_no_personal_data() {
    for (name, body) in payloads() {
        let document: Value = serde_json::from_slice(&body).unwrap();
        let personal_data = personal_data(&document);
        assert!(personal_data.len() >= 3, "{name}: {personal_data:?}");
        assert_absent(&shown(&decode(&body)), &personal_data);
    }
}

#[test]
fn debug_of_every_field_contains_no_personal_data() {
    for document in documents() {
        assert_absent(&shown(&decode(document.to_string())), &personal_data(&document));
    }
}

#[test]
fn debug_contains_identifiers_and_times() {
    for document in documents() {
        let event = decode(document.to_string());
        let shown = format!("{event:?}");
        let pointers = IDENTIFIERS.iter().filter_map(|pointer| document.pointer(pointer)?.as_str());
        for id in pointers.chain(document["time"].as_str()) {
            assert!(shown.contains(id), "{id} is missing in {shown}");
        }
    }
}

#[test]
fn debug_names_the_type_of_what_it_omits() {
    let shown: String = documents().map(|document| shown(&decode(document.to_string()))).concat();
    // Only before a brace: `Role::Visitor` is shown too.
    let names: HashSet<_> = shown
        .split(" {")
        .filter_map(|part| part.rsplit(|c: char| !c.is_alphanumeric()).next())
        .collect();
    for name in
        ["Attachment", "FirstMessage", "Message", "Person", "Requester", "Sender", "Visitor"]
    {
        assert!(names.contains(name), "{name} is missing in {shown}");
    }
}

#[test]
fn debug_of_an_unknown_event_contains_only_its_name() {
    let mut document = documents()[0].clone();
    document["event"] = json!("contact:merge");
    let shown = format!("{:?}", decode(document.to_string()));
    assert!(shown.contains("contact:merge"), "{shown}");
    assert_absent(&shown, &personal_data(&document));
    assert!(!shown.contains("3c1f7a90"), "{shown}");
}

#[test]
fn errors_contain_nothing_of_the_body() {
    for document in documents() {
        let text = document.to_string();
        let without_name = with(&document, "/event", json!(7)).to_string();
        let truncated = text[..text.len() - 1].to_owned();
        let without_property = without(&document, "/property").unwrap().to_string();
        for body in [without_name, truncated, without_property, format!("[{text}]")] {
            let error = Event::from_slice(body.as_bytes()).unwrap_err();
            let shown =
                format!("{error} {error:?} {error:#?} {:?}", Event::Undecodable(error.clone()));
            assert_absent(&shown, &personal_data(&document));
        }
    }
}
