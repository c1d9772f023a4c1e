//! `inbox forward`: sends stored deliveries as Tawk.to sent them, to try a handler on real ones.

#![allow(clippy::doc_markdown, reason = "`--help` shows the comments on arguments")]

use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use clap::Args;
use http::{Method, Request, StatusCode, Uri};
use serde_json::Value;

use super::{find, print};
use crate::commands::send::{client, parse_url};
use crate::escape::printable;
use crate::http_client;
use crate::store::{Store, StoredDelivery, VerifiedDelivery};

#[derive(Args)]
pub struct Arguments {
    /// Delivery ids, from `inbox list` or the log
    #[arg(value_name = "ID", required_unless_present = "since", conflicts_with = "since")]
    ids: Vec<i64>,

    /// Time from which on deliveries are sent: how long ago, e.g. 2h, or in UTC, e.g.
    /// 2030-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    since: Option<SystemTime>,

    /// URL to send them to, e.g. http://localhost:3000/hook
    // Not a `Uri`, because clap repeats invalid values, and this one may contain a password.
    #[arg(long, value_name = "URL")]
    to: String,
}

/// Sends the oldest delivery first. Fails if a response is not 2xx.
pub async fn run(store: &Store, Arguments { mut ids, since, to }: Arguments) -> Result<()> {
    let url = parse_url(&to).context("invalid --to")?;
    let client = http_client::builder(url.scheme_str().unwrap_or_default());
    // A receiver may close a connection after its response, without saying so.
    let client = http_client::build(client.no_proxy().pool_max_idle_per_host(0))?;
    if let Some(since) = since {
        ids = store.ids_since(since).await?;
    }
    ids.sort_unstable();
    ids.dedup();
    let mut rejected = 0;
    for &id in &ids {
        let StoredDelivery { delivery, .. } = find(store, id).await?;
        let response = client::send(&client, request(&url, &delivery), None).await;
        if !response.as_ref().is_ok_and(StatusCode::is_success) {
            rejected += 1;
        }
        let event = delivery.event.unwrap_or_default();
        let response = client::describe(&response);
        print(&printable(&format!("{id:>6}  {event:23}  {response}")))?;
    }
    ensure!(rejected == 0, "{rejected} of {} deliveries got no 2xx response", ids.len());
    Ok(())
}

fn request(url: &Uri, delivery: &VerifiedDelivery) -> Request<Bytes> {
    let received = serde_json::from_str::<Value>(&delivery.headers).unwrap_or_default();
    let mut request = Request::new(delivery.body.clone());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = url.clone();
    *request.headers_mut() = http_client::headers([
        ("content-type", received["content-type"].as_str()),
        ("x-tawk-event", delivery.event.as_deref()),
        ("x-hook-event-id", delivery.event_id.as_deref()),
        ("x-tawk-signature", Some(&delivery.signature.to_string())),
    ]);
    request
}

fn parse_since(text: &str) -> Result<SystemTime, &'static str> {
    let ago = humantime::parse_duration(text).ok();
    let since = ago.and_then(|ago| SystemTime::now().checked_sub(ago));
    since
        .or_else(|| humantime::parse_rfc3339(text).ok())
        .ok_or("write how long ago, as in 2h, or a time in UTC, as in 2030-01-31T12:00:00Z")
}
