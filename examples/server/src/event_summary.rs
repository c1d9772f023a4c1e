//! [`EventSummary`]: the fields of an event that are stored and logged.

use tower_tawk::event::{Event, Property, Role, Timestamp};

/// Maximum bytes of an id, a name or a time that goes into a column or a log record.
const MAX_FIELD_LEN: usize = 128;

/// A summary of an event without personal data. Texts are truncated.
#[derive(Default)]
pub struct EventSummary<'a> {
    pub event: Option<&'a str>,
    /// Why the body is not an event.
    pub event_error: Option<String>,
    pub event_time: Option<&'a str>,
    pub chat_id: Option<&'a str>,
    pub ticket_id: Option<&'a str>,
    pub property_id: Option<&'a str>,
    pub opened_by: Option<&'a str>,
    pub messages: Option<usize>,
    /// Number of messages in a transcript that agents sent.
    pub agent_replies: Option<usize>,
}

impl<'a> EventSummary<'a> {
    pub fn new(event: &'a Event) -> Self {
        let event_error = match event {
            Event::Undecodable(error) => Some(error.to_string()),
            _ => None,
        };
        Self {
            event: Some(event.name()).filter(|name| !name.is_empty()).map(truncate),
            event_error,
            event_time: event.time().map(Timestamp::as_str).map(truncate),
            chat_id: event.chat_id().map(truncate),
            ticket_id: event.ticket_id().map(truncate),
            property_id: event.property().map(|Property { id, .. }| truncate(id)),
            opened_by: event.opened_by().map(Role::as_str).map(truncate),
            messages: event.message_count(),
            agent_replies: event.message_count().map(|_| event.agent_replies().count()),
        }
    }
}

fn truncate(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_FIELD_LEN)]
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tower_tawk::test_util::samples;

    use super::*;

    fn event(body: &Value) -> Event {
        Event::from_slice(body.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn truncates_ids_and_names_at_a_character_boundary() {
        let long = "é".repeat(100);
        let truncated = Some(&long[..128]);
        let start = event(&json!({
            "event": "chat:start",
            "chatId": long,
            "time": long,
            "message": { "sender": { "type": long } },
            "property": { "id": long },
        }));
        let start = EventSummary::new(&start);
        for text in [start.chat_id, start.event_time, start.opened_by, start.property_id] {
            assert_eq!(text, truncated);
        }
        let ticket = event(&json!({
            "event": "ticket:create",
            "ticket": { "id": long },
            "property": { "id": "p" },
        }));
        assert_eq!(EventSummary::new(&ticket).ticket_id, truncated);

        let unknown = samples::unknown(&format!(".{long}"));
        assert_eq!(EventSummary::new(&unknown).event.unwrap().len(), 127);
    }

    #[test]
    fn counts_messages_that_are_not_decoded() {
        let transcript = event(&json!({
            "event": "chat:transcript_created",
            "property": { "id": "p" },
            "chat": { "id": "c", "messages": vec![json!({}); 10_001] },
        }));
        assert_eq!(EventSummary::new(&transcript).messages, Some(10_001));
    }
}
