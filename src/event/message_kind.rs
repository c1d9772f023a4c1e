//! [`MessageKind`] and [`Role`]: names that Tawk.to may extend.

use serde::{Serialize, Serializer};

/// The kind of a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MessageKind {
    /// A text message, `msg`.
    Text,
    /// A file, `file`.
    File,
    /// A call in the browser, `webrtc-call`.
    WebrtcCall,
    /// A kind that this crate does not know.
    Other(String),
}

impl MessageKind {
    /// Returns the name that Tawk.to uses for the kind, such as `msg`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text => "msg",
            Self::File => "file",
            Self::WebrtcCall => "webrtc-call",
            Self::Other(name) => name,
        }
    }

    pub(super) fn from_name(name: String) -> Self {
        match &*name {
            "msg" => Self::Text,
            "file" => Self::File,
            "webrtc-call" => Self::WebrtcCall,
            _ => Self::Other(name),
        }
    }
}

impl Serialize for MessageKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_str().serialize(serializer)
    }
}

/// The role of a participant in a chat or ticket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// A visitor of the site.
    Visitor,
    /// An agent who answers for the site.
    Agent,
    /// Tawk.to itself, which sends greetings and notices.
    System,
    /// A role that this crate does not know.
    Other(String),
}

impl Role {
    /// Returns the role's name, as used in `chat:start` and `ticket:create`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Visitor => "visitor",
            Self::Agent => "agent",
            Self::System => "system",
            Self::Other(name) => name,
        }
    }

    pub(super) fn from_name(name: String) -> Self {
        match &*name {
            "visitor" => Self::Visitor,
            "agent" => Self::Agent,
            "system" => Self::System,
            _ => Self::Other(name),
        }
    }

    /// Returns the role's letter, as used in transcripts.
    fn as_letter(&self) -> &str {
        match self {
            Self::Visitor => "v",
            Self::Agent => "a",
            Self::System => "s",
            Self::Other(letter) => letter,
        }
    }

    pub(super) fn from_letter(letter: String) -> Self {
        match &*letter {
            "v" => Self::Visitor,
            "a" => Self::Agent,
            "s" => Self::System,
            _ => Self::Other(letter),
        }
    }

    pub(super) fn serialize_letter<S: Serializer>(
        role: &Option<Self>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        role.as_ref().map(Self::as_letter).serialize(serializer)
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_str().serialize(serializer)
    }
}
