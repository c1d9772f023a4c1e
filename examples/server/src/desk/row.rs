//! A delivery as a row of a table.

use anyhow::Result;
use tower_tawk::event::{Event, Person};

use crate::store::{State, Store, StoredDelivery};

pub struct Row {
    pub stored: StoredDelivery,
    pub event: Event,
    /// The states of its notifications and forwards.
    pub states: Vec<State>,
}

impl Row {
    pub async fn all(store: &Store, deliveries: Vec<StoredDelivery>) -> Result<Vec<Self>> {
        let ids: Vec<_> = deliveries.iter().map(|stored| stored.id).collect();
        let mut states = store.states(&ids).await?;
        let row = |stored: StoredDelivery| Self {
            event: stored.delivery.event(),
            states: states.remove(&stored.id).unwrap_or_default(),
            stored,
        };
        Ok(deliveries.into_iter().map(row).collect())
    }

    /// Returns the id of the chat or ticket, for a link to it.
    pub fn conversation(&self) -> Option<&String> {
        let delivery = &self.stored.delivery;
        delivery.chat_id.as_ref().or(delivery.ticket_id.as_ref())
    }

    /// Returns what a person is called: the name, unless it is a placeholder, or the email address.
    pub fn person(&self) -> Option<&str> {
        let person = self.event.person()?;
        let name = person.name().filter(|_| !person.has_placeholder_name());
        name.or(person.email()).or(person.name())
    }

    pub fn email(&self) -> Option<&str> {
        self.event.person().as_ref().and_then(Person::email)
    }

    pub fn property(&self) -> Option<&str> {
        let property = self.event.property()?;
        Some(property.name.as_ref().unwrap_or(&property.id))
    }
}
