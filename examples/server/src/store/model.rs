//! The rows of the database, and what a caller learns about them.

use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use thiserror::Error;
use tower_tawk::event::Event;
use tower_tawk::{Signature, VerifiedSignature};

use super::database::Row;
use crate::escape::json_text;
use crate::event_summary::EventSummary;
use crate::redact;

/// A verified delivery, as it is stored.
pub struct VerifiedDelivery {
    /// The deduplication key.
    pub signature: Signature,
    pub secret_label: String,
    pub received_at: SystemTime,
    /// `X-Hook-Event-Id`, which is not signed.
    pub event_id: Option<String>,
    pub event: Option<String>,
    pub chat_id: Option<String>,
    pub ticket_id: Option<String>,
    pub property_id: Option<String>,
    /// A JSON object without credentials.
    pub headers: String,
    /// The signed bytes.
    pub body: Bytes,
}

impl VerifiedDelivery {
    pub fn new(
        verified: &VerifiedSignature,
        headers: &HeaderMap,
        summary: &EventSummary<'_>,
        body: Bytes,
    ) -> Self {
        Self {
            signature: verified.signature(),
            secret_label: verified.secret_label().to_owned(),
            received_at: SystemTime::now(),
            event_id: redact::event_id(headers),
            event: summary.event.map(without_nul),
            chat_id: summary.chat_id.map(without_nul),
            ticket_id: summary.ticket_id.map(without_nul),
            property_id: summary.property_id.map(without_nul),
            headers: json_text(&redact::headers(headers)),
            body,
        }
    }

    /// Returns what identifies the event: the hash of its id, its name, and its chat or ticket. The
    /// id is not signed, and without the rest it could be forged to suppress another notification.
    pub fn event_key(&self) -> Option<Vec<u8>> {
        let id = self.event_id.as_deref().filter(|id| !id.is_empty())?;
        let event = self.event.as_deref()?;
        let (chat, ticket) = (self.chat_id.as_deref(), self.ticket_id.as_deref());
        chat.or(ticket)?;
        let text = json!([id, event, chat, ticket]).to_string();
        Some(Sha256::digest(text).to_vec())
    }

    pub fn event(&self) -> Event {
        Event::from_slice(&self.body).unwrap_or_else(Event::Undecodable)
    }
}

#[derive(Clone)]
pub struct Recipient {
    pub channel: String,
    /// People are notified once of an event that several webhooks deliver. Programs get each
    /// delivery.
    pub once_per_event: bool,
}

impl Recipient {
    pub fn event_key(&self, delivery: &VerifiedDelivery) -> Option<Vec<u8>> {
        delivery.event_key().filter(|_| self.once_per_event)
    }
}

/// PostgreSQL rejects NUL in text, and a verified delivery is never rejected for its content. The
/// body keeps it.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

pub struct StoredDelivery {
    pub id: i64,
    pub delivery: VerifiedDelivery,
}

impl StoredDelivery {
    pub const COLUMNS: &str = "id, signature, received_at, secret_label, event_id, event, \
                               chat_id, ticket_id, property_id, headers, body";

    pub fn from_row(row: &Row) -> Result<Self, StoreError> {
        let signature: Vec<u8> = row.get("signature")?;
        let signature =
            signature.try_into().map_err(|_| StoreError::Failed("invalid signature".into()))?;
        let delivery = VerifiedDelivery {
            signature: Signature::from_bytes(signature),
            secret_label: row.get("secret_label")?,
            received_at: from_unix_millis(row.get("received_at")?),
            event_id: row.get("event_id")?,
            event: row.get("event")?,
            chat_id: row.get("chat_id")?,
            ticket_id: row.get("ticket_id")?,
            property_id: row.get("property_id")?,
            headers: row.get("headers")?,
            body: row.get::<Vec<u8>>("body")?.into(),
        };
        Ok(Self { id: row.get("id")?, delivery })
    }
}

pub struct Notification {
    pub id: i64,
    pub delivery_id: i64,
    pub channel: String,
    /// 0, or the number of the replay.
    pub replay: i64,
    pub state: String,
    /// How often it was claimed.
    pub attempts: i64,
    pub created_at: SystemTime,
    /// When it was sent, failed, or is due. After a claim, when other workers may claim it.
    pub at: SystemTime,
    pub last_error: Option<String>,
    /// The oldest first.
    pub history: Vec<Attempt>,
}

impl Notification {
    pub fn from_row(row: &Row) -> Result<Self, StoreError> {
        let history: Option<String> = row.get("history")?;
        let history = serde_json::from_str(&history.unwrap_or_default()).unwrap_or_default();
        Ok(Self {
            id: row.get("id")?,
            delivery_id: row.get("delivery_id")?,
            channel: row.get("channel")?,
            replay: row.get("replay")?,
            state: row.get("state")?,
            attempts: row.get("attempts")?,
            created_at: from_unix_millis(row.get("created_at")?),
            at: from_unix_millis(row.get("due_at")?),
            last_error: row.get("last_error")?,
            history,
        })
    }
}

/// An attempt to send a notification. Those that end in a crash are not recorded.
#[derive(Clone, Serialize, Deserialize)]
pub struct Attempt {
    /// Milliseconds since the Unix epoch.
    pub at: i64,
    pub millis: u64,
    /// What the receiver responded, or why it did not.
    pub outcome: String,
}

impl Attempt {
    pub fn time(&self) -> SystemTime {
        from_unix_millis(self.at)
    }
}

pub enum Outcome {
    Sent { response: String },
    Again { at: SystemTime, why: String },
    Failed { why: String },
}

impl Outcome {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Sent { .. } => "sent",
            Self::Again { .. } => "again",
            Self::Failed { .. } => "failed",
        }
    }
}

/// The outcome of a commit. A duplicate was committed before, and has changed nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stored {
    New { id: i64 },
    Duplicate,
}

/// Never contains the database's URL.
#[derive(Clone, Debug, Error)]
pub enum StoreError {
    #[error("the database did not answer in time")]
    Timeout,
    #[error("the database is closed")]
    Closed,
    #[error("{0}")]
    Failed(String),
}

pub fn to_unix_millis(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since.as_millis().try_into().unwrap_or(i64::MAX)
}

pub fn from_unix_millis(millis: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis.try_into().unwrap_or(0))
}
