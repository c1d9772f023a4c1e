//! Decodes arbitrary bytes as an event.
//!
//! Decoding and the methods of an event must not panic. A serialized event must decode to the same
//! event. If `serde_json` accepts the bytes, the event must contain the values that it returns.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tower_tawk::event::{Event, EventErrorKind};

fuzz_target!(|body: &[u8]| {
    let decoded = Event::from_slice(body);
    assert!(!format!("{decoded:?}").is_empty());
    // `serde_json` uses this key internally, and its `Value` then differs from the text.
    let has_internal_key = body.windows(11).any(|part| part == b"$serde_json");
    let json: Option<Value> = serde_json::from_slice(body).ok().filter(|_| !has_internal_key);
    match &decoded {
        Ok(event) => {
            call_methods(event);
            let written = serde_json::to_vec(event).expect("event can be serialized");
            let again = Event::from_slice(&written).expect("serialized event can be decoded");
            assert!(*event == again || has_omissions(event));
            if let Some(json) = json {
                let written = serde_json::from_slice(&written).expect("serialized event is JSON");
                assert_name(event, &json);
                assert!(contains(Some(&json), &written), "{written} is not in {json}");
                assert_eq!(texts(event, &written), texts(event, &json));
            }
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert!(json.is_none_or(|json| has_fault(&json, error.kind())), "{error}");
        }
    }
});

/// Calls every method of an event.
fn call_methods(event: &Event) {
    assert!(!event.name().is_empty());
    assert_ne!(event.chat_id(), Some(""));
    assert_ne!(event.ticket_id(), Some(""));
    let _ = event.message_count();
    assert!(event.property().is_none_or(|property| !property.id.is_empty()));
    let _ = event.opened_by().map(|role| role.as_str());
    let _ = event.time().map(|time| time.to_system_time().map_err(|error| error.to_string()));
    let _ = event.person().map(|person| (format!("{person:?}"), person.has_placeholder_name()));
    for reply in event.agent_replies() {
        let _ = (format!("{reply:?}"), reply.time.as_ref().map(|time| time.to_system_time()));
    }
    assert!(event.pre_chat_form().all(|(label, _)| !label.contains('\n')));
}

/// Returns whether messages or attachments were omitted, so that they are not serialized.
fn has_omissions(event: &Event) -> bool {
    let Event::TranscriptCreated(transcript) = event else { return false };
    let chat = &transcript.chat;
    chat.omitted_messages > 0 || chat.messages.iter().any(|message| message.omitted_attachments > 0)
}

/// Asserts that the event has the name in `json`, and is unknown only if the name is.
fn assert_name(event: &Event, json: &Value) {
    assert_eq!(json["event"], event.name());
    let is_known = matches!(
        event.name(),
        "chat:start" | "chat:end" | "chat:transcript_created" | "ticket:create"
    );
    assert_eq!(matches!(event, Event::Unknown(_)), !is_known);
}

/// Returns whether every value that is written was sent in the same place.
fn contains(sent: Option<&Value>, written: &Value) -> bool {
    match written {
        Value::Object(fields) => {
            fields.iter().all(|(name, value)| contains(sent.and_then(|sent| sent.get(name)), value))
        }
        Value::Array(list) => list
            .iter()
            .enumerate()
            .all(|(index, value)| contains(sent.and_then(|sent| sent.get(index)), value)),
        // An identifier that was sent as a number is written as a string.
        Value::String(text) if sent.is_some_and(Value::is_number) => text.parse::<f64>().is_ok(),
        _ => sent == Some(written),
    }
}

/// Returns the strings in `json` that an event of this type contains.
fn texts<'a>(event: &Event, json: &'a Value) -> Vec<Option<&'a str>> {
    let leaves: &[&str] = match event {
        Event::ChatStart(_) => &[
            "/message/text",
            "/message/type",
            "/message/sender/type",
            "/visitor/name",
            "/visitor/email",
            "/visitor/city",
            "/visitor/country",
            "/domain",
            "/referrer",
            "/time",
            "/property/name",
        ],
        Event::ChatEnd(_) => &["/visitor/name", "/visitor/email", "/domain", "/referrer", "/time"],
        Event::TranscriptCreated(_) => &["/chat/visitor/name", "/domain", "/referrer", "/time"],
        Event::TicketCreate(_) => &[
            "/requester/name",
            "/requester/email",
            "/requester/type",
            "/ticket/subject",
            "/ticket/message",
            "/time",
        ],
        _ => &[],
    };
    let mut texts: Vec<_> = leaves.iter().map(|leaf| text(json, leaf)).collect();
    if let Event::TranscriptCreated(transcript) = event {
        for index in 0..transcript.chat.messages.len() {
            let message = &json["chat"]["messages"][index];
            texts.extend(
                ["/sender/t", "/sender/n", "/type", "/msg", "/time"]
                    .map(|leaf| text(message, leaf)),
            );
        }
    }
    texts
}

fn text<'a>(json: &'a Value, pointer: &str) -> Option<&'a str> {
    json.pointer(pointer)?.as_str().filter(|text| !text.is_empty())
}

/// Returns whether `json` has the fault that the error names.
fn has_fault(json: &Value, kind: EventErrorKind) -> bool {
    match kind {
        EventErrorKind::NotAnObject => !json.is_object(),
        EventErrorKind::MissingName => json.is_object() && json.get("event").is_none(),
        EventErrorKind::InvalidName => {
            json.get("event").is_some() && text(json, "/event").is_none()
        }
        EventErrorKind::MissingIdentifier { path } => {
            let pointer = format!("/{}", path.replace('.', "/"));
            let is_number = json.pointer(&pointer).is_some_and(Value::is_number);
            text(json, &pointer).is_none() && !is_number
        }
        _ => false,
    }
}
