//! [`Store`]: verified deliveries, each stored once, and the outbox of their notifications.
//!
//! ```text
//! model.rs        what goes in and what comes out
//! writer.rs       deliveries that arrive at the same time share a transaction
//! database.rs     a statement for either database
//!   sqlite.rs       SQLite on a writer and a reader thread
//!   postgres.rs     PostgreSQL over pools of connections
//! migrations.rs   the schema
//! retention.rs    deletes what is old
//! status.rs       what `/readyz` and `/metrics` ask
//! ```

mod database;
mod migrations;
mod model;
mod postgres;
mod retention;
mod sqlite;
mod status;
mod writer;

pub use model::{
    Claimed, DeliverySummary, NewDelivery, NotificationSummary, Outcome, StoreError, Stored,
    StoredDelivery,
};

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use tokio::sync::{oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};
use tracing::warn;

use crate::telemetry::metrics::{Metrics, Sizes};
use database::Database;
use model::to_unix_millis;
use status::Cached;
use writer::PendingInsert;

/// Timeout for the database, to answer or to be unlocked.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(5);

const INVALID_ADDRESS: &str = "invalid address or unknown option";

/// How long a claimed notification belongs to its worker: twice the timeout for sending it, so that
/// clocks of several listeners may differ by seconds.
const LEASE: Duration = Duration::from_secs(20);

/// Deliveries read at once with their bodies, and rows read at once without.
const MAX_PAGE_DELIVERIES: i64 = 16;
const MAX_PAGE_ROWS: i64 = 1_000;

/// Cheap to clone.
#[derive(Clone)]
pub struct Store {
    database: Database,
    /// The channels that this listener notifies.
    channels: Arc<[String]>,
    changed: watch::Sender<()>,
    is_ready: Arc<Cached<bool>>,
    sizes: Arc<Cached<Option<Sizes>>>,
    retention: Option<AbortHandle>,
}

impl Store {
    /// Opens the database of `DATABASE_URL`. A SQLite file is created if it is missing.
    ///
    /// # Errors
    ///
    /// If it cannot be used. The error does not contain the URL.
    pub async fn create(url: &str, metrics: Metrics) -> Result<Self> {
        Database::create(url, metrics).await.map(Self::new)
    }

    /// Opens the database of `DATABASE_URL`, which must exist.
    ///
    /// # Errors
    ///
    /// If it is missing or cannot be used. The error does not contain the URL.
    pub async fn open(url: &str, metrics: Metrics) -> Result<Self> {
        Database::open(url, metrics).await.map(Self::new)
    }

    fn new(database: Database) -> Self {
        let (is_ready, sizes) = (Arc::default(), Arc::default());
        let changed = watch::Sender::new(());
        Self { database, channels: Arc::default(), changed, is_ready, sizes, retention: None }
    }

    /// Starts to delete deliveries older than `retention_days`, and to write notifications for
    /// `channels`.
    pub fn start(self, channels: Vec<String>, retention_days: u32) -> Self {
        if let Database::Postgres(postgres) = &self.database {
            postgres.warn();
        }
        let channels: Arc<[String]> = channels.into();
        let retention = retention::run(self.database.clone(), channels.clone(), retention_days);
        let retention = Some(tokio::spawn(retention).abort_handle());
        Self { channels, retention, ..self }
    }

    /// Stores a delivery, with a notification for each channel if `notify`. Returns once both are
    /// committed.
    ///
    /// # Errors
    ///
    /// If the commit was not confirmed in time. It may still succeed, and a retry is a duplicate
    /// then.
    pub async fn store(
        &self,
        delivery: Arc<NewDelivery>,
        notify: bool,
    ) -> Result<Stored, StoreError> {
        if cfg!(feature = "stub-store") {
            return Ok(Stored::New { id: 0 });
        }
        let channels = notify.then(|| self.channels.clone());
        let (response, stored) = oneshot::channel();
        let store = async {
            self.database.insert(PendingInsert { delivery, channels, response }).await?;
            stored.await.map_err(|_| StoreError::closed())?
        };
        let stored = timeout(DATABASE_TIMEOUT, store).await.map_err(|_| StoreError::timeout())?;
        if notify && matches!(stored, Ok(Stored::New { .. })) {
            self.changed.send_replace(());
        }
        stored
    }

    /// Returns a delivery, or `None` if it does not exist or retention has deleted it.
    pub async fn delivery(&self, id: i64) -> Result<Option<StoredDelivery>, StoreError> {
        const ONE: &str = "SELECT * FROM deliveries WHERE body IS NOT NULL AND id = $1";
        let mut rows = self.database.read(ONE, vec![id.into()], StoredDelivery::from_row).await?;
        Ok(rows.pop())
    }

    /// Returns the next deliveries after `id`, in their order.
    pub async fn deliveries_after(&self, id: i64) -> Result<Vec<StoredDelivery>, StoreError> {
        const AFTER: &str =
            "SELECT * FROM deliveries WHERE body IS NOT NULL AND id > $1 ORDER BY id LIMIT $2";
        let values = vec![id.into(), MAX_PAGE_DELIVERIES.into()];
        self.database.read(AFTER, values, StoredDelivery::from_row).await
    }

    /// Returns the next deliveries after `id`, without their bodies.
    pub async fn summaries_after(&self, id: i64) -> Result<Vec<DeliverySummary>, StoreError> {
        const LIST: &str = "SELECT id, received_at, event, coalesce(chat_id, ticket_id) AS \
                            subject, secret_label, CAST(length(body) AS BIGINT) AS bytes \
                            FROM deliveries WHERE body IS NOT NULL AND id > $1 ORDER BY id \
                            LIMIT $2";
        let values = vec![id.into(), MAX_PAGE_ROWS.into()];
        self.database.read(LIST, values, DeliverySummary::from_row).await
    }

    /// Returns the next notifications after `id`.
    pub async fn notifications_after(
        &self,
        id: i64,
    ) -> Result<Vec<NotificationSummary>, StoreError> {
        const LIST: &str = "SELECT id, delivery_id, channel, state, attempts, due_at, last_error \
                            FROM outbox WHERE id > $1 ORDER BY id LIMIT $2";
        let values = vec![id.into(), MAX_PAGE_ROWS.into()];
        self.database.read(LIST, values, NotificationSummary::from_row).await
    }

    /// Adds a notification of a delivery on each of `channels`, whatever was sent before.
    pub async fn replay(&self, id: i64, channels: &[String]) -> Result<(), StoreError> {
        const REPLAY: &str = "INSERT INTO outbox \
             (delivery_id, channel, replay, created_at, due_at) \
             SELECT $1, $2, 1 + coalesce(max(replay), 0), $3, $3 FROM outbox \
             WHERE delivery_id = $1 AND channel = $2";
        let now = to_unix_millis(SystemTime::now());
        for channel in channels {
            self.database.execute(REPLAY, vec![id.into(), (&**channel).into(), now.into()]).await?;
        }
        Ok(())
    }

    /// Changes when there are new notifications.
    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Claims up to `limit` notifications that are due on `channel`. The same statement postpones
    /// them by the lease, so that no other worker claims them meanwhile, and that they become due
    /// again if this one crashes.
    pub async fn claim(&self, channel: &str, limit: usize) -> Result<Vec<Claimed>, StoreError> {
        macro_rules! claim {
            ($lock:literal) => {
                concat!(
                    "WITH due AS (SELECT id FROM outbox WHERE state = 'waiting' AND channel = $1 \
                     AND due_at <= $2 ORDER BY due_at LIMIT $3 ",
                    $lock,
                    ") UPDATE outbox SET due_at = $4, attempts = attempts + 1 \
                     WHERE id IN (SELECT id FROM due) \
                     RETURNING id, delivery_id, replay, attempts, created_at"
                )
            };
        }
        let sql = match self.database {
            Database::Sqlite(_) => claim!(""),
            Database::Postgres(_) => claim!("FOR UPDATE SKIP LOCKED"),
        };
        // The lease begins before the database is asked.
        let (now, leased_until) = (SystemTime::now(), Instant::now() + LEASE);
        let values = vec![
            channel.into(),
            to_unix_millis(now).into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
            to_unix_millis(now + LEASE).into(),
        ];
        self.database.write(sql, values, move |row| Claimed::from_row(row, leased_until)).await
    }

    /// Records the outcome, unless another worker has claimed the notification since.
    pub async fn finish(&self, claimed: &Claimed, outcome: &Outcome) -> Result<(), StoreError> {
        const FINISH: &str = "UPDATE outbox SET state = $1, due_at = $2, last_error = $3 \
                              WHERE id = $4 AND attempts = $5 AND state = 'waiting'";
        let (state, due_at, why) = match outcome {
            Outcome::Sent => ("sent", SystemTime::now(), None),
            Outcome::Again { at, why } => ("waiting", *at, Some(&**why)),
            Outcome::Failed { why } => ("failed", SystemTime::now(), Some(&**why)),
        };
        let values = vec![
            state.into(),
            to_unix_millis(due_at).into(),
            why.into(),
            claimed.id.into(),
            claimed.attempts.into(),
        ];
        self.database.execute(FINISH, values).await.map(drop)
    }

    /// Postpones everything that waits on `channel` until at least then.
    pub async fn postpone(&self, channel: &str, until: SystemTime) -> Result<(), StoreError> {
        const POSTPONE: &str = "UPDATE outbox SET due_at = $1 WHERE state = 'waiting' \
                                AND channel = $2 AND due_at < $1";
        let values = vec![to_unix_millis(until).into(), channel.into()];
        self.database.execute(POSTPONE, values).await.map(drop)
    }

    /// Closes the database. SQLite then moves everything into one file.
    pub async fn close(self) {
        if let Some(retention) = &self.retention {
            retention.abort();
        }
        if timeout(DATABASE_TIMEOUT, self.database.close()).await.is_err() {
            warn!("timed out closing the database; acknowledged deliveries are safe");
        }
    }
}
