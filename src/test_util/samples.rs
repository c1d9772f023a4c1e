//! Sample events.
//!
//! Each function takes the values that tests commonly assert on. All other fields have fixed,
//! invented values. The three chat events belong to the same chat, and all known events to the same
//! property.

use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::event::{
    Chat, ChatEnd, ChatStart, Event, FirstMessage, Message, MessageKind, Property, Requester, Role,
    Sender, Ticket, TicketCreate, Timestamp, TranscriptCreated, Visitor,
};

const CHAT_ID: &str = "4d1b6f30-9c27-11ef-8a5e-0b7d92c3e614";
const TICKET_ID: &str = "7ae05c90-9c2b-11ef-b1d8-53f86a20c9e7";
const AGENT_ID: &str = "67291c5ed04a8b93f6127a0c";
const DOMAIN: &str = "shop.example.com";
const REFERRER: &str = "https://www.example.com/search?q=lanterns";
const EMAIL: &str = "customer@example.com";

/// Creates a `chat:start` event, in which `visitor` sends the message `text`.
///
/// To customize the event, modify its fields:
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
        domain: non_empty(DOMAIN),
        referrer: non_empty(REFERRER),
        message: Some(FirstMessage {
            text: non_empty(text),
            kind: Some(MessageKind::Text),
            sender: Some(Role::Visitor),
        }),
        visitor: Some(sample_visitor(visitor)),
        property: property(),
    })
}

/// Creates a `chat:end` event.
#[must_use]
pub fn chat_end(visitor: &str) -> Event {
    Event::ChatEnd(ChatEnd {
        chat_id: CHAT_ID.to_owned(),
        time: time(900),
        domain: non_empty(DOMAIN),
        referrer: non_empty(REFERRER),
        visitor: Some(sample_visitor(visitor)),
        property: property(),
    })
}

/// Creates a `chat:transcript_created` event with the messages, in order.
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
        domain: non_empty(DOMAIN),
        referrer: non_empty(REFERRER),
        property: property(),
        chat: Chat {
            id: CHAT_ID.to_owned(),
            visitor: Some(sample_visitor(visitor)),
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
                Role::Agent => non_empty("Ingrid Vale"),
                Role::System => property().name,
                _ => None,
            },
            id: if *role == Role::Agent { non_empty(AGENT_ID) } else { None },
        }),
        kind: Some(MessageKind::Text),
        text: non_empty(text),
        time: time(seconds),
        ..Message::default()
    }
}

/// Creates a `ticket:create` event. The requester is a visitor.
#[must_use]
pub fn ticket(requester: &str, subject: &str, message: &str) -> Event {
    Event::TicketCreate(TicketCreate {
        time: time(1800),
        property: property(),
        requester: Some(Requester {
            name: non_empty(requester),
            email: non_empty(EMAIL),
            role: Some(Role::Visitor),
        }),
        ticket: Ticket {
            id: TICKET_ID.to_owned(),
            human_id: Some(271),
            subject: non_empty(subject),
            message: non_empty(message),
        },
    })
}

/// Creates an event that this crate does not know. Handlers should respond to it with 2xx.
///
/// # Panics
///
/// Panics if `name` is empty or the name of a known event.
#[must_use]
pub fn unknown(name: &str) -> Event {
    let body = json!({ "event": name, "time": time(0) }).to_string();
    Event::from_slice(body.as_bytes()).expect("name is not empty and not that of a known event")
}

/// Returns the time `seconds` after the start of the chat.
fn time(seconds: u64) -> Option<Timestamp> {
    const START: Duration = Duration::from_millis(1_730_884_742_307);
    Some(Timestamp::from_system_time(SystemTime::UNIX_EPOCH + START + Duration::from_secs(seconds)))
}

/// Returns `None` for an empty text, as decoding does.
fn non_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn sample_visitor(name: &str) -> Visitor {
    Visitor {
        name: non_empty(name),
        email: non_empty(EMAIL),
        city: non_empty("gothenburg"),
        country: non_empty("SE"),
    }
}

fn property() -> Property {
    Property { id: "66f3a9d1c85e2b7704d1f3a8".to_owned(), name: non_empty("Lantern & Loom") }
}
