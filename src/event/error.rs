//! [`EventError`] and [`EventErrorKind`].

use std::error::Error;
use std::fmt;

/// Error returned when a body is not an [`Event`](super::Event).
///
/// A verified body is not necessarily a valid event. Respond with 2xx anyway, because a retry
/// carries the same body, and store the raw bytes. The error contains nothing of the body except
/// the event's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventError {
    kind: EventErrorKind,
    name: Option<String>,
}

impl EventError {
    pub(super) const fn of_event(name: String, kind: EventErrorKind) -> Self {
        Self { kind, name: Some(name) }
    }

    /// Returns the kind of the error.
    #[must_use]
    pub const fn kind(&self) -> EventErrorKind {
        self.kind
    }

    /// Returns the event's name, if the body has a valid one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

impl From<EventErrorKind> for EventError {
    fn from(kind: EventErrorKind) -> Self {
        Self { kind, name: None }
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            EventErrorKind::NotJson => f.write_str("body is not valid JSON"),
            EventErrorKind::NotAnObject => f.write_str("body is not a JSON object"),
            EventErrorKind::MissingName => f.write_str("field `event` is missing"),
            EventErrorKind::InvalidName => f.write_str("field `event` is not a non-empty string"),
            EventErrorKind::MissingIdentifier { path } => {
                write!(f, "identifier `{path}` is missing")
            }
        }
    }
}

impl Error for EventError {}

/// The kind of an [`EventError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventErrorKind {
    /// The body is not valid JSON (RFC 8259).
    NotJson,
    /// The body is valid JSON, but not an object.
    NotAnObject,
    /// The field `event` is missing.
    MissingName,
    /// The field `event` is empty or not a string.
    InvalidName,
    /// A known event lacks one of its identifiers.
    MissingIdentifier {
        /// The path of the missing field: `chatId`, `chat.id`, `ticket.id` or `property.id`.
        path: &'static str,
    },
}
