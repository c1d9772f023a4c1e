//! [`Outline`]: what is stored of every event, and logged at every level of `TAWK_LOG`.

use tower_tawk::event::{Event, Property, Role, Timestamp};

use super::cut;

/// What an event is and what it is about: no personal data.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Outline {
    pub(crate) event: Option<String>,
    /// Why the body is no event.
    pub(crate) event_error: Option<String>,
    pub(crate) event_time: Option<String>,
    pub(crate) chat_id: Option<String>,
    pub(crate) ticket_id: Option<String>,
    pub(crate) property_id: Option<String>,
    pub(crate) opened_by: Option<String>,
    /// How many messages a transcript has.
    pub(crate) messages: Option<usize>,
    /// How many of them are by agents.
    pub(crate) agent_replies: Option<usize>,
}

impl Outline {
    /// Every text is as it was sent, and cut.
    pub(crate) fn of(event: &Event) -> Self {
        let messages = event.message_count();
        Self {
            event: Some(event.name()).filter(|name| !name.is_empty()).map(cut),
            event_error: match event {
                Event::Undecodable(error) => Some(error.to_string()),
                _ => None,
            },
            event_time: event.time().map(Timestamp::as_str).map(cut),
            chat_id: event.chat_id().map(cut),
            ticket_id: event.ticket_id().map(cut),
            property_id: event.property().map(|Property { id, .. }| cut(id)),
            opened_by: event.opened_by().map(Role::as_str).map(cut),
            messages,
            agent_replies: messages.map(|_| event.agent_replies().count()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tower_tawk::test_util::samples;

    use super::*;

    fn outline(body: &serde_json::Value) -> Outline {
        Outline::of(&Event::from_slice(body.to_string().as_bytes()).unwrap())
    }

    #[test]
    fn every_text_is_cut_between_characters() {
        let long = "é".repeat(100);
        let cut = Some(long[..128].to_owned());
        let start = outline(&json!({
            "event": "chat:start",
            "chatId": long,
            "time": long,
            "message": { "sender": { "type": long } },
            "property": { "id": long },
        }));
        for text in [start.chat_id, start.event_time, start.opened_by, start.property_id] {
            assert_eq!(text, cut);
        }
        let ticket = outline(&json!({
            "event": "ticket:create",
            "ticket": { "id": long },
            "property": { "id": "p" },
        }));
        assert_eq!(ticket.ticket_id, cut);

        let unknown = Outline::of(&samples::unknown(&format!(".{long}")));
        assert_eq!(unknown.event.unwrap().len(), 127);
    }

    #[test]
    fn messages_that_are_not_typed_are_counted_all_the_same() {
        let transcript = outline(&json!({
            "event": "chat:transcript_created",
            "property": { "id": "p" },
            "chat": { "id": "c", "messages": vec![json!({}); 10_001] },
        }));
        assert_eq!(transcript.messages, Some(10_001));
    }
}
