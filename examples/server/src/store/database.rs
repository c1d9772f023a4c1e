//! [`Database`]: SQLite or PostgreSQL, for statements that both understand.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use rusqlite::types::Value;
use tokio::time::timeout;

use super::Access;
use super::migrations::{LATEST_VERSION, NEWER_LISTENER, OLDER_LISTENER};
use super::model::StoreError;
use super::postgres::Postgres;
use super::sqlite::{self, Sqlite};
use super::writer::PendingInsert;
use crate::telemetry::metrics::Metrics;

/// Timeout for the database to be opened and migrated.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);

pub const INVALID_ADDRESS: &str = "the address is neither sqlite://FILE nor \
                                   postgres://USER:PASSWORD@HOST/NAME, or has an unknown option; \
                                   percent-encode special characters";

/// An open database whose schema is current. Cheap to clone.
#[derive(Clone)]
pub enum Database {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Database {
    /// Opens the database of `DATABASE_URL`.
    ///
    /// # Errors
    ///
    /// If it cannot be used. The error does not contain the URL.
    pub async fn open(url: &str, access: Access, metrics: Metrics) -> Result<Self> {
        let open = async {
            let database = if url.starts_with("postgres://") || url.starts_with("postgresql://") {
                Self::Postgres(Postgres::open(url, access, metrics).await?)
            } else {
                Self::Sqlite(Sqlite::open(url, access, metrics).await?)
            };
            if access != Access::Migrate {
                database.check_schema().await?;
            }
            Ok(database)
        };
        let opened = timeout(OPEN_TIMEOUT, open).await.unwrap_or(Err(StoreError::Timeout.into()));
        opened.map_err(|error: anyhow::Error| {
            anyhow!("failed to open database: {error:#}; check DATABASE_URL")
        })
    }

    /// Rejects a schema of another version.
    async fn check_schema(&self) -> Result<()> {
        const VERSION: &str = "SELECT max(version) AS version FROM refinery_schema_history";
        let exists = match self {
            Self::Sqlite(_) => {
                "SELECT name FROM sqlite_schema WHERE name = 'refinery_schema_history'"
            }
            Self::Postgres(_) => {
                "SELECT 1 WHERE to_regclass('refinery_schema_history') IS NOT NULL"
            }
        };
        let mut version = None;
        if !self.read(exists, Vec::new()).await?.is_empty()
            && let Some(row) = self.read(VERSION, Vec::new()).await?.first()
        {
            version = row.get::<Option<i32>>("version")?;
        }
        let version = version.and_then(|version| usize::try_from(version).ok());
        match version.map(|version| version.cmp(&LATEST_VERSION)) {
            Some(Ordering::Equal) => Ok(()),
            Some(Ordering::Greater) => bail!(NEWER_LISTENER),
            Some(Ordering::Less) | None => bail!(OLDER_LISTENER),
        }
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

    /// Copies the database to a new file.
    pub async fn backup(&self, file: &Path) -> Result<()> {
        match self {
            Self::Sqlite(sqlite) => sqlite.backup(file).await,
            Self::Postgres(_) => bail!("DATABASE_URL is PostgreSQL; use pg_dump"),
        }
    }

    pub async fn close(&self) {
        match self {
            Self::Sqlite(sqlite) => sqlite.close().await,
            Self::Postgres(postgres) => postgres.close().await,
        }
    }
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
