//! Live updates of the inbox: rows of new deliveries, and states that have changed, as HTML that
//! replaces what has the same id.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use askama::Template;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::stream::{self, Stream, StreamExt};
use serde::Deserialize;
use tokio::time::sleep;

use super::Desk;
use super::inbox::{Selection, newest};
use super::page::PageError;
use super::row::{Row, RowTemplate, StatesTemplate, sent};
use crate::store::{self, Filter, Order};

const INTERVAL: Duration = Duration::from_secs(1);

/// Maximum number of rows whose states are watched.
const MAX_WATCHED: usize = 200;

#[derive(Deserialize)]
pub struct After {
    after: i64,
}

struct Live {
    desk: Arc<Desk>,
    filter: Filter,
    last: i64,
    /// The states that were sent, by delivery.
    watched: BTreeMap<i64, Vec<store::State>>,
}

/// Streams until the desk shuts down. A client that connects again says what it received last.
pub async fn stream(
    State(desk): State<Arc<Desk>>,
    Query(selection): Query<Selection>,
    Query(After { after }): Query<After>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, PageError> {
    let received = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let (last, filter) = (received.unwrap_or(after), selection.filter()?);
    let (shown, _) = newest(&desk.store, &filter, Some(last + 1)).await?;
    let watched = shown.iter().map(|stored| (stored.id, Vec::new())).collect();
    let shutdown = desk.shutdown.clone();
    let live = Live { desk, filter, last, watched };
    let events = stream::unfold(live, async |mut live| {
        // After an error, the next attempt sends what this one did not.
        let events = live.poll().await.unwrap_or_default();
        if events.is_empty() {
            sleep(INTERVAL).await;
        }
        Some((stream::iter(events.into_iter().map(Ok)), live))
    });
    let events = events.flatten().take_until(shutdown.cancelled_owned());
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

impl Live {
    async fn poll(&mut self) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        let store = &self.desk.store;
        let Range { end, .. } = store.ids(&self.filter).await?;
        let mut ids = self.last + 1..end;
        while !ids.is_empty() {
            let found = store.next_page(&self.filter, &mut ids, Order::OldestFirst).await?;
            for row in Row::all(store, &found).await? {
                events.push(
                    Event::default()
                        .data(RowTemplate { row: &row }.render()?)
                        .id(row.id.to_string()),
                );
                self.watched.insert(row.id, Vec::new());
            }
        }
        self.last = self.last.max(end - 1);
        while self.watched.len() > MAX_WATCHED {
            self.watched.pop_first();
        }
        let ids: Vec<_> = self.watched.keys().copied().collect();
        for (id, states) in store.states(&ids).await? {
            if self.watched.get(&id) != Some(&states) {
                let cell = StatesTemplate { id, states: &sent(&states) }.render()?;
                events.push(Event::default().data(cell));
                self.watched.insert(id, states);
            }
        }
        Ok(events)
    }
}
