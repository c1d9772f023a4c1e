//! `tawk-listener inbox erase`.

use anyhow::{Result, anyhow, ensure};
use clap::Args;

use super::{list, print};
use crate::print_error;
use crate::store::{Filter, Order, Store, StoredDelivery};

#[derive(Args)]
pub struct Erase {
    /// Email address of a visitor or requester, whose chats and tickets are erased
    #[arg(long, value_name = "ADDRESS", conflicts_with = "chat", required_unless_present = "chat")]
    email: Option<String>,
    /// Id of a chat or ticket
    #[arg(long, value_name = "ID")]
    chat: Option<String>,
    /// Erase the deliveries, instead of only printing which ones
    #[arg(long)]
    yes: bool,
}

pub async fn run(store: &Store, Erase { email, chat, yes }: Erase) -> Result<()> {
    ensure!(email.as_deref().is_none_or(|email| !email.trim().is_empty()), "the address is empty");
    let filter = Filter { email, chat, with_chats: true, ..Filter::default() };
    print(list::HEADING)?;
    let ids = find(store, &filter, |stored| Ok(print(&list::table_row(&stored))?)).await?;
    if yes {
        store.erase(&ids).await?;
    } else {
        print_error(&anyhow!("nothing is erased yet; add --yes to erase these deliveries"));
    }
    Ok(())
}

/// Calls `each` with the deliveries that would be erased, and returns their ids.
pub async fn find(
    store: &Store,
    filter: &Filter,
    mut each: impl FnMut(StoredDelivery) -> Result<()>,
) -> Result<Vec<i64>> {
    let (mut found, mut ids) = (Vec::new(), store.ids(filter).await?);
    while !ids.is_empty() {
        for stored in store.next_page(filter, &mut ids, Order::OldestFirst).await? {
            found.push(stored.id);
            each(stored)?;
        }
    }
    Ok(found)
}
