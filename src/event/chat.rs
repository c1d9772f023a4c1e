//! [`ChatStart`] and [`ChatEnd`].

use std::fmt;

use serde::Serialize;

use super::error::EventError;
use super::json::Json;
use super::message_kind::MessageKind;
use super::people::{Property, Role, Visitor};
use super::timestamp::Timestamp;

/// `chat:start`: a chat has its first message, from the visitor or an agent.
///
/// `Debug` shows ids and times, and nothing that people are called or have written.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename = "chat:start", rename_all = "camelCase")]
#[non_exhaustive]
pub struct ChatStart {
    /// The chat's id, a UUID; kept as it was sent.
    pub chat_id: String,
    /// When the event came into being.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// The host name of the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The page that the visitor came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referrer: Option<String>,
    /// The first message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<FirstMessage>,
    /// Who visits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visitor: Option<Visitor>,
    /// Where.
    pub property: Property,
}

/// `chat:end`: a chat is over. It carries no messages: those come with the transcript.
///
/// `Debug` shows ids and times, and nothing that people are called or have written.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename = "chat:end", rename_all = "camelCase")]
#[non_exhaustive]
pub struct ChatEnd {
    /// The chat's id, a UUID; kept as it was sent.
    pub chat_id: String,
    /// When the event came into being.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// The host name of the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The page that the visitor came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referrer: Option<String>,
    /// Who visited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visitor: Option<Visitor>,
    /// Where.
    pub property: Property,
}

impl ChatStart {
    pub(super) const NAME: &str = "chat:start";

    pub(super) fn read(json: Json<'_>) -> Result<Self, EventError> {
        let ChatEnd { chat_id, time, domain, referrer, visitor, property } =
            ChatEnd::read_as(json, Self::NAME)?;
        let [message] = json.fields(["message"]);
        let message = message.and_then(FirstMessage::read);
        Ok(Self { chat_id, time, domain, referrer, message, visitor, property })
    }
}

impl ChatEnd {
    pub(super) const NAME: &str = "chat:end";

    pub(super) fn read(json: Json<'_>) -> Result<Self, EventError> {
        Self::read_as(json, Self::NAME)
    }

    /// What both events have, which is all of this one.
    fn read_as(json: Json<'_>, event: &str) -> Result<Self, EventError> {
        let [chat_id, time, domain, referrer, visitor, property] =
            json.fields(["chatId", "time", "domain", "referrer", "visitor", "property"]);
        let chat_id = chat_id.and_then(Json::identifier);
        Ok(Self {
            chat_id: chat_id.ok_or_else(|| EventError::missing("chatId", event))?,
            time: time.and_then(Timestamp::read),
            domain: domain.and_then(Json::string),
            referrer: referrer.and_then(Json::string),
            visitor: visitor.and_then(Visitor::read),
            property: Property::read(property, event)?,
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

impl fmt::Debug for ChatEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatEnd")
            .field("chat_id", &self.chat_id)
            .field("time", &self.time)
            .field("property", &self.property)
            .finish_non_exhaustive()
    }
}

/// The message that a chat begins with. `Debug` does not show its text.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(into = "FirstMessageShape")]
#[non_exhaustive]
pub struct FirstMessage {
    /// The text; that of a pre-chat form is read by
    /// [`Event::pre_chat_form`](super::Event::pre_chat_form).
    pub text: Option<String>,
    /// What sort of message it is.
    pub kind: Option<MessageKind>,
    /// Who wrote it.
    pub sender: Option<Role>,
}

impl FirstMessage {
    fn read(json: Json<'_>) -> Option<Self> {
        let [text, kind, sender] = json.fields(["text", "type", "sender"]);
        let [role] = sender.map_or([None], |sender| sender.fields(["type"]));
        json.is_object().then(|| Self {
            text: text.and_then(Json::string),
            kind: kind.and_then(MessageKind::read),
            sender: role.and_then(Role::read),
        })
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

/// As it is sent: the sender is an object of one field.
#[derive(Serialize)]
struct FirstMessageShape {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<MessageKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender: Option<SenderShape>,
}

#[derive(Serialize)]
struct SenderShape {
    #[serde(rename = "type")]
    role: Role,
}

impl From<FirstMessage> for FirstMessageShape {
    fn from(FirstMessage { text, kind, sender }: FirstMessage) -> Self {
        Self { text, kind, sender: sender.map(|role| SenderShape { role }) }
    }
}
