//! `tawk-listener inbox`: reads the database from the command line, also while the listener runs.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use humantime::format_rfc3339_millis;
use serde_json::{Value, json};

use crate::config::{self, Notify};
use crate::escape::{json_page, json_text, printable};
use crate::notify::channel_names;
use crate::redact;
use crate::store::{Notification, Store, StoredDelivery};
use crate::telemetry::metrics::Metrics;

// The comments are what `--help` shows.
/// Read the inbox: what has been received
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
}

/// Runs the command and returns the exit code.
pub async fn run(Arguments { database, command }: Arguments) -> ExitCode {
    let store = match Store::open(&database.database_url, false, Metrics::new()).await {
        Ok(store) => store,
        Err(error) => return crate::could_not_start(error),
    };
    let result = match command {
        Command::List => list(&store).await,
        Command::Outbox => outbox(&store).await,
        Command::Show { id } => show(&store, id).await,
        Command::Replay { id, notify } => replay(&store, id, &notify).await,
        Command::Export => export(&store).await,
    };
    store.close().await;
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // The reader has stopped reading, as `head` does.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "tawk-listener: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// Prints rows as they are read, in columns of the usual width.
async fn list(store: &Store) -> Result<()> {
    print_delivery(["id", "received", "event", "chat or ticket", "secret", "bytes"])?;
    let mut last = 0;
    loop {
        let page = store.deliveries_after(last).await?;
        let Some(end) = page.last() else { return Ok(()) };
        last = end.id;
        for StoredDelivery { id, delivery } in page {
            print_delivery([
                &id.to_string(),
                &format_rfc3339_millis(delivery.received_at).to_string(),
                &delivery.event.unwrap_or_default(),
                &delivery.chat_id.or(delivery.ticket_id).unwrap_or_default(),
                &delivery.secret_label,
                &delivery.body.len().to_string(),
            ])?;
        }
    }
}

fn print_delivery(cells: [&str; 6]) -> io::Result<()> {
    let [id, received, event, subject, secret, bytes] = cells.map(printable);
    writeln!(
        io::stdout(),
        "{id:>6}  {received:24}  {event:23}  {subject:36}  {secret:12}  {bytes:>8}"
    )
}

async fn outbox(store: &Store) -> Result<()> {
    const HEADING: [&str; 7] =
        ["id", "delivery", "channel", "state", "tries", "sent, failed or due", "why"];
    print_notification(HEADING)?;
    let mut last = 0;
    loop {
        let page = store.notifications_after(last).await?;
        let Some(end) = page.last() else { return Ok(()) };
        last = end.id;
        for row in page {
            let Notification { id, delivery_id, channel, state, attempts, at, last_error, .. } =
                row;
            print_notification([
                &id.to_string(),
                &delivery_id.to_string(),
                &channel,
                &state,
                &attempts.to_string(),
                &format_rfc3339_millis(at).to_string(),
                &last_error.unwrap_or_default(),
            ])?;
        }
    }
}

fn print_notification(cells: [&str; 7]) -> io::Result<()> {
    let [id, delivery, channel, state, tries, at, why] = cells.map(printable);
    let line =
        format!("{id:>6}  {delivery:>8}  {channel:32}  {state:7}  {tries:>5}  {at:24}  {why}");
    writeln!(io::stdout(), "{}", line.trim_end())
}

async fn show(store: &Store, id: i64) -> Result<()> {
    let stored = find(store, id).await?;
    let mut object = to_json(&stored);
    if let Ok(body) = serde_json::from_slice::<Value>(&stored.delivery.body) {
        object["body"] = body;
    }
    Ok(writeln!(io::stdout(), "{}", json_page(&object))?)
}

async fn export(store: &Store) -> Result<()> {
    let mut last = 0;
    loop {
        let page = store.deliveries_after(last).await?;
        let Some(end) = page.last() else { return Ok(()) };
        last = end.id;
        for delivery in &page {
            writeln!(io::stdout(), "{}", json_text(&to_json(delivery)))?;
        }
    }
}

async fn find(store: &Store, id: i64) -> Result<StoredDelivery> {
    store.delivery(id).await?.with_context(|| {
        format!(
            "there is no delivery {id}, or it is older than TAWK_RETENTION_DAYS; see `inbox list`"
        )
    })
}

fn to_json(StoredDelivery { id, delivery }: &StoredDelivery) -> Value {
    let (body, body_encoding) = redact::text(&delivery.body);
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
    let delivery = find(store, id).await?.delivery;
    let channels = channel_names(&notify.notify_url)?;
    if channels.is_empty() {
        bail!("NOTIFY_URL is not set; set it to the listener's value");
    }
    if notify.notify_on.find(&delivery.event()).is_none() {
        bail!("delivery {id} does not match NOTIFY_ON");
    }
    store.replay(id, &channels).await?;
    let channels = channels.join(", ");
    Ok(writeln!(io::stdout(), "delivery {id} is in the outbox again, for {channels}")?)
}
