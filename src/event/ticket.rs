//! [`TicketCreate`].

use std::fmt;

use serde::Serialize;

use super::error::EventError;
use super::json::Json;
use super::people::{Property, Requester};
use super::timestamp::Timestamp;

/// `ticket:create`: a ticket has come into being, by an agent, by mail, or from a message that was
/// left while nobody was there. Tawk.to sometimes sends one several times.
///
/// `Debug` shows ids and times, and nothing that people are called or have written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename = "ticket:create")]
#[non_exhaustive]
pub struct TicketCreate {
    /// When the event came into being.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// Where.
    pub property: Property,
    /// Whose request it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requester: Option<Requester>,
    /// What they want.
    pub ticket: Ticket,
}

impl TicketCreate {
    pub(super) const NAME: &str = "ticket:create";

    pub(super) fn read(json: Json<'_>) -> Result<Self, EventError> {
        let [time, property, requester, ticket] =
            json.fields(["time", "property", "requester", "ticket"]);
        Ok(Self {
            time: time.and_then(Timestamp::read),
            property: Property::read(property, Self::NAME)?,
            requester: requester.and_then(Requester::read),
            ticket: Ticket::read(ticket)?,
        })
    }
}

/// A ticket. `Debug` shows its ids.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Ticket {
    /// The ticket's id, a UUID; kept as it was sent.
    pub id: String,
    /// The number that people call it by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub human_id: Option<u64>,
    /// One line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Several lines, or HTML: somebody else's, to be escaped before it is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl Ticket {
    fn read(json: Option<Json<'_>>) -> Result<Self, EventError> {
        let [id, human_id, subject, message] =
            json.map_or([None; 4], |json| json.fields(["id", "humanId", "subject", "message"]));
        let id = id.and_then(Json::identifier);
        Ok(Self {
            id: id.ok_or_else(|| EventError::missing("ticket.id", TicketCreate::NAME))?,
            human_id: human_id.and_then(Json::integer),
            subject: subject.and_then(Json::string),
            message: message.and_then(Json::string),
        })
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("id", &self.id)
            .field("human_id", &self.human_id)
            .finish_non_exhaustive()
    }
}
