//! `tawk-listener inbox`: reads the inbox from the command line, also while the listener runs.

mod table;

use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use humantime::format_rfc3339_millis;
use serde_json::{Value, json};

use crate::config::{self, Notify};
use crate::delivery::{Delivery, text};
use crate::inbox::Database;
use crate::log::{json_page, json_text};
use crate::notify::channel_names;
use table::BoxError;

// The comments are what `--help` shows.
/// Read the inbox: what has been received
#[derive(Args)]
#[command(arg_required_else_help = false)]
pub(crate) struct Arguments {
    #[command(flatten)]
    database: config::Database,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print a table of all deliveries, the oldest first
    List,
    /// Print one delivery with what it says
    Show {
        /// The delivery's number, as `inbox list` and the log have it
        id: i64,
    },
    /// Act on a delivery again, as if it had just been received: tell somebody
    Replay {
        /// The delivery's number, as `inbox list` and the log have it
        id: i64,
        #[command(flatten)]
        notify: Notify,
    },
    /// Print a table of all notifications: what is waiting, sent and failed, and why
    Outbox,
    /// Print all deliveries as JSON, one a line, the bodies as they came
    Export,
}

/// Reads, and says with which status to exit.
pub(crate) async fn run(Arguments { database, command }: Arguments) -> ExitCode {
    let database = match Database::existing(&database.database_url).await {
        Ok(database) => database,
        Err(error) => return crate::could_not_start(error),
    };
    let done = match command {
        Command::List => table::deliveries(&database).await,
        Command::Outbox => table::notifications(&database).await,
        Command::Show { id } => show(&database, id).await,
        Command::Replay { id, notify } => replay(&database, id, &notify).await,
        Command::Export => export(&database).await,
    };
    database.close().await;
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads may stop reading, as `head` does.
        Err(error) if is_unread(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "tawk-listener: {error}");
            ExitCode::FAILURE
        }
    }
}

fn is_unread(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

async fn show(database: &Database, id: i64) -> Result<(), BoxError> {
    let delivery = find(database, id).await?;
    let mut object = object(id, &delivery);
    if let Ok(body) = serde_json::from_slice::<Value>(&delivery.body) {
        object["body"] = body;
    }
    Ok(writeln!(io::stdout(), "{}", json_page(&object))?)
}

async fn export(database: &Database) -> Result<(), BoxError> {
    let mut last = 0;
    loop {
        let page = database.deliveries_after(last).await?;
        let Some((end, _)) = page.last() else { return Ok(()) };
        last = *end;
        for (id, delivery) in &page {
            writeln!(io::stdout(), "{}", json_text(&object(*id, delivery)))?;
        }
    }
}

async fn find(database: &Database, id: i64) -> Result<Delivery, BoxError> {
    let delivery = database.delivery(id).await?;
    Ok(delivery.ok_or_else(|| {
        format!("there is no delivery {id}, or it is older than TAWK_RETENTION_DAYS; `inbox list` has all")
    })?)
}

fn object(id: i64, delivery: &Delivery) -> Value {
    let (body, body_encoding) = text(&delivery.body);
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

/// Leaves it to the listener that runs: there it is tried again until it succeeds.
async fn replay(database: &Database, id: i64, notify: &Notify) -> Result<(), BoxError> {
    let delivery = find(database, id).await?;
    let channels = channel_names(&notify.notify_url)?;
    if channels.is_empty() {
        return Err(
            "NOTIFY_URL is not set, so nobody is told; set it as the listener has it".into()
        );
    }
    if notify.notify_on.find(&delivery.event()).is_none() {
        return Err(format!("delivery {id} is nothing to tell somebody of; see NOTIFY_ON").into());
    }
    database.replay(id, &channels).await?;
    let channels = channels.join(", ");
    Ok(writeln!(io::stdout(), "delivery {id} is in the outbox again, for {channels}")?)
}
