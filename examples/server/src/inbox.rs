//! [`Inbox`]: every verified delivery, stored once and before it is answered.
//!
//! ```text
//! open.rs        open SQLite or PostgreSQL, and bring its tables up to date -> database.rs
//! group.rs       deliveries that come at the same time -> one transaction, and what became of each
//! insert.rs      the statement that stores them
//! outbox.rs      who is to be told of them, in the same transaction; from there to `notify`
//! retention.rs   delete what is old, and give up what nobody sends
//! recent.rs      what is asked no more than once a second
//! stored.rs      read deliveries back (notification.rs the outbox)
//! ```

mod database;
mod group;
mod insert;
mod notification;
mod open;
mod outbox;
mod recent;
mod retention;
mod stored;

pub(crate) use database::Database;
pub(crate) use notification::Notification;
pub(crate) use outbox::{Claimed, Outbox, Outcome};
pub(crate) use stored::Listed;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tracing::warn;

use crate::delivery::Delivery;
use crate::metrics::{Metrics, Sizes};
use group::Waiting;
use recent::Recent;

/// So long is the database waited for, to answer or to be unlocked.
const PATIENCE: Duration = Duration::from_secs(5);

/// So long those who look wait for it.
const LOOK_PATIENCE: Duration = Duration::from_secs(2);

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

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Inbox {
    database: Database,
    outbox: Outbox,
    waiting: mpsc::Sender<Waiting>,
    is_ready: Arc<Recent<bool>>,
    sizes: Arc<Recent<Option<Sizes>>>,
}

impl Inbox {
    /// Begins to store what comes, to be told on `channels`, and to delete what is older than
    /// `retention_days`.
    pub(crate) fn start(
        database: Database,
        channels: Vec<String>,
        retention_days: u32,
        metrics: Metrics,
    ) -> Self {
        let outbox = Outbox::new(database.clone(), channels);
        let (waiting, next) = mpsc::channel(group::DELIVERIES_MOST);
        tokio::spawn(group::commit_all(database.clone(), outbox.clone(), next, metrics));
        tokio::spawn(retention::run(database.clone(), outbox.clone(), retention_days));
        let (is_ready, sizes) = Default::default();
        Self { database, outbox, waiting, is_ready, sizes }
    }

    /// Returns once the delivery is on disk, alone or together with others, and with it, if it
    /// `is_told`, who is to be told of it.
    ///
    /// # Errors
    ///
    /// When the database did not confirm that in time. It may be there all the same: then the next
    /// try is a repeat.
    pub(crate) async fn store(
        &self,
        delivery: Arc<Delivery>,
        is_told: bool,
    ) -> Result<Stored, Unavailable> {
        let (answer, stored) = oneshot::channel();
        let store = async {
            self.waiting.send(Waiting { delivery, is_told, answer }).await.ok()?;
            stored.await.ok()
        };
        match timeout(PATIENCE, store).await {
            Ok(Some(stored)) => stored,
            Ok(None) => Err(Unavailable::new(&"the listener is stopping")),
            Err(_) => Err(Unavailable::new(&"the database did not answer in time")),
        }
    }

    pub(crate) const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// A delivery that is stored; `None` once it is deleted.
    pub(crate) async fn delivery(&self, id: i64) -> Result<Option<Delivery>, sqlx::Error> {
        self.database.delivery(id).await
    }

    /// Whether the database answers, and notifications move.
    pub(crate) async fn is_ready(&self) -> bool {
        let ask = async {
            // It has to look into the table: SQLite answers others from memory.
            self.database.rows(sqlx::query("SELECT id FROM deliveries LIMIT 1")).await?;
            self.outbox.is_stuck().await
        };
        let is_ready = async {
            self.database.is_in_place()
                && matches!(timeout(LOOK_PATIENCE, ask).await, Ok(Ok(false)))
        };
        self.is_ready.get(is_ready).await
    }

    /// What it holds, if the database answers.
    pub(crate) async fn sizes(&self) -> Option<Sizes> {
        let sizes = async {
            let deliveries = self.database.count().await?;
            Ok::<_, sqlx::Error>(Sizes { deliveries, ..self.outbox.sizes().await? })
        };
        let sizes = async { timeout(LOOK_PATIENCE, sizes).await.ok()?.ok() };
        self.sizes.get(sizes).await
    }

    /// Closes the database, which for SQLite also tidies its files up.
    pub(crate) async fn close(self) {
        if timeout(PATIENCE, self.database.close()).await.is_err() {
            warn!("the database did not close in time; nothing that was answered 200 is lost");
        }
    }
}
