//! The statements that store a group of deliveries, each of which may be there already.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use sqlx::{Any, AnyConnection, AssertSqlSafe, Row};

use super::Stored;
use crate::delivery::{Delivery, milliseconds};

const COLUMNS: [&str; 10] = [
    "signature",
    "received_at",
    "secret_label",
    "event_id",
    "event",
    "chat_id",
    "ticket_id",
    "property_id",
    "headers",
    "body",
];

/// Inserts what is new, and says of each delivery, in their order, what became of it.
///
/// Whether one is there already is decided by the unique constraint on its signature and by
/// nothing else, also between several listeners on the same database.
pub(super) async fn insert(
    connection: &mut AnyConnection,
    deliveries: &[&Delivery],
) -> Result<Vec<Stored>, sqlx::Error> {
    let sql = format!(
        "INSERT INTO deliveries ({}) VALUES {} ON CONFLICT (signature) DO NOTHING \
         RETURNING id, signature",
        COLUMNS.join(", "),
        rows(deliveries.len(), COLUMNS.len())
    );
    let mut query = sqlx::query::<Any>(AssertSqlSafe(sql));
    for delivery in deliveries {
        query = query
            .bind(delivery.signature.as_bytes().to_vec())
            .bind(milliseconds(delivery.received_at))
            .bind(text(Some(&delivery.secret_label)))
            .bind(text(delivery.event_id.as_deref()))
            .bind(text(delivery.event.as_deref()))
            .bind(text(delivery.chat_id.as_deref()))
            .bind(text(delivery.ticket_id.as_deref()))
            .bind(text(delivery.property_id.as_deref()))
            .bind(delivery.headers.clone())
            .bind(delivery.body.to_vec());
    }
    let mut new = HashMap::new();
    for row in query.fetch_all(&mut *connection).await? {
        new.insert(row.try_get::<Vec<u8>, _>("signature")?, row.try_get::<i64, _>("id")?);
    }
    let odd = odd(connection, new.values().copied().collect()).await?;
    Ok(deliveries
        .iter()
        // The same one twice in a group: the second is a repeat.
        .map(|delivery| match new.remove(&delivery.signature.as_bytes()[..]) {
            Some(id) => Stored::New { id, is_odd: odd.contains(&id) },
            None => Stored::Repeat,
        })
        .collect())
}

/// Those of `ids` whose event id stands with other bytes, too.
async fn odd(connection: &mut AnyConnection, ids: Vec<i64>) -> Result<HashSet<i64>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let sql = format!(
        "SELECT id FROM deliveries WHERE id IN {} AND EXISTS (SELECT 1 FROM deliveries other \
         WHERE other.event_id = deliveries.event_id AND other.id <> deliveries.id)",
        rows(1, ids.len())
    );
    let mut query = sqlx::query_scalar::<Any, i64>(AssertSqlSafe(sql));
    for id in ids {
        query = query.bind(id);
    }
    Ok(query.fetch_all(connection).await?.into_iter().collect())
}

/// Placeholders: `($1, $2), ($3, $4)` for two rows of two.
pub(super) fn rows(rows: usize, columns: usize) -> String {
    let mut sql = String::new();
    for number in 1..=rows * columns {
        let before = match number {
            1 => "($",
            _ if (number - 1) % columns == 0 => "), ($",
            _ => ", $",
        };
        let _ = write!(sql, "{before}{number}");
    }
    sql + ")"
}

/// PostgreSQL takes any text but one with a NUL in it, and a verified delivery is never refused
/// for what it says. The body has it as it came.
fn text(text: Option<&str>) -> Option<String> {
    text.map(|text| text.replace('\0', "\u{fffd}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_through() {
        assert_eq!(rows(1, 1), "($1)");
        assert_eq!(rows(2, 3), "($1, $2, $3), ($4, $5, $6)");
        assert_eq!(rows(3, 1), "($1), ($2), ($3)");
    }
}
