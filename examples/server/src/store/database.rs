//! [`Database`]: SQLite or PostgreSQL, for statements that both understand.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use rusqlite::types::Value;
use tokio::time::timeout;

use super::Access;
use super::migrations::{LATEST_VERSION, NEWER_LISTENER};
use super::model::StoreError;
use super::postgres::{self, Postgres};
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
        open_with_timeout(async {
            let database = Self::connect(url, access, metrics).await?;
            if access != Access::Migrate && database.schema().await? != Schema::Current {
                bail!(
                    "it has no tables, or those of an older version; start the listener to \
                     migrate it"
                );
            }
            Ok(database)
        })
        .await
    }

    /// Opens a database whose schema may have another version.
    pub async fn connect(url: &str, access: Access, metrics: Metrics) -> Result<Self> {
        if postgres::is_url(url) {
            Ok(Self::Postgres(Postgres::open(url, access, metrics).await?))
        } else {
            Ok(Self::Sqlite(Sqlite::open(url, access, metrics).await?))
        }
    }

    /// # Errors
    ///
    /// If a newer listener has migrated the database.
    pub async fn schema(&self) -> Result<Schema> {
        const VERSION: &str = "SELECT max(version) AS version FROM refinery_schema_history";
        let exists = match self {
            Self::Sqlite(_) => "SELECT name FROM sqlite_schema WHERE name = $1",
            Self::Postgres(_) => "SELECT 1 WHERE to_regclass($1) IS NOT NULL",
        };
        let exists = async |table: &str| {
            let rows = self.read(exists, vec![table.to_owned().into()]).await?;
            Ok::<_, StoreError>(!rows.is_empty())
        };
        let mut version = None;
        if exists("refinery_schema_history").await?
            && let Some(row) = self.read(VERSION, Vec::new()).await?.first()
        {
            version = row.get::<Option<i32>>("version")?;
        }
        let version = version.and_then(|version| usize::try_from(version).ok());
        match version.map(|version| version.cmp(&LATEST_VERSION)) {
            Some(Ordering::Equal) => Ok(Schema::Current),
            Some(Ordering::Greater) => bail!(NEWER_LISTENER),
            Some(Ordering::Less) => Ok(Schema::Outdated),
            None if exists("deliveries").await? => Ok(Schema::Outdated),
            None => Ok(Schema::Missing),
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

/// Limits the time for opening a database, and adds to errors what failed.
pub async fn open_with_timeout<T>(open: impl Future<Output = Result<T>>) -> Result<T> {
    let opened = timeout(OPEN_TIMEOUT, open).await.unwrap_or(Err(StoreError::Timeout.into()));
    opened.map_err(|error| anyhow!("failed to open database: {error:#}; check DATABASE_URL"))
}

/// The tables of a database.
#[derive(PartialEq)]
pub enum Schema {
    Missing,
    /// An earlier version of them.
    Outdated,
    Current,
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
