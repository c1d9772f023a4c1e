//! [`Contents`]: a body as it came, from the level `payload` on.

use std::borrow::Cow;

use serde_json::Value;

use crate::log::json_text;

/// A body, whoever sent it.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) body: Option<String>,
    pub(super) body_encoding: Option<&'static str>,
    /// The body as JSON.
    pub(super) json: Option<String>,
    pub(super) json_error: Option<String>,
}

impl Contents {
    pub(super) fn of(body: &[u8]) -> Self {
        let (text, encoding) = text(body);
        let (json, json_error) = match serde_json::from_slice::<Value>(body) {
            Ok(json) => (Some(json_text(&json)), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Self { body: Some(text.into_owned()), body_encoding: Some(encoding), json, json_error }
    }
}

/// The body as text, and how it was made one.
fn text(body: &[u8]) -> (Cow<'_, str>, &'static str) {
    match str::from_utf8(body) {
        Ok(text) => (text.into(), "utf-8"),
        Err(_) => (body.escape_ascii().to_string().into(), "escaped"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_text_are_escaped() {
        assert_eq!(text("é".as_bytes()), ("é".into(), "utf-8"));
        assert_eq!(text(b"\xff\n"), (r"\xff\n".into(), "escaped"));
    }
}
