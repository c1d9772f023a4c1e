//! The inbox: deliveries that a filter finds, and how many chats and tickets there were each day.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use askama::Template;
use axum::extract::{Query, State};
use humantime::{format_rfc3339, parse_rfc3339};
use serde::Deserialize;

use super::Desk;
use super::page::{Page, render};
use super::row::Row;
use crate::store::{Day, Filter, Order, Store, StoredDelivery};

/// Minimum number of deliveries on a page that has more before them.
const PAGE: usize = 48;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Days that the chart shows.
const DAYS: i64 = 30;

/// Height of the chart in units of its own, of which a day is 10 wide.
const HEIGHT: i64 = 60;

const EVENTS: [&str; 4] = ["chat:start", "chat:end", "chat:transcript_created", "ticket:create"];

/// What the URL selects. Blank is unset, as forms leave it. Days are in UTC, the last one included.
#[derive(Clone, Default, Deserialize)]
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
            until: day(&self.until)?.map(|day| day + DAY),
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
    /// The newest delivery. Newer ones are added to the page, unless it shows older ones.
    last: Option<i64>,
    chart: Vec<Bar>,
    total: Day,
}

/// A day of the chart.
struct Bar {
    x: i64,
    date: String,
    day: Day,
    chats_height: i64,
    tickets_height: i64,
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

pub async fn show(State(desk): State<Arc<Desk>>, Query(selection): Query<Selection>) -> Page {
    let filter = selection.filter()?;
    let last = desk.store.ids(&Filter::default()).await?.end - 1;
    let (found, more) = newest(&desk.store, &filter, selection.before).await?;
    let chart = chart(&desk.store).await?;
    let sum = |count: fn(&Day) -> i64| chart.iter().map(|bar| count(&bar.day)).sum();
    render(&Inbox {
        rows: Row::all(&desk.store, &found).await?,
        more,
        last: Some(last).filter(|_| selection.before.is_none()),
        total: Day { chats: sum(|day| day.chats), tickets: sum(|day| day.tickets) },
        chart,
        selection,
    })
}

async fn chart(store: &Store) -> Result<Vec<Bar>> {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let today = i64::try_from(since_epoch.as_secs() / DAY.as_secs())?;
    let first = today - DAYS + 1;
    let days = store.days(first).await?;
    let highest = days.values().map(|day| day.chats + day.tickets).max().unwrap_or_default().max(1);
    let bar = |number: i64| {
        let day = days.get(&number).copied().unwrap_or_default();
        let date = SystemTime::UNIX_EPOCH + DAY * u32::try_from(number)?;
        Ok(Bar {
            x: (number - first) * 10,
            date: format_rfc3339(date).to_string()[..10].to_owned(),
            day,
            chats_height: day.chats * HEIGHT / highest,
            tickets_height: day.tickets * HEIGHT / highest,
        })
    };
    (first..=today).map(bar).collect()
}
