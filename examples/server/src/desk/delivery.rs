//! One delivery: its headers, its JSON, and its exact bytes.

use std::fmt::Write;
use std::sync::Arc;

use anyhow::Result;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::Uri;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Desk;
use super::outbox::Item;
use super::page::{Page, PageError, is_control, render};
use super::row::Row;
use crate::commands::inbox::forward::request;
use crate::commands::send::curl_command;
use crate::escape::escaped;
use crate::store::{Store, StoredDelivery, VerifiedDelivery};

/// Maximum bytes of a body that are shown. The rest can be downloaded.
const MAX_SHOWN: usize = 64 * 1024;

const SIGNATURE: &str = "x-tawk-signature";

#[derive(Deserialize)]
pub struct Selection {
    #[serde(default)]
    signature: bool,
}

#[derive(Template)]
#[template(path = "delivery.html")]
struct DeliveryPage {
    id: i64,
    rows: Vec<Row>,
    event_id: Option<String>,
    headers: Vec<(String, String)>,
    /// Shown on request, since with it the delivery can be sent again.
    signature: Option<String>,
    json: Option<String>,
    bytes: String,
    is_text: bool,
    is_cut: bool,
    curl: Option<String>,
    items: Vec<Item>,
}

pub async fn find(store: &Store, id: i64) -> Result<StoredDelivery, PageError> {
    store.delivery(id).await?.ok_or(PageError::NotFound("delivery"))
}

pub async fn show(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<i64>,
    Query(selection): Query<Selection>,
) -> Page {
    let stored = find(&desk.store, id).await?;
    let notifications = desk.store.notifications_of(id).await?;
    let delivery = &stored.delivery;
    let text = str::from_utf8(&delivery.body).ok();
    let shown = match text {
        Some(text) => text[..text.floor_char_boundary(MAX_SHOWN)].to_owned(),
        None => hex(&delivery.body[..delivery.body.len().min(MAX_SHOWN / 4)]),
    };
    render(&DeliveryPage {
        event_id: delivery.event_id.clone(),
        headers: headers(delivery),
        signature: selection.signature.then(|| delivery.signature.to_string()),
        json: pretty(&delivery.body),
        is_text: text.is_some(),
        is_cut: delivery.body.len() > if text.is_some() { MAX_SHOWN } else { MAX_SHOWN / 4 },
        bytes: shown,
        curl: text.filter(|text| !text.contains(is_control)).and_then(|_| curl(delivery)),
        items: notifications.into_iter().map(Item::new).collect(),
        rows: Row::all(&desk.store, &[stored]).await?,
        id,
    })
}

fn headers(VerifiedDelivery { headers, .. }: &VerifiedDelivery) -> Vec<(String, String)> {
    let headers = serde_json::from_str::<Map<_, _>>(headers).unwrap_or_default();
    let headers = headers.into_iter().filter(|(name, _)| name != SIGNATURE);
    let text = |value: Value| match value {
        Value::String(text) => text,
        several => several.to_string(),
    };
    headers.map(|(name, value)| (name, text(value))).collect()
}

/// Formats JSON without building it, and cuts it. Returns `None` for other bodies.
fn pretty(body: &[u8]) -> Option<String> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let mut pretty = Vec::new();
    serde_transcode::transcode(&mut json, &mut serde_json::Serializer::pretty(&mut pretty)).ok()?;
    json.end().ok()?;
    let mut pretty = escaped(String::from_utf8(pretty).ok()?);
    pretty.truncate(pretty.floor_char_boundary(MAX_SHOWN));
    Some(pretty)
}

/// Formats 16 bytes a line, with their offset and their visible ASCII characters.
fn hex(bytes: &[u8]) -> String {
    let mut lines = String::new();
    for (offset, line) in (0..).step_by(16).zip(bytes.chunks(16)) {
        let digits: Vec<_> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let visible = |byte: &u8| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' };
        let text: String = line.iter().map(visible).collect();
        // Writing to a string does not fail.
        let _ = writeln!(lines, "{offset:06x}  {:47}  {text}", digits.join(" "));
    }
    lines
}

/// Returns a command that sends the delivery without its signature.
fn curl(delivery: &VerifiedDelivery) -> Option<String> {
    let listener = Uri::from_static("http://127.0.0.1:8000/tawk-webhook");
    let mut request = request(&listener, delivery).ok()?;
    request.headers_mut().remove(SIGNATURE);
    curl_command(&request, "body").ok()
}

/// Browsers save the body instead of showing it.
pub async fn download(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<i64>,
) -> Result<impl IntoResponse, PageError> {
    let StoredDelivery { delivery, .. } = find(&desk.store, id).await?;
    let name = format!("attachment; filename=\"delivery-{id}.json\"");
    let headers = [(CONTENT_TYPE, "application/octet-stream"), (CONTENT_DISPOSITION, &*name)];
    Ok((headers.map(|(header, value)| (header, value.to_owned())), delivery.body))
}
