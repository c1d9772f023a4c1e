//! `tawk-listener inbox`: reads the database from the command line, also while the listener runs.

mod erase;
mod export;
pub mod forward;
mod list;
mod outbox;

use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};
use humantime::format_rfc3339_millis;
use serde_json::{Value, json};

use crate::config::{self, Notify};
use crate::escape::escaped;
use crate::notify::{self, Notifier};
use crate::store::{Access, Store, StoredDelivery};
use crate::telemetry::metrics::Metrics;
use crate::{print_error, redact};

// The comments are what `--help` shows, also in the other files.
#[derive(Args)]
#[command(arg_required_else_help = false)]
pub struct Arguments {
    #[command(flatten)]
    database: config::Database,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print a table of the deliveries, the newest first
    List(list::List),
    /// Print one delivery with its decoded body
    Show {
        /// Delivery id, from `inbox list` or the log
        id: i64,
    },
    /// Send the notifications of a delivery again
    Replay {
        /// Delivery id, from `inbox list` or the log
        id: i64,
        #[command(flatten)]
        notify: Notify,
    },
    /// Send deliveries to another URL, as Tawk.to sent them: with the same body and signature
    #[command(after_help = "Exit status: 0 if every response was 2xx, else 1.")]
    Forward(forward::Arguments),
    /// Print a table of all notifications and forwards, with their state and their last attempts
    Outbox,
    /// Print deliveries as JSON, one per line, with their raw bodies, or their messages as CSV, the
    /// oldest first
    Export(export::Export),
    /// Erase the deliveries of a person or chat; without --yes, print which ones
    Erase(erase::Erase),
    /// Copy the SQLite database to a new file, also while the listener runs
    Backup {
        /// File to create
        file: PathBuf,
    },
}

pub async fn run(Arguments { database, command }: Arguments) -> Result<ExitCode> {
    let access = match command {
        Command::Replay { .. } | Command::Erase(_) => Access::Write,
        _ => Access::Read,
    };
    let store = Store::open(&database.database_url, access, Metrics::new()).await?;
    let result = execute(&store, command).await;
    store.close().await;
    let Err(error) = result else { return Ok(ExitCode::SUCCESS) };
    let output_error = error.downcast_ref::<io::Error>();
    if output_error.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe) {
        // The reader has stopped reading, as `head` does.
        return Ok(ExitCode::SUCCESS);
    }
    print_error(&error);
    Ok(ExitCode::FAILURE)
}

async fn execute(store: &Store, command: Command) -> Result<()> {
    match command {
        Command::List(command) => list::run(store, command).await,
        Command::Export(command) => export::run(store, command).await,
        Command::Erase(command) => erase::run(store, command).await,
        Command::Outbox => outbox::run(store).await,
        Command::Show { id } => {
            let stored = find(store, id).await?;
            let mut object = to_json(&stored);
            if let Ok(body) = serde_json::from_slice::<Value>(&stored.delivery.body) {
                object["body"] = body;
            }
            Ok(print(&escaped(format!("{object:#}")))?)
        }
        Command::Forward(command) => forward::run(store, command).await,
        Command::Backup { file } => store.backup(&file).await,
        Command::Replay { id, notify } => {
            let channels = replay(store, &find(store, id).await?, &notify).await?.join(", ");
            Ok(print(&format!("delivery {id} is in the outbox again, for {channels}"))?)
        }
    }
}

fn print(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

async fn find(store: &Store, id: i64) -> Result<StoredDelivery> {
    let delivery = store.delivery(id).await?;
    delivery.with_context(|| format!("there is no delivery {id}; see `inbox list`"))
}

fn to_json(StoredDelivery { id, delivery }: &StoredDelivery) -> Value {
    let (body, body_encoding) = redact::text(&delivery.body, usize::MAX);
    json!({
        "id": id,
        "received_at": format_rfc3339_millis(delivery.received_at).to_string(),
        "secret": delivery.secret_label,
        "signature": delivery.signature.to_string(),
        "event_id": delivery.event_id,
        "event": delivery.event,
        "chat_id": delivery.chat_id,
        "ticket_id": delivery.ticket_id,
        "property_id": delivery.property_id,
        "headers": serde_json::from_str::<Value>(&delivery.headers).unwrap_or_default(),
        "body": body,
        "body_encoding": body_encoding,
    })
}

/// Adds the notifications of a delivery to the outbox again, and returns their channels. The
/// listener that runs sends them, and retries them until they succeed.
pub async fn replay(
    store: &Store,
    StoredDelivery { id, delivery }: &StoredDelivery,
    notify: &Notify,
) -> Result<Vec<String>> {
    let notifiers = notify::notifiers(notify.notify_url.as_deref())?;
    ensure!(!notifiers.is_empty(), "NOTIFY_URL is not set; set it to the listener's value");
    let trigger = notify.notify_on.find(&delivery.event());
    ensure!(trigger.is_some(), "delivery {id} does not match NOTIFY_ON");
    let channels = store.channel_names(notifiers.iter().map(Notifier::identity)).await?;
    store.replay(*id, &channels).await?;
    Ok(channels)
}
