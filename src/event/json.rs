//! [`Json`]: a JSON value that is checked but not decoded, and the lenient reading of it.
//!
//! A body is walked once for its syntax; a value is decoded only when somebody wants it, and then
//! by what is wanted: another type is none, and what nobody wants cannot spoil the rest, whatever
//! it holds. This is what derived deserialisation cannot do: it decodes keys and numbers that
//! nobody reads, refuses duplicate keys, and takes an array for an object.

use std::fmt;

use serde::de::{Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::Deserializer;
use serde_json::value::RawValue;

use super::unescape::unescape;

/// A JSON value as it stands in the body.
#[derive(Clone, Copy)]
pub(super) struct Json<'a>(&'a RawValue);

/// The values of some fields of an object, in the order in which they were asked for.
pub(super) type Fields<'a, const N: usize> = [Option<Json<'a>>; N];

impl<'a> Json<'a> {
    /// Checks that `text` is JSON. Iterative, so that no depth of nesting is too much.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    fn text(self) -> &'a str {
        self.0.get()
    }

    pub(super) fn to_owned(self) -> Box<RawValue> {
        self.0.to_owned()
    }

    pub(super) fn is_object(self) -> bool {
        matches!(self.text().as_bytes(), [b'{', ..])
    }

    /// The fields of an object; all none where this is not one. Of a repeated key the last counts,
    /// as in JavaScript.
    pub(super) fn fields<const N: usize>(self, names: [&str; N]) -> Fields<'a, N> {
        if !self.is_object() {
            return [None; N];
        }
        Deserializer::from_str(self.text()).deserialize_map(FieldsOf(names)).unwrap_or([None; N])
    }

    /// Calls `each` with every element of an array; not at all where this is none.
    pub(super) fn for_each(self, each: impl FnMut(Self)) {
        if self.text().starts_with('[') {
            // It is known to be JSON: there is nothing to fail.
            let _ = Deserializer::from_str(self.text()).deserialize_seq(ElementsOf(each));
        }
    }

    /// The text of a string that is not empty.
    pub(super) fn string(self) -> Option<String> {
        let text = unescape(unquote(self.text())?);
        (!text.is_empty()).then(|| text.into_owned())
    }

    /// An identifier: a text, or a number as it is written.
    pub(super) fn identifier(self) -> Option<String> {
        let is_number = self.text().starts_with(|c: char| c.is_ascii_digit() || c == '-');
        if is_number { Some(self.text().to_owned()) } else { self.string() }
    }

    /// An integer that is not negative.
    pub(super) fn integer(self) -> Option<u64> {
        self.text().parse().ok()
    }
}

/// The inside of a string.
fn unquote(text: &str) -> Option<&str> {
    text.strip_prefix('"')?.strip_suffix('"')
}

struct FieldsOf<'n, const N: usize>([&'n str; N]);

impl<'a, const N: usize> Visitor<'a> for FieldsOf<'_, N> {
    type Value = Fields<'a, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = [None; N];
        // Keys too are taken as they stand: one that is no text must not spoil the others.
        while let Some(key) = map.next_key::<&RawValue>()? {
            let value = map.next_value::<&RawValue>()?;
            let key = unquote(key.get()).unwrap_or_default();
            if let Some(at) = self.0.iter().position(|name| is_same(key, name)) {
                fields[at] = Some(Json(value));
            }
        }
        Ok(fields)
    }
}

/// A key is compared without a copy, unless it is written with escapes: each is six bytes at most.
fn is_same(key: &str, name: &str) -> bool {
    key == name || key.len() <= 6 * name.len() && key.contains('\\') && unescape(key) == name
}

struct ElementsOf<F>(F);

impl<'a, F: FnMut(Json<'a>)> Visitor<'a> for ElementsOf<F> {
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
