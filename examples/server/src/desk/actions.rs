//! What the desk changes. Each action leaves a log record, without its content.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::response::Redirect;
use serde::Deserialize;
use tracing::info;

use super::Desk;
use super::delivery::find;
use super::page::{Page, PageError, render};
use super::row::Row;
use crate::commands::inbox::{erase, replay};
use crate::forward::Forwarder;
use crate::store::{Filter, StoredDelivery};

/// Maximum number of deliveries that are shown before they are erased.
const MAX_SHOWN: usize = 50;

pub async fn notify(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<i64>,
) -> Result<Redirect, PageError> {
    let stored = find(&desk.store, id).await?;
    replay(&desk.store, &stored, &desk.notify).await?;
    info!(delivery = id, "notifying again, as requested at the desk");
    Ok(Redirect::to(&format!("/deliveries/{id}")))
}

pub async fn forward(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<i64>,
) -> Result<Redirect, PageError> {
    let StoredDelivery { delivery, .. } = find(&desk.store, id).await?;
    let mut forwarders = desk.forward.forwarders()?;
    forwarders.retain(|forwarder| forwarder.accepts(&delivery));
    if forwarders.is_empty() {
        return Err(anyhow!("no address of FORWARD_URL accepts the delivery").into());
    }
    let channels = desk.store.channel_names(forwarders.iter().map(Forwarder::identity)).await?;
    desk.store.replay(id, &channels).await?;
    info!(delivery = id, "forwarding again, as requested at the desk");
    Ok(Redirect::to(&format!("/deliveries/{id}")))
}

pub async fn retry(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<i64>,
) -> Result<Redirect, PageError> {
    if desk.store.retry(id).await? {
        info!(notification = id, "retrying, as requested at the desk");
    }
    Ok(Redirect::to("/outbox"))
}

/// Whose deliveries are erased. Blank is unset, as forms leave it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Selection {
    /// Email address of a visitor or requester.
    email: String,
    /// Id of a chat or ticket.
    chat: String,
}

impl Selection {
    /// Returns `None` if nothing is selected.
    fn filter(&self) -> Option<Filter> {
        let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let (email, chat) = (text(&self.email), text(&self.chat));
        let is_set = email.is_some() || chat.is_some();
        is_set.then(|| Filter { email, chat, with_chats: true, ..Filter::default() })
    }
}

#[derive(Template)]
#[template(path = "erase.html")]
struct Erase {
    selection: Selection,
    is_selected: bool,
    /// Some of what would be erased.
    rows: Vec<Row>,
    found: usize,
    is_erased: bool,
}

/// Shows what would be erased.
pub async fn confirm(State(desk): State<Arc<Desk>>, Query(selection): Query<Selection>) -> Page {
    let (mut ids, mut shown) = (Vec::new(), Vec::new());
    if let Some(filter) = selection.filter() {
        ids = erase::find(&desk.store, &filter, |stored| {
            if shown.len() < MAX_SHOWN {
                shown.push(stored);
            }
            Ok(())
        })
        .await?;
    }
    render(&Erase {
        is_selected: selection.filter().is_some(),
        rows: Row::all(&desk.store, &shown).await?,
        found: ids.len(),
        is_erased: false,
        selection,
    })
}

pub async fn erase(State(desk): State<Arc<Desk>>, Form(selection): Form<Selection>) -> Page {
    let filter = selection.filter().context("no email address, chat or ticket is selected")?;
    let ids = erase::find(&desk.store, &filter, |_| Ok(())).await?;
    desk.store.erase(&ids).await?;
    info!(deliveries = ids.len(), "erased, as requested at the desk");
    let (rows, found) = (Vec::new(), ids.len());
    render(&Erase { selection, is_selected: true, rows, found, is_erased: true })
}
