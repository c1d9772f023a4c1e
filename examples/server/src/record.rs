//! The one log record of a delivery, at each level of `TAWK_LOG`: [`verified`], or [`Record`].
//!
//! The handler writes the records of deliveries that reach it, `webhook::watch` those of the
//! others.

mod contents;
mod fields;

use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use serde_json::json;
use tower_tawk::event::Event;
use tower_tawk::{Reason, Rejection};

use crate::config::TawkLog;
use crate::delivery::{Delivery, event_id, redacted};
use crate::event_summary::EventSummary;
use crate::guard::Refused;
use crate::inbox::{Stored, Unavailable};
use crate::log::json_text;
use crate::metrics::Counted;
use contents::Contents;
use fields::Fields;

/// Logs a verified delivery: only of these it is told what they say, and only once.
pub(crate) fn verified(
    level: TawkLog,
    delivery: &Delivery,
    event: &Event,
    counted: Counted,
    stored: &Result<Stored, Unavailable>,
) {
    const VERDICT: &str = "verified";
    let mut fields = Fields {
        secret: Some(delivery.secret_label.clone()),
        bytes: Some(delivery.body.len()),
        event_id: delivery.event_id.clone(),
        outline: EventSummary::new(event),
        counted,
        ..Fields::default()
    };
    match stored {
        Ok(Stored::New { id, .. }) => fields.delivery = Some(*id),
        Ok(Stored::Repeat) => {
            // Whoever has seen a delivery can send it as often as they like.
            fields.duplicate = Some(true);
            return fields.info(VERDICT, "delivery verified, and known already");
        }
        Err(unavailable) => {
            fields.reason = Some(unavailable.to_string());
            return fields.warn(VERDICT, "delivery verified, but not stored");
        }
    }
    if level != TawkLog::Summary {
        fields.headers = Some(delivery.headers.clone());
        fields.said = fields.outline.clone();
        fields.contents = Contents::of_verified(&delivery.body);
        // Equal, or it would not be verified.
        fields.signature = Some(delivery.signature);
        fields.computed_digest = Some(delivery.signature);
    }
    match event {
        Event::Unknown(_) => fields.info(VERDICT, "delivery verified, an unknown event"),
        // Either Tawk.to has changed, or something else has the secret.
        Event::Undecodable(_) => fields.warn(VERDICT, "delivery verified, but no event"),
        _ => fields.info(VERDICT, "delivery verified"),
    }
}

/// The log record of a delivery that is not verified, to be completed.
pub(crate) struct Record {
    level: TawkLog,
    fields: Fields<'static>,
    declared_bytes: Option<u64>,
}

impl Record {
    /// Begins with a request's head, of which no more is kept than `level` logs.
    pub(crate) fn new(level: TawkLog, headers: &HeaderMap) -> Self {
        let fields = Fields {
            event_id: event_id(headers),
            headers: (level != TawkLog::Summary).then(|| strangers(headers)),
            ..Fields::default()
        };
        let declared = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        Self { level, fields, declared_bytes: declared.and_then(|length| length.parse().ok()) }
    }

    /// Logs a delivery that the layer answered. Its body is gone.
    pub(crate) fn refused(mut self, rejection: &Rejection) {
        const MESSAGE: &str = "delivery not received";
        self.fields.declared_bytes = self.declared_bytes;
        if let Some(reason) = rejection.reason() {
            return self.unverified(reason);
        }
        self.fields.reason = Some(rejection.to_string());
        match rejection {
            // It will be as large the next time, until somebody raises the limit.
            Rejection::BodyTooLarge => self.fields.warn("none", MESSAGE),
            _ => self.fields.info("none", MESSAGE),
        }
    }

    /// Logs a delivery that a guard answered.
    pub(crate) fn guarded(mut self, refused: Refused) {
        self.fields.declared_bytes = self.declared_bytes;
        self.fields.reason = Some(refused.to_string());
        self.fields.info("none", "delivery not received");
    }

    /// Logs a delivery that is not verified, but that has reached the handler.
    pub(crate) fn observed(mut self, reason: &Reason, body: &[u8]) {
        self.fields.bytes = Some(body.len());
        if self.level != TawkLog::Summary {
            self.fields.contents = Contents::of_stranger(body);
        }
        self.unverified(reason);
    }

    fn unverified(mut self, reason: &Reason) {
        const VERDICT: &str = "unverified";
        const MESSAGE: &str = "delivery not verified";
        self.fields.reason = Some(reason.to_string());
        match reason {
            Reason::Mismatch(mismatch) => {
                if self.level != TawkLog::Summary {
                    self.fields.signature = Some(mismatch.signature());
                }
                // There is none but at the level `full`.
                self.fields.computed_digest = mismatch.expected_signature();
                self.fields.warn(VERDICT, MESSAGE);
            }
            Reason::UnknownSecret => self.fields.warn(VERDICT, MESSAGE),
            // Anybody can write these.
            _ => self.fields.info(VERDICT, MESSAGE),
        }
    }
}

/// So much is logged of headers that anybody can have sent.
const HEADERS_LENGTH_MOST: usize = 16 * 1024;

/// Redacted, or how long they are if they would fill the log.
fn strangers(headers: &HeaderMap) -> String {
    let text = json_text(&redacted(headers));
    if text.len() <= HEADERS_LENGTH_MOST {
        return text;
    }
    json_text(&json!(format!("[{} bytes]", text.len())))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn strangers_headers_do_not_fill_the_log() {
        let logged = |length| {
            let value = HeaderValue::from_bytes(&vec![0xff; length]).unwrap();
            strangers(&HeaderMap::from_iter([(CONTENT_LENGTH, value)]))
        };
        assert!(logged(1).starts_with(r#"{"content-length":"#));
        // A byte is written as `\\xff`.
        assert_eq!(logged(60_000), r#""[300021 bytes]""#);
    }
}
