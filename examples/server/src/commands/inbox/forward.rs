//! `inbox forward`: sends stored deliveries as Tawk.to sent them, to try a handler on real ones.

use anyhow::{Context, Error, Result, ensure};
use bytes::Bytes;
use clap::Args;
use http::{Request, StatusCode, Uri};
use serde_json::Value;

use super::{find, print};
use crate::commands::send::{client, parse_url};
use crate::escape::printable;
use crate::http_client;
use crate::store::{Filter, Order, Store, StoredDelivery, VerifiedDelivery};

#[derive(Args)]
pub struct Arguments {
    /// Delivery ids, from `inbox list` or the log
    #[arg(value_name = "ID", required_unless_present = "Filter", conflicts_with = "Filter")]
    ids: Vec<i64>,
    #[command(flatten)]
    filter: Filter,
    /// URL to send them to, e.g. that of a handler under development
    // Not a `Uri`, because clap repeats invalid values, and this one may contain a password.
    #[arg(long, value_name = "URL")]
    to: String,
}

/// Sends the oldest delivery first. Fails if a response is not 2xx.
pub async fn run(store: &Store, Arguments { mut ids, filter, to }: Arguments) -> Result<()> {
    let url = parse_url(&to).context("invalid --to")?;
    let client = http_client::builder(url.scheme_str().unwrap_or_default());
    // A receiver may close a connection after its response, without saying so.
    let client = http_client::build(client.no_proxy().pool_max_idle_per_host(0))?;
    let (mut sent, mut rejected) = (0, 0);
    let mut send = async |StoredDelivery { id, delivery }| {
        let response = client::send(&client, request(&url, &delivery)?, None).await;
        sent += 1;
        rejected += usize::from(!response.as_ref().is_ok_and(StatusCode::is_success));
        let event = delivery.event.unwrap_or_default();
        let response = client::describe(&response);
        print(&printable(&format!("{id:>6}  {event:23}  {response}")))?;
        Ok::<_, Error>(())
    };
    if ids.is_empty() {
        let mut range = store.ids(&filter).await?;
        while !range.is_empty() {
            for stored in store.next_page(&filter, &mut range, Order::OldestFirst).await? {
                send(stored).await?;
            }
        }
    }
    ids.sort_unstable();
    ids.dedup();
    for id in ids {
        send(find(store, id).await?).await?;
    }
    ensure!(rejected == 0, "{rejected} of {sent} deliveries got no 2xx response");
    Ok(())
}

/// Returns a delivery as Tawk.to sent it.
pub fn request(url: &Uri, delivery: &VerifiedDelivery) -> Result<Request<Bytes>> {
    let received = serde_json::from_str::<Value>(&delivery.headers).unwrap_or_default();
    let mut request = Request::post(url).body(delivery.body.clone())?;
    *request.headers_mut() = http_client::headers([
        ("content-type", received["content-type"].as_str()),
        ("x-tawk-event", delivery.event.as_deref()),
        ("x-hook-event-id", delivery.event_id.as_deref()),
        ("x-tawk-signature", Some(&delivery.signature.to_string())),
    ]);
    Ok(request)
}
