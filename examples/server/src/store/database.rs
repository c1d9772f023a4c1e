//! [`Database`]: SQLite or PostgreSQL, for batches of deliveries, and for statements that both
//! understand.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Result;
use rusqlite::types::Value;
use tokio::sync::oneshot;

use super::Access;
use super::model::{Recipient, StoreError, Stored, VerifiedDelivery};
use super::postgres::Postgres;
use super::sqlite::{self, Job, Sqlite};
use crate::telemetry::metrics::Metrics;

pub const INVALID_ADDRESS: &str = "the address is neither sqlite://FILE nor \
                                   postgres://USER:PASSWORD@HOST/NAME, or has an unknown option; \
                                   percent-encode special characters";

/// An open database. Cheap to clone. The unique constraint on the signature decides what is a
/// duplicate, also between several listeners.
#[derive(Clone)]
pub enum Database {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Database {
    /// Opens the database of `DATABASE_URL`, whose schema may have any version.
    pub async fn open(url: &str, access: Access, metrics: Metrics) -> Result<Self> {
        if url.starts_with("sqlite:") {
            Ok(Self::Sqlite(Sqlite::open(url, access, metrics)?))
        } else {
            Ok(Self::Postgres(Postgres::open(url, metrics).await?))
        }
    }

    pub async fn insert(&self, insert: PendingInsert) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.writer.send(Job::Insert(insert)).await.ok(),
            Self::Postgres(postgres) => postgres.inserts.send(insert).await.ok(),
        }
        .ok_or(StoreError::Closed)
    }

    /// Returns the rows of a `SELECT`. Its parameters are `$1`, `$2` and so on, in the order of
    /// their first use.
    pub async fn read(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite::query(&sqlite.reader, sql, values).await,
            Self::Postgres(postgres) => postgres.reads.query(sql, &values).await,
        }
    }

    /// Runs a statement that changes rows, and returns its `RETURNING` rows.
    pub async fn write(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite::query(&sqlite.writer, sql, values).await,
            Self::Postgres(postgres) => postgres.writes.query(sql, &values).await,
        }
    }
}

pub enum Row {
    /// Values by the names of their columns.
    Sqlite(HashMap<String, Value>),
    Postgres(tokio_postgres::Row),
}

impl Row {
    pub fn get<T>(&self, column: &str) -> Result<T, StoreError>
    where
        T: rusqlite::types::FromSql + for<'a> tokio_postgres::types::FromSql<'a>,
    {
        match self {
            Self::Sqlite(row) => {
                let value = row.get(column).unwrap_or(&Value::Null);
                T::column_result(value.into())
                    .map_err(|error| StoreError::Failed(format!("{error}: {column}")))
            }
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }
}

pub const MAX_BATCH_DELIVERIES: usize = 256;

/// No delivery is added to a transaction that holds as many bytes.
const MAX_BATCH_BYTES: usize = 8 << 20;

/// A delivery that waits for its commit. Those that arrive while a commit is under way share the
/// next one, so that one flush of the disk serves all of them.
pub struct PendingInsert {
    pub delivery: Arc<VerifiedDelivery>,
    /// Where it is sent to. Inserted in the same transaction.
    pub recipients: Vec<Recipient>,
    pub search_text: String,
    pub response: oneshot::Sender<Result<Stored, StoreError>>,
}

/// Takes what `next` has at this moment, without waiting for more.
pub fn collect(
    first: PendingInsert,
    mut next: impl FnMut() -> Option<PendingInsert>,
) -> Vec<PendingInsert> {
    let mut bytes = first.delivery.body.len();
    let mut batch = vec![first];
    while batch.len() < MAX_BATCH_DELIVERIES
        && bytes < MAX_BATCH_BYTES
        && let Some(insert) = next()
    {
        bytes += insert.delivery.body.len();
        batch.push(insert);
    }
    batch.retain(|insert| !insert.response.is_closed());
    // Two listeners that insert the same rows in the same order cannot deadlock.
    batch.sort_by_key(|insert| *insert.delivery.signature.as_bytes());
    batch
}

/// Sends the outcome of the commit to those that wait for it. Clients that are gone retry.
pub fn respond(batch: Vec<PendingInsert>, outcome: &Result<Vec<Stored>, StoreError>) {
    for (index, insert) in batch.into_iter().enumerate() {
        let stored = outcome.as_ref().map(|stored| stored[index]).map_err(StoreError::clone);
        let _ = insert.response.send(stored);
    }
}
