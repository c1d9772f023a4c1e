//! [`Store`]: verified deliveries, each stored once, and the outbox of their notifications.

mod channels;
mod database;
mod migrations;
mod model;
mod notifications;
mod postgres;
mod retention;
mod search;
mod search_text;
mod sqlite;
mod sqlite_file;
mod sslmode;
mod status;

pub use migrations::Schema;
pub use model::{
    Attempt, Notification, Outcome, Recipient, StoreError, Stored, StoredDelivery,
    VerifiedDelivery, from_unix_millis, to_unix_millis,
};
pub use notifications::State;
pub use search::{Day, Filter, Order};

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, anyhow, bail, ensure};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use tower_tawk::event::Event;
use tracing::warn;

use crate::supervise::supervise;
use crate::telemetry::metrics::Metrics;
use database::{Database, PendingInsert};
use status::Readiness;

/// Timeout for the database, to answer or to be unlocked.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(5);

/// Timeout for the database to be opened and migrated.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a claimed notification belongs to its worker: twice the timeout for sending it, so that
/// clocks of several listeners may differ by seconds.
const LEASE: Duration = Duration::from_secs(20);

/// Maximum attempts that are kept of a notification.
const MAX_HISTORY: usize = 20;

#[derive(Clone, Copy, PartialEq)]
pub enum Access {
    /// Creates a missing SQLite file, and migrates the schema.
    Migrate,
    Write,
    /// Changes nothing, so that a read-only file or role suffices.
    Read,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Store {
    database: Database,
    changed: watch::Sender<()>,
    readiness: Arc<Readiness>,
}

impl Store {
    /// Opens the database of `DATABASE_URL`. Errors do not contain the URL.
    pub async fn open(url: &str, access: Access, metrics: Metrics) -> Result<Self> {
        const OLDER: &str = "it has no tables, or those of an older version; start the listener to \
                             migrate it";
        let open = async {
            let database = Database::open(url, access, metrics).await?;
            match access {
                Access::Migrate => migrations::migrate(&database).await?,
                _ => ensure!(migrations::schema(&database).await? == Schema::Current, OLDER),
            }
            Ok(database)
        };
        Ok(Self {
            database: open_with_timeout(open).await?,
            changed: watch::Sender::default(),
            readiness: Arc::default(),
        })
    }

    /// Copies the database to a new file. SQLite only.
    pub async fn backup(&self, file: &Path) -> Result<()> {
        match &self.database {
            Database::Sqlite(sqlite) => sqlite.backup(file).await,
            Database::Postgres(_) => bail!("DATABASE_URL is PostgreSQL; use pg_dump"),
        }
        .with_context(|| format!("failed to back up to {}", file.display()))
    }

    /// Starts to delete deliveries older than `days`, to report what waits for other channels, to
    /// rename channels from `earlier` names, and to make earlier deliveries searchable.
    pub fn start(&self, channels: Arc<[String]>, earlier: Arc<[(String, String)]>, days: u32) {
        let store = self.clone();
        let retention =
            move || retention::run(store.clone(), channels.clone(), earlier.clone(), days);
        tokio::spawn(supervise("retention", retention));
    }

    /// Stores a delivery and what is to be sent to `recipients`. Returns once both are committed.
    /// If that was not confirmed in time, it may still succeed. A retry is a duplicate then.
    pub async fn store(
        &self,
        delivery: Arc<VerifiedDelivery>,
        event: &Event,
        recipients: Vec<Recipient>,
    ) -> Result<Stored, StoreError> {
        if cfg!(feature = "stub-store") {
            return Ok(Stored::New { id: 0 });
        }
        let is_sent = !recipients.is_empty();
        let (response, stored) = oneshot::channel();
        let store = async {
            let search_text = search_text::search_text(event, &delivery.body);
            let insert = PendingInsert { delivery, recipients, search_text, response };
            self.database.insert(insert).await?;
            stored.await.map_err(|_| StoreError::Closed)?
        };
        let stored = timeout(DATABASE_TIMEOUT, store).await.unwrap_or(Err(StoreError::Timeout))?;
        if is_sent && matches!(stored, Stored::New { .. }) {
            self.changed.send_replace(());
        }
        Ok(stored)
    }

    /// Returns a delivery, or `None` if it does not exist or was erased.
    pub async fn delivery(&self, id: i64) -> Result<Option<StoredDelivery>, StoreError> {
        let columns = StoredDelivery::COLUMNS;
        let one = format!("SELECT {columns} FROM deliveries WHERE body IS NOT NULL AND id = $1");
        let rows = self.database.read(&one, vec![id.into()]).await?;
        rows.first().map(StoredDelivery::from_row).transpose()
    }

    /// Changes when there are new notifications.
    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Claims up to `limit` notifications that are due on `channel`. The same statement postpones
    /// them by the lease, so that no other worker claims them meanwhile, and that they become due
    /// again if this one crashes.
    pub async fn claim(
        &self,
        channel: &str,
        limit: usize,
    ) -> Result<Vec<Notification>, StoreError> {
        // SQLite has a single writer.
        let has_writers = matches!(self.database, Database::Postgres(_));
        let lock = if has_writers { "FOR UPDATE SKIP LOCKED" } else { "" };
        let sql = format!(
            "WITH due AS (SELECT id FROM outbox WHERE state = 'waiting' AND channel = $1 \
             AND due_at <= $2 ORDER BY due_at LIMIT $3 {lock}) \
             UPDATE outbox SET due_at = $4, attempts = attempts + 1 \
             WHERE id IN (SELECT id FROM due) RETURNING *"
        );
        let now = SystemTime::now();
        let values = vec![
            channel.to_owned().into(),
            to_unix_millis(now).into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
            to_unix_millis(now + LEASE).into(),
        ];
        self.database.write(&sql, values).await?.iter().map(Notification::from_row).collect()
    }

    /// Records an attempt, unless another worker has claimed the notification since.
    pub async fn finish(
        &self,
        claimed: &Notification,
        outcome: &Outcome,
        begun: SystemTime,
        duration: Duration,
    ) -> Result<(), StoreError> {
        const FINISH: &str = "UPDATE outbox SET state = $1, due_at = $2, last_error = $3, \
                              history = $4 WHERE id = $5 AND attempts = $6 AND state = 'waiting'";
        let (state, due_at, text) = match outcome {
            Outcome::Sent { response } => ("sent", SystemTime::now(), response),
            Outcome::Again { at, why } => ("waiting", *at, why),
            Outcome::Failed { why } => ("failed", SystemTime::now(), why),
        };
        let why = Some(text.clone()).filter(|_| state != "sent");
        let millis = duration.as_millis().try_into().unwrap_or(u64::MAX);
        let attempt = Attempt { at: to_unix_millis(begun), millis, outcome: text.clone() };
        let oldest = (claimed.history.len() + 1).saturating_sub(MAX_HISTORY);
        let history: Vec<_> = claimed.history.iter().skip(oldest).chain([&attempt]).collect();
        let values = vec![
            state.to_owned().into(),
            to_unix_millis(due_at).into(),
            why.into(),
            serde_json::to_string(&history).unwrap_or_default().into(),
            claimed.id.into(),
            claimed.attempts.into(),
        ];
        self.database.write(FINISH, values).await.map(drop)
    }

    /// Postpones everything that waits on `channel` until at least then.
    pub async fn postpone(&self, channel: &str, until: SystemTime) -> Result<(), StoreError> {
        const POSTPONE: &str = "UPDATE outbox SET due_at = $1 WHERE state = 'waiting' \
                                AND channel = $2 AND due_at < $1";
        let values = vec![to_unix_millis(until).into(), channel.to_owned().into()];
        self.database.write(POSTPONE, values).await.map(drop)
    }

    /// Closes SQLite, which then moves everything into one file.
    pub async fn close(&self) {
        if let Database::Sqlite(sqlite) = &self.database
            && timeout(DATABASE_TIMEOUT, sqlite.close()).await.is_err()
        {
            warn!("timed out closing the database; acknowledged deliveries are safe");
        }
    }
}

/// Limits the time for opening a database, and adds to errors what failed.
async fn open_with_timeout<T>(open: impl Future<Output = Result<T>>) -> Result<T> {
    let opened = timeout(OPEN_TIMEOUT, open).await.unwrap_or(Err(StoreError::Timeout.into()));
    opened.map_err(|error| anyhow!("failed to open database: {error:#}; check DATABASE_URL"))
}
