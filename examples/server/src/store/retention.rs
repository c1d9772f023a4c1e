//! Deletes old data every hour, in steps that do not delay deliveries. The signature and the time
//! of a delivery are kept, so that duplicates are recognized forever.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::json;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tracing::{info, warn};

use super::database::Database;
use super::model::{StoreError, to_unix_millis};

const INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Pause between two steps, in which deliveries are committed.
const STEP_PAUSE: Duration = Duration::from_millis(50);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Notifications are retried for a day, by any listener that has their channel. Two hours later it
/// is certain that none has.
const ABANDONED_AFTER: Duration = Duration::from_secs(26 * 60 * 60);

const DELIVERIES: &str = "UPDATE deliveries SET secret_label = NULL, event_id = NULL, \
                          event = NULL, chat_id = NULL, ticket_id = NULL, property_id = NULL, \
                          headers = NULL, body = NULL WHERE id IN (SELECT id FROM deliveries \
                          WHERE body IS NOT NULL AND received_at < $1 \
                          ORDER BY received_at LIMIT 32)";

const NOTIFICATIONS: &str = "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox \
                             WHERE created_at < $1 AND state <> 'waiting' LIMIT 1000)";

/// Runs until it is aborted. 0 days keep everything.
pub async fn run(database: Database, channels: Arc<[String]>, days: u32) {
    let mut hours = interval(INTERVAL);
    hours.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        hours.tick().await;
        match delete_old(&database, days).await {
            Ok(0) => {}
            Ok(deliveries) => info!(deliveries, "old deliveries deleted"),
            Err(error) => warn!(%error, "failed to delete old deliveries; retrying in an hour"),
        }
        if let Err(error) = fail_abandoned(&database, &channels).await {
            warn!(%error, "failed to check the outbox; retrying in an hour");
        }
    }
}

/// Returns how many deliveries it has deleted.
async fn delete_old(database: &Database, days: u32) -> Result<u64, StoreError> {
    if days == 0 {
        return Ok(0);
    }
    let Some(time) = SystemTime::now().checked_sub(DAY * days) else { return Ok(0) };
    in_steps(database, NOTIFICATIONS, time).await?;
    let deleted = in_steps(database, DELIVERIES, time).await?;
    if deleted > 0 && matches!(database, Database::Sqlite(_)) {
        // Overwrites what the database file and its log still hold.
        const CHECKPOINT: &str = "PRAGMA wal_checkpoint(TRUNCATE)";
        database.write(CHECKPOINT, Vec::new(), |_| Ok(())).await?;
    }
    Ok(deleted)
}

/// Repeats a statement until no row from before `time` is left. Returns how many there were.
async fn in_steps(
    database: &Database,
    statement: &'static str,
    time: SystemTime,
) -> Result<u64, StoreError> {
    let mut rows = 0;
    loop {
        let step = database.execute(statement, vec![to_unix_millis(time).into()]).await?;
        if step == 0 {
            return Ok(rows);
        }
        rows += step;
        sleep(STEP_PAUSE).await;
    }
}

/// Fails notifications that have waited for long for a channel that is no longer in `NOTIFY_URL`,
/// and warns of those that still wait.
async fn fail_abandoned(database: &Database, channels: &[String]) -> Result<(), StoreError> {
    let channels = json!(channels).to_string();
    let before = SystemTime::now() - ABANDONED_AFTER;
    let values = vec![
        (&*channels).into(),
        to_unix_millis(before).into(),
        to_unix_millis(SystemTime::now()).into(),
    ];
    let (fail, count) = statements(database);
    let notifications = database.execute(fail, values).await?;
    if notifications > 0 {
        warn!(notifications, "notifications failed: NOTIFY_URL no longer has their channel");
    }
    let waiting = database.read(count, vec![(&*channels).into()], |row| row.get("count")).await?;
    let notifications: i64 = waiting.first().copied().unwrap_or_default();
    if notifications > 0 {
        warn!(
            notifications,
            "pending notifications for a channel that is not in NOTIFY_URL; restore it, or they \
             fail after a day"
        );
    }
    Ok(())
}

/// The statements that fail and count notifications. `$1` are the channels of `NOTIFY_URL`.
fn statements(database: &Database) -> (&'static str, &'static str) {
    macro_rules! statements {
        ($channels:literal) => {
            (
                concat!(
                    "UPDATE outbox SET state = 'failed', last_error = coalesce(last_error || '; ', \
                     '') || 'NOTIFY_URL no longer has this channel' WHERE state = 'waiting' AND \
                     channel NOT IN (",
                    $channels,
                    ") AND created_at < $2 AND due_at < $3"
                ),
                concat!(
                    "SELECT count(*) AS count FROM outbox WHERE state = 'waiting' AND channel NOT \
                     IN (",
                    $channels,
                    ")"
                ),
            )
        };
    }
    match database {
        Database::Sqlite(_) => statements!("SELECT value FROM json_each($1)"),
        Database::Postgres(_) => statements!("SELECT json_array_elements_text($1::json)"),
    }
}
