//! [`check`]: whether a text is JSON, found out without keeping any of it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// `text`, when it is JSON that any reader takes. `RawValue` would let through more: half a
/// surrogate pair, any depth.
pub(super) fn check(text: &[u8]) -> serde_json::Result<&str> {
    let Json = serde_json::from_slice(text)?;
    str::from_utf8(text).map_err(serde_json::Error::custom)
}

struct Json;

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Json {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Self, A::Error> {
        while let Some(Self) = values.next_element()? {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self, A::Error> {
        while let Some((Self, Self)) = fields.next_entry()? {}
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_serde_json_takes_for_json_is_taken_and_nothing_else() {
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let texts =
            [r#"{"a":[1,-1,0.5,true,null,"é\ud83d\udc4b"]}"#, r#""\ud83d""#, "1e999", "[1,]"];
        let texts =
            texts.map(str::to_owned).into_iter().chain([deep(127), deep(128), deep(100_000)]);
        for text in texts.map(String::into_bytes).chain([b"\"\xff\"".into(), b"{} x".into()]) {
            let expected =
                serde_json::from_slice::<Value>(&text).map_err(|error| error.to_string());
            let checked = check(&text).map_err(|error| error.to_string());
            assert_eq!(checked.err(), expected.err());
        }
    }
}
