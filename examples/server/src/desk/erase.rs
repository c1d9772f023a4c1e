//! Erases the deliveries of a person, a chat or a ticket, after a confirmation.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::Method;
use serde::Deserialize;
use tracing::info;

use super::Shared;
use super::page::{Page, render};
use super::row::Row;
use crate::store::{Filter, StoredDelivery};

/// Maximum number of deliveries that are shown before they are erased.
const MAX_SHOWN: usize = 50;

/// Email address of a person, or id of a chat or ticket. Blank is unset, as forms leave it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Selection {
    email: String,
    chat: String,
}

impl Selection {
    fn filter(&self) -> Option<Filter> {
        let email = Some(self.email.trim().to_owned()).filter(|email| !email.is_empty());
        let chat = Some(self.chat.clone()).filter(|chat| !chat.is_empty());
        let is_set = email.is_some() || chat.is_some();
        is_set.then(|| Filter { email, chat, ..Filter::default() })
    }
}

#[derive(Default, Template)]
#[template(path = "erase.html")]
struct Erase {
    selection: Selection,
    /// How many deliveries are found, and some of them. `None` if nothing is selected.
    found: Option<usize>,
    rows: Vec<Row>,
    is_erased: bool,
}

/// Shows what would be erased, or erases it.
pub async fn show(State(desk): Shared, method: Method, Form(selection): Form<Selection>) -> Page {
    let Some(filter) = selection.filter() else { return render(&Erase::default()) };
    let filter = desk.store.with_chats(filter).await?;
    let (mut ids, mut shown) = (Vec::new(), Vec::new());
    let find = |stored: StoredDelivery| {
        ids.push(stored.id);
        if shown.len() < MAX_SHOWN {
            shown.push(stored);
        }
        Ok(())
    };
    desk.store.for_each(&filter, find).await?;
    let rows = Row::all(&desk.store, shown).await?;
    let is_erased = method == Method::POST;
    if is_erased {
        desk.store.erase(&ids).await?;
        info!(deliveries = ids.len(), "erased, as requested at the desk");
    }
    render(&Erase { selection, found: Some(ids.len()), rows, is_erased })
}
