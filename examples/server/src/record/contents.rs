//! What a record says of a body: its text, its JSON, and the ids in it.
//!
//! Bodies are read leniently here: what is not there, or is not text, is left out.

use std::borrow::Cow;

use serde_json::{Error, Value};

use super::TEXT_LENGTH_MOST;

pub(super) fn parse(body: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(body)
}

/// What names an event and what it is about: no personal data.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Ids {
    pub(super) event: Option<String>,
    pub(super) chat: Option<String>,
    pub(super) ticket: Option<String>,
    pub(super) property: Option<String>,
}

/// The ids where Tawk.to's events have them (developer.tawk.to/webhooks): a transcript's chat is
/// an object of its own.
pub(super) fn ids(json: &Value) -> Ids {
    let text = |pointer| json.pointer(pointer).and_then(Value::as_str).map(cut);
    Ids {
        event: text("/event"),
        chat: text("/chatId").or_else(|| text("/chat/id")),
        ticket: text("/ticket/id"),
        property: text("/property/id"),
    }
}

fn cut(text: &str) -> String {
    let end = (0..=TEXT_LENGTH_MOST).rev().find(|end| text.is_char_boundary(*end));
    text[..end.unwrap_or(0)].to_owned()
}

/// The body as text, and how it was made one.
pub(super) fn text(body: &[u8]) -> (Cow<'_, str>, &'static str) {
    match str::from_utf8(body) {
        Ok(text) => (text.into(), "utf-8"),
        Err(_) => (body.escape_ascii().to_string().into(), "escaped"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_are_read_from_every_event() {
        let some = |text: &str| Some(text.to_owned());
        let property = some("p");
        assert_eq!(
            ids(&json!({ "event": "chat:end", "chatId": "c", "property": { "id": "p" } })),
            Ids { event: some("chat:end"), chat: some("c"), ticket: None, property: some("p") }
        );
        assert_eq!(
            ids(&json!({ "chat": { "id": "c" }, "property": { "id": "p" } })),
            Ids { chat: some("c"), property: property.clone(), ..Ids::default() }
        );
        assert_eq!(
            ids(&json!({ "ticket": { "id": "t" }, "property": { "id": "p" } })),
            Ids { ticket: some("t"), property, ..Ids::default() }
        );
    }

    #[test]
    fn ids_of_another_type_are_left_out_and_long_ones_cut_between_characters() {
        assert_eq!(ids(&json!([1])), Ids::default());
        assert_eq!(ids(&json!({ "event": 1, "chatId": null, "chat": "c" })), Ids::default());
        let event = ids(&json!({ "event": "é".repeat(100) + "." })).event.unwrap();
        assert_eq!(event, "é".repeat(64));
        let event = ids(&json!({ "event": ".".to_owned() + &"é".repeat(100) })).event.unwrap();
        assert_eq!(event.len(), 127);
    }

    #[test]
    fn bytes_that_are_not_text_are_escaped() {
        assert_eq!(text("é".as_bytes()), ("é".into(), "utf-8"));
        assert_eq!(text(b"\xff\n"), (r"\xff\n".into(), "escaped"));
    }
}
