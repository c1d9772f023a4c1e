//! [`Said`]: who said what in a verified event, from the level `payload` on.

use serde_json::{Map, Value, json};
use tower_tawk::event::Event;

use crate::log::json_text;

/// Personal data, but for the property's name. `person`, `pre_chat_form` and `replies` are JSON.
#[derive(Default)]
pub(super) struct Said {
    pub(super) person: Option<String>,
    /// The property's name.
    pub(super) property: Option<String>,
    /// A ticket's.
    pub(super) subject: Option<String>,
    /// Of a chat's first message, or of a ticket.
    pub(super) text: Option<String>,
    /// What is read from the text: it may be a form, or only look like one.
    pub(super) pre_chat_form: Option<String>,
    /// Those of a transcript's agents, of which there may be none.
    pub(super) replies: Option<String>,
}

impl Said {
    pub(super) fn of(event: &Event) -> Self {
        let mut said = Self {
            person: person(event),
            property: event.property().and_then(|property| property.name.clone()),
            pre_chat_form: pre_chat_form(event),
            ..Self::default()
        };
        match event {
            Event::ChatStart(start) => {
                said.text = start.message.as_ref().and_then(|message| message.text.clone());
            }
            Event::TicketCreate(created) => {
                said.subject = created.ticket.subject.clone();
                said.text = created.ticket.message.clone();
            }
            Event::TranscriptCreated(_) => said.replies = Some(replies(event)),
            _ => {}
        }
        said
    }
}

fn person(event: &Event) -> Option<String> {
    let person = event.person()?;
    Some(json_text(&json!({
        "name": person.name(),
        "placeholder": person.has_placeholder_name(),
        "email": person.email(),
    })))
}

/// Of labels that are equal the last one counts; the text has them all.
fn pre_chat_form(event: &Event) -> Option<String> {
    let form: Map<_, _> =
        event.pre_chat_form().map(|(label, value)| (label.to_owned(), value.into())).collect();
    (!form.is_empty()).then(|| json_text(&form.into()))
}

/// A reply without a text is one of attachments.
fn replies(event: &Event) -> String {
    let replies = event.agent_replies().map(|reply| {
        let name = reply.sender.as_ref().and_then(|sender| sender.name.as_deref());
        json!({ "name": name, "text": reply.text })
    });
    json_text(&replies.collect::<Value>())
}
