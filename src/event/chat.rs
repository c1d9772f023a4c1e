//! The events [`ChatStart`] and [`ChatEnd`], and the pre-chat form.

use std::fmt;

use serde::Serialize;

use super::error::EventErrorKind;
use super::json::Object;
use super::message_kind::MessageKind;
use super::person::{Property, Role, Visitor};
use super::timestamp::Timestamp;

/// `chat:start`: the visitor or an agent sent the first message of a chat.
///
/// `Debug` output shows only ids, times, kinds, roles and the property's name.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename = "chat:start", rename_all = "camelCase")]
#[non_exhaustive]
pub struct ChatStart {
    /// The chat's id, a UUID. Its format is not checked.
    pub chat_id: String,
    /// When the event was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// The host name of the page with the chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The URL of the page that the visitor came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referrer: Option<String>,
    /// The first message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<FirstMessage>,
    /// The visitor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visitor: Option<Visitor>,
    /// The property that the chat belongs to.
    pub property: Property,
}

impl ChatStart {
    pub(super) const NAME: &str = "chat:start";

    pub(super) fn decode(event: &Object<'_>) -> Result<Self, EventErrorKind> {
        Ok(Self {
            chat_id: event.require_identifier("chatId", "chatId")?,
            time: Timestamp::decode(event),
            domain: event.string("domain"),
            referrer: event.string("referrer"),
            message: FirstMessage::decode(event),
            visitor: Visitor::decode(event),
            property: Property::decode(event)?,
        })
    }
}

impl fmt::Debug for ChatStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatStart")
            .field("chat_id", &self.chat_id)
            .field("time", &self.time)
            .field("property", &self.property)
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}

/// `chat:end`: a chat ended. The event contains no messages. See
/// [`TranscriptCreated`](super::TranscriptCreated).
///
/// `Debug` output shows only ids, times and the property's name.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename = "chat:end", rename_all = "camelCase")]
#[non_exhaustive]
pub struct ChatEnd {
    /// The chat's id, a UUID. Its format is not checked.
    pub chat_id: String,
    /// When the event was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// The host name of the page with the chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The URL of the page that the visitor came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referrer: Option<String>,
    /// The visitor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visitor: Option<Visitor>,
    /// The property that the chat belongs to.
    pub property: Property,
}

impl ChatEnd {
    pub(super) const NAME: &str = "chat:end";

    pub(super) fn decode(event: &Object<'_>) -> Result<Self, EventErrorKind> {
        Ok(Self {
            chat_id: event.require_identifier("chatId", "chatId")?,
            time: Timestamp::decode(event),
            domain: event.string("domain"),
            referrer: event.string("referrer"),
            visitor: Visitor::decode(event),
            property: Property::decode(event)?,
        })
    }
}

impl fmt::Debug for ChatEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatEnd")
            .field("chat_id", &self.chat_id)
            .field("time", &self.time)
            .field("property", &self.property)
            .finish_non_exhaustive()
    }
}

/// The first message of a chat. `Debug` output does not show its text.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(into = "FirstMessageRepr")]
#[non_exhaustive]
pub struct FirstMessage {
    /// The text. For a pre-chat form, see
    /// [`Event::pre_chat_form`](super::Event::pre_chat_form).
    pub text: Option<String>,
    /// The kind of message.
    pub kind: Option<MessageKind>,
    /// The role of the sender.
    pub sender: Option<Role>,
}

impl FirstMessage {
    /// Decodes the field `message` of `event`.
    fn decode(event: &Object<'_>) -> Option<Self> {
        let message = event.object("message")?;
        let sender = message.object("sender").unwrap_or_default();
        Some(Self {
            text: message.string("text"),
            kind: message.string("type").map(MessageKind::from_name),
            sender: sender.string("type").map(Role::from_name),
        })
    }

    /// Returns the labels and values of a pre-chat form. Empty if the text is not a form, or if the
    /// sender is known not to be the visitor.
    pub(super) fn pre_chat_form(&self) -> impl Iterator<Item = (&str, &str)> {
        let text = match self.sender {
            Some(Role::Agent | Role::System) => None,
            _ => self.text.as_deref(),
        };
        parse_form(text.unwrap_or_default())
    }
}

impl fmt::Debug for FirstMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirstMessage")
            .field("kind", &self.kind)
            .field("sender", &self.sender)
            .finish_non_exhaustive()
    }
}

/// The wire format, in which the sender is an object with one field.
#[derive(Serialize)]
struct FirstMessageRepr {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<MessageKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender: Option<SenderRepr>,
}

#[derive(Serialize)]
struct SenderRepr {
    #[serde(rename = "type")]
    role: Role,
}

impl From<FirstMessage> for FirstMessageRepr {
    fn from(FirstMessage { text, kind, sender }: FirstMessage) -> Self {
        Self { text, kind, sender: sender.map(|role| SenderRepr { role }) }
    }
}

/// Parses lines of the form `Label : value`, separated by CR LF. Yields nothing if the first line
/// has no label. Later lines without a label continue the value above.
fn parse_form(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (label, after) = split_label(rest)?;
        let (value, next) = after.split_at(value_len(after));
        rest = next.trim_start_matches("\r\n");
        Some((label, value.trim_end_matches("\r\n")))
    })
}

/// Splits a text after the label of its first line.
fn split_label(text: &str) -> Option<(&str, &str)> {
    text.split_once(" : ").filter(|(label, _)| !label.is_empty() && !label.contains('\n'))
}

/// Returns the index of the first line break that is followed by a line with a label.
fn value_len(text: &str) -> usize {
    let mut line_breaks = text.match_indices("\r\n");
    let end = line_breaks.find(|(at, line_break)| {
        let next_line = text[at + line_break.len()..].lines().next().unwrap_or_default();
        split_label(next_line).is_some()
    });
    end.map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    #[track_caller]
    fn assert_form(text: &str, form: &[(&str, &str)]) {
        assert_eq!(super::parse_form(text).collect::<Vec<_>>(), form);
    }

    #[test]
    fn parses_lines_with_labels_and_values() {
        assert_form(
            "Name : Nadia\r\nPhone : 5550142087",
            &[("Name", "Nadia"), ("Phone", "5550142087")],
        );
        assert_form("How can we help? : a : b", &[("How can we help?", "a : b")]);
        assert_form("Name : \r\nPhone : 1", &[("Name", ""), ("Phone", "1")]);
    }

    #[test]
    fn a_line_without_a_label_continues_the_value() {
        assert_form(
            "Question : one\r\ntwo\r\n\r\nthree\r\nPhone : 1",
            &[("Question", "one\r\ntwo\r\n\r\nthree"), ("Phone", "1")],
        );
        assert_form("A : b\r\n : c", &[("A", "b\r\n : c")]);
    }

    #[test]
    fn line_breaks_after_a_value_are_trimmed() {
        assert_form("Name : x\r\n\r\nPhone : 1\r\n", &[("Name", "x"), ("Phone", "1")]);
    }

    #[test]
    fn a_text_that_does_not_start_with_a_label_is_not_a_form() {
        for text in ["", "Hello", "Hello\r\nName : Nadia", "a: b", " :", " : b", "\n : b"] {
            assert_form(text, &[]);
        }
    }
}
