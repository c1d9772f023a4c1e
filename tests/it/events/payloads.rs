//! The payloads in `examples/payloads`.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tower_tawk::event::{Event, MessageKind, Role};

use super::documents::{decode, leaves, leaves_of_json};

/// Returns the name and body of each payload, ordered by name.
pub(crate) fn payloads() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/payloads");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut payloads: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap();
            (name.to_owned(), fs::read(&path).unwrap())
        })
        .collect();
    payloads.sort();
    assert_eq!(payloads.len(), 12);
    payloads
}

fn payload(number: usize) -> Event {
    decode(&payloads()[number - 1].1)
}

#[test]
fn every_field_of_the_payloads_is_decoded() {
    for (name, body) in payloads() {
        let document: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(leaves(&decode(&body)), leaves_of_json(&document), "{name}");
    }
}

#[test]
fn payloads_decode_to_the_event_in_their_name() {
    for (name, body) in payloads() {
        let variant = match decode(&body) {
            Event::ChatStart(_) => "chat-start",
            Event::ChatEnd(_) => "chat-end",
            Event::TranscriptCreated(_) => "transcript",
            Event::TicketCreate(_) => "ticket-create",
            other => panic!("{name} is {other:?}"),
        };
        assert!(name[3..].starts_with(variant), "{name} is {variant}");
    }
}

#[test]
fn payloads_are_opened_by_visitors_and_agents() {
    let opened_by = payloads().into_iter().map(|(_, body)| decode(body).opened_by().cloned());
    let (visitor, agent) = (Some(Role::Visitor), Some(Role::Agent));
    let expected = [
        &visitor, &visitor, &visitor, &agent, &visitor, &None, &None, &visitor, &visitor, &visitor,
        &agent, &visitor,
    ];
    assert_eq!(opened_by.collect::<Vec<_>>(), expected.map(Clone::clone));
}

#[test]
fn payload_1_is_a_pre_chat_form() {
    let event = payload(1);
    let form: Vec<_> = event.pre_chat_form().collect();
    let expected = [
        ("Name (required)", "Nadia Okafor-Lind"),
        ("Email (required)", "nadia.okafor@example.com"),
        ("Phone", "5550142087"),
        ("How can we help?", "Do the rain jackets run small?"),
    ];
    assert_eq!(form, expected);
    for number in 2..=12 {
        assert_eq!(payload(number).pre_chat_form().count(), 0, "{number}");
    }
}

#[test]
fn payload_2_has_an_anonymous_visitor() {
    let Event::ChatStart(start) = payload(2) else { panic!("not a chat:start event") };
    assert_eq!(start.chat_id, "8e55d0b0-5b33-11ef-8a7c-1d9f64c3b2e0");
    assert_eq!(start.time.as_ref().unwrap().as_str(), "2024-08-15T11:12:54.019Z");
    assert_eq!((&start.domain, &start.referrer), (&None, &None));
    let message = start.message.as_ref().unwrap();
    assert_eq!(message.text.as_deref(), Some("hola, ¿tienen envío a Medellín?"));
    assert_eq!(message.kind, Some(MessageKind::Text));
    let visitor = start.visitor.as_ref().unwrap();
    assert_eq!(
        (visitor.city.as_deref(), visitor.country.as_deref()),
        (Some("unknown"), Some("CO"))
    );
    assert!(Event::ChatStart(start).person().unwrap().has_placeholder_name());
}

#[test]
fn payload_5_is_a_file_without_text() {
    let Event::ChatStart(start) = payload(5) else { panic!("not a chat:start event") };
    let message = start.message.unwrap();
    assert_eq!((message.text, message.kind), (None, Some(MessageKind::File)));
    assert_eq!(
        (start.domain.as_deref(), start.referrer),
        (Some("pinewood-dental.example.com"), None)
    );
}

#[test]
fn payload_9_has_attachments() {
    let Event::TranscriptCreated(transcript) = payload(9) else { panic!("not a transcript") };
    let messages = &transcript.chat.messages;
    assert_eq!(
        messages.iter().map(|message| message.attachments.len()).collect::<Vec<_>>(),
        [1, 0, 2]
    );
    assert_eq!(messages[0].text, None);
    let picture = &messages[0].attachments[0];
    assert_eq!(picture.kind.as_deref(), Some("file"));
    let url = "https://files.example.com/65c9ab3417f2d80e6a4b1573/x-ray.png";
    assert_eq!((picture.url.as_deref(), picture.name.as_deref()), (Some(url), Some("x-ray.png")));
    assert_eq!((picture.mime_type.as_deref(), picture.size), (Some("image/png"), Some(482_113)));
    assert_eq!(picture.extension.as_deref(), Some("png"));

    let sender = messages[2].sender.as_ref().unwrap();
    assert_eq!(sender.role, Some(Role::Agent));
    assert_eq!(sender.name.as_deref(), Some("Dr. Osei's desk"));
    assert_eq!(sender.id.as_deref(), Some("65c9b0d1c0de11223344bb07"));
}

#[test]
fn transcripts_have_the_replies_of_agents() {
    for (number, replies) in [
        (8, &["Yes, two pairs left in brown."][..]),
        (9, &["Got it. Please fill in this form before Thursday."]),
        (10, &[]),
    ] {
        let event = payload(number);
        let texts: Vec<_> =
            event.agent_replies().filter_map(|reply| reply.text.as_deref()).collect();
        assert_eq!(texts, replies);
    }
}

#[test]
fn payload_12_is_a_ticket_with_several_lines() {
    let Event::TicketCreate(created) = payload(12) else { panic!("not a ticket") };
    assert_eq!(created.requester.as_ref().unwrap().name.as_deref(), Some("Léonie Béranger"));
    assert_eq!(created.ticket.human_id, Some(1042));
    assert_eq!(created.ticket.subject.as_deref(), Some("Retour d’un article"));
    let message = created.ticket.message.unwrap();
    assert!(
        message.starts_with("Bonjour,\n\nJe") && message.ends_with("🙏\n\nLéonie"),
        "{message}"
    );
}
