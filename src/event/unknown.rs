//! [`UnknownEvent`].

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::json::Json;

/// An event that this crate does not know, with its complete JSON. `Debug` output shows only its
/// name.
#[derive(Clone)]
pub struct UnknownEvent {
    name: String,
    json: Box<RawValue>,
}

impl UnknownEvent {
    pub(super) fn new(name: String, json: Json<'_>) -> Self {
        Self { name, json: json.to_raw() }
    }

    /// Returns the event's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the body, a JSON object, without a byte order mark. Bytes that are not valid UTF-8
    /// were replaced.
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
