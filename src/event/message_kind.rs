//! [`MessageKind`].

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
