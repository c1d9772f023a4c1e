//! The outbox: notifications and forwards that wait or have failed, with their attempts.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Redirect;
use tracing::info;

use super::Shared;
use super::page::{Page, PageError, render};
use crate::store::Notification;

#[derive(Template)]
#[template(path = "outbox.html")]
struct Outbox {
    notifications: Vec<Notification>,
}

pub async fn show(State(desk): Shared, Query(query): Query<HashMap<String, i64>>) -> Page {
    let before = query.get("before").copied().unwrap_or(i64::MAX);
    render(&Outbox { notifications: desk.store.unsent_before(before).await? })
}

pub async fn retry(State(desk): Shared, Path(id): Path<i64>) -> Result<Redirect, PageError> {
    desk.store.retry(id).await?;
    info!(notification = id, "retrying, as requested at the desk");
    Ok(Redirect::to("/outbox"))
}
