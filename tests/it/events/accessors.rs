//! The methods of `Event`, and unknown events.

use serde_json::{Value, json};
use tower_tawk::event::{Event, Person, Role};

use super::documents::{
    chat_end, chat_start, decode, documents, ticket_create, transcript_created, with, without,
};

const CHAT: &str = "3c1f7a90-5b2e-11ef-9d41-6f0b2a8e4c17";

fn event(document: &Value) -> Event {
    decode(document.to_string())
}

#[test]
fn every_event_has_a_name_and_a_property() {
    let names = ["chat:start", "chat:end", "chat:transcript_created", "ticket:create"];
    for (document, name) in documents().iter().zip(names) {
        let event = event(document);
        assert_eq!(event.name(), name);
        let property = event.property().unwrap();
        assert_eq!(property.id, "64b1f0c29d3e7a5518c2e9d4");
        assert_eq!(property.name.as_deref(), Some("Harbor Lane Outfitters"));
    }
}

#[test]
fn only_chat_events_have_a_chat_id() {
    for document in [chat_start(), chat_end(), transcript_created()] {
        assert_eq!(event(&document).chat_id(), Some(CHAT));
    }
    assert_eq!(event(&ticket_create()).chat_id(), None);
    // `chatId` is not a field of a ticket.
    let mut ticket = ticket_create();
    ticket["chatId"] = json!(CHAT);
    assert_eq!(event(&ticket).chat_id(), None);
}

#[test]
fn only_a_ticket_has_a_ticket_id() {
    let id = "5a0e6b70-7106-11ef-8c2d-4f9b7d1e3a60";
    assert_eq!(event(&ticket_create()).ticket_id(), Some(id));
    for mut document in [chat_start(), chat_end(), transcript_created()] {
        document["ticket"] = json!({"id": id});
        assert_eq!(event(&document).ticket_id(), None);
    }
}

#[test]
fn only_a_transcript_has_a_message_count() {
    assert_eq!(event(&transcript_created()).message_count(), Some(2));
    let empty = without(&transcript_created(), "/chat/messages").unwrap();
    assert_eq!(event(&empty).message_count(), Some(0));
    for document in [chat_start(), chat_end(), ticket_create()] {
        assert_eq!(event(&document).message_count(), None);
    }
}

#[test]
fn the_message_count_includes_omitted_messages() {
    let messages = json!(vec![json!({}); 10_001]);
    let event = event(&with(&transcript_created(), "/chat/messages", messages));
    assert_eq!(event.message_count(), Some(10_001));
}

#[test]
fn the_person_is_the_visitor_or_the_requester() {
    for document in [chat_start(), chat_end(), transcript_created()] {
        let event = event(&document);
        assert_eq!(event.person().unwrap().name(), Some("Nadia Okafor-Lind"));
        assert_eq!(event.person().unwrap().email(), Some("nadia.okafor@example.com"));
    }
    let event = event(&ticket_create());
    assert_eq!(event.person().unwrap().name(), Some("Ruth Abenov"));
    assert_eq!(event.person().unwrap().email(), Some("ruth.abenov@example.com"));
}

#[test]
fn the_person_is_none_without_a_visitor_or_requester() {
    let people = ["/visitor", "/visitor", "/chat/visitor", "/requester"];
    for (document, pointer) in documents().iter().zip(people) {
        assert_eq!(event(&without(document, pointer).unwrap()).person(), None);
        let unnamed = event(&with(document, pointer, json!({})));
        let person = unnamed.person().unwrap();
        assert_eq!((person.name(), person.email()), (None, None));
        assert!(!person.has_placeholder_name());
    }
}

#[test]
fn placeholder_names_are_detected() {
    for (name, is_placeholder) in [
        ("V1723713174402881", true),
        ("V172371317440", true),
        ("V17237131744028810000", true),
        ("V", false),
        ("V12", false),
        ("V17237131744", false),
        ("V172371317440288100000", false),
        ("Victor", false),
        ("Victor1723713174402881", false),
        ("v1723713174402881", false),
        ("1723713174402881", false),
        ("V172371317440288x", false),
        ("V1723713174402881 ", false),
        ("V-723713174402881", false),
        ("V１７２３７１", false),
        ("", false),
    ] {
        for (document, pointer) in
            [(chat_end(), "/visitor/name"), (ticket_create(), "/requester/name")]
        {
            let event = event(&with(&document, pointer, json!(name)));
            let placeholder =
                event.person().is_some_and(|person| Person::has_placeholder_name(&person));
            assert_eq!(placeholder, is_placeholder, "{name}");
        }
    }
}

#[test]
fn opened_by_is_the_sender_or_the_requester() {
    assert_eq!(event(&chat_start()).opened_by(), Some(&Role::Visitor));
    assert_eq!(event(&ticket_create()).opened_by(), Some(&Role::Agent));
    assert_eq!(event(&chat_end()).opened_by(), None);
    for pointer in ["/message", "/message/sender", "/message/sender/type"] {
        assert_eq!(event(&without(&chat_start(), pointer).unwrap()).opened_by(), None);
    }
    assert_eq!(event(&without(&ticket_create(), "/requester").unwrap()).opened_by(), None);
}

#[test]
fn a_transcript_is_opened_by_the_first_sender_that_is_not_the_system() {
    let bot = Role::Other("b".to_owned());
    for (senders, opened_by) in [
        (&["v", "a"][..], Some(&Role::Visitor)),
        (&["s", "s", "a", "v"], Some(&Role::Agent)),
        (&["s", "b", "v"], Some(&bot)),
        (&["s"], None),
        (&["", "v"], None),
        (&[], None),
    ] {
        let messages: Vec<_> = senders.iter().map(|t| json!({"sender": {"t": t}})).collect();
        let changed = with(&transcript_created(), "/chat/messages", json!(messages));
        assert_eq!(event(&changed).opened_by(), opened_by, "{senders:?}");
    }
}

#[test]
fn agent_replies_are_the_messages_of_agents_in_order() {
    let messages = json!([
        {"sender": {"t": "s"}, "msg": "Welcome!"},
        {"sender": {"t": "a"}, "msg": "one"},
        {"sender": {"t": "v", "n": "agent"}, "msg": "Hello"},
        {"msg": "without a sender"},
        {"sender": {"t": "A"}, "msg": "from another role"},
        {"sender": {"t": "a"}, "attchs": [{"type": "file"}]},
        {"sender": {"t": "a"}, "msg": "three"},
    ]);
    let event = event(&with(&transcript_created(), "/chat/messages", messages));
    let replies: Vec<_> = event.agent_replies().map(|reply| reply.text.as_deref()).collect();
    assert_eq!(replies, [Some("one"), None, Some("three")]);
}

#[test]
fn only_a_transcript_has_agent_replies() {
    let by_agent = with(&chat_start(), "/message/sender/type", json!("agent"));
    for document in [by_agent, chat_end(), ticket_create()] {
        assert_eq!(event(&document).agent_replies().count(), 0);
    }
}

#[test]
fn the_pre_chat_form_is_the_first_message_of_the_visitor() {
    let text = "Name : Nadia\r\nHow can we help? : Two : jackets\r\nin blue\r\nPhone : 5550142087";
    let start = with(&chat_start(), "/message/text", json!(text));
    let start_by_visitor = event(&start);
    let form: Vec<_> = start_by_visitor.pre_chat_form().collect();
    let expected = [
        ("Name", "Nadia"),
        ("How can we help?", "Two : jackets\r\nin blue"),
        ("Phone", "5550142087"),
    ];
    assert_eq!(form, expected);

    let by_agent = event(&with(&start, "/message/sender/type", json!("agent")));
    assert_eq!(by_agent.pre_chat_form().count(), 0);
    // A form without a sender is still parsed: phone numbers are sent nowhere else.
    let without_sender = event(&without(&start, "/message/sender").unwrap());
    assert_eq!(without_sender.pre_chat_form().count(), expected.len());
}

#[test]
fn other_events_and_other_texts_have_no_pre_chat_form() {
    for document in documents() {
        assert_eq!(event(&document).pre_chat_form().count(), 0);
    }
    assert_eq!(event(&without(&chat_start(), "/message/text").unwrap()).pre_chat_form().count(), 0);
    let ticket = with(&ticket_create(), "/ticket/message", json!("Name : Ruth"));
    assert_eq!(event(&ticket).pre_chat_form().count(), 0);
}

#[test]
fn an_unknown_event_has_only_a_name_and_its_json() {
    let text = r#"{"chatId":"c","event":"chat:\u0072ated\ud83d","property":{"id":"p"},"x":1e400}"#;
    let event = decode(format!("\u{feff} {text}\n"));
    assert_eq!(event.name(), "chat:rated\u{fffd}");
    let Event::Unknown(unknown) = &event else { panic!("{event:?}") };
    assert_eq!((unknown.name(), unknown.json()), (event.name(), text));

    assert_eq!((event.chat_id(), event.property(), event.time()), (None, None, None));
    assert_eq!((event.person(), event.opened_by()), (None, None));
    assert_eq!((event.agent_replies().count(), event.pre_chat_form().count()), (0, 0));
}

#[test]
fn a_name_that_does_not_match_exactly_is_an_unknown_event() {
    for name in
        ["Chat:start", "chat:start ", " chat:end", "chat:transcript", "ticket:created", "chat"]
    {
        let event = event(&with(&chat_start(), "/event", json!(name)));
        assert!(matches!(event, Event::Unknown(_)), "{name}");
    }
}
