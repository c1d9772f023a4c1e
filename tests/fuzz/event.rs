//! Any bytes as an event: nothing panics; an event is the same when it is written and read again;
//! and it says what an ordinary JSON reader sees in the same bytes, where that can read them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tower_tawk::event::{Event, EventErrorKind};

fuzz_target!(|body: &[u8]| {
    let decoded = Event::from_slice(body);
    assert!(!format!("{decoded:?}").is_empty());
    // This key is serde_json's own: its `Value` is not the text's then.
    let is_ordinary = !body.windows(11).any(|part| part == b"$serde_json");
    let json: Option<Value> = serde_json::from_slice(body).ok().filter(|_| is_ordinary);
    match &decoded {
        Ok(event) => {
            ask(event);
            let written = serde_json::to_vec(event).expect("an event to write");
            let again = Event::from_slice(&written).expect("an event to read again");
            assert!(*event == again || !is_whole(event));
            if let Some(json) = json {
                let written = serde_json::from_slice(&written).expect("JSON");
                is_told_apart(event, &json);
                assert!(is_part(&written, Some(&json)), "{written} is not in {json}");
                assert_eq!(texts(event, &written), texts(event, &json));
            }
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert!(json.is_none_or(|json| has_fault(&json, error.kind())), "{error}");
        }
    }
});

/// Every question that an event answers.
fn ask(event: &Event) {
    assert!(!event.name().is_empty());
    assert_ne!(event.chat_id(), Some(""));
    assert!(event.property().is_none_or(|property| !property.id.is_empty()));
    let _ = event.opened_by().map(|role| role.as_str());
    let _ = event.time().map(|time| time.to_system_time().map_err(|error| error.to_string()));
    let _ = event.person().map(|person| (format!("{person:?}"), person.has_placeholder_name()));
    for reply in event.agent_replies() {
        let _ = (format!("{reply:?}"), reply.time.as_ref().map(|time| time.to_system_time()));
    }
    assert!(event.pre_chat_form().all(|(label, _)| !label.contains('\n')));
}

/// Whether everything that was sent is typed, none of it only counted.
fn is_whole(event: &Event) -> bool {
    let Event::TranscriptCreated(transcript) = event else { return true };
    let chat = &transcript.chat;
    chat.omitted_messages == 0 && chat.messages.iter().all(|message| message.omitted_attachments == 0)
}

fn is_told_apart(event: &Event, json: &Value) {
    assert_eq!(json["event"], event.name());
    let is_known = matches!(
        event.name(),
        "chat:start" | "chat:end" | "chat:transcript_created" | "ticket:create"
    );
    assert_eq!(matches!(event, Event::Unknown(_)), !is_known);
}

/// Whether all that is written was sent, in the same place.
fn is_part(written: &Value, sent: Option<&Value>) -> bool {
    match written {
        Value::Object(fields) => {
            fields.iter().all(|(name, value)| is_part(value, sent.and_then(|sent| sent.get(name))))
        }
        Value::Array(list) => list
            .iter()
            .enumerate()
            .all(|(at, value)| is_part(value, sent.and_then(|sent| sent.get(at)))),
        // An identifier that was sent as a number is its digits.
        Value::String(text) if sent.is_some_and(Value::is_number) => text.parse::<f64>().is_ok(),
        _ => sent == Some(written),
    }
}

/// The texts that an event of this kind must have from `json`, where they are there.
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
        for at in 0..transcript.chat.messages.len() {
            let message = &json["chat"]["messages"][at];
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

/// Whether JSON that could be read is no event for this reason.
fn has_fault(json: &Value, kind: EventErrorKind) -> bool {
    match kind {
        EventErrorKind::NotAnObject => !json.is_object(),
        EventErrorKind::NoEvent => json.is_object() && json.get("event").is_none(),
        EventErrorKind::NoName => json.get("event").is_some() && text(json, "/event").is_none(),
        EventErrorKind::MissingIdentifier { path } => {
            let pointer = format!("/{}", path.replace('.', "/"));
            let is_number = json.pointer(&pointer).is_some_and(Value::is_number);
            text(json, &pointer).is_none() && !is_number
        }
        _ => false,
    }
}
