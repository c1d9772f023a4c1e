//! One delivery: its headers, its JSON, its exact bytes, and what was sent of it.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, Uri, header::CONTENT_DISPOSITION};
use axum::response::{IntoResponse, Redirect};
use serde_json::{Map, Serializer, Value};
use tracing::info;

use super::Shared;
use super::page::{Page, PageError, render};
use super::row::Row;
use crate::commands::inbox::{forward::request, replay};
use crate::commands::send::curl_command;
use crate::escape::{escaped, is_bidi_or_control};
use crate::forward::Forwarder;
use crate::store::{Notification, Store, StoredDelivery, VerifiedDelivery};

/// Maximum bytes of a body that are shown. The rest can be downloaded.
const MAX_SHOWN: usize = 64 * 1024;

const SIGNATURE: &str = "x-tawk-signature";

#[derive(Template)]
#[template(path = "delivery.html")]
struct DeliveryPage {
    /// Whether the signature is shown, with which the delivery can be sent again.
    has_signature: bool,
    rows: Vec<Row>,
    notifications: Vec<Notification>,
    headers: String,
    json: Option<String>,
    /// The body, or its bytes in hex.
    bytes: Result<String, String>,
    curl: Option<String>,
}

async fn find(store: &Store, id: i64) -> Result<StoredDelivery, PageError> {
    store
        .delivery(id)
        .await?
        .ok_or_else(|| PageError::new(StatusCode::NOT_FOUND, "There is no such delivery."))
}

pub async fn show(
    State(desk): Shared,
    Path(id): Path<i64>,
    Query(selection): Query<HashMap<String, String>>,
) -> Page {
    let stored = find(&desk.store, id).await?;
    let delivery = &stored.delivery;
    let mut headers = serde_json::from_str::<Map<_, _>>(&delivery.headers)?;
    let has_signature = selection.contains_key("signature");
    headers.retain(|name, _| has_signature || name != SIGNATURE);
    let body = &delivery.body[..];
    render(&DeliveryPage {
        has_signature,
        notifications: desk.store.notifications_of(id).await?,
        headers: escaped(format!("{:#}", Value::Object(headers))),
        json: pretty(body),
        curl: curl(delivery),
        bytes: match str::from_utf8(body) {
            Ok(text) => Ok(text[..text.floor_char_boundary(MAX_SHOWN)].to_owned()),
            Err(_) => Err(hex(&body[..body.len().min(MAX_SHOWN)])),
        },
        rows: Row::all(&desk.store, vec![stored]).await?,
    })
}

/// Formats up to 64 KiB of JSON, without building it. Returns `None` for other bodies.
fn pretty(body: &[u8]) -> Option<String> {
    let (mut json, mut pretty) = (serde_json::Deserializer::from_slice(body), [0; MAX_SHOWN]);
    let mut rest = &mut pretty[..];
    let written = serde_transcode::transcode(&mut json, &mut Serializer::pretty(&mut rest));
    let left = rest.len();
    let is_json = left == 0 || written.is_ok() && json.end().is_ok();
    is_json.then(|| escaped(String::from_utf8_lossy(&pretty[..MAX_SHOWN - left]).into_owned()))
}

/// Formats 16 bytes a line.
fn hex(bytes: &[u8]) -> String {
    let line = |line: &[u8]| line.iter().map(|byte| format!("{byte:02x} ")).collect::<String>();
    bytes.chunks(16).map(line).collect::<Vec<_>>().join("\n")
}

/// Returns a command that sends the delivery without its signature, unless the page would not show
/// the body as it is.
fn curl(delivery: &VerifiedDelivery) -> Option<String> {
    let listener = Uri::from_static("http://127.0.0.1:8000/tawk-webhook");
    let mut request = request(&listener, delivery).ok()?;
    request.headers_mut().remove(SIGNATURE);
    curl_command(&request, "body").ok().filter(|command| !command.contains(is_bidi_or_control))
}

/// Browsers save the body instead of showing it.
pub async fn download(
    State(desk): Shared,
    Path(id): Path<i64>,
) -> Result<impl IntoResponse, PageError> {
    let name = format!("attachment; filename=\"delivery-{id}.json\"");
    Ok(([(CONTENT_DISPOSITION, name)], find(&desk.store, id).await?.delivery.body))
}

pub async fn notify(State(desk): Shared, Path(id): Path<i64>) -> Result<Redirect, PageError> {
    replay(&desk.store, &find(&desk.store, id).await?, &desk.notify).await?;
    info!(delivery = id, "notifying again, as requested at the desk");
    Ok(Redirect::to(&format!("/deliveries/{id}")))
}

pub async fn forward(State(desk): Shared, Path(id): Path<i64>) -> Result<Redirect, PageError> {
    let StoredDelivery { delivery, .. } = find(&desk.store, id).await?;
    let forwarders = desk.forward.forwarders()?;
    let accepting = forwarders.iter().filter(|forwarder| forwarder.accepts(&delivery));
    let channels = desk.store.channel_names(accepting.map(Forwarder::identity)).await?;
    if channels.is_empty() {
        return Err(anyhow::anyhow!("no address of FORWARD_URL accepts this delivery").into());
    }
    desk.store.replay(id, &channels).await?;
    info!(delivery = id, "forwarding again, as requested at the desk");
    Ok(Redirect::to(&format!("/deliveries/{id}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_formatted_until_64_kib() {
        assert_eq!(pretty(b"{\"a\":[1]}").unwrap(), "{\n  \"a\": [\n    1\n  ]\n}");
        let deep =
            format!("{}{}{}", "[".repeat(100), vec!["1"; 500_000].join(","), "]".repeat(100));
        assert_eq!(pretty(deep.as_bytes()).unwrap().len(), MAX_SHOWN);
        for body in [&b""[..], b"no JSON", b"{} x", b"{\"a\":", b"\xff"] {
            assert_eq!(pretty(body), None);
        }
    }
}
