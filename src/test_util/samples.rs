//! Sample events: one of each kind from a few values, and the rest invented.
//!
//! The three of a chat are about the same one, and all of them about the same property. Every id
//! and time is fixed, so that an event is the same in every run.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::event::{
    Chat, ChatEnd, ChatStart, Event, FirstMessage, Message, MessageKind, Property, Requester, Role,
    Sender, Ticket, TicketCreate, Timestamp, TranscriptCreated, Visitor,
};

const CHAT_ID: &str = "4d1b6f30-9c27-11ef-8a5e-0b7d92c3e614";
const TICKET_ID: &str = "7ae05c90-9c2b-11ef-b1d8-53f86a20c9e7";
const AGENT_ID: &str = "67291c5ed04a8b93f6127a0c";
const DOMAIN: &str = "shop.example.com";
const REFERRER: &str = "https://www.example.com/search?q=lanterns";
const EMAIL: &str = "somebody@example.com";

/// A visitor begins a chat by writing `text`.
///
/// To have it otherwise, change its fields, or write the JSON yourself (for a time, say):
///
/// ```
/// use tower_tawk::event::{Event, Role};
/// use tower_tawk::test_util::samples::chat_start;
///
/// let mut event = chat_start("V1725725990017734", "In stock in 44?");
/// assert!(event.person().is_some_and(|person| person.has_placeholder_name()));
///
/// if let Event::ChatStart(start) = &mut event
///     && let Some(message) = &mut start.message
/// {
///     message.sender = Some(Role::Agent);
/// }
/// assert_eq!(event.opened_by(), Some(&Role::Agent));
/// ```
#[must_use]
pub fn chat_start(visitor: &str, text: &str) -> Event {
    Event::ChatStart(ChatStart {
        chat_id: CHAT_ID.to_owned(),
        time: time(0),
        domain: some(DOMAIN),
        referrer: some(REFERRER),
        message: Some(FirstMessage {
            text: some(text),
            kind: Some(MessageKind::Text),
            sender: Some(Role::Visitor),
        }),
        visitor: Some(person(visitor)),
        property: property(),
    })
}

/// The chat is over.
#[must_use]
pub fn chat_end(visitor: &str) -> Event {
    Event::ChatEnd(ChatEnd {
        chat_id: CHAT_ID.to_owned(),
        time: time(900),
        domain: some(DOMAIN),
        referrer: some(REFERRER),
        visitor: Some(person(visitor)),
        property: property(),
    })
}

/// The whole chat: who wrote what, in order.
///
/// ```
/// use tower_tawk::event::Role;
/// use tower_tawk::test_util::samples::transcript;
///
/// let event = transcript("Tomasz", &[
///     (Role::Visitor, "In stock in 44?"),
///     (Role::Agent, "Two pairs."),
/// ]);
///
/// assert_eq!(event.opened_by(), Some(&Role::Visitor));
/// assert_eq!(event.agent_replies().count(), 1);
/// ```
#[must_use]
pub fn transcript(visitor: &str, messages: &[(Role, &str)]) -> Event {
    let messages = (0..).step_by(20).zip(messages);
    Event::TranscriptCreated(TranscriptCreated {
        time: time(1080),
        domain: some(DOMAIN),
        referrer: some(REFERRER),
        property: property(),
        chat: Chat {
            id: CHAT_ID.to_owned(),
            visitor: Some(person(visitor)),
            messages: messages.map(|(at, (role, text))| message(at, role, text)).collect(),
            omitted_messages: 0,
        },
    })
}

fn message(seconds: u64, role: &Role, text: &str) -> Message {
    Message {
        sender: Some(Sender {
            role: Some(role.clone()),
            name: match role {
                Role::Agent => some("Ingrid Vale"),
                Role::System => property().name,
                _ => None,
            },
            id: if *role == Role::Agent { some(AGENT_ID) } else { None },
        }),
        kind: Some(MessageKind::Text),
        text: some(text),
        time: time(seconds),
        ..Message::default()
    }
}

/// A visitor's ticket.
#[must_use]
pub fn ticket(requester: &str, subject: &str, message: &str) -> Event {
    Event::TicketCreate(TicketCreate {
        time: time(1800),
        property: property(),
        requester: Some(Requester {
            name: some(requester),
            email: some(EMAIL),
            role: Some(Role::Visitor),
        }),
        ticket: Ticket {
            id: TICKET_ID.to_owned(),
            human_id: Some(271),
            subject: some(subject),
            message: some(message),
        },
    })
}

/// An event that this crate does not know, as there may be one tomorrow: handlers answer it 2xx.
///
/// # Panics
///
/// When `name` is empty, or that of a known event.
#[must_use]
pub fn unknown(name: &str) -> Event {
    #[derive(Serialize)]
    struct Unknown<'a> {
        event: &'a str,
        time: Option<Timestamp>,
    }
    let body = serde_json::to_vec(&Unknown { event: name, time: time(0) });
    Event::from_slice(&body.expect("text is JSON")).expect("a name that no known event has")
}

/// So many seconds after the chat began.
fn time(seconds: u64) -> Option<Timestamp> {
    const BEGIN: Duration = Duration::from_millis(1_730_884_742_307);
    Some(Timestamp::from_system_time(SystemTime::UNIX_EPOCH + BEGIN + Duration::from_secs(seconds)))
}

/// As in events that are read, an empty text is none.
fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn person(name: &str) -> Visitor {
    Visitor { name: some(name), email: some(EMAIL), city: some("gothenburg"), country: some("SE") }
}

fn property() -> Property {
    Property { id: "66f3a9d1c85e2b7704d1f3a8".to_owned(), name: some("Lantern & Loom") }
}
