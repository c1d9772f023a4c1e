//! Reads deliveries back. Those that retention has deleted are left out everywhere.

use std::time::SystemTime;

use axum::body::Bytes;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::Database;
use crate::delivery::{Delivery, time};

/// How many are read at once: a few bodies, and not all there are.
const PAGE: i64 = 16;

/// One delivery as a list shows it, which is without its body.
pub(crate) struct Listed {
    pub(crate) id: i64,
    pub(crate) received_at: SystemTime,
    pub(crate) event: Option<String>,
    /// The id of its chat or ticket.
    pub(crate) subject: Option<String>,
    pub(crate) secret_label: String,
    pub(crate) bytes: i64,
}

impl Database {
    /// How many there are.
    pub(super) async fn count(&self) -> Result<u64, sqlx::Error> {
        const COUNT: &str = "SELECT count(*) FROM deliveries WHERE body IS NOT NULL";
        let rows = self.rows(sqlx::query(COUNT)).await?;
        let count = rows.first().map(|row| row.try_get::<i64, _>(0)).transpose()?;
        Ok(count.unwrap_or(0).try_into().unwrap_or(0))
    }

    /// A delivery; `None` once it is deleted.
    pub(crate) async fn delivery(&self, id: i64) -> Result<Option<Delivery>, sqlx::Error> {
        const ONE: &str = "SELECT * FROM deliveries WHERE body IS NOT NULL AND id = $1";
        let rows = self.rows(sqlx::query(ONE).bind(id)).await?;
        rows.first().map(delivery).transpose()
    }

    /// The next deliveries after `id`, in their order, each with its own; none at the end.
    pub(crate) async fn deliveries_after(
        &self,
        id: i64,
    ) -> Result<Vec<(i64, Delivery)>, sqlx::Error> {
        const AFTER: &str =
            "SELECT * FROM deliveries WHERE body IS NOT NULL AND id > $1 ORDER BY id LIMIT $2";
        let rows = self.rows(sqlx::query(AFTER).bind(id).bind(PAGE)).await?;
        rows.iter().map(|row| Ok((row.try_get("id")?, delivery(row)?))).collect()
    }

    /// The same as a list shows them.
    pub(crate) async fn list_after(&self, id: i64) -> Result<Vec<Listed>, sqlx::Error> {
        const LIST: &str = "SELECT id, received_at, event, coalesce(chat_id, ticket_id) AS \
                            subject, secret_label, length(body) AS bytes FROM deliveries \
                            WHERE body IS NOT NULL AND id > $1 ORDER BY id LIMIT 1000";
        let rows = self.rows(sqlx::query(LIST).bind(id)).await?;
        rows.iter().map(listed).collect()
    }
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
