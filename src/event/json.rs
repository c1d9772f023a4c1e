//! Lenient reading of JSON.
//!
//! A body is checked for syntax once, and only the fields that an event has are decoded. A value
//! of the wrong type is `None`, and unused fields cannot cause errors. Derived deserialization
//! cannot do this: it decodes unused keys and numbers, rejects duplicate keys, and accepts an
//! array instead of an object.

use std::fmt;

use serde::de::{Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::Deserializer;
use serde_json::value::RawValue;

use super::error::EventErrorKind;
use super::text::unescape;

/// Maximum number of members of an object to collect. Documented objects have up to eight.
const MAX_MEMBERS: usize = 16;

/// A JSON value whose syntax is known to be valid, and which is not decoded yet.
#[derive(Clone, Copy)]
pub(super) struct Json<'a>(&'a RawValue);

impl<'a> Json<'a> {
    /// Returns `None` if `text` is not valid JSON. The check is iterative, so deeply nested values
    /// cannot overflow the stack.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    pub(super) fn to_raw(self) -> Box<RawValue> {
        self.0.to_owned()
    }

    fn text(self) -> &'a str {
        self.0.get()
    }

    /// Returns the members of an object, or `None` for any other value.
    pub(super) fn object(self) -> Option<Object<'a>> {
        self.text().starts_with('{').then(|| Object::new(self))
    }

    /// Calls `f` with each element of an array. Does nothing for any other value.
    pub(super) fn for_each_element(self, f: impl FnMut(Self)) {
        if self.text().starts_with('[') {
            // Cannot fail: the syntax is valid.
            let _ = Deserializer::from_str(self.text()).deserialize_seq(Elements(f));
        }
    }

    /// Calls `f` with each key, as it is written between its quotes, and value of an object.
    fn for_each_member(self, f: impl FnMut(&'a str, Self)) {
        // Cannot fail: the syntax is valid, and it is called for objects only.
        let _ = Deserializer::from_str(self.text()).deserialize_map(Members(f));
    }

    /// Returns the text of a non-empty string.
    pub(super) fn string(self) -> Option<String> {
        let text = unescape(unquote(self.text())?);
        (!text.is_empty()).then(|| text.into_owned())
    }

    /// Returns the text of a non-empty string, or the digits of a number as they are written.
    fn identifier(self) -> Option<String> {
        let is_number = self.text().starts_with(|c: char| c.is_ascii_digit() || c == '-');
        if is_number { Some(self.text().to_owned()) } else { self.string() }
    }

    fn integer(self) -> Option<u64> {
        self.text().parse().ok()
    }
}

fn unquote(text: &str) -> Option<&str> {
    text.strip_prefix('"')?.strip_suffix('"')
}

/// The members of a JSON object, collected in one pass.
///
/// An object with more than [`MAX_MEMBERS`] members is read again for each
/// field, so that memory use does not depend on their number.
pub(super) struct Object<'a> {
    json: Json<'a>,
    /// Each key as it is written between its quotes, and its value.
    members: [Option<(&'a str, Json<'a>)>; MAX_MEMBERS],
    /// The number of members of the object, which may be more than are collected.
    count: usize,
}

impl<'a> Object<'a> {
    fn new(json: Json<'a>) -> Self {
        let mut object = Self { json, ..Self::default() };
        json.for_each_member(|key, value| {
            if let Some(member) = object.members.get_mut(object.count) {
                *member = Some((key, value));
            }
            object.count += 1;
        });
        object
    }

    /// Returns a field's value. If its key is duplicated, the last value counts, as in JavaScript.
    pub(super) fn get(&self, name: &str) -> Option<Json<'a>> {
        if self.count <= MAX_MEMBERS {
            let mut last_first = self.members[..self.count].iter().rev().flatten();
            return last_first.find(|(key, _)| is_key(key, name)).map(|(_, value)| *value);
        }
        let mut found = None;
        self.json.for_each_member(|key, value| {
            if is_key(key, name) {
                found = Some(value);
            }
        });
        found
    }

    /// Returns a field that is an object.
    pub(super) fn object(&self, name: &str) -> Option<Self> {
        self.get(name)?.object()
    }

    /// Returns a field that is a non-empty string.
    pub(super) fn string(&self, name: &str) -> Option<String> {
        self.get(name)?.string()
    }

    /// Returns a field that is a non-negative integer.
    pub(super) fn integer(&self, name: &str) -> Option<u64> {
        self.get(name)?.integer()
    }

    /// Returns a field that is a non-empty string or a number.
    pub(super) fn identifier(&self, name: &str) -> Option<String> {
        self.get(name)?.identifier()
    }

    /// Returns an identifier, or an error that names its `path` in the event.
    pub(super) fn require_identifier(
        &self,
        name: &str,
        path: &'static str,
    ) -> Result<String, EventErrorKind> {
        self.identifier(name).ok_or(EventErrorKind::MissingIdentifier { path })
    }
}

/// An object without members.
impl Default for Object<'_> {
    fn default() -> Self {
        Self { json: Json(RawValue::NULL), members: [None; MAX_MEMBERS], count: 0 }
    }
}

/// Compares a key with a name. Only a key with escapes is copied, and only if it is short enough:
/// an escape takes at most six bytes for each byte of the name.
fn is_key(key: &str, name: &str) -> bool {
    key == name || key.len() <= 6 * name.len() && key.contains('\\') && unescape(key) == name
}

struct Members<F>(F);

impl<'a, F: FnMut(&'a str, Json<'a>)> Visitor<'a> for Members<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut members: A) -> Result<(), A::Error> {
        // Keys are not decoded: a lone surrogate in one key must not make the others unreadable.
        while let Some((key, value)) = members.next_entry::<&RawValue, &RawValue>()? {
            (self.0)(unquote(key.get()).unwrap_or_default(), Json(value));
        }
        Ok(())
    }
}

struct Elements<F>(F);

impl<'a, F: FnMut(Json<'a>)> Visitor<'a> for Elements<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'a>>(mut self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element::<&RawValue>()? {
            (self.0)(Json(element));
        }
        Ok(())
    }
}
