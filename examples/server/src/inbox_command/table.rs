//! The tables of `inbox list` and `inbox outbox`, printed as they are read.

use std::error::Error;
use std::io::{self, Write};

use humantime::format_rfc3339_millis;

use crate::inbox::{Database, Listed, Notification};
use crate::log::printable;

pub(super) type BoxError = Box<dyn Error + Send + Sync>;

pub(super) async fn deliveries(database: &Database) -> Result<(), BoxError> {
    delivery_row(["id", "received", "event", "chat or ticket", "secret", "bytes"])?;
    let mut last = 0;
    loop {
        let page = database.list_after(last).await?;
        let Some(end) = page.last() else { return Ok(()) };
        last = end.id;
        for Listed { id, received_at, event, subject, secret_label, bytes } in page {
            delivery_row([
                &id.to_string(),
                &format_rfc3339_millis(received_at).to_string(),
                &event.unwrap_or_default(),
                &subject.unwrap_or_default(),
                &secret_label,
                &bytes.to_string(),
            ])?;
        }
    }
}

/// As wide as what is usual, so that each line can be printed as soon as it is known. No cell can
/// drive a terminal.
fn delivery_row(cells: [&str; 6]) -> io::Result<()> {
    let [id, received, event, subject, secret, bytes] = cells.map(printable);
    writeln!(
        io::stdout(),
        "{id:>6}  {received:24}  {event:23}  {subject:36}  {secret:12}  {bytes:>8}"
    )
}

pub(super) async fn notifications(database: &Database) -> Result<(), BoxError> {
    notification_row([
        "id",
        "delivery",
        "channel",
        "state",
        "tries",
        "sent, failed or due",
        "why",
    ])?;
    let mut last = 0;
    loop {
        let page = database.notifications_after(last).await?;
        let Some(end) = page.last() else { return Ok(()) };
        last = end.id;
        for Notification { id, delivery_id, channel, state, attempts, at, why } in page {
            notification_row([
                &id.to_string(),
                &delivery_id.to_string(),
                &channel,
                &state,
                &attempts.to_string(),
                &format_rfc3339_millis(at).to_string(),
                &why.unwrap_or_default(),
            ])?;
        }
    }
}

fn notification_row(cells: [&str; 7]) -> io::Result<()> {
    let [id, delivery, channel, state, tries, at, why] = cells.map(printable);
    let line =
        format!("{id:>6}  {delivery:>8}  {channel:32}  {state:7}  {tries:>5}  {at:24}  {why}");
    writeln!(io::stdout(), "{}", line.trim_end())
}
