//! `Debug` and errors show ids, times and sorts, and nothing that people are called, have written
//! or have sent.

use serde_json::{Value, json};
use tower_tawk::event::Event;

use super::documents::{IDENTIFIERS, decode, documents, without};
use super::leaves::leaves_of_json;
use super::payloads::payloads;

/// Where nothing of a person stands, by the last key.
const PUBLIC: [&str; 9] =
    ["event", "chatId", "time", "id", "humanId", "type", "t", "mimeType", "size"];

/// What no log may show of a document.
fn secrets(document: &Value) -> Vec<String> {
    let property = document["property"]["name"].as_str().unwrap_or_default();
    leaves_of_json(document)
        .into_iter()
        .filter(|(pointer, _)| PUBLIC.iter().all(|key| !pointer.ends_with(&format!("/{key}"))))
        // The extension of a file is in its media type too.
        .filter(|(pointer, leaf)| !pointer.ends_with("/extension") && leaf != property)
        .map(|(_, leaf)| leaf)
        .collect()
}

#[track_caller]
fn assert_silent(shown: &str, secrets: &[String]) {
    for secret in secrets {
        // A text of several lines would be shown with escapes.
        let first_word = secret.split(|c: char| c.is_control()).next().unwrap_or_default();
        assert!(!shown.contains(first_word), "{first_word:?} is shown in {shown}");
    }
}

/// Everything that has a `Debug` of its own.
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
fn no_debug_of_the_twelve_shows_anything_of_a_person() {
    for (name, body) in payloads() {
        let document: Value = serde_json::from_slice(&body).unwrap();
        let secrets = secrets(&document);
        assert!(secrets.len() >= 3, "{name}: {secrets:?}");
        assert_silent(&shown(&decode(&body)), &secrets);
    }
}

#[test]
fn no_debug_of_a_document_with_every_field_shows_anything_of_a_person() {
    for document in documents() {
        assert_silent(&shown(&decode(document.to_string())), &secrets(&document));
    }
}

#[test]
fn debug_shows_which_event_it_is_and_whose() {
    for document in documents() {
        let event = decode(document.to_string());
        let shown = format!("{event:?}");
        let pointers = IDENTIFIERS.iter().filter_map(|pointer| document.pointer(pointer)?.as_str());
        for id in pointers.chain(document["time"].as_str()) {
            assert!(shown.contains(id), "{id} is not in {shown}");
        }
    }
}

#[test]
fn debug_of_an_unknown_event_shows_its_name_alone() {
    let mut document = documents()[0].clone();
    document["event"] = json!("contact:merge");
    let shown = format!("{:?}", decode(document.to_string()));
    assert!(shown.contains("contact:merge"), "{shown}");
    assert_silent(&shown, &secrets(&document));
    assert!(!shown.contains("3c1f7a90"), "{shown}");
}

#[test]
fn no_error_shows_anything_of_the_body() {
    for document in documents() {
        let text = document.to_string();
        let nameless = with_event(&document, json!(7));
        let cut = text[..text.len() - 1].to_owned();
        let without_property = without(&document, "/property").unwrap().to_string();
        for body in [nameless, cut, without_property, format!("[{text}]")] {
            let error = Event::from_slice(body.as_bytes()).unwrap_err();
            let shown =
                format!("{error} {error:?} {error:#?} {:?}", Event::Undecodable(error.clone()));
            assert_silent(&shown, &secrets(&document));
        }
    }
}

fn with_event(document: &Value, event: Value) -> String {
    super::documents::with(document, "/event", event).to_string()
}
