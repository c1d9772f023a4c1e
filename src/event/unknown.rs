//! [`UnknownEvent`]: an event that this crate does not know.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::json::Json;

/// An event that this crate does not know, with its whole text. `Debug` shows its name.
#[derive(Clone)]
pub struct UnknownEvent {
    name: String,
    json: Box<RawValue>,
}

impl UnknownEvent {
    pub(super) fn new(name: String, json: Json<'_>) -> Self {
        Self { name, json: json.to_owned() }
    }

    /// The event's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The body, a JSON object. It is UTF-8, and without a byte order mark; the raw bytes are the
    /// delivery's.
    #[must_use]
    pub fn json(&self) -> &str {
        self.json.get()
    }
}

impl PartialEq for UnknownEvent {
    fn eq(&self, other: &Self) -> bool {
        self.json() == other.json()
    }
}

impl Eq for UnknownEvent {}

impl Serialize for UnknownEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

impl fmt::Debug for UnknownEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnknownEvent").field("name", &self.name).finish_non_exhaustive()
    }
}
