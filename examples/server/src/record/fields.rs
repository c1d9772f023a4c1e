//! [`Fields`]: a record's fields, and the writing of it as one tracing event.

use tower_tawk::Signature;

use super::contents::Contents;
use crate::event_summary::EventSummary;
use crate::log::json_text;
use crate::metrics::Counted;

/// A field that is `None` is left out.
#[derive(Default)]
pub(super) struct Fields<'a> {
    pub(super) reason: Option<String>,
    /// The label of the secret.
    pub(super) secret: Option<String>,
    pub(super) bytes: Option<usize>,
    pub(super) declared_bytes: Option<u64>,
    /// Its id in the inbox.
    pub(super) delivery: Option<i64>,
    pub(super) duplicate: Option<bool>,
    pub(super) event_id: Option<String>,
    pub(super) outline: EventSummary<'a>,
    pub(super) counted: Counted,
    pub(super) said: EventSummary<'a>,
    pub(super) signature: Option<Signature>,
    pub(super) computed_digest: Option<Signature>,
    /// A JSON object.
    pub(super) headers: Option<String>,
    pub(super) contents: Contents,
}

/// So that it goes in as a value of its own, not as text.
macro_rules! json {
    ($text:expr) => {
        $text.as_ref().map(tracing::field::display)
    };
}

/// A tracing event's level is part of its code, not a value.
///
/// Text goes in as `str`, which the text format prints in quotes and escaped, so that nothing in
/// it can pass for another field or line. What is JSON is escaped already.
macro_rules! write_record {
    ($level:ident, $fields:expr, $verdict:expr, $message:expr) => {{
        let Fields { outline, counted, said, contents, .. } = &$fields;
        tracing::$level!(
            target: "tawk_listener",
            verdict = $verdict,
            reason = $fields.reason,
            secret = $fields.secret,
            bytes = $fields.bytes,
            declared_bytes = $fields.declared_bytes,
            delivery = $fields.delivery,
            duplicate = $fields.duplicate,
            event = outline.event,
            event_error = outline.event_error,
            unknown_events = counted.unknown_events,
            undecodable_bodies = counted.undecodable_bodies,
            event_id = $fields.event_id,
            event_time = outline.event_time,
            chat_id = outline.chat_id,
            ticket_id = outline.ticket_id,
            property_id = outline.property_id,
            opened_by = outline.opened_by,
            messages = outline.messages,
            agent_replies = outline.agent_replies,
            person = said.person_json().as_ref().map(json_text).map(tracing::field::display),
            property = said.property,
            subject = said.subject,
            text = said.text,
            pre_chat_form = said.pre_chat_form_json().as_ref().map(json_text).map(tracing::field::display),
            replies = said.replies_json().as_ref().map(json_text).map(tracing::field::display),
            signature = $fields.signature.map(|signature| signature.to_string()),
            computed_digest = $fields.computed_digest.map(|digest| digest.to_string()),
            headers = json!($fields.headers),
            body = contents.body,
            body_encoding = contents.body_encoding,
            body_cut = contents.body_cut,
            json = json!(contents.json),
            json_error = contents.json_error,
            "{}",
            $message
        )
    }};
}

impl Fields<'_> {
    pub(super) fn info(self, verdict: &str, message: &str) {
        write_record!(info, self, verdict, message);
    }

    pub(super) fn warn(self, verdict: &str, message: &str) {
        write_record!(warn, self, verdict, message);
    }
}
