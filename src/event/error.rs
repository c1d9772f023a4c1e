//! [`EventError`]: why a body is not an event.

use std::error::Error;
use std::fmt;

/// Why a body could not be read as an [`Event`](super::Event).
///
/// A body may be verified and still be none: answer 2xx all the same, since sending it again will
/// not change it, and keep the raw bytes. It holds nothing of the body but, where there is one,
/// the event's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventError {
    kind: EventErrorKind,
    name: Option<String>,
}

impl EventError {
    pub(super) const fn new(kind: EventErrorKind) -> Self {
        Self { kind, name: None }
    }

    pub(super) fn missing(path: &'static str, event: &str) -> Self {
        let kind = EventErrorKind::MissingIdentifier { path };
        Self { kind, name: Some(event.to_owned()) }
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> EventErrorKind {
        self.kind
    }

    /// The event's name, if the body has that much.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            EventErrorKind::NotJson => f.write_str("the body is not JSON"),
            EventErrorKind::NotAnObject => f.write_str("the body is JSON, but not an object"),
            EventErrorKind::NoEvent => f.write_str("the body has no field `event`"),
            EventErrorKind::NoName => f.write_str("the body's `event` is not a name"),
            EventErrorKind::MissingIdentifier { path } => {
                write!(f, "the event has no identifier at `{path}`")
            }
        }
    }
}

impl Error for EventError {}

/// The sorts of [`EventError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventErrorKind {
    /// It is not JSON (RFC 8259).
    NotJson,
    /// It is JSON, but no object.
    NotAnObject,
    /// It is an object without a field `event`.
    NoEvent,
    /// Its `event` is empty, or is no string.
    NoName,
    /// It is one of the four events, but lacks an identifier that it always has.
    MissingIdentifier {
        /// Where it should stand, such as `chat.id`.
        path: &'static str,
    },
}
