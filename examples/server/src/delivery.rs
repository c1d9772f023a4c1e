//! Parts of a delivery that are both stored and logged.

mod outline;
mod redact;

pub(crate) use outline::Outline;
pub(crate) use redact::headers as redacted;

use std::borrow::Cow;

use axum::http::HeaderMap;

/// Maximum length of sender-controlled text.
const TEXT_LENGTH_MOST: usize = 128;

/// `X-Hook-Event-Id` (developer.tawk.to/webhooks), which is not signed.
pub(crate) fn event_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-hook-event-id")?.as_bytes();
    Some(id[..id.len().min(TEXT_LENGTH_MOST)].escape_ascii().to_string())
}

/// No more of a text than a summary has room for.
fn cut(text: &str) -> String {
    let end = (0..=TEXT_LENGTH_MOST).rev().find(|end| text.is_char_boundary(*end));
    text[..end.unwrap_or(0)].to_owned()
}

/// The body as text, and how it was made one.
pub(crate) fn text(body: &[u8]) -> (Cow<'_, str>, &'static str) {
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
