//! The inbox: deliveries that a filter finds, its live updates, and the chats and tickets of each
//! day.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::stream::{self, Stream, StreamExt};
use humantime::parse_rfc3339;
use serde::Deserialize;
use tokio::time::sleep;

use super::Shared;
use super::page::{Page, PageError, render, utc};
use super::row::Row;
use crate::store::{
    self, Day, Filter, Order, Store, StoredDelivery, from_unix_millis, to_unix_millis,
};

/// Minimum number of deliveries on a page that has more before them.
const PAGE: usize = 48;

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Days that the chart shows.
const DAYS: i64 = 30;

const LIVE_UPDATE_INTERVAL: Duration = Duration::from_secs(1);

/// What the URL selects. Blank is unset, as forms leave it. Days are in UTC, the last one included.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Selection {
    event: String,
    property: String,
    person: String,
    search: String,
    since: String,
    until: String,
    before: Option<i64>,
}

impl Selection {
    pub fn filter(&self) -> Result<Filter> {
        let text = |text: &String| Some(text.clone()).filter(|text| !text.trim().is_empty());
        let day = |day: &String| {
            let parse = |day| parse_rfc3339(&format!("{day}T00:00:00Z"));
            text(day).map(|day| parse(day).context("invalid date; write 2026-01-31")).transpose()
        };
        Ok(Filter {
            event: text(&self.event),
            property: text(&self.property),
            person: text(&self.person),
            search: text(&self.search),
            since: day(&self.since)?,
            until: day(&self.until)?.map(|day| day + Duration::from_hours(24)),
            ..Filter::default()
        })
    }
}

#[derive(Template)]
#[template(path = "inbox.html")]
struct Inbox {
    selection: Selection,
    rows: Vec<Row>,
    /// Continue before this delivery.
    more: Option<i64>,
    /// The dates that the chart shows, and what there was.
    days: Vec<(String, Day)>,
    highest: i64,
}

/// Returns a page of the newest deliveries, and before which the next page continues.
pub async fn newest(
    store: &Store,
    filter: &Filter,
    before: Option<i64>,
) -> Result<(Vec<StoredDelivery>, Option<i64>)> {
    let mut ids = store.ids(filter).await?;
    ids.end = ids.end.min(before.unwrap_or(i64::MAX));
    let mut found = Vec::new();
    while !ids.is_empty() && found.len() < PAGE {
        found.extend(store.next_page(filter, &mut ids, Order::NewestFirst).await?);
    }
    Ok((found, Some(ids.end).filter(|_| !ids.is_empty())))
}

pub async fn show(State(desk): Shared, Query(selection): Query<Selection>) -> Page {
    let (found, more) = newest(&desk.store, &selection.filter()?, selection.before).await?;
    let today = to_unix_millis(SystemTime::now()) / DAY_MILLIS;
    let counts = desk.store.days(today - DAYS + 1).await?;
    let day = |number| {
        let date = utc(from_unix_millis(number * DAY_MILLIS))[..10].to_owned();
        (date, counts.get(&number).copied().unwrap_or_default())
    };
    render(&Inbox {
        rows: Row::all(&desk.store, found).await?,
        more,
        days: (today - DAYS + 1..=today).map(day).collect(),
        highest: counts.values().map(|day| day.chats + day.tickets).fold(1, i64::max),
        selection,
    })
}

/// What the inbox shows: the end of the ids, and the states of its rows.
type Shown = (i64, BTreeMap<i64, Vec<store::State>>);

#[derive(Template)]
#[template(path = "body.html")]
struct Body {
    rows: Vec<Row>,
}

/// Streams until the desk shuts down.
pub async fn live(
    State(desk): Shared,
    Query(selection): Query<Selection>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, PageError> {
    let shutdown = desk.shutdown.clone();
    let live = (desk, selection.filter()?, Shown::default());
    let events = stream::unfold(live, async |(desk, filter, mut shown)| {
        loop {
            // After an error, the next attempt sends the rows.
            if let Ok(Some(rows)) = changed(&desk.store, &filter, &mut shown).await {
                return Some((Ok(Event::default().data(rows)), (desk, filter, shown)));
            }
            sleep(LIVE_UPDATE_INTERVAL).await;
        }
    });
    Ok(Sse::new(events.take_until(shutdown.cancelled_owned())).keep_alive(KeepAlive::default()))
}

/// Returns the rows if there is a new delivery, or a state has changed.
async fn changed(store: &Store, filter: &Filter, shown: &mut Shown) -> Result<Option<String>> {
    let end = store.ids(filter).await?.end;
    let ids: Vec<_> = shown.1.keys().copied().collect();
    if end == shown.0 && store.states(&ids).await? == shown.1 {
        return Ok(None);
    }
    let (found, _) = newest(store, filter, None).await?;
    let rows = Row::all(store, found).await?;
    *shown = (end, rows.iter().map(|row| (row.stored.id, row.states.clone())).collect());
    Ok(Some(Body { rows }.render()?))
}
