//! The event [`TicketCreate`].

use std::fmt;

use serde::Serialize;

use super::error::EventErrorKind;
use super::json::Object;
use super::person::{Property, Requester};
use super::timestamp::Timestamp;

/// `ticket:create`: a ticket was created by an agent, by email, or from an offline message.
///
/// Tawk.to sometimes delivers the same ticket several times. `Debug` output shows only ids,
/// times, the requester's role and the property's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename = "ticket:create")]
#[non_exhaustive]
pub struct TicketCreate {
    /// When the event was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// The property that the ticket belongs to.
    pub property: Property,
    /// The requester.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requester: Option<Requester>,
    /// The ticket.
    pub ticket: Ticket,
}

impl TicketCreate {
    pub(super) const NAME: &str = "ticket:create";

    pub(super) fn decode(event: &Object<'_>) -> Result<Self, EventErrorKind> {
        Ok(Self {
            time: Timestamp::decode(event),
            property: Property::decode(event)?,
            requester: Requester::decode(event),
            ticket: Ticket::decode(event)?,
        })
    }
}

/// A ticket. `Debug` output shows only its ids.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Ticket {
    /// The id, a UUID. Its format is not checked.
    pub id: String,
    /// The ticket number shown in the dashboard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub human_id: Option<u64>,
    /// The subject line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The message: plain text of several lines, or HTML. It is untrusted, so escape it before you
    /// display it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl Ticket {
    /// Decodes the field `ticket` of `event`.
    fn decode(event: &Object<'_>) -> Result<Self, EventErrorKind> {
        let ticket = event.object("ticket").unwrap_or_default();
        Ok(Self {
            id: ticket.require_identifier("id", "ticket.id")?,
            human_id: ticket.integer("humanId"),
            subject: ticket.string("subject"),
            message: ticket.string("message"),
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
