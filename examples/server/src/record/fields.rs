//! [`Fields`]: a record's fields, and the writing of it as one tracing event.

use tower_tawk::Signature;

use super::contents::Ids;

/// A field that is `None` is left out.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) reason: Option<String>,
    /// The label of the secret.
    pub(super) secret: Option<String>,
    pub(super) bytes: Option<usize>,
    pub(super) declared_bytes: Option<u64>,
    pub(super) event_id: Option<String>,
    pub(super) ids: Ids,
    pub(super) signature: Option<Signature>,
    pub(super) computed_digest: Option<Signature>,
    /// A JSON object.
    pub(super) headers: Option<String>,
    pub(super) body: Option<String>,
    pub(super) body_encoding: Option<&'static str>,
    /// The body as JSON.
    pub(super) json: Option<String>,
    pub(super) json_error: Option<String>,
}

/// A tracing event's level is part of its code, not a value.
///
/// Text goes in as `str`, which the text format prints in quotes and escaped, so that nothing in
/// it can pass for another field or line. The two that are JSON are escaped already.
macro_rules! write_record {
    ($level:ident, $fields:expr, $verdict:expr, $message:expr) => {
        tracing::$level!(
            target: "tawk_listener",
            verdict = $verdict,
            reason = $fields.reason,
            secret = $fields.secret,
            bytes = $fields.bytes,
            declared_bytes = $fields.declared_bytes,
            event = $fields.ids.event,
            event_id = $fields.event_id,
            chat_id = $fields.ids.chat,
            ticket_id = $fields.ids.ticket,
            property_id = $fields.ids.property,
            signature = $fields.signature.map(|signature| signature.to_string()),
            computed_digest = $fields.computed_digest.map(|digest| digest.to_string()),
            headers = $fields.headers.as_ref().map(tracing::field::display),
            body = $fields.body,
            body_encoding = $fields.body_encoding,
            json = $fields.json.as_ref().map(tracing::field::display),
            json_error = $fields.json_error,
            "{}",
            $message
        )
    };
}

impl Fields {
    pub(super) fn info(self, verdict: &str, message: &str) {
        write_record!(info, self, verdict, message);
    }

    pub(super) fn warn(self, verdict: &str, message: &str) {
        write_record!(warn, self, verdict, message);
    }
}
