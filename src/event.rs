//! Typed events.
//!
//! [`Event::from_slice`] decodes a verified body. Decoding is lenient where the payloads of Tawk.to
//! vary: an optional field is `None` if it is missing, `null`, empty or of another type, unknown
//! values are kept, and unused fields never cause errors. A known event without one of its
//! identifiers is an [error](EventError) that names the missing field.
//!
//! Store the raw bytes as well, because they are what was signed.
//!
//! ```
//! use tower_tawk::event::{Event, Role};
//!
//! let event = Event::from_slice(
//!     br#"{
//!         "event": "chat:transcript_created",
//!         "time": "2024-09-07T16:01:30.077Z",
//!         "property": {"id": "64b1f0c29d3e7a5518c2e9d4", "name": "Harbor Lane Outfitters"},
//!         "chat": {
//!             "id": "b7064c20-6d10-11ef-a0f2-57c8e9104d3b",
//!             "visitor": {"name": "V1725725990017734"},
//!             "messages": [
//!                 {"sender": {"t": "v"}, "type": "msg", "msg": "In stock in 44?"},
//!                 {"sender": {"t": "a", "n": "Ingrid"}, "type": "msg", "msg": "Two pairs."}
//!             ]
//!         }
//!     }"#,
//! )?;
//!
//! assert_eq!(event.name(), "chat:transcript_created");
//! assert_eq!(event.opened_by(), Some(&Role::Visitor));
//! assert!(event.person().is_some_and(|person| person.has_placeholder_name()));
//!
//! let replies: Vec<_> = event.agent_replies().filter_map(|reply| reply.text.as_deref()).collect();
//! assert_eq!(replies, ["Two pairs."]);
//! # Ok::<_, tower_tawk::event::EventError>(())
//! ```

mod attachment;
mod chat;
mod error;
mod json;
mod message_kind;
mod person;
mod text;
mod ticket;
mod timestamp;
mod transcript;
mod unknown;

use serde::Serialize;

pub use self::attachment::Attachment;
pub use self::chat::{ChatEnd, ChatStart, FirstMessage};
pub use self::error::{EventError, EventErrorKind};
pub use self::message_kind::MessageKind;
pub use self::person::{Person, Property, Requester, Role, Visitor};
pub use self::ticket::{Ticket, TicketCreate};
pub use self::timestamp::{InvalidTimestamp, Timestamp};
pub use self::transcript::{Chat, Message, Sender, TranscriptCreated};
pub use self::unknown::UnknownEvent;

use self::json::Json;

/// An event, decoded from the body of a delivery.
///
/// Tawk.to sends four events. There is no event for a single message, so the replies of agents are
/// only in transcripts. Respond with 2xx to events that you ignore: Tawk.to retries the delivery
/// for up to 12 hours otherwise.
///
/// `Serialize` writes the format that Tawk.to sends. Fields that are not decoded, and
/// [omitted messages](Chat::omitted_messages) and attachments, are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Event {
    /// `chat:start`
    ChatStart(ChatStart),
    /// `chat:end`
    ChatEnd(ChatEnd),
    /// `chat:transcript_created`
    TranscriptCreated(TranscriptCreated),
    /// `ticket:create`
    TicketCreate(TicketCreate),
    /// An event that this crate does not know.
    Unknown(UnknownEvent),
    /// A body that is not a valid event.
    ///
    /// Only [`Delivery`](crate::Delivery) creates this variant, so that a handler gets every
    /// verified delivery. [`from_slice`](Event::from_slice) returns the error instead. It cannot be
    /// serialized.
    #[serde(skip)]
    Undecodable(EventError),
}

impl Event {
    /// Decodes a body.
    ///
    /// A byte order mark is skipped, and each run of bytes that are not valid UTF-8 is replaced
    /// with one U+FFFD.
    ///
    /// Never panics, and uses a bounded amount of memory: less than 16 MiB for a body of 2 MiB.
    /// Up to 10,000 messages of a transcript are decoded, and up to 10,000 attachments. The rest
    /// are only [counted](Chat::omitted_messages).
    ///
    /// # Errors
    ///
    /// Returns [`EventError`] if the body is not a JSON object with the name of an event, or if it
    /// is a known event without one of its identifiers.
    pub fn from_slice(body: &[u8]) -> Result<Self, EventError> {
        let text = text::from_utf8_lossy(body);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let json = Json::parse(text).ok_or(EventErrorKind::NotJson)?;
        let object = json.object().ok_or(EventErrorKind::NotAnObject)?;
        let name = object.get("event").ok_or(EventErrorKind::MissingName)?;
        let name = name.string().ok_or(EventErrorKind::InvalidName)?;
        let event = match &*name {
            ChatStart::NAME => ChatStart::decode(&object).map(Self::ChatStart),
            ChatEnd::NAME => ChatEnd::decode(&object).map(Self::ChatEnd),
            TranscriptCreated::NAME => {
                TranscriptCreated::decode(&object).map(Self::TranscriptCreated)
            }
            TicketCreate::NAME => TicketCreate::decode(&object).map(Self::TicketCreate),
            _ => return Ok(Self::Unknown(UnknownEvent::new(name, json))),
        };
        event.map_err(|kind| EventError::of_event(name, kind))
    }

    /// Returns the event's name, such as `chat:start`. Empty if an undecodable body has no valid
    /// name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::ChatStart(_) => ChatStart::NAME,
            Self::ChatEnd(_) => ChatEnd::NAME,
            Self::TranscriptCreated(_) => TranscriptCreated::NAME,
            Self::TicketCreate(_) => TicketCreate::NAME,
            Self::Unknown(unknown) => unknown.name(),
            Self::Undecodable(error) => error.name().unwrap_or_default(),
        }
    }

    /// Returns the id of the chat. `None` for tickets, and for unknown and undecodable events.
    #[must_use]
    pub fn chat_id(&self) -> Option<&str> {
        match self {
            Self::ChatStart(start) => Some(&start.chat_id),
            Self::ChatEnd(end) => Some(&end.chat_id),
            Self::TranscriptCreated(transcript) => Some(&transcript.chat.id),
            Self::TicketCreate(_) | Self::Unknown(_) | Self::Undecodable(_) => None,
        }
    }

    /// Returns the id of the ticket. `None` for every event except `ticket:create`.
    ///
    /// ```
    /// use tower_tawk::event::Event;
    ///
    /// let event = Event::from_slice(
    ///     br#"{"event":"ticket:create","property":{"id":"p"},"ticket":{"id":"t"}}"#,
    /// )?;
    ///
    /// assert_eq!(event.ticket_id(), Some("t"));
    /// assert_eq!(event.chat_id(), None);
    /// # Ok::<_, tower_tawk::event::EventError>(())
    /// ```
    #[must_use]
    pub fn ticket_id(&self) -> Option<&str> {
        match self {
            Self::TicketCreate(created) => Some(&created.ticket.id),
            _ => None,
        }
    }

    /// Returns the property. `None` for unknown and undecodable events.
    #[must_use]
    pub const fn property(&self) -> Option<&Property> {
        match self {
            Self::ChatStart(start) => Some(&start.property),
            Self::ChatEnd(end) => Some(&end.property),
            Self::TranscriptCreated(transcript) => Some(&transcript.property),
            Self::TicketCreate(created) => Some(&created.property),
            Self::Unknown(_) | Self::Undecodable(_) => None,
        }
    }

    /// Returns the time of the event, or `None` if it is missing.
    #[must_use]
    pub const fn time(&self) -> Option<&Timestamp> {
        match self {
            Self::ChatStart(start) => start.time.as_ref(),
            Self::ChatEnd(end) => end.time.as_ref(),
            Self::TranscriptCreated(transcript) => transcript.time.as_ref(),
            Self::TicketCreate(created) => created.time.as_ref(),
            Self::Unknown(_) | Self::Undecodable(_) => None,
        }
    }

    /// Returns the visitor of a chat, or the requester of a ticket, who may be an agent.
    #[must_use]
    pub fn person(&self) -> Option<Person<'_>> {
        match self {
            Self::ChatStart(start) => start.visitor.as_ref().map(Visitor::person),
            Self::ChatEnd(end) => end.visitor.as_ref().map(Visitor::person),
            Self::TranscriptCreated(transcript) => {
                transcript.chat.visitor.as_ref().map(Visitor::person)
            }
            Self::TicketCreate(created) => created.requester.as_ref().map(Requester::person),
            Self::Unknown(_) | Self::Undecodable(_) => None,
        }
    }

    /// Returns the role of the person who started the chat or created the ticket.
    ///
    /// This is the sender of the first message for `chat:start`, the requester for `ticket:create`,
    /// and the first sender other than the system for a transcript. `None` for `chat:end`, which
    /// does not contain it.
    #[must_use]
    pub fn opened_by(&self) -> Option<&Role> {
        match self {
            Self::ChatStart(start) => start.message.as_ref()?.sender.as_ref(),
            Self::TranscriptCreated(transcript) => {
                let mut messages = transcript.chat.messages.iter();
                let first = messages.find(|message| !message.is_from(&Role::System))?;
                first.sender.as_ref()?.role.as_ref()
            }
            Self::TicketCreate(created) => created.requester.as_ref()?.role.as_ref(),
            Self::ChatEnd(_) | Self::Unknown(_) | Self::Undecodable(_) => None,
        }
    }

    /// Returns the number of messages in a transcript, including
    /// [omitted ones](Chat::omitted_messages). `None` for every other event.
    ///
    /// ```
    /// use tower_tawk::event::Event;
    ///
    /// let event = Event::from_slice(
    ///     br#"{"event":"chat:transcript_created","property":{"id":"p"},"chat":{
    ///         "id":"c","messages":[{"msg":"In stock in 44?"},{"msg":"Two pairs."}]}}"#,
    /// )?;
    ///
    /// assert_eq!(event.message_count(), Some(2));
    /// # Ok::<_, tower_tawk::event::EventError>(())
    /// ```
    #[must_use]
    pub const fn message_count(&self) -> Option<usize> {
        match self {
            Self::TranscriptCreated(transcript) => {
                Some(transcript.chat.messages.len() + transcript.chat.omitted_messages)
            }
            _ => None,
        }
    }

    /// Returns the messages of a transcript that were sent by an agent. Empty for every other
    /// event.
    pub fn agent_replies(&self) -> impl Iterator<Item = &Message> {
        let messages = match self {
            Self::TranscriptCreated(transcript) => &*transcript.chat.messages,
            _ => &[],
        };
        messages.iter().filter(|message| message.is_from(&Role::Agent))
    }

    /// Returns the labels and values of the form that the visitor filled in before the chat.
    ///
    /// Tawk.to sends the form as the text of the first message of `chat:start`. Phone numbers are
    /// sent nowhere else. Nothing marks the text as a form, so a message that starts with
    /// `word : word` is also parsed as one.
    ///
    /// ```
    /// use tower_tawk::event::Event;
    ///
    /// let event = Event::from_slice(
    ///     br#"{"event":"chat:start","chatId":"c","property":{"id":"p"},"message":{
    ///         "sender":{"type":"visitor"},"text":"Name : Nadia\r\nPhone : 5550142087"}}"#,
    /// )?;
    /// let form: Vec<_> = event.pre_chat_form().collect();
    ///
    /// assert_eq!(form, [("Name", "Nadia"), ("Phone", "5550142087")]);
    /// # Ok::<_, tower_tawk::event::EventError>(())
    /// ```
    pub fn pre_chat_form(&self) -> impl Iterator<Item = (&str, &str)> {
        let message = match self {
            Self::ChatStart(start) => start.message.as_ref(),
            _ => None,
        };
        message.into_iter().flat_map(FirstMessage::pre_chat_form)
    }
}
