//! [`MessageKind`]: what sort of message something is.

use serde::{Serialize, Serializer};

use super::json::Json;

/// What sort of message something is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MessageKind {
    /// A text.
    Text,
    /// A file.
    File,
    /// A call in the browser.
    WebrtcCall,
    /// A sort that this crate does not know, as it was sent.
    Other(String),
}

impl MessageKind {
    /// Its name, as it was sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text => "msg",
            Self::File => "file",
            Self::WebrtcCall => "webrtc-call",
            Self::Other(other) => other,
        }
    }

    pub(super) fn read(json: Json<'_>) -> Option<Self> {
        let name = json.string()?;
        Some(match &*name {
            "msg" => Self::Text,
            "file" => Self::File,
            "webrtc-call" => Self::WebrtcCall,
            _ => Self::Other(name),
        })
    }
}

impl Serialize for MessageKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_str().serialize(serializer)
    }
}
