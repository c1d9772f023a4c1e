//! The outbox: notifications and forwards that wait or have failed, with their attempts.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Redirect;
use serde::Deserialize;
use tracing::info;

use super::Shared;
use super::page::{Page, PageError, render};
use crate::store::Notification;

#[derive(Deserialize)]
pub struct Selection {
    before: Option<i64>,
}

#[derive(Template)]
#[template(path = "outbox.html")]
struct Outbox {
    notifications: Vec<Notification>,
}

pub async fn show(State(desk): Shared, Query(selection): Query<Selection>) -> Page {
    let before = selection.before.unwrap_or(i64::MAX);
    render(&Outbox { notifications: desk.store.unsent_before(before).await? })
}

pub async fn retry(State(desk): Shared, Path(id): Path<i64>) -> Result<Redirect, PageError> {
    desk.store.retry(id).await?;
    info!(notification = id, "retrying, as requested at the desk");
    Ok(Redirect::to("/outbox"))
}
