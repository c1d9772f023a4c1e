//! Reads deliveries back. Those that retention has deleted are left out everywhere.

use std::time::SystemTime;

use axum::body::Bytes;
use sqlx::any::AnyRow;
use sqlx::{AnyPool, Row};

use crate::delivery::{Delivery, time};

/// How many are read at once: a few bodies, and not all there are.
const PAGE: i64 = 16;

/// One delivery as a list shows it, which is without its body.
pub(super) struct Listed {
    pub(super) id: i64,
    pub(super) received_at: SystemTime,
    pub(super) event: Option<String>,
    /// The id of its chat or ticket.
    pub(super) subject: Option<String>,
    pub(super) secret_label: String,
    pub(super) bytes: i64,
}

/// The next ones after `id`, in their order; none at the end.
pub(super) async fn list_after(pool: &AnyPool, id: i64) -> Result<Vec<Listed>, sqlx::Error> {
    const LIST: &str = "SELECT id, received_at, event, coalesce(chat_id, ticket_id) AS subject, \
                        secret_label, length(body) AS bytes FROM deliveries \
                        WHERE body IS NOT NULL AND id > $1 ORDER BY id LIMIT 1000";
    let rows = sqlx::query(LIST).bind(id).fetch_all(pool).await?;
    rows.iter().map(listed).collect()
}

fn listed(row: &AnyRow) -> Result<Listed, sqlx::Error> {
    Ok(Listed {
        id: row.try_get("id")?,
        received_at: time(row.try_get("received_at")?),
        event: row.try_get("event")?,
        subject: row.try_get("subject")?,
        secret_label: row.try_get("secret_label")?,
        bytes: row.try_get("bytes")?,
    })
}

/// The next ones after `id`, whole; none at the end.
pub(super) async fn after(pool: &AnyPool, id: i64) -> Result<Vec<(i64, Delivery)>, sqlx::Error> {
    const PAGE_AFTER: &str =
        "SELECT * FROM deliveries WHERE body IS NOT NULL AND id > $1 ORDER BY id LIMIT $2";
    let rows = sqlx::query(PAGE_AFTER).bind(id).bind(PAGE).fetch_all(pool).await?;
    rows.iter().map(|row| Ok((row.try_get("id")?, delivery(row)?))).collect()
}

pub(super) async fn one(pool: &AnyPool, id: i64) -> Result<Option<Delivery>, sqlx::Error> {
    const ONE: &str = "SELECT * FROM deliveries WHERE body IS NOT NULL AND id = $1";
    let row = sqlx::query(ONE).bind(id).fetch_optional(pool).await?;
    row.as_ref().map(delivery).transpose()
}

fn delivery(row: &AnyRow) -> Result<Delivery, sqlx::Error> {
    let signature: Vec<u8> = row.try_get("signature")?;
    let digits: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Delivery {
        signature: digits.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
        secret_label: row.try_get("secret_label")?,
        received_at: time(row.try_get("received_at")?),
        event_id: row.try_get("event_id")?,
        event: row.try_get("event")?,
        chat_id: row.try_get("chat_id")?,
        ticket_id: row.try_get("ticket_id")?,
        property_id: row.try_get("property_id")?,
        headers: row.try_get("headers")?,
        body: Bytes::from(row.try_get::<Vec<u8>, _>("body")?),
    })
}
