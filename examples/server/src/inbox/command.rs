//! `tawk-listener inbox`: reads the inbox from the command line, also while the listener runs.

use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use humantime::format_rfc3339_millis;
use serde_json::{Value, json};
use sqlx::AnyPool;

use super::stored::{Listed, after, list_after, one};
use super::{Stored, database};
use crate::config::{Database, LogFormat, TawkLog};
use crate::delivery::Delivery;
use crate::log::{self, json_page, json_text, printable};
use crate::metrics::Counted;
use crate::record::{self, text};

type BoxError = Box<dyn Error + Send + Sync>;

// The comments are what `--help` shows.
/// Read the inbox: what has been received
#[derive(Args)]
#[command(arg_required_else_help = false)]
pub(crate) struct Arguments {
    #[command(flatten)]
    database: Database,
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
    /// Act on a delivery again, as if it had just been received
    Replay {
        /// The delivery's number, as `inbox list` and the log have it
        id: i64,
    },
    /// Print all deliveries as JSON, one a line, the bodies as they came
    Export,
}

/// Reads, and says with which status to exit.
pub(crate) async fn run(Arguments { database, command }: Arguments) -> ExitCode {
    let pool = match database::open_existing(&database.database_url).await {
        Ok(pool) => pool,
        Err(error) => return crate::could_not_start(error),
    };
    let done = match command {
        Command::List => list(&pool).await,
        Command::Show { id } => show(&pool, id).await,
        Command::Replay { id } => replay(&pool, id).await,
        Command::Export => export(&pool).await,
    };
    pool.close().await;
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

async fn list(pool: &AnyPool) -> Result<(), BoxError> {
    let mut out = io::stdout().lock();
    row(&mut out, ["id", "received", "event", "chat or ticket", "secret", "bytes"])?;
    let mut last = 0;
    loop {
        let page = list_after(pool, last).await?;
        let Some(end) = page.last() else { return Ok(()) };
        last = end.id;
        for Listed { id, received_at, event, subject, secret_label, bytes } in page {
            let received_at = format_rfc3339_millis(received_at).to_string();
            row(
                &mut out,
                [
                    &id.to_string(),
                    &received_at,
                    &event.unwrap_or_default(),
                    &subject.unwrap_or_default(),
                    &secret_label,
                    &bytes.to_string(),
                ],
            )?;
        }
    }
}

/// As wide as what is usual, so that each line can be printed as soon as it is known. No cell can
/// drive a terminal.
fn row(out: &mut impl Write, cells: [&str; 6]) -> io::Result<()> {
    let [id, received, event, subject, secret, bytes] = cells.map(printable);
    writeln!(out, "{id:>6}  {received:24}  {event:23}  {subject:36}  {secret:12}  {bytes:>8}")
}

async fn show(pool: &AnyPool, id: i64) -> Result<(), BoxError> {
    let delivery = find(pool, id).await?;
    let mut object = object(id, &delivery);
    if let Ok(body) = serde_json::from_slice::<Value>(&delivery.body) {
        object["body"] = body;
    }
    Ok(writeln!(io::stdout(), "{}", json_page(&object))?)
}

async fn export(pool: &AnyPool) -> Result<(), BoxError> {
    let mut last = 0;
    loop {
        let page = after(pool, last).await?;
        let Some((end, _)) = page.last() else { return Ok(()) };
        last = *end;
        for (id, delivery) in &page {
            writeln!(io::stdout(), "{}", json_text(&object(*id, delivery)))?;
        }
    }
}

async fn find(pool: &AnyPool, id: i64) -> Result<Delivery, BoxError> {
    let delivery = one(pool, id).await?;
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

/// What is done with a delivery is that it is logged.
async fn replay(pool: &AnyPool, id: i64) -> Result<(), BoxError> {
    let delivery = find(pool, id).await?;
    log::begin("info", LogFormat::Text)?;
    let stored = Ok(Stored::New { id, is_odd: false });
    record::verified(TawkLog::Payload, &delivery, &delivery.event(), Counted::default(), &stored);
    Ok(())
}
