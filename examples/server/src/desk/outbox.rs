//! The outbox: notifications and forwards with their attempts.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use serde::Deserialize;

use super::Desk;
use super::page::{Page, Time, render};
use crate::store::{Notification, from_unix_millis};

#[derive(Deserialize)]
pub struct Selection {
    #[serde(default)]
    state: String,
    before: Option<i64>,
}

#[derive(Template)]
#[template(path = "outbox.html")]
struct Outbox {
    state: String,
    items: Vec<Item>,
    more: Option<i64>,
}

/// A notification in a table.
pub struct Item {
    pub id: i64,
    pub delivery: i64,
    pub channel: String,
    pub state: String,
    pub at: Time,
    pub error: String,
    pub attempts: Vec<(Time, u64, String)>,
}

impl Item {
    pub fn new(notification: Notification) -> Self {
        let Notification { id, delivery_id, channel, state, at, last_error, history, .. } =
            notification;
        let attempt = |attempt: crate::store::Attempt| {
            (from_unix_millis(attempt.at).into(), attempt.millis, attempt.outcome)
        };
        Self {
            id,
            delivery: delivery_id,
            channel,
            state,
            at: at.into(),
            error: last_error.unwrap_or_default(),
            attempts: history.into_iter().map(attempt).collect(),
        }
    }
}

pub async fn show(State(desk): State<Arc<Desk>>, Query(selection): Query<Selection>) -> Page {
    let Selection { state, before } = selection;
    let before = before.unwrap_or(i64::MAX);
    let found = desk.store.notifications_before(before, Some(&state)).await?;
    let more = found.get(49).map(|last| last.id);
    render(&Outbox { state, items: found.into_iter().map(Item::new).collect(), more })
}
