//! The event [`TranscriptCreated`], the only one that contains the replies of agents.

use std::fmt;

use serde::Serialize;

use super::attachment::Attachment;
use super::error::EventErrorKind;
use super::json::Object;
use super::message_kind::MessageKind;
use super::person::{Property, Role, Visitor};
use super::timestamp::Timestamp;

/// Maximum number of messages, and of attachments in all messages, that are decoded. The rest are
/// only counted. A decoded message takes about 200 bytes, and can be sent as `{}`.
const MAX_DECODED: usize = 10_000;

/// `chat:transcript_created`: the messages of a chat, sent a few minutes after its end.
///
/// `Debug` output shows only ids, times, counts and the property's name.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename = "chat:transcript_created")]
#[non_exhaustive]
pub struct TranscriptCreated {
    /// When the event was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// The host name of the page with the chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The URL of the page that the visitor came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referrer: Option<String>,
    /// The property that the chat belongs to.
    pub property: Property,
    /// The chat and its messages.
    pub chat: Chat,
}

impl TranscriptCreated {
    pub(super) const NAME: &str = "chat:transcript_created";

    pub(super) fn decode(event: &Object<'_>) -> Result<Self, EventErrorKind> {
        Ok(Self {
            time: Timestamp::decode(event),
            domain: event.string("domain"),
            referrer: event.string("referrer"),
            property: Property::decode(event)?,
            chat: Chat::decode(event)?,
        })
    }
}

impl fmt::Debug for TranscriptCreated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TranscriptCreated")
            .field("time", &self.time)
            .field("property", &self.property)
            .field("chat", &self.chat)
            .finish_non_exhaustive()
    }
}

/// A chat and its messages. `Debug` output shows only the id and the number of messages.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Chat {
    /// The id, a UUID. Its format is not checked.
    pub id: String,
    /// The visitor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visitor: Option<Visitor>,
    /// The first 10,000 messages, in the order in which they were sent.
    pub messages: Vec<Message>,
    /// The number of messages after the first 10,000. Their contents are only in the raw body.
    #[serde(skip)]
    pub omitted_messages: usize,
}

impl Chat {
    /// Decodes the field `chat` of `event`.
    fn decode(event: &Object<'_>) -> Result<Self, EventErrorKind> {
        let object = event.object("chat").unwrap_or_default();
        let mut chat = Self {
            id: object.require_identifier("id", "chat.id")?,
            visitor: Visitor::decode(&object),
            messages: Vec::new(),
            omitted_messages: 0,
        };
        let mut attachments_left = MAX_DECODED;
        if let Some(list) = object.get("messages") {
            list.for_each_element(|element| {
                if chat.messages.len() < MAX_DECODED {
                    let message = element.object().unwrap_or_default();
                    chat.messages.push(Message::decode(&message, &mut attachments_left));
                } else {
                    chat.omitted_messages += 1;
                }
            });
        }
        Ok(chat)
    }
}

impl fmt::Debug for Chat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chat")
            .field("id", &self.id)
            .field("messages", &self.messages.len())
            .field("omitted_messages", &self.omitted_messages)
            .finish_non_exhaustive()
    }
}

/// A message of a transcript. `Debug` output does not show its text.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Message {
    /// The sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<Sender>,
    /// The kind of message.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<MessageKind>,
    /// The text. `None` if the message has only attachments.
    #[serde(rename = "msg", skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// When the message was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// The attachments that are among the first 10,000 of the transcript.
    #[serde(rename = "attchs", skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// The number of attachments after the first 10,000. Their contents are only in the raw body.
    #[serde(skip)]
    pub omitted_attachments: usize,
}

impl Message {
    fn decode(object: &Object<'_>, attachments_left: &mut usize) -> Self {
        let mut message = Self {
            sender: Sender::decode(object),
            kind: object.string("type").map(MessageKind::from_name),
            text: object.string("msg"),
            time: Timestamp::decode(object),
            attachments: Vec::new(),
            omitted_attachments: 0,
        };
        if let Some(list) = object.get("attchs") {
            list.for_each_element(|element| {
                if let Some(left) = attachments_left.checked_sub(1) {
                    *attachments_left = left;
                    let attachment = element.object().unwrap_or_default();
                    message.attachments.push(Attachment::decode(&attachment));
                } else {
                    message.omitted_attachments += 1;
                }
            });
            // The first push reserves capacity for four attachments, in each of 10,000 messages.
            message.attachments.shrink_to_fit();
        }
        message
    }

    /// Returns whether the sender has the role.
    pub(super) fn is_from(&self, role: &Role) -> bool {
        self.sender.as_ref().and_then(|sender| sender.role.as_ref()) == Some(role)
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("sender", &self.sender)
            .field("kind", &self.kind)
            .field("time", &self.time)
            .field("attachments", &self.attachments.len())
            .finish_non_exhaustive()
    }
}

/// The sender of a message. `Debug` output does not show the name.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Sender {
    /// The role.
    #[serde(
        rename = "t",
        skip_serializing_if = "Option::is_none",
        serialize_with = "Role::serialize_letter"
    )]
    pub role: Option<Role>,
    /// The display name of an agent or the system.
    #[serde(rename = "n", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The id of an agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

impl Sender {
    /// Decodes the field `sender` of `message`.
    fn decode(message: &Object<'_>) -> Option<Self> {
        let sender = message.object("sender")?;
        Some(Self {
            role: sender.string("t").map(Role::from_letter),
            name: sender.string("n"),
            id: sender.identifier("id"),
        })
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("role", &self.role)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
