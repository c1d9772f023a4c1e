//! `tawk-listener inbox list`.

use anyhow::{Result, anyhow};
use clap::Args;
use humantime::format_rfc3339_millis;

use super::{print, to_json};
use crate::escape::{json_text, printable};
use crate::print_error;
use crate::store::{Filter, Order, Store, StoredDelivery, VerifiedDelivery};

pub const HEADING: &str = "    id  received                  event                    \
                           chat or ticket                        secret           bytes";

#[derive(Args)]
pub struct List {
    #[command(flatten)]
    filter: Filter,
    /// Maximum number of deliveries
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    limit: usize,
    /// Continue with the deliveries before this one
    #[arg(long, value_name = "ID")]
    before: Option<i64>,
    /// Print JSON, one object per line, without headers and bodies
    #[arg(long)]
    json: bool,
}

pub async fn run(store: &Store, List { filter, limit, before, json }: List) -> Result<()> {
    let mut ids = store.ids(&filter).await?;
    ids.end = ids.end.min(before.unwrap_or(i64::MAX));
    if !json {
        print(HEADING)?;
    }
    let (mut printed, mut last) = (0, ids.end);
    while !ids.is_empty() {
        for stored in store.next_page(&filter, &mut ids, Order::NewestFirst).await? {
            if printed == limit {
                print_error(&anyhow!("there are more; continue with --before {last}"));
                return Ok(());
            }
            print(&if json { json_row(&stored) } else { table_row(&stored) })?;
            (printed, last) = (printed + 1, stored.id);
        }
    }
    Ok(())
}

pub fn table_row(StoredDelivery { id, delivery }: &StoredDelivery) -> String {
    let VerifiedDelivery { event, chat_id, ticket_id, secret_label, body, .. } = delivery;
    let received = format_rfc3339_millis(delivery.received_at);
    let event = event.as_deref().unwrap_or_default();
    let subject = chat_id.as_deref().or(ticket_id.as_deref()).unwrap_or_default();
    let bytes = body.len();
    printable(&format!(
        "{id:>6}  {received}  {event:23}  {subject:36}  {secret_label:12}  {bytes:>8}"
    ))
}

fn json_row(stored: &StoredDelivery) -> String {
    let mut object = to_json(stored);
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|field, _| !["headers", "body", "body_encoding"].contains(&&**field));
        fields.insert("bytes".to_owned(), stored.delivery.body.len().into());
    }
    json_text(&object)
}
