//! `tawk-listener inbox erase`.

use anyhow::{Result, anyhow, ensure};
use clap::Args;

use super::{list, print};
use crate::print_error;
use crate::store::{Filter, Store, StoredDelivery};

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
    let filter = store.with_chats(Filter { email, chat, ..Filter::default() }).await?;
    print(list::HEADING)?;
    let mut ids = Vec::new();
    let list = |stored: StoredDelivery| {
        print(&list::table_row(&stored))?;
        ids.push(stored.id);
        Ok(())
    };
    store.for_each(&filter, list).await?;
    if yes {
        store.erase(&ids).await?;
    } else {
        print_error(&anyhow!("nothing is erased yet; add --yes to erase these deliveries"));
    }
    Ok(())
}
