//! Deletes what is older than `TAWK_RETENTION_DAYS`, in steps small enough that deliveries do not
//! have to wait. A row's signature and time stay: by these a repeat is recognised for ever.

use std::time::{Duration, SystemTime};

use sqlx::AnyPool;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tracing::{info, warn};

use crate::delivery::milliseconds;

const EVERY: Duration = Duration::from_secs(60 * 60);

/// Between two steps, so that whoever waits to write gets in.
const PAUSE: Duration = Duration::from_millis(50);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

const STEP: &str = "UPDATE deliveries SET secret_label = NULL, event_id = NULL, event = NULL, \
                    chat_id = NULL, ticket_id = NULL, property_id = NULL, headers = NULL, \
                    body = NULL WHERE id IN (SELECT id FROM deliveries WHERE body IS NOT NULL \
                    AND received_at < $1 ORDER BY received_at LIMIT 32)";

/// Looks now and then every hour, for as long as the database is open. 0 days keep everything.
pub(super) async fn run(pool: AnyPool, days: u32) {
    if days == 0 {
        return;
    }
    let mut hours = interval(EVERY);
    hours.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        hours.tick().await;
        match delete(&pool, SystemTime::now() - DAY * days).await {
            Ok(0) => {}
            Ok(deliveries) => info!(deliveries, "old deliveries deleted"),
            Err(sqlx::Error::PoolClosed) => return,
            Err(error) => warn!(%error, "cannot delete old deliveries; trying again in an hour"),
        }
    }
}

/// Deletes what came before `time`, and says how many that were.
async fn delete(pool: &AnyPool, time: SystemTime) -> Result<u64, sqlx::Error> {
    let mut deleted = 0;
    loop {
        let step = sqlx::query(STEP).bind(milliseconds(time)).execute(pool).await?;
        if step.rows_affected() == 0 {
            return Ok(deleted);
        }
        deleted += step.rows_affected();
        sleep(PAUSE).await;
    }
}
