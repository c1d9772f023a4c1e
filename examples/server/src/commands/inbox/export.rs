//! `tawk-listener inbox export`.

use std::io::{self, Write};

use anyhow::Result;
use clap::{Args, ValueEnum};
use humantime::format_rfc3339_millis;
use tower_tawk::event::{Event, Message, Role, TicketCreate, Timestamp};

use super::{print, to_json};
use crate::escape::json_text;
use crate::store::{Filter, Order, Store, StoredDelivery};

#[derive(Args)]
pub struct Export {
    #[command(flatten)]
    filter: Filter,
    /// Maximum number of deliveries
    #[arg(long, value_name = "NUMBER", default_value_t = usize::MAX, hide_default_value = true)]
    limit: usize,
    /// Format; csv has a row for each message
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    Jsonl,
    Csv,
}

const CSV_HEADING: &str = "id,received_at,event,property_id,chat_id,ticket_id,name,email,sent_at,\
                           sender,sender_name,subject,message,attachments";

pub async fn run(store: &Store, Export { filter, mut limit, format }: Export) -> Result<()> {
    let filter = store.with_chats(filter).await?;
    let mut ids = store.ids(&filter).await?;
    if format == Format::Csv {
        print(CSV_HEADING)?;
    }
    while !ids.is_empty() && limit > 0 {
        let page = store.next_page(&filter, &mut ids, Order::OldestFirst).await?;
        for stored in page.iter().take(limit) {
            match format {
                Format::Jsonl => print(&json_text(&to_json(stored)))?,
                Format::Csv => print_csv(stored)?,
            }
        }
        limit = limit.saturating_sub(page.len());
    }
    Ok(())
}

/// Prints a row for each message, and one for a delivery without messages.
fn print_csv(StoredDelivery { id, delivery }: &StoredDelivery) -> Result<()> {
    let event = delivery.event();
    let person = event.person();
    let common = [
        Some(id.to_string()),
        Some(format_rfc3339_millis(delivery.received_at).to_string()),
        delivery.event.clone(),
        delivery.property_id.clone(),
        delivery.chat_id.clone(),
        delivery.ticket_id.clone(),
        person.and_then(|person| Some(person.name()?.to_owned())),
        person.and_then(|person| Some(person.email()?.to_owned())),
    ];
    let one = |subject: Option<&String>, text: Option<&String>| {
        let sent_at = event.time().map(|time| time.as_str().to_owned());
        let sender = event.opened_by().map(|role| role.as_str().to_owned());
        vec![[sent_at, sender, None, subject.cloned(), text.cloned(), None]]
    };
    let messages = match &event {
        Event::TranscriptCreated(transcript) if !transcript.chat.messages.is_empty() => {
            transcript.chat.messages.iter().map(message_cells).collect()
        }
        Event::ChatStart(start) => {
            one(None, start.message.as_ref().and_then(|message| message.text.as_ref()))
        }
        Event::TicketCreate(TicketCreate { ticket, .. }) => {
            one(ticket.subject.as_ref(), ticket.message.as_ref())
        }
        _ => one(None, None),
    };
    let mut csv = csv::Writer::from_writer(Vec::new());
    for message in &messages {
        let cells = common.iter().chain(message);
        csv.write_record(cells.map(|cell| safe_cell(cell.as_deref().unwrap_or_default())))?;
    }
    Ok(io::stdout().write_all(&csv.into_inner()?)?)
}

fn message_cells(message: &Message) -> [Option<String>; 6] {
    let sender = message.sender.clone().unwrap_or_default();
    let attachments = message.attachments.iter();
    let attachments = attachments.filter_map(|file| file.url.as_deref().or(file.name.as_deref()));
    [
        message.time.as_ref().map(Timestamp::as_str).map(str::to_owned),
        sender.role.as_ref().map(Role::as_str).map(str::to_owned),
        sender.name,
        None,
        message.text.clone(),
        Some(attachments.collect::<Vec<_>>().join("\n")),
    ]
}

/// Prevents a spreadsheet from evaluating a cell as a formula, and a terminal from obeying it
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
fn safe_cell(cell: &str) -> String {
    let cell = cell.replace(|c: char| c.is_control() && !"\n\r\t".contains(c), "\u{fffd}");
    let is_formula =
        cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    if is_formula { format!("'{cell}") } else { cell }
}
