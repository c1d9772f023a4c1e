//! [`Database`]: SQLite or PostgreSQL, for statements that both understand.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use rusqlite::types::{ToSqlOutput, Value as SqliteValue};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_postgres::types::{ToSql, Type};

use super::model::StoreError;
use super::postgres::Postgres;
use super::sqlite::{self, Sqlite};
use super::writer::PendingInsert;
use crate::telemetry::metrics::Metrics;

/// Timeout for the database to be opened and migrated.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);

/// An open database whose schema is current.
#[derive(Clone)]
pub enum Database {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Database {
    /// Opens the database of `DATABASE_URL`. A SQLite file is created if it is missing.
    ///
    /// # Errors
    ///
    /// If it cannot be used. The error does not contain the URL.
    pub async fn create(url: &str, metrics: Metrics) -> Result<Self> {
        if let Address::Sqlite(path) = Address::parse(url)? {
            sqlite::create(&path).map_err(|error| {
                anyhow!(
                    "failed to create database {}: {error}; set DATABASE_URL to a writable file",
                    path.display()
                )
            })?;
        }
        Self::open(url, metrics).await
    }

    /// Opens the database of `DATABASE_URL`, which must exist.
    ///
    /// # Errors
    ///
    /// If it is missing or cannot be used. The error does not contain the URL.
    pub async fn open(url: &str, metrics: Metrics) -> Result<Self> {
        let address = Address::parse(url)?;
        let open = async {
            match address {
                Address::Sqlite(path) if !path.exists() => {
                    bail!("{} is missing; the listener creates it when it starts", path.display())
                }
                Address::Sqlite(path) => {
                    let open = spawn_blocking(move || Sqlite::open(&path, metrics));
                    Ok(Self::Sqlite(open.await??))
                }
                Address::Postgres => Postgres::open(url, metrics).await.map(Self::Postgres),
            }
        };
        match timeout(OPEN_TIMEOUT, open).await {
            Ok(Ok(database)) => Ok(database),
            Ok(Err(error)) => bail!("failed to open database: {error:#}; check DATABASE_URL"),
            Err(_) => bail!("failed to open database: timed out; check DATABASE_URL"),
        }
    }

    /// Queues a delivery for the next commit.
    pub async fn insert(&self, insert: PendingInsert) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.insert(insert).await,
            Self::Postgres(postgres) => postgres.insert(insert).await,
        }
    }

    /// Returns the rows of a `SELECT`.
    pub async fn read<T: Send + 'static>(
        &self,
        sql: &'static str,
        values: Vec<Value>,
        from_row: impl Fn(&Row<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Vec<T>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.read(sql, values, from_row).await,
            Self::Postgres(postgres) => postgres.query(sql, &values, from_row).await,
        }
    }

    /// Runs a statement that changes rows, and returns its `RETURNING` rows.
    pub async fn write<T: Send + 'static>(
        &self,
        sql: &'static str,
        values: Vec<Value>,
        from_row: impl Fn(&Row<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Vec<T>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.write(sql, values, from_row).await,
            Self::Postgres(postgres) => postgres.query(sql, &values, from_row).await,
        }
    }

    /// Runs a statement, and returns the number of affected rows.
    pub async fn execute(&self, sql: &'static str, values: Vec<Value>) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.execute(sql, values).await,
            Self::Postgres(postgres) => postgres.execute(sql, &values).await,
        }
    }

    /// Returns whether commits can succeed, without asking the database.
    pub fn is_usable(&self) -> bool {
        match self {
            Self::Sqlite(sqlite) => sqlite.is_usable(),
            Self::Postgres(_) => true,
        }
    }

    pub async fn close(&self) {
        match self {
            Self::Sqlite(sqlite) => sqlite.close().await,
            Self::Postgres(postgres) => postgres.close(),
        }
    }
}

/// What `DATABASE_URL` names.
enum Address {
    Sqlite(PathBuf),
    Postgres,
}

impl Address {
    fn parse(url: &str) -> Result<Self> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres);
        }
        sqlite::parse_url(url).map(Self::Sqlite).map_err(|reason| {
            anyhow!(
                "invalid DATABASE_URL: {reason}; set it to sqlite://FILE or \
                 postgres://USER:PASSWORD@HOST/NAME"
            )
        })
    }
}

/// A parameter of a statement: `$1`, `$2` and so on, in the order of their first use.
pub enum Value {
    Integer(i64),
    Text(Option<String>),
}

impl From<i64> for Value {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        Self::Text(text.map(str::to_owned))
    }
}

impl Value {
    /// The value and its type on PostgreSQL.
    pub fn typed(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Self::Integer(integer) => (integer, Type::INT8),
            Self::Text(text) => (text, Type::TEXT),
        }
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Integer(integer) => ToSqlOutput::from(*integer),
            Self::Text(Some(text)) => ToSqlOutput::from(text.as_str()),
            Self::Text(None) => ToSqlOutput::Owned(SqliteValue::Null),
        })
    }
}

/// A row of either database.
pub enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

impl Row<'_> {
    pub fn get<T>(&self, column: &str) -> Result<T, StoreError>
    where
        T: rusqlite::types::FromSql + for<'a> tokio_postgres::types::FromSql<'a>,
    {
        match self {
            Self::Sqlite(row) => Ok(row.get(column)?),
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }
}
