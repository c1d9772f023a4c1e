//! The text of a delivery that the inbox searches.

use std::time::Instant;

use tokio::task::yield_now;
use tokio::time::sleep;
use tower_tawk::event::Event;
use tracing::info;
use unicode_normalization::UnicodeNormalization;

use super::database::Database;
use super::model::{StoreError, StoredDelivery};
use super::retention::STEP_PAUSE;
use crate::notify::html_to_text;

/// Each may have a body of megabytes.
const MAX_STEP_DELIVERIES: usize = 16;

/// Returns what is searched of a delivery. The first line is the email address, a tab, and the name
/// of the visitor or requester. At most twice as long as the body, as one character may become 18.
pub fn search_text(event: &Event, body: &[u8]) -> String {
    let mut text = String::new();
    let mut push = |part: Option<&str>, end| {
        normalize(part.unwrap_or_default(), 2 * body.len(), &mut text);
        text.push(end);
    };
    let person = event.person();
    push(person.and_then(|person| Some(one_line(person.email()?))).as_deref(), '\t');
    push(person.and_then(|person| Some(one_line(person.name()?))).as_deref(), '\n');
    push(event.property().and_then(|property| property.name.as_deref()), '\n');
    match event {
        Event::ChatStart(start) => {
            push(start.message.as_ref().and_then(|message| message.text.as_deref()), '\n');
        }
        Event::ChatEnd(_) => {}
        Event::TranscriptCreated(transcript) => {
            for message in &transcript.chat.messages {
                push(message.sender.as_ref().and_then(|sender| sender.name.as_deref()), '\n');
                push(message.text.as_deref(), '\n');
                for attachment in &message.attachments {
                    push(attachment.name.as_deref(), '\n');
                }
            }
        }
        Event::TicketCreate(created) => {
            push(created.ticket.subject.as_deref(), '\n');
            push(created.ticket.message.as_deref().map(html_to_text).as_deref(), '\n');
        }
        // Otherwise it could not be found.
        _ => push(Some(&String::from_utf8_lossy(body)), '\n'),
    }
    text
}

/// Returns an email address or name as the first line contains it.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Appends a text in the form in which texts of the same meaning are equal: without case, without
/// accents of European scripts, and without variants such as full-width letters.
fn normalize(text: &str, max: usize, to: &mut String) {
    if text.is_ascii() && !text.contains('\0') {
        let start = to.len();
        to.push_str(text);
        to[start..].make_ascii_lowercase();
        return;
    }
    let letters = text.nfkd().filter(|c| !matches!(c, '\u{300}'..='\u{36f}')).nfc();
    // Lower case only would distinguish `ß` from `SS`, and the two forms of sigma.
    for c in letters.flat_map(char::to_uppercase).flat_map(char::to_lowercase) {
        if to.len() >= max {
            return;
        }
        // PostgreSQL rejects NUL in text.
        to.push(if c == '\0' { char::REPLACEMENT_CHARACTER } else { c });
    }
}

pub fn normalized(text: &str) -> String {
    let mut normalized = String::new();
    normalize(text, usize::MAX, &mut normalized);
    normalized
}

/// Fills the text of deliveries that an earlier version stored, in steps that do not delay others.
pub async fn fill(database: &Database) -> Result<(), StoreError> {
    let columns = StoredDelivery::COLUMNS;
    let next = format!(
        "SELECT {columns} FROM deliveries WHERE search_text IS NULL AND body IS NOT NULL \
         ORDER BY id LIMIT {MAX_STEP_DELIVERIES}"
    );
    let mut deliveries = 0;
    loop {
        let begun = Instant::now();
        let rows = database.read(&next, Vec::new()).await?;
        if rows.is_empty() {
            break;
        }
        let (mut places, mut values) = (Vec::new(), Vec::new());
        for row in &rows {
            let StoredDelivery { id, delivery } = StoredDelivery::from_row(row)?;
            values.extend([id.into(), search_text(&delivery.event(), &delivery.body).into()]);
            places.push(format!("(${}, ${})", values.len() - 1, values.len()));
            yield_now().await;
        }
        // Those that were erased meanwhile stay empty.
        let fill = format!(
            "UPDATE deliveries SET search_text = column2 FROM (VALUES {}) AS filled \
             WHERE id = column1 AND body IS NOT NULL",
            places.join(", ")
        );
        database.write(&fill, values).await?;
        deliveries += rows.len();
        sleep(begun.elapsed().max(STEP_PAUSE)).await;
    }
    if deliveries > 0 {
        info!(deliveries, "earlier deliveries are searchable");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tower_tawk::test_util::samples;

    use super::*;

    #[test]
    fn texts_of_the_same_meaning_are_equal() {
        for (text, same) in [
            ("Straße", "STRASSE"),
            ("ΟΔΥΣΣΕΥΣ", "Οδυσσεύς"),
            ("İSTANBUL", "ıstanbul"),
            ("Cafe\u{301} MUÑOZ", "Café munoz"),
            ("Ещё", "еще"),
            ("ＴＯＷＥＲ１２", "tower12"),
            ("ｶﾞｲﾄﾞ", "ガイド"),
            ("\u{1112}\u{1161}\u{11ab}", "한"),
        ] {
            assert_eq!(normalized(text), normalized(same));
        }
        assert_ne!(normalized("か"), normalized("が"));
        assert_ne!(normalized("कि"), normalized("क"));
    }

    #[test]
    fn the_first_line_is_the_person() {
        let event = samples::transcript("Ada\n Vale", &[]);
        let text = search_text(&event, &[b' '; 1_000]);
        assert_eq!(text.lines().next(), Some("customer@example.com\tada vale"));
    }

    #[test]
    fn the_text_is_at_most_twice_as_long_as_the_body() {
        let event = samples::chat_start("V", &"\u{fdfa}".repeat(1_000));
        let text = search_text(&event, &[b' '; 3_000]);
        assert!((6_000..6_100).contains(&text.len()), "{}", text.len());
        let unknown = samples::unknown("a:b");
        assert_eq!(search_text(&unknown, b"Text\0\xff"), "\t\n\ntext\u{fffd}\u{fffd}\n");
    }
}
