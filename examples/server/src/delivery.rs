//! [`Delivery`]: a verified delivery as it is stored, logged and acted on.

use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use axum::http::HeaderMap;
use tower_tawk::event::Event;
use tower_tawk::{Signature, VerifiedSignature};

use crate::log::json_text;
use crate::record::{Outline, event_id, redacted};

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
        let Outline { event, chat_id, ticket_id, property_id, .. } = Outline::of(event);
        Self {
            signature: by.signature(),
            secret_label: by.secret_label().to_owned(),
            received_at: SystemTime::now(),
            event_id: event_id(headers),
            event,
            chat_id,
            ticket_id,
            property_id,
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
