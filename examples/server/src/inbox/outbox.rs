//! [`Outbox`]: who is still to be told of which delivery, in the same database as the deliveries.
//!
//! A row waits until it is due. Whoever takes it moves the time at which it is due on by the
//! lease, in the same statement: nobody else takes it meanwhile, and if it is never heard of again,
//! it becomes due by itself. What became of it counts only if nobody has taken it since.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Row};
use tokio::sync::watch;
use tokio::time::Instant;

use super::database::Database;
use super::insert::rows;
use crate::delivery::{milliseconds, time};
use crate::metrics::Sizes;

/// So long nobody else takes what was taken: twice as long as it takes to send it, so that several
/// listeners' clocks may differ by some seconds.
const LEASE: Duration = Duration::from_secs(20);

/// So long nothing may move although something is due.
const STUCK_AFTER: Duration = Duration::from_secs(5 * 60);

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Outbox {
    database: Database,
    /// The names of those that this listener sends on.
    channels: Arc<[String]>,
    claim: Arc<str>,
    changed: watch::Sender<()>,
    moved: watch::Sender<SystemTime>,
}

/// A notification that was taken to be sent.
pub(crate) struct Claimed {
    pub(crate) id: i64,
    pub(crate) delivery_id: i64,
    pub(crate) replay: i64,
    /// How often it was taken, this time included.
    pub(crate) attempts: i64,
    pub(crate) created_at: SystemTime,
    /// Nobody else takes it before that.
    pub(crate) leased_until: Instant,
}

/// What became of an attempt.
pub(crate) enum Outcome {
    Sent,
    Again { at: SystemTime, why: String },
    Failed { why: String },
}

impl Outcome {
    /// Of the attempt, for metrics.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Again { .. } => "again",
            Self::Failed { .. } => "failed",
        }
    }
}

impl Outbox {
    pub(super) fn new(database: Database, channels: Vec<String>) -> Self {
        // SQLite has one writer at a time, and no rows to lock.
        let lock = if database.is_sqlite { "" } else { "FOR UPDATE SKIP LOCKED" };
        let claim = format!(
            "WITH due AS (SELECT id FROM outbox WHERE state = 'waiting' AND channel = $1 \
             AND due_at <= $2 ORDER BY due_at LIMIT $3 {lock}) \
             UPDATE outbox SET due_at = $4, attempts = attempts + 1 \
             WHERE id IN (SELECT id FROM due) \
             RETURNING id, delivery_id, replay, attempts, created_at"
        );
        Self {
            database,
            channels: channels.into(),
            claim: claim.into(),
            changed: watch::Sender::new(()),
            moved: watch::Sender::new(SystemTime::now()),
        }
    }

    /// Adds a notification on each channel for each of `deliveries`, in the transaction that
    /// stores them.
    pub(super) async fn insert(
        &self,
        connection: &mut AnyConnection,
        deliveries: &[i64],
    ) -> Result<(), sqlx::Error> {
        if deliveries.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "INSERT INTO outbox (delivery_id, channel, replay, created_at, due_at) VALUES {}",
            rows(deliveries.len(), 5)
        );
        let now = milliseconds(SystemTime::now());
        for channel in &*self.channels {
            let mut query = sqlx::query::<Any>(AssertSqlSafe(sql.clone()));
            for delivery in deliveries {
                query = query.bind(*delivery).bind(channel.clone()).bind(0_i64).bind(now).bind(now);
            }
            query.execute(&mut *connection).await?;
        }
        Ok(())
    }

    /// Changes when there is something new.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(super) fn wake_workers(&self) {
        self.changed.send_replace(());
    }

    /// Takes up to `most` notifications that are due on `channel`.
    pub(crate) async fn claim(
        &self,
        channel: &str,
        most: usize,
    ) -> Result<Vec<Claimed>, sqlx::Error> {
        // It counts from here, however long the database takes.
        let (now, leased_until) = (SystemTime::now(), Instant::now() + LEASE);
        let query = sqlx::query::<Any>(AssertSqlSafe(&*self.claim))
            .bind(channel.to_owned())
            .bind(milliseconds(now))
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .bind(milliseconds(now + LEASE));
        let rows = self.database.rows(query).await?;
        rows.iter()
            .map(|row| {
                Ok(Claimed {
                    id: row.try_get("id")?,
                    delivery_id: row.try_get("delivery_id")?,
                    replay: row.try_get("replay")?,
                    attempts: row.try_get("attempts")?,
                    created_at: time(row.try_get("created_at")?),
                    leased_until,
                })
            })
            .collect()
    }

    /// Writes down what became of it, unless somebody else has taken it since.
    pub(crate) async fn mark(
        &self,
        claimed: &Claimed,
        outcome: &Outcome,
    ) -> Result<(), sqlx::Error> {
        const MARK: &str = "UPDATE outbox SET state = $1, due_at = $2, last_error = $3 \
                            WHERE id = $4 AND attempts = $5 AND state = 'waiting'";
        let (state, due_at, why) = match outcome {
            Outcome::Sent => ("sent", SystemTime::now(), None),
            Outcome::Again { at, why } => ("waiting", *at, Some(why.clone())),
            Outcome::Failed { why } => ("failed", SystemTime::now(), Some(why.clone())),
        };
        let query = sqlx::query(MARK)
            .bind(state.to_owned())
            .bind(milliseconds(due_at))
            .bind(why)
            .bind(claimed.id)
            .bind(claimed.attempts);
        self.database.execute(query).await?;
        self.moved.send_replace(SystemTime::now());
        Ok(())
    }

    /// Lets everything that waits on `channel` wait until then at least.
    pub(crate) async fn defer(&self, channel: &str, until: SystemTime) -> Result<(), sqlx::Error> {
        const DEFER: &str = "UPDATE outbox SET due_at = $1 WHERE state = 'waiting' \
                             AND channel = $2 AND due_at < $1";
        let query = sqlx::query(DEFER).bind(milliseconds(until)).bind(channel.to_owned());
        self.database.execute(query).await.map(drop)
    }

    /// Gives up what has waited since before `time` for an address that is not in `NOTIFY_URL` any
    /// more: nobody else does.
    pub(super) async fn abandon(&self, time: SystemTime) -> Result<u64, sqlx::Error> {
        let sql = format!(
            "UPDATE outbox SET state = 'failed', last_error = \
             coalesce(last_error || '; ', '') || 'NOTIFY_URL no longer has this channel' \
             WHERE created_at < $1 AND due_at < $2 AND {}",
            self.of_others(3)
        );
        let query = sqlx::query::<Any>(AssertSqlSafe(sql));
        let query = query.bind(milliseconds(time)).bind(milliseconds(SystemTime::now()));
        self.database.execute(self.bind_channels(query)).await
    }

    /// How many wait for addresses that are not in `NOTIFY_URL` any more.
    pub(super) async fn abandoned(&self) -> Result<i64, sqlx::Error> {
        let sql = format!("SELECT count(*) FROM outbox WHERE {}", self.of_others(1));
        let query = self.bind_channels(sqlx::query(AssertSqlSafe(sql)));
        let rows = self.database.rows(query).await?;
        rows.first().map_or(Ok(0), |row| row.try_get(0))
    }

    /// What waits for others than our channels, whose names are the parameters from `first` on.
    fn of_others(&self, first: usize) -> String {
        let others = (first..).take(self.channels.len());
        let others: String = others.map(|number| format!(" AND channel <> ${number}")).collect();
        format!("state = 'waiting'{others}")
    }

    fn bind_channels<'q>(
        &self,
        query: Query<'q, Any, AnyArguments>,
    ) -> Query<'q, Any, AnyArguments> {
        self.channels.iter().fold(query, |query, channel| query.bind(channel.clone()))
    }

    /// Whether something has been due for long on this listener's channels, and nothing has moved.
    pub(super) async fn is_stuck(&self) -> Result<bool, sqlx::Error> {
        if self.channels.is_empty() {
            return Ok(false);
        }
        let sql = format!(
            "SELECT min(due_at) FROM outbox WHERE state = 'waiting' AND channel IN {}",
            rows(1, self.channels.len())
        );
        let rows = self.database.rows(self.bind_channels(sqlx::query(AssertSqlSafe(sql)))).await?;
        let due = rows.first().map(|row| row.try_get::<Option<i64>, _>(0)).transpose()?.flatten();
        Ok(due.is_some_and(|due| is_stuck(SystemTime::now(), time(due), *self.moved.borrow())))
    }

    /// How many are waiting, sent and failed, and for how long the oldest waits.
    pub(super) async fn sizes(&self) -> Result<Sizes, sqlx::Error> {
        const SIZES: &str = "SELECT state, count(*) AS count, min(created_at) AS oldest \
                             FROM outbox GROUP BY state";
        let mut sizes = Sizes::default();
        for row in self.database.rows(sqlx::query(SIZES)).await? {
            let count = row.try_get::<i64, _>("count")?.try_into().unwrap_or(0);
            match row.try_get::<String, _>("state")?.as_str() {
                "waiting" => {
                    sizes.waiting = count;
                    sizes.oldest_waits = time(row.try_get("oldest")?).elapsed().unwrap_or_default();
                }
                "sent" => sizes.sent = count,
                _ => sizes.failed = count,
            }
        }
        Ok(sizes)
    }
}

/// The oldest that is due, and when something moved for the last time.
fn is_stuck(now: SystemTime, due: SystemTime, moved: SystemTime) -> bool {
    let is_long = |since| now.duration_since(since).is_ok_and(|time| time > STUCK_AFTER);
    is_long(due) && is_long(moved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_stuck_when_something_is_due_for_five_minutes_and_nothing_moves() {
        let now = SystemTime::now();
        let ago = |minutes: u64| now - Duration::from_secs(60 * minutes);
        for (due, moved, expected) in [
            (ago(6), ago(6), true),
            (ago(6), ago(4), false),
            (ago(4), ago(6), false),
            (now + LEASE, ago(600), false),
        ] {
            assert_eq!(is_stuck(now, due, moved), expected);
        }
    }
}
