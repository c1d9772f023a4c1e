//! [`Database`]: SQLite or PostgreSQL, for statements that both understand.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Result, anyhow};
use rusqlite::types::Value;
use tokio::time::timeout;

use super::model::StoreError;
use super::postgres::{self, Postgres};
use super::sqlite::{self, Sqlite};
use super::writer::PendingInsert;
use crate::telemetry::metrics::Metrics;

/// Timeout for the database to be opened and migrated.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);

pub const INVALID_ADDRESS: &str = "the address is neither sqlite://FILE nor \
                                   postgres://USER:PASSWORD@HOST/NAME, or has an unknown option";

/// An open database whose schema is current. Cheap to clone.
#[derive(Clone)]
pub enum Database {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Database {
    /// Opens the database of `DATABASE_URL`. Only a SQLite file can be created.
    ///
    /// # Errors
    ///
    /// If it cannot be used. The error does not contain the URL.
    pub async fn open(url: &str, create_if_missing: bool, metrics: Metrics) -> Result<Self> {
        open_with_timeout(async {
            if postgres::is_url(url) {
                Ok(Self::Postgres(Postgres::open(url, metrics).await?))
            } else {
                Ok(Self::Sqlite(Sqlite::open(url, create_if_missing, metrics).await?))
            }
        })
        .await
    }

    /// Queues a delivery for the next commit.
    pub async fn insert(&self, insert: PendingInsert) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.insert(insert).await,
            Self::Postgres(postgres) => postgres.insert(insert).await,
        }
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

    pub async fn close(&self) {
        match self {
            Self::Sqlite(sqlite) => sqlite.close().await,
            Self::Postgres(postgres) => postgres.close().await,
        }
    }
}

/// Limits the time for opening a database, and adds to errors what failed.
pub async fn open_with_timeout<T>(open: impl Future<Output = Result<T>>) -> Result<T> {
    let opened = timeout(OPEN_TIMEOUT, open).await.unwrap_or(Err(StoreError::Timeout.into()));
    opened.map_err(|error| anyhow!("failed to open database: {error:#}; check DATABASE_URL"))
}

/// A row of either database.
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
