//! Deletes old data every hour, in steps that do not delay deliveries, and erases data on request.
//! The signature and the time of a delivery are kept, so that duplicates are recognized forever.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::time::sleep;
use tracing::{info, warn};

use super::database::Database;
use super::model::{StoreError, to_unix_millis};
use super::{Store, search_text};
use crate::forward::CHANNEL_PREFIX;
use crate::supervise::panic_once;

const INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Minimum pause between two steps, in which deliveries are committed.
pub const STEP_PAUSE: Duration = Duration::from_millis(50);

/// The next step is smaller after one that took longer, since deliveries wait for it.
const MAX_STEP_TIME: Duration = Duration::from_millis(250);

/// Maximum deliveries in a step. It also has at most 256 KiB for each, or a single delivery.
const MAX_STEP_DELIVERIES: i64 = 32;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Notifications are retried for a day, by any listener that has their channel. Two hours later it
/// is certain that none has.
const ABANDONED_AFTER: Duration = Duration::from_secs(26 * 60 * 60);

/// Assignments that erase a row of `deliveries`.
const ERASE: &str = "secret_label = NULL, event_id = NULL, event = NULL, chat_id = NULL, \
     ticket_id = NULL, property_id = NULL, headers = NULL, body = NULL, search_text = NULL";

const DELIVERIES: &str = "WHERE id IN (SELECT id FROM (SELECT id, bytes, \
     sum(bytes) OVER (ORDER BY received_at, id) - bytes AS bytes_before \
     FROM (SELECT id, received_at, length(body) AS bytes FROM deliveries \
     WHERE body IS NOT NULL AND received_at < $1 ORDER BY received_at, id LIMIT $2) AS old) AS old \
     WHERE bytes_before + bytes <= 262144 * $2 OR bytes_before = 0) RETURNING id";

const NOTIFICATIONS: &str = "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox \
     WHERE created_at < $1 AND state <> 'waiting' LIMIT 32 * $2) RETURNING id";

/// Runs forever. 0 days keep everything.
pub async fn run(
    store: Store,
    channels: Arc<[String]>,
    earlier: Arc<[(String, String)]>,
    days: u32,
) {
    panic_once("retention");
    let database = &store.database;
    loop {
        // Again every hour, since a listener of an earlier version may run until later.
        let renamed = store.rename_channels(&earlier).await;
        let deleted = delete_old(database, days).await;
        let failed = fail_abandoned(database, &channels).await;
        let filled = search_text::fill(database).await;
        match renamed.and(deleted).and(failed).and(filled) {
            Ok(()) | Err(StoreError::Closed) => {}
            Err(error) => warn!(%error, "failed to maintain old deliveries; retrying in an hour"),
        }
        sleep(INTERVAL).await;
    }
}

async fn delete_old(database: &Database, days: u32) -> Result<(), StoreError> {
    let Some(time) = SystemTime::now().checked_sub(DAY * days).filter(|_| days > 0) else {
        return Ok(());
    };
    in_steps(database, NOTIFICATIONS, time).await?;
    let erase = format!("UPDATE deliveries SET {ERASE} {DELIVERIES}");
    let deliveries = in_steps(database, &erase, time).await?;
    if deliveries > 0 {
        truncate_log(database).await?;
        info!(deliveries, "old deliveries deleted");
    }
    Ok(())
}

/// Repeats a statement until no row from before `time` is left. Returns how many there were. Pauses
/// as long as the steps take, and makes them smaller if they take too long.
async fn in_steps(database: &Database, sql: &str, time: SystemTime) -> Result<usize, StoreError> {
    let (mut rows, mut limit) = (0, MAX_STEP_DELIVERIES);
    loop {
        let begun = Instant::now();
        let step = database.write(sql, vec![to_unix_millis(time).into(), limit.into()]).await;
        let duration = begun.elapsed();
        match step {
            Ok(step) if step.is_empty() => return Ok(rows),
            Ok(step) => rows += step.len(),
            Err(error) if limit == 1 || duration < MAX_STEP_TIME => return Err(error),
            Err(error) => warn!(%error, "failed to delete old data; continuing in smaller steps"),
        }
        if duration > MAX_STEP_TIME {
            limit = (limit / 2).max(1);
        }
        sleep(duration.max(STEP_PAUSE)).await;
    }
}

impl Store {
    /// Erases deliveries, and what was and is to be sent of them.
    pub async fn erase(&self, ids: &[i64]) -> Result<(), StoreError> {
        for step in ids.chunks(16) {
            let places: Vec<_> = (1..=step.len()).map(|place| format!("${place}")).collect();
            let places = places.join(", ");
            // First, since a delivery that is erased would not be found again after a failure.
            for statement in [
                format!("DELETE FROM outbox WHERE delivery_id IN ({places})"),
                format!("UPDATE deliveries SET {ERASE} WHERE id IN ({places})"),
            ] {
                let values = step.iter().map(|id| (*id).into()).collect();
                self.database.write(&statement, values).await?;
            }
        }
        // SQLite waits 5 s for those who read.
        let is_empty = matches!(truncate_log(&self.database).await, Ok(true));
        let error = "erased, but the write-ahead log still holds it, as another program reads the \
                     database; erase again";
        if is_empty { Ok(()) } else { Err(StoreError::Failed(error.to_owned())) }
    }
}

/// Empties the write-ahead log of SQLite, which holds earlier versions of what was overwritten.
/// Returns `false` if another connection uses it.
async fn truncate_log(database: &Database) -> Result<bool, StoreError> {
    let Database::Sqlite(_) = database else { return Ok(true) };
    let rows = database.write("PRAGMA wal_checkpoint(TRUNCATE)", Vec::new()).await?;
    Ok(rows.first().map(|row| row.get::<i64>("busy")).transpose()? == Some(0))
}

/// Fails notifications that have waited for long for a channel that is no longer in `NOTIFY_URL` or
/// `FORWARD_URL`, and warns of those that still wait for such a channel.
async fn fail_abandoned(database: &Database, channels: &[String]) -> Result<(), StoreError> {
    const WAITING: &str =
        "SELECT channel, count(*) AS count FROM outbox WHERE state = 'waiting' GROUP BY channel";
    const FAIL: &str = "UPDATE outbox SET state = 'failed', last_error = coalesce(last_error || \
                        '; ', '') || $1 WHERE state = 'waiting' AND channel = $2 \
                        AND created_at < $3 AND due_at < $4 RETURNING id";
    let now = SystemTime::now();
    for row in database.read(WAITING, Vec::new()).await? {
        let channel: String = row.get("channel")?;
        if channels.contains(&channel) {
            continue;
        }
        let is_forward = channel.starts_with(CHANNEL_PREFIX);
        let setting = if is_forward { "FORWARD_URL" } else { "NOTIFY_URL" };
        let values = vec![
            format!("{setting} no longer has this channel").into(),
            channel.clone().into(),
            to_unix_millis(now - ABANDONED_AFTER).into(),
            to_unix_millis(now).into(),
        ];
        let failed = database.write(FAIL, values).await?.len();
        let notifications: i64 = row.get("count")?;
        if failed > 0 {
            warn!(channel, failed, "notifications failed: {setting} no longer has their channel");
        } else {
            warn!(
                channel,
                notifications,
                "pending notifications for a channel not in {setting}; restore it, or they fail \
                 after a day"
            );
        }
    }
    Ok(())
}
