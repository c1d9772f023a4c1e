//! The access log: one record a request to the webhook, as detailed as `TAWK_LOG` says.
//!
//! Records are bounded, and contain no text twice: a body that is JSON is only logged as JSON.
//! Escaping makes a byte at most six times as long, so that no record exceeds 256 KiB, the limit of
//! Google Cloud Logging (<https://cloud.google.com/logging/quotas>).

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::time::Instant;
use tower_tawk::event::Event;
use tower_tawk::{Reason, Rejection, Signature};
use tracing::Instrument;

use crate::access::connections::Connection;
use crate::config::TawkLog;
use crate::error::AppError;
use crate::escape::{json_line, json_text};
use crate::event_summary::EventSummary;
use crate::redact;
use crate::state::AppState;
use crate::store::{StoreError, Stored, VerifiedDelivery};

/// Maximum logged length of a verified body. Longer ones are only complete in the inbox.
const MAX_VERIFIED_BODY: usize = 32 * 1024;

/// Maximum logged length of an unverified body.
const MAX_UNVERIFIED_BODY: usize = 16 * 1024;

const MAX_HEADERS: usize = 16 * 1024;

/// Measures all requests, and logs and counts rejected ones. The handler logs the others.
///
/// Runs each request in a task, so that it is finished, logged and counted even if the client
/// disconnects.
pub async fn log_requests(
    State(state): State<Arc<AppState>>,
    ConnectInfo(connection): ConnectInfo<Arc<Connection>>,
    request: Request,
    next: Next,
) -> Response {
    let tasks = state.tasks.clone();
    let handle = async move {
        let start = Instant::now();
        let headers = request.headers().clone();
        let response = next.run(request).await;
        state.metrics.request_duration.observe(start.elapsed().as_secs_f64());
        log_rejection(&state, connection.peer, &headers, &response);
        response
    };
    let response = tasks.spawn(handle.in_current_span()).await;
    // The panic hook has logged the panic.
    response.unwrap_or_else(|_| AppError::Internal.into_response())
}

fn log_rejection(state: &AppState, peer: IpAddr, headers: &HeaderMap, response: &Response) {
    let level = state.log_level;
    if let Some(rejection) = response.extensions().get::<Rejection>() {
        state.metrics.rejected(rejection);
        if let Some(reason) = rejection.reason() {
            return log_unverified(level, headers, reason, None);
        }
        // A retry is as large, until the operator raises the limit.
        let is_warning = matches!(rejection, Rejection::BodyTooLarge);
        let record = Record::not_received(level, headers, rejection.to_string().into());
        record.write(is_warning, "none", "delivery not received");
    } else if let Some(error) = response.extensions().get::<AppError>()
        && let Some((label, reason)) = error.denial()
    {
        state.metrics.count("none", label);
        let mut record = Record::not_received(level, headers, reason.into());
        record.peer = Some(peer);
        if let AppError::ClientNotAllowed(client) = error {
            record.client = *client;
        }
        record.write(false, "none", "delivery not received");
    }
}

/// Logs a verified delivery. Only new ones are logged with their contents: anyone who has seen a
/// delivery can replay it.
pub fn log_verified(
    level: TawkLog,
    delivery: &VerifiedDelivery,
    event: &Event,
    summary: EventSummary<'_>,
    stored: &Result<Stored, StoreError>,
) {
    let mut record = Record {
        secret: Some(&delivery.secret_label),
        bytes: Some(delivery.body.len()),
        event_id: delivery.event_id.as_deref().map(Cow::Borrowed),
        summary,
        ..Record::default()
    };
    match stored {
        Ok(Stored::New { id }) => record.delivery = Some(*id),
        Ok(Stored::Duplicate) => {
            record.duplicate = Some(true);
            return record.write(false, "verified", "duplicate delivery");
        }
        Err(unavailable) => {
            record.reason = Some(unavailable.to_string().into());
            return record.write(true, "verified", "delivery verified, but not stored");
        }
    }
    if level != TawkLog::Summary {
        record.headers = Some(bounded_headers(&delivery.headers));
        record.set_body(&delivery.body, MAX_VERIFIED_BODY, true);
        record.signature = Some(delivery.signature);
    }
    let (is_warning, message) = match event {
        Event::Unknown(_) => (false, "delivery verified, unknown event"),
        // Tawk.to has changed, or someone else has the secret.
        Event::Undecodable(_) => (true, "delivery verified, but not an event"),
        _ => (false, "delivery verified"),
    };
    record.write(is_warning, "verified", message);
}

/// Logs an unverified request. A rejected one has no body.
pub fn log_unverified(level: TawkLog, headers: &HeaderMap, reason: &Reason, body: Option<&[u8]>) {
    let mut record = Record::not_received(level, headers, reason.to_string().into());
    if let Some(body) = body {
        record.bytes = Some(body.len());
        record.declared_bytes = None;
    }
    if let Some(body) = body.filter(|_| level != TawkLog::Summary) {
        // Any client can send it, so it is not parsed.
        record.set_body(body, MAX_UNVERIFIED_BODY, false);
    }
    if let Reason::Mismatch(mismatch) = reason {
        record.signature = (level != TawkLog::Summary).then(|| mismatch.signature());
        record.expected_signature = mismatch.expected_signature();
    }
    // Any client can cause the other reasons.
    let is_warning = matches!(reason, Reason::Mismatch(_) | Reason::UnknownSecret);
    record.write(is_warning, "unverified", "delivery not verified");
}

/// The fields of a record. `None` is left out.
#[derive(Default)]
struct Record<'a> {
    reason: Option<Cow<'static, str>>,
    secret: Option<&'a str>,
    bytes: Option<usize>,
    /// `Content-Length` of a body that was not received.
    declared_bytes: Option<u64>,
    /// The address of the connection, if it was rejected for it.
    peer: Option<IpAddr>,
    /// The address of the client, which a trusted proxy may have forwarded.
    client: Option<IpAddr>,
    /// The id in the inbox.
    delivery: Option<i64>,
    duplicate: Option<bool>,
    event_id: Option<Cow<'a, str>>,
    summary: EventSummary<'a>,
    signature: Option<Signature>,
    /// Only known at the level `full`.
    expected_signature: Option<Signature>,
    /// A JSON object.
    headers: Option<Cow<'a, str>>,
    json: Option<String>,
    json_error: Option<String>,
    /// A body that is not logged as JSON.
    body: Option<Cow<'a, str>>,
    body_encoding: Option<&'static str>,
    body_truncated: Option<bool>,
}

impl<'a> Record<'a> {
    fn not_received(level: TawkLog, headers: &HeaderMap, reason: Cow<'static, str>) -> Self {
        let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        Self {
            reason: Some(reason),
            declared_bytes: length.and_then(|length| length.parse().ok()),
            event_id: redact::event_id(headers).map(Cow::Owned),
            headers: (level != TawkLog::Summary).then(|| {
                bounded_headers(&json_text(&redact::headers(headers))).into_owned().into()
            }),
            ..Self::default()
        }
    }

    fn set_body(&mut self, body: &'a [u8], max: usize, may_be_json: bool) {
        if may_be_json && body.len() <= max {
            match json_line(body) {
                Ok(json) => return self.json = Some(json),
                Err(error) => self.json_error = Some(error.to_string()),
            }
        }
        let (text, encoding) = redact::text(body, max);
        self.body = Some(text);
        self.body_encoding = Some(encoding);
        self.body_truncated = (body.len() > max).then_some(true);
    }

    /// Writes one tracing event.
    ///
    /// Text is passed as `str`, which the text format quotes and escapes, so that it can't imitate
    /// another field or line. JSON is already escaped, and becomes a value of its own.
    fn write(&self, is_warning: bool, verdict: &str, message: &str) {
        let summary = &self.summary;
        // The level of an event is a constant.
        macro_rules! write {
            ($level:ident) => {
                tracing::$level!(
                    target: "tawk_listener",
                    verdict,
                    reason = self.reason.as_deref(),
                    secret = self.secret,
                    bytes = self.bytes,
                    declared_bytes = self.declared_bytes,
                    peer = self.peer.map(display),
                    client = self.client.map(display),
                    delivery = self.delivery,
                    duplicate = self.duplicate,
                    event = summary.event,
                    event_error = summary.event_error,
                    event_id = self.event_id.as_deref(),
                    event_time = summary.event_time,
                    chat_id = summary.chat_id,
                    ticket_id = summary.ticket_id,
                    property_id = summary.property_id,
                    opened_by = summary.opened_by,
                    messages = summary.messages,
                    agent_replies = summary.agent_replies,
                    signature = self.signature.map(|signature| signature.to_string()),
                    expected_signature =
                        self.expected_signature.map(|signature| signature.to_string()),
                    headers = self.headers.as_deref().map(display),
                    json = self.json.as_ref().map(display),
                    json_error = self.json_error,
                    body = self.body.as_deref(),
                    body_encoding = self.body_encoding,
                    body_truncated = self.body_truncated,
                    "{message}"
                )
            };
        }
        if is_warning { write!(warn) } else { write!(info) }
    }
}

/// Replaces headers that would fill the log with their length.
fn bounded_headers(text: &str) -> Cow<'_, str> {
    match text.len() {
        ..=MAX_HEADERS => text.into(),
        length => json_text(&json!(format!("[{length} bytes]"))).into(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn long_headers_are_logged_by_their_length() {
        let logged = |length| {
            let value = HeaderValue::from_bytes(&vec![0xff; length]).unwrap();
            let headers = HeaderMap::from_iter([(CONTENT_LENGTH, value)]);
            bounded_headers(&json_text(&redact::headers(&headers))).into_owned()
        };
        assert!(logged(1).starts_with(r#"{"content-length":"#));
        // A byte is written as `\\xff`.
        assert_eq!(logged(60_000), r#""[300021 bytes]""#);
    }

    #[test]
    fn unverified_bodies_are_truncated_between_characters() {
        const MAX: usize = MAX_UNVERIFIED_BODY;
        let logged = |body: &[u8]| {
            let mut record = Record::default();
            record.set_body(body, MAX, false);
            (record.body.unwrap().len(), record.body_encoding.unwrap(), record.body_truncated)
        };
        assert_eq!(logged(&vec![b'a'; MAX]), (MAX, "utf-8", None));
        assert_eq!(logged(&vec![b'a'; MAX + 1]), (MAX, "utf-8", Some(true)));
        let text = format!("a{}", "é".repeat(MAX));
        assert_eq!(logged(text.as_bytes()), (MAX - 1, "utf-8", Some(true)));
        assert_eq!(logged(&vec![b'\xff'; MAX + 1]), (4 * MAX, "escaped", Some(true)));
    }

    #[test]
    fn verified_bodies_are_json_or_text_and_bounded() {
        fn logged(body: &[u8]) -> Record<'_> {
            let mut record = Record::default();
            record.set_body(body, MAX_VERIFIED_BODY, true);
            record
        }
        let record = logged(b"{}");
        assert_eq!((record.json.as_deref(), record.body), (Some("{}"), None));
        let record = logged(b"{");
        assert_eq!((record.json, record.body.as_deref()), (None, Some("{")));
        assert!(record.json_error.is_some());
        let long = format!("[{}1]", " ".repeat(MAX_VERIFIED_BODY));
        let record = logged(long.as_bytes());
        assert_eq!((record.json, record.body_truncated), (None, Some(true)));
        assert_eq!(record.body.unwrap().len(), MAX_VERIFIED_BODY);
    }
}
