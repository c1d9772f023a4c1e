//! [`Notification`]: reads the outbox back, and adds to it what is to be told again.

use std::time::SystemTime;

use sqlx::Row;
use sqlx::any::AnyRow;

use super::Database;
use crate::delivery::{milliseconds, time};

/// A notification as a list shows it.
pub(crate) struct Notification {
    pub(crate) id: i64,
    pub(crate) delivery_id: i64,
    pub(crate) channel: String,
    pub(crate) state: String,
    pub(crate) attempts: i64,
    /// When it was sent or failed, or is due.
    pub(crate) at: SystemTime,
    /// What went wrong at last.
    pub(crate) why: Option<String>,
}

impl Database {
    /// The next notifications after `id`, in their order; none at the end.
    pub(crate) async fn notifications_after(
        &self,
        id: i64,
    ) -> Result<Vec<Notification>, sqlx::Error> {
        const LIST: &str = "SELECT id, delivery_id, channel, state, attempts, due_at, last_error \
                            FROM outbox WHERE id > $1 ORDER BY id LIMIT 1000";
        let rows = self.rows(sqlx::query(LIST).bind(id)).await?;
        rows.iter().map(notification).collect()
    }

    /// Adds a notification of a delivery on each of `channels`, whatever was told before.
    pub(crate) async fn replay(&self, id: i64, channels: &[String]) -> Result<(), sqlx::Error> {
        const REPLAY: &str = "INSERT INTO outbox (delivery_id, channel, replay, created_at, due_at) \
             SELECT $1, $2, 1 + coalesce(max(replay), 0), $3, $3 FROM outbox \
             WHERE delivery_id = $1 AND channel = $2";
        let now = milliseconds(SystemTime::now());
        for channel in channels {
            let replay = sqlx::query(REPLAY).bind(id).bind(channel.clone()).bind(now);
            self.execute(replay).await?;
        }
        Ok(())
    }
}

fn notification(row: &AnyRow) -> Result<Notification, sqlx::Error> {
    Ok(Notification {
        id: row.try_get("id")?,
        delivery_id: row.try_get("delivery_id")?,
        channel: row.try_get("channel")?,
        state: row.try_get("state")?,
        attempts: row.try_get("attempts")?,
        at: time(row.try_get("due_at")?),
        why: row.try_get("last_error")?,
    })
}
