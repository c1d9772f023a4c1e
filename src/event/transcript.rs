//! [`TranscriptCreated`]: a whole chat, and the only event in which an agent's replies are seen.

use std::fmt;

use serde::Serialize;

use super::attachment::Attachment;
use super::error::EventError;
use super::json::Json;
use super::message_kind::MessageKind;
use super::people::{Property, Role, Visitor};
use super::timestamp::Timestamp;

/// So many messages are typed, and as many attachments in all: the rest is counted. A message can
/// be as short as `{}`, and would take a hundred times that.
pub(super) const MAX_DECODED: usize = 10_000;

/// `chat:transcript_created`: some minutes after a chat, with every message of it.
///
/// `Debug` shows ids, times and counts, and nothing that people are called or have written.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename = "chat:transcript_created")]
#[non_exhaustive]
pub struct TranscriptCreated {
    /// When the event came into being.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// The host name of the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The page that the visitor came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referrer: Option<String>,
    /// Where.
    pub property: Property,
    /// What was said.
    pub chat: Chat,
}

impl TranscriptCreated {
    pub(super) const NAME: &str = "chat:transcript_created";

    pub(super) fn read(json: Json<'_>) -> Result<Self, EventError> {
        let [time, domain, referrer, property, chat] =
            json.fields(["time", "domain", "referrer", "property", "chat"]);
        Ok(Self {
            time: time.and_then(Timestamp::read),
            domain: domain.and_then(Json::string),
            referrer: referrer.and_then(Json::string),
            property: Property::read(property, Self::NAME)?,
            chat: Chat::read(chat)?,
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

/// A chat, with what was said in it.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Chat {
    /// The chat's id, a UUID; kept as it was sent.
    pub id: String,
    /// Who visited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visitor: Option<Visitor>,
    /// What was said, in the order in which it was sent; no more than 10,000 messages.
    pub messages: Vec<Message>,
    /// How many messages came behind those. They are in the raw body alone.
    #[serde(skip)]
    pub omitted_messages: usize,
}

impl Chat {
    fn read(json: Option<Json<'_>>) -> Result<Self, EventError> {
        let [id, visitor, list] =
            json.map_or([None; 3], |json| json.fields(["id", "visitor", "messages"]));
        let id = id.and_then(Json::identifier);
        let mut chat = Self {
            id: id.ok_or_else(|| EventError::missing("chat.id", TranscriptCreated::NAME))?,
            visitor: visitor.and_then(Visitor::read),
            messages: Vec::new(),
            omitted_messages: 0,
        };
        let mut attachments_left = MAX_DECODED;
        if let Some(list) = list {
            list.for_each(|message| chat.push(message, &mut attachments_left));
        }
        Ok(chat)
    }

    fn push(&mut self, message: Json<'_>, attachments_left: &mut usize) {
        if self.messages.len() == MAX_DECODED {
            self.omitted_messages += 1;
        } else {
            self.messages.push(Message::read(message, attachments_left));
        }
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

/// A message of a transcript. `Debug` does not show its text.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Message {
    /// Who wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<Sender>,
    /// What sort of message it is.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<MessageKind>,
    /// The text; none where there are attachments alone.
    #[serde(rename = "msg", skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// When it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// The files that were sent with it; no more than 10,000 in a transcript.
    #[serde(rename = "attchs", skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// How many attachments came behind those. They are in the raw body alone.
    #[serde(skip)]
    pub omitted_attachments: usize,
}

impl Message {
    fn read(json: Json<'_>, attachments_left: &mut usize) -> Self {
        let [sender, kind, text, time, list] =
            json.fields(["sender", "type", "msg", "time", "attchs"]);
        let mut message = Self {
            sender: sender.and_then(Sender::read),
            kind: kind.and_then(MessageKind::read),
            text: text.and_then(Json::string),
            time: time.and_then(Timestamp::read),
            ..Self::default()
        };
        if let Some(list) = list {
            list.for_each(|attachment| {
                if let Some(left) = attachments_left.checked_sub(1) {
                    *attachments_left = left;
                    message.attachments.push(Attachment::read(attachment));
                } else {
                    message.omitted_attachments += 1;
                }
            });
            // Room for four would be made for one, in each of 10,000 messages.
            message.attachments.shrink_to_fit();
        }
        message
    }

    /// Whether an agent wrote it.
    pub(super) fn is_by(&self, role: &Role) -> bool {
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

/// Who wrote a message. `Debug` does not show their name.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Sender {
    /// Their part in the chat.
    #[serde(
        rename = "t",
        skip_serializing_if = "Option::is_none",
        serialize_with = "Role::serialize_letter"
    )]
    pub role: Option<Role>,
    /// The name that is shown, of agents and the system.
    #[serde(rename = "n", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// An agent's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

impl Sender {
    fn read(json: Json<'_>) -> Option<Self> {
        let [role, name, id] = json.fields(["t", "n", "id"]);
        json.is_object().then(|| Self {
            role: role.and_then(Role::read_letter),
            name: name.and_then(Json::string),
            id: id.and_then(Json::identifier),
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
