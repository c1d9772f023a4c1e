//! `tawk-listener inbox`: reads the database from the command line, also while the listener runs.

use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};
use humantime::format_rfc3339_millis;
use serde_json::{Value, json};

use crate::config::{self, Notify};
use crate::escape::{escaped, json_text, printable};
use crate::notify::{self, Notifier};
use crate::store::{Access, Notification, Store, StoreError, StoredDelivery, VerifiedDelivery};
use crate::telemetry::metrics::Metrics;
use crate::{print_error, redact};

// The comments are what `--help` shows.
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
    /// Print a table of all deliveries, the oldest first
    List,
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
    /// Print a table of all notifications, with their state and the last error
    Outbox,
    /// Print all deliveries as JSON, one per line, with their raw bodies
    Export,
    /// Copy the SQLite database to a new file, also while the listener runs
    Backup {
        /// File to create
        file: PathBuf,
    },
}

pub async fn run(Arguments { database, command }: Arguments) -> Result<ExitCode> {
    let access = match command {
        Command::Replay { .. } => Access::Write,
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
        Command::List => {
            print(
                "    id  received                  event                    \
                 chat or ticket                        secret           bytes",
            )?;
            print_all(store, Store::deliveries_after, delivery_row).await
        }
        Command::Outbox => {
            print(
                "    id  delivery  channel                           state    \
                 tries  sent, failed or due       why",
            )?;
            print_all(store, Store::notifications_after, notification_row).await
        }
        Command::Export => print_all(store, Store::deliveries_after, json_row).await,
        Command::Show { id } => {
            let stored = find(store, id).await?;
            let mut object = to_json(&stored);
            if let Ok(body) = serde_json::from_slice::<Value>(&stored.delivery.body) {
                object["body"] = body;
            }
            Ok(print(&escaped(format!("{object:#}")))?)
        }
        Command::Backup { file } => store.backup(&file).await,
        Command::Replay { id, notify } => replay(store, id, &notify).await,
    }
}

/// Prints rows as they are read. `format` returns the id and the line of a row.
async fn print_all<T>(
    store: &Store,
    rows_after: impl AsyncFn(&Store, i64) -> Result<Vec<T>, StoreError>,
    format: impl Fn(&T) -> (i64, String),
) -> Result<()> {
    let mut last = 0;
    loop {
        let rows = rows_after(store, last).await?;
        for (id, line) in rows.iter().map(&format) {
            print(&printable(line.trim_end()))?;
            last = id;
        }
        if rows.is_empty() {
            return Ok(());
        }
    }
}

fn print(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

fn delivery_row(StoredDelivery { id, delivery }: &StoredDelivery) -> (i64, String) {
    let VerifiedDelivery { event, chat_id, ticket_id, secret_label, body, .. } = delivery;
    let received = format_rfc3339_millis(delivery.received_at);
    let event = event.as_deref().unwrap_or_default();
    let subject = chat_id.as_deref().or(ticket_id.as_deref()).unwrap_or_default();
    let bytes = body.len();
    let row =
        format!("{id:>6}  {received}  {event:23}  {subject:36}  {secret_label:12}  {bytes:>8}");
    (*id, row)
}

fn notification_row(notification: &Notification) -> (i64, String) {
    let Notification { id, delivery_id, channel, state, attempts, .. } = notification;
    let at = format_rfc3339_millis(notification.at);
    let why = notification.last_error.as_deref().unwrap_or_default();
    let row =
        format!("{id:>6}  {delivery_id:>8}  {channel:32}  {state:7}  {attempts:>5}  {at}  {why}");
    (*id, row)
}

fn json_row(stored: &StoredDelivery) -> (i64, String) {
    (stored.id, json_text(&to_json(stored)))
}

async fn find(store: &Store, id: i64) -> Result<StoredDelivery> {
    let why = || format!("there is no delivery {id} within TAWK_RETENTION_DAYS; see `inbox list`");
    store.delivery(id).await?.with_context(why)
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

/// The listener that runs sends the notifications, and retries them until they succeed.
async fn replay(store: &Store, id: i64, notify: &Notify) -> Result<()> {
    let StoredDelivery { delivery, .. } = find(store, id).await?;
    let notifiers = notify::notifiers(notify.notify_url.as_deref())?;
    ensure!(!notifiers.is_empty(), "NOTIFY_URL is not set; set it to the listener's value");
    let trigger = notify.notify_on.find(&delivery.event());
    ensure!(trigger.is_some(), "delivery {id} does not match NOTIFY_ON");
    let channels = store.channel_names(notifiers.iter().map(Notifier::identity)).await?;
    store.replay(id, &channels).await?;
    Ok(print(&format!("delivery {id} is in the outbox again, for {}", channels.join(", ")))?)
}
