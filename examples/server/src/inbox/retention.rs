//! What is looked at every hour. What is older than `TAWK_RETENTION_DAYS` is deleted, in steps small
//! enough that deliveries do not have to wait; a row's signature and time stay, by which a repeat is
//! recognised for ever. Notifications whose channel has left `NOTIFY_URL` are given up.

use std::time::{Duration, SystemTime};

use tokio::time::{MissedTickBehavior, interval, sleep};
use tracing::{info, warn};

use super::database::Database;
use super::outbox::Outbox;
use crate::delivery::milliseconds;

const EVERY: Duration = Duration::from_secs(60 * 60);

/// Between two steps, so that whoever waits to write gets in.
const PAUSE: Duration = Duration::from_millis(50);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

const DELIVERIES: &str = "UPDATE deliveries SET secret_label = NULL, event_id = NULL, \
                          event = NULL, chat_id = NULL, ticket_id = NULL, property_id = NULL, \
                          headers = NULL, body = NULL WHERE id IN (SELECT id FROM deliveries \
                          WHERE body IS NOT NULL AND received_at < $1 \
                          ORDER BY received_at LIMIT 32)";

const NOTIFICATIONS: &str = "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox \
                             WHERE created_at < $1 AND state <> 'waiting' LIMIT 1000)";

/// Notifications are tried for a day: who else would send them has had the time.
const ABANDONED_AFTER: Duration = Duration::from_secs(26 * 60 * 60);

/// Looks now and then every hour. 0 days keep everything.
pub(super) async fn run(database: Database, outbox: Outbox, days: u32) {
    let mut hours = interval(EVERY);
    hours.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        hours.tick().await;
        match delete_old(&database, days).await {
            Ok(0) => {}
            Ok(deliveries) => info!(deliveries, "old deliveries deleted"),
            Err(sqlx::Error::PoolClosed) => return,
            Err(error) => warn!(%error, "cannot delete old deliveries; trying again in an hour"),
        }
        match abandon(&outbox).await {
            Ok(()) | Err(sqlx::Error::PoolClosed) => {}
            Err(error) => warn!(%error, "cannot look through the outbox; trying again in an hour"),
        }
    }
}

/// Says what waits for an address that has left `NOTIFY_URL`, and gives it up after a day: nobody
/// else does.
async fn abandon(outbox: &Outbox) -> Result<(), sqlx::Error> {
    let notifications = outbox.abandon(SystemTime::now() - ABANDONED_AFTER).await?;
    if notifications > 0 {
        warn!(notifications, "notifications failed: NOTIFY_URL no longer has their channel");
    }
    let notifications = outbox.abandoned().await?;
    if notifications > 0 {
        warn!(
            notifications,
            "notifications wait for a channel that is not in NOTIFY_URL; put it back, or they are \
             given up after a day"
        );
    }
    Ok(())
}

/// Says how many deliveries it has deleted.
async fn delete_old(database: &Database, days: u32) -> Result<u64, sqlx::Error> {
    if days == 0 {
        return Ok(0);
    }
    // Beyond what a clock can tell there is nothing.
    let Some(time) = SystemTime::now().checked_sub(DAY * days) else { return Ok(0) };
    in_steps(database, NOTIFICATIONS, time).await?;
    let deleted = in_steps(database, DELIVERIES, time).await?;
    if deleted > 0 && database.is_sqlite {
        // Until then the file has what the log beside it says to overwrite.
        database.rows(sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")).await?;
    }
    Ok(deleted)
}

/// Repeats a statement on what came before `time`, until there is nothing left; says on how many.
async fn in_steps(
    database: &Database,
    statement: &'static str,
    time: SystemTime,
) -> Result<u64, sqlx::Error> {
    let mut rows = 0;
    loop {
        let step = database.execute(sqlx::query(statement).bind(milliseconds(time))).await?;
        if step == 0 {
            return Ok(rows);
        }
        rows += step;
        sleep(PAUSE).await;
    }
}
