//! Typed events, under the feature `events`.
//!
//! [`Event::from_slice`] reads a body that is verified. It is tolerant inside, where Tawk.to's
//! shapes vary: what is missing, `null`, empty, or of another type is `None`, what is not known is
//! kept as it is, and what nobody reads cannot do harm. It is honest outside: a known event
//! without its identifiers is an error that says which is missing. The raw bytes stay the truth:
//! keep them beside the event.
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
mod form;
mod json;
mod message_kind;
mod people;
mod ticket;
mod timestamp;
mod transcript;
mod unescape;
mod unknown;
mod utf8;

use serde::Serialize;

pub use attachment::Attachment;
pub use chat::{ChatEnd, ChatStart, FirstMessage};
pub use error::{EventError, EventErrorKind};
pub use message_kind::MessageKind;
pub use people::{Person, Property, Requester, Role, Visitor};
pub use ticket::{Ticket, TicketCreate};
pub use timestamp::{InvalidTimestamp, Timestamp};
pub use transcript::{Chat, Message, Sender, TranscriptCreated};
pub use unknown::UnknownEvent;

use json::Json;

/// What a delivery says.
///
/// There are four events today, and no event for each message: an agent's replies are only in the
/// transcript. A `match` needs an arm for the rest; let it answer 2xx, since an event that is
/// refused is sent again for 12 hours (developer.tawk.to/webhooks).
///
/// `Serialize` gives the documented shape again, of what is typed: not the messages and attachments
/// that are only counted.
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
    /// A body that is no event. [`Delivery`](crate::Delivery) has it here, so that it ends in the
    /// arm for the rest; [`from_slice`](Event::from_slice) returns the error. It cannot be
    /// serialized.
    #[serde(skip)]
    Undecodable(EventError),
}

impl Event {
    /// Reads a body.
    ///
    /// Never panics, and holds no more than some times the body and a few megabytes: of a transcript
    /// 10,000 messages and as many attachments are typed, and the rest is counted. A byte order mark at the
    /// beginning is skipped, and what is not UTF-8 becomes U+FFFD, one for all that stand together.
    ///
    /// # Errors
    ///
    /// [`EventError`] when the body is not JSON, not an object, does not name an event, or is a
    /// known event without one of its identifiers.
    pub fn from_slice(body: &[u8]) -> Result<Self, EventError> {
        let text = utf8::text(body);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let json = Json::parse(text).ok_or(EventError::new(EventErrorKind::NotJson))?;
        if !json.is_object() {
            return Err(EventError::new(EventErrorKind::NotAnObject));
        }
        let [name] = json.fields(["event"]);
        let name = name.ok_or(EventError::new(EventErrorKind::NoEvent))?;
        let name = name.string().ok_or(EventError::new(EventErrorKind::NoName))?;
        match &*name {
            ChatStart::NAME => ChatStart::read(json).map(Self::ChatStart),
            ChatEnd::NAME => ChatEnd::read(json).map(Self::ChatEnd),
            TranscriptCreated::NAME => TranscriptCreated::read(json).map(Self::TranscriptCreated),
            TicketCreate::NAME => TicketCreate::read(json).map(Self::TicketCreate),
            _ => Ok(Self::Unknown(UnknownEvent::new(name, json))),
        }
    }

    /// The event's name, such as `chat:start`; empty where an undecodable body has none.
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

    /// The id of the chat that it is about.
    #[must_use]
    pub fn chat_id(&self) -> Option<&str> {
        match self {
            Self::ChatStart(start) => Some(&start.chat_id),
            Self::ChatEnd(end) => Some(&end.chat_id),
            Self::TranscriptCreated(transcript) => Some(&transcript.chat.id),
            Self::TicketCreate(_) | Self::Unknown(_) | Self::Undecodable(_) => None,
        }
    }

    /// Returns the id of the ticket, for `ticket:create`.
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

    /// The property that it is about.
    #[must_use]
    pub const fn property(&self) -> Option<&Property> {
        match self {
            Self::ChatStart(start) => Some(&start.property),
            Self::ChatEnd(end) => Some(&end.property),
            Self::TranscriptCreated(transcript) => Some(&transcript.property),
            Self::TicketCreate(ticket) => Some(&ticket.property),
            Self::Unknown(_) | Self::Undecodable(_) => None,
        }
    }

    /// When it came into being.
    #[must_use]
    pub const fn time(&self) -> Option<&Timestamp> {
        match self {
            Self::ChatStart(start) => start.time.as_ref(),
            Self::ChatEnd(end) => end.time.as_ref(),
            Self::TranscriptCreated(transcript) => transcript.time.as_ref(),
            Self::TicketCreate(ticket) => ticket.time.as_ref(),
            Self::Unknown(_) | Self::Undecodable(_) => None,
        }
    }

    /// The person behind it: a chat's visitor, or a ticket's requester (who may be an agent).
    #[must_use]
    pub fn person(&self) -> Option<Person<'_>> {
        match self {
            Self::ChatStart(start) => start.visitor.as_ref().map(Visitor::person),
            Self::ChatEnd(end) => end.visitor.as_ref().map(Visitor::person),
            Self::TranscriptCreated(transcript) => {
                transcript.chat.visitor.as_ref().map(Visitor::person)
            }
            Self::TicketCreate(ticket) => ticket.requester.as_ref().map(Requester::person),
            Self::Unknown(_) | Self::Undecodable(_) => None,
        }
    }

    /// Who opened the chat or the ticket. In a transcript, who wrote the first message that is not
    /// the system's. The end of a chat does not say.
    #[must_use]
    pub fn opened_by(&self) -> Option<&Role> {
        match self {
            Self::ChatStart(start) => start.message.as_ref()?.sender.as_ref(),
            Self::TranscriptCreated(transcript) => {
                let first =
                    transcript.chat.messages.iter().find(|first| !first.is_by(&Role::System));
                first?.sender.as_ref()?.role.as_ref()
            }
            Self::TicketCreate(ticket) => ticket.requester.as_ref()?.role.as_ref(),
            Self::ChatEnd(_) | Self::Unknown(_) | Self::Undecodable(_) => None,
        }
    }

    /// Returns the number of messages in a transcript, including the
    /// [omitted ones](Chat::omitted_messages). Returns `None` for every other event.
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

    /// The messages of a transcript that an agent wrote; none in every other event.
    pub fn agent_replies(&self) -> impl Iterator<Item = &Message> {
        let messages = match self {
            Self::TranscriptCreated(transcript) => &*transcript.chat.messages,
            _ => &[],
        };
        messages.iter().filter(|message| message.is_by(&Role::Agent))
    }

    /// The labels and values of the form that a visitor filled in before the chat.
    ///
    /// It arrives as the text of the first message, in `chat:start`, and phone numbers are only
    /// there. Nothing marks it: a visitor who writes `word : word` looks like one.
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
        // The sender may be missing.
        let by_visitor =
            message.filter(|message| !matches!(message.sender, Some(Role::Agent | Role::System)));
        let text = by_visitor.and_then(|message| message.text.as_deref());
        form::read(text.unwrap_or_default())
    }
}
