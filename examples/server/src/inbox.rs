//! [`Inbox`]: every verified delivery, stored once and before it is answered.
//!
//! ```text
//! database.rs    open SQLite or PostgreSQL, and bring its tables up to date
//! group.rs       deliveries that come at the same time -> one transaction, and what became of each
//! insert.rs      the statements of that transaction
//! retention.rs   delete what is old
//! ready.rs       whether the database answers
//! stored.rs      read deliveries back
//! command.rs     `tawk-listener inbox`
//! ```

mod command;
mod database;
mod group;
mod insert;
mod ready;
mod retention;
mod stored;

pub(crate) use command::{Arguments, run};

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sqlx::AnyPool;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tracing::warn;

use crate::config::ConfigError;
use crate::delivery::Delivery;
use crate::metrics::Metrics;
use group::Waiting;
use ready::Ready;

/// So long is the database waited for, to answer or to be unlocked.
const PATIENCE: Duration = Duration::from_secs(5);

/// What became of a delivery that is on disk now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stored {
    /// It was not there before. `is_odd`: another one has the same event id, but other bytes.
    New { id: i64, is_odd: bool },
    /// It was there already, and nothing has changed.
    Repeat,
}

/// Why a delivery is not known to be on disk.
#[derive(Clone, Debug)]
pub(crate) struct Unavailable(Arc<str>);

impl Unavailable {
    fn new(why: &impl fmt::Display) -> Self {
        Self(why.to_string().into())
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A database that is there, and whose tables are up to date.
pub(crate) struct Database(AnyPool);

impl Database {
    /// Opens the one of `DATABASE_URL`, and creates it if it is SQLite's and not there yet.
    ///
    /// # Errors
    ///
    /// When it cannot be used.
    pub(crate) async fn create(url: &str) -> Result<Self, ConfigError> {
        database::create(url).await.map(Self)
    }
}

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Inbox {
    pool: AnyPool,
    waiting: mpsc::Sender<Waiting>,
    ready: Arc<Ready>,
}

impl Inbox {
    /// Begins to store what comes, and to delete what is older than `retention_days`.
    pub(crate) fn start(Database(pool): Database, retention_days: u32, metrics: Metrics) -> Self {
        let (waiting, next) = mpsc::channel(group::DELIVERIES_MOST);
        tokio::spawn(group::commit_all(pool.clone(), next, metrics));
        tokio::spawn(retention::run(pool.clone(), retention_days));
        Self { ready: Arc::new(Ready::new(pool.clone())), pool, waiting }
    }

    /// Returns once the delivery is on disk, alone or together with others.
    ///
    /// # Errors
    ///
    /// When the database did not confirm that in time. It may be there all the same: then the next
    /// try is a repeat.
    pub(crate) async fn store(&self, delivery: Arc<Delivery>) -> Result<Stored, Unavailable> {
        let (answer, stored) = oneshot::channel();
        let store = async {
            self.waiting.send(Waiting { delivery, answer }).await.ok()?;
            stored.await.ok()
        };
        match timeout(PATIENCE, store).await {
            Ok(Some(stored)) => stored,
            Ok(None) => Err(Unavailable::new(&"the listener is stopping")),
            Err(_) => Err(Unavailable::new(&"the database did not answer in time")),
        }
    }

    /// Whether the database answers.
    pub(crate) async fn is_ready(&self) -> bool {
        self.ready.get().await
    }

    /// How many deliveries it holds, if the database answers.
    pub(crate) async fn size(&self) -> Option<u64> {
        const COUNT: &str = "SELECT count(*) FROM deliveries WHERE body IS NOT NULL";
        let count = sqlx::query_scalar::<_, i64>(COUNT).fetch_one(&self.pool);
        timeout(PATIENCE, count).await.ok()?.ok()?.try_into().ok()
    }

    /// Closes the database, which for SQLite also tidies its files up.
    pub(crate) async fn close(self) {
        if timeout(PATIENCE, self.pool.close()).await.is_err() {
            warn!("the database did not close in time; nothing that was answered 200 is lost");
        }
    }
}
