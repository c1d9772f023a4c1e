//! A delivery as a row of a table.

use std::collections::BTreeMap;

use anyhow::Result;
use askama::Template;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tower_tawk::event::{Event, Person};

use super::page::{Time, size};
use crate::forward::CHANNEL_PREFIX;
use crate::store::{State, Store, StoredDelivery};

/// A delivery in a table.
pub struct Row {
    pub id: i64,
    pub time: Time,
    pub event: String,
    /// The page about the chat or ticket.
    pub link: Option<String>,
    pub person: String,
    pub property_id: String,
    pub property: String,
    pub size: String,
    pub secret: String,
    pub states: Vec<Sent>,
}

#[derive(Template)]
#[template(path = "row.html")]
pub struct RowTemplate<'a> {
    pub row: &'a Row,
}

/// Notification or forward, and its state.
pub type Sent = (&'static str, String);

/// The cell of a row with what was sent.
#[derive(Template)]
#[template(path = "states.html")]
pub struct StatesTemplate<'a> {
    pub id: i64,
    pub states: &'a [Sent],
}

/// Counts notifications and forwards by their states.
pub fn sent(states: &[State]) -> Vec<Sent> {
    let mut counts = BTreeMap::<_, usize>::new();
    for (channel, state) in states {
        let is_forward = channel.starts_with(CHANNEL_PREFIX);
        let what = if is_forward { "forward" } else { "notification" };
        *counts.entry((what, state)).or_default() += 1;
    }
    let text = |((what, state), count): ((_, &String), _)| match count {
        1 => (what, state.clone()),
        _ => (what, format!("{state} ×{count}")),
    };
    counts.into_iter().map(text).collect()
}

impl Row {
    fn new(StoredDelivery { id, delivery }: &StoredDelivery, states: Vec<Sent>) -> Self {
        let event = delivery.event();
        let link = |page: &str, id: &String| {
            format!("/{page}?id={}", utf8_percent_encode(id, NON_ALPHANUMERIC))
        };
        let ticket = || Some(link("ticket", delivery.ticket_id.as_ref()?));
        let property_id = delivery.property_id.clone().unwrap_or_default();
        let property = event.property().and_then(|property| property.name.clone());
        Self {
            id: *id,
            time: delivery.received_at.into(),
            event: delivery.event.clone().unwrap_or_else(|| "no event".to_owned()),
            link: delivery.chat_id.as_ref().map(|id| link("chat", id)).or_else(ticket),
            person: person(&event),
            property: property.unwrap_or_else(|| property_id.clone()),
            property_id,
            size: size(delivery.body.len() as u64),
            secret: delivery.secret_label.clone(),
            states,
        }
    }

    /// Returns rows with their states.
    pub async fn all(store: &Store, deliveries: &[StoredDelivery]) -> Result<Vec<Self>> {
        let ids: Vec<_> = deliveries.iter().map(|stored| stored.id).collect();
        let states = store.states(&ids).await?;
        let row = |stored: &StoredDelivery| {
            Self::new(stored, states.get(&stored.id).map(|states| sent(states)).unwrap_or_default())
        };
        Ok(deliveries.iter().map(row).collect())
    }
}

/// Returns what a person is called: the name, unless it is a placeholder, or the email address.
pub fn person(event: &Event) -> String {
    let name = |person: &Person<'_>| {
        let name = person.name().filter(|_| !person.has_placeholder_name());
        name.or(person.email()).or(person.name()).map(str::to_owned)
    };
    event.person().as_ref().and_then(name).unwrap_or_default()
}
