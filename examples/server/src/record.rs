//! [`Record`]: the one log record of a delivery, at each level of `TAWK_LOG`.
//!
//! The handler writes the records of deliveries that reach it, `webhook::log_refused` those of
//! the others.

mod contents;
mod fields;
mod redact;

use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use tower_tawk::{Reason, Rejection, RejectionKind, Verdict};

use crate::config::TawkLog;
use crate::log::json_text;
use fields::Fields;

/// So much is logged of a text that strangers can choose, at the level `summary`.
const TEXT_LENGTH_MOST: usize = 128;

/// A delivery's log record, to be completed.
pub(crate) struct Record {
    level: TawkLog,
    fields: Fields,
    declared_bytes: Option<u64>,
}

impl Record {
    /// Begins with a request's head, of which no more is kept than `level` logs.
    pub(crate) fn new(level: TawkLog, headers: &HeaderMap) -> Self {
        let fields = Fields {
            event_id: event_id(headers),
            headers: (level != TawkLog::Summary).then(|| json_text(&redact::headers(headers))),
            ..Fields::default()
        };
        let declared = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        Self { level, fields, declared_bytes: declared.and_then(|length| length.parse().ok()) }
    }

    /// Logs a delivery that reached the handler: verified, or observed.
    pub(crate) fn received(mut self, verdict: &Verdict, body: &[u8]) {
        self.fields.bytes = Some(body.len());
        self.read(body);
        match verdict {
            Verdict::Verified(by) => {
                self.fields.secret = Some(by.secret_label().to_owned());
                if self.level != TawkLog::Summary {
                    // Equal, or it would not be verified.
                    self.fields.signature = Some(by.signature());
                    self.fields.computed_digest = Some(by.signature());
                }
                self.fields.info("verified", "delivery verified");
            }
            Verdict::Unverified(reason) => self.unverified(reason),
        }
    }

    /// Logs a delivery that the layer answered. Its body is gone.
    pub(crate) fn refused(mut self, rejection: &Rejection) {
        const MESSAGE: &str = "delivery not received";
        self.fields.declared_bytes = self.declared_bytes;
        if let Some(reason) = rejection.reason() {
            return self.unverified(reason);
        }
        self.fields.reason = Some(rejection.to_string());
        match rejection.kind() {
            // It will be as large the next time, until somebody raises the limit.
            RejectionKind::BodyTooLarge => self.fields.warn("none", MESSAGE),
            _ => self.fields.info("none", MESSAGE),
        }
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
                self.fields.computed_digest = mismatch.computed_digest();
                self.fields.warn(VERDICT, MESSAGE);
            }
            Reason::UnknownSecret => self.fields.warn(VERDICT, MESSAGE),
            // Anybody can write these.
            _ => self.fields.info(VERDICT, MESSAGE),
        }
    }

    fn read(&mut self, body: &[u8]) {
        let (json, fields) = (contents::parse(body), &mut self.fields);
        if let Ok(json) = &json {
            fields.ids = contents::ids(json);
        }
        if self.level != TawkLog::Summary {
            let (text, encoding) = contents::text(body);
            fields.body = Some(text.into_owned());
            fields.body_encoding = Some(encoding);
            match json {
                Ok(json) => fields.json = Some(json_text(&json)),
                Err(error) => fields.json_error = Some(error.to_string()),
            }
        }
    }
}

/// `X-Hook-Event-Id` (developer.tawk.to/webhooks), which is not signed.
fn event_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-hook-event-id")?.as_bytes();
    Some(id[..id.len().min(TEXT_LENGTH_MOST)].escape_ascii().to_string())
}
