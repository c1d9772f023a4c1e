//! [`Delivery`]: a verified delivery as it is stored, logged and acted on.

mod redact;

pub(crate) use redact::headers as redacted;

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use axum::http::HeaderMap;
use tower_tawk::event::Event;
use tower_tawk::{Signature, VerifiedSignature};

use crate::event_summary::EventSummary;
use crate::log::json_text;

/// So much is kept of a text that somebody can choose.
const TEXT_LENGTH_MOST: usize = 128;

pub(crate) struct Delivery {
    /// The key to recognise a repeat by.
    pub(crate) signature: Signature,
    pub(crate) secret_label: String,
    pub(crate) received_at: SystemTime,
    /// `X-Hook-Event-Id` (developer.tawk.to/webhooks), which is not signed.
    pub(crate) event_id: Option<String>,
    pub(crate) event: Option<String>,
    pub(crate) chat_id: Option<String>,
    pub(crate) ticket_id: Option<String>,
    pub(crate) property_id: Option<String>,
    /// A JSON object, sensitive values redacted.
    pub(crate) headers: String,
    /// The bytes that were signed.
    pub(crate) body: Bytes,
}

impl Delivery {
    pub(crate) fn new(
        by: &VerifiedSignature,
        headers: &HeaderMap,
        event: &Event,
        body: Bytes,
    ) -> Self {
        let summary = EventSummary::new(event);
        Self {
            signature: by.signature(),
            secret_label: by.secret_label().to_owned(),
            received_at: SystemTime::now(),
            event_id: event_id(headers),
            event: summary.event.map(str::to_owned),
            chat_id: summary.chat_id.map(str::to_owned),
            ticket_id: summary.ticket_id.map(str::to_owned),
            property_id: summary.property_id.map(str::to_owned),
            headers: json_text(&redacted(headers)),
            body,
        }
    }

    /// What its bytes say.
    pub(crate) fn event(&self) -> Event {
        Event::from_slice(&self.body).unwrap_or_else(Event::Undecodable)
    }
}

/// Milliseconds since the Unix epoch, as databases keep times here.
pub(crate) fn milliseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since.as_millis().try_into().unwrap_or(i64::MAX)
}

/// The time of so many milliseconds.
pub(crate) fn time(milliseconds: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds.try_into().unwrap_or(0))
}

/// `X-Hook-Event-Id` (developer.tawk.to/webhooks), which is not signed.
pub(crate) fn event_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-hook-event-id")?.as_bytes();
    Some(id[..id.len().min(TEXT_LENGTH_MOST)].escape_ascii().to_string())
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
