//! Parts of a delivery that are both stored and logged.

mod redact;

pub use redact::headers as redacted;

use std::borrow::Cow;

use axum::http::HeaderMap;

/// Maximum bytes of an event id, before they are escaped.
const MAX_EVENT_ID_LEN: usize = 128;

/// `X-Hook-Event-Id` (developer.tawk.to/webhooks), which is not signed.
pub fn event_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-hook-event-id")?.as_bytes();
    Some(id[..id.len().min(MAX_EVENT_ID_LEN)].escape_ascii().to_string())
}

/// The body as text, and how it was made one.
pub fn text(body: &[u8]) -> (Cow<'_, str>, &'static str) {
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
