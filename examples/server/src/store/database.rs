//! [`Database`]: SQLite or PostgreSQL, for statements that both understand.

use rusqlite::types::{ToSqlOutput, Value as SqliteValue};
use tokio::time::timeout;
use tokio_postgres::types::{ToSql, Type};

use super::DATABASE_TIMEOUT;
use super::model::StoreError;
use super::postgres::Postgres;
use super::sqlite::Sqlite;
use super::writer::PendingInsert;

/// An open database whose schema is current.
#[derive(Clone)]
pub enum Database {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Database {
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
        let rows = async {
            match self {
                Self::Sqlite(sqlite) => sqlite.read(sql, values, from_row).await,
                Self::Postgres(postgres) => postgres.query(sql, &values, from_row).await,
            }
        };
        timeout(DATABASE_TIMEOUT, rows).await.unwrap_or_else(|_| Err(StoreError::timeout()))
    }

    /// Runs a statement that changes rows, and returns its `RETURNING` rows.
    pub async fn write<T: Send + 'static>(
        &self,
        sql: &'static str,
        values: Vec<Value>,
        from_row: impl Fn(&Row<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Vec<T>, StoreError> {
        let rows = async {
            match self {
                Self::Sqlite(sqlite) => sqlite.write(sql, values, from_row).await,
                Self::Postgres(postgres) => postgres.query(sql, &values, from_row).await,
            }
        };
        timeout(DATABASE_TIMEOUT, rows).await.unwrap_or_else(|_| Err(StoreError::timeout()))
    }

    /// Runs a statement, and returns the number of affected rows.
    pub async fn execute(&self, sql: &'static str, values: Vec<Value>) -> Result<u64, StoreError> {
        let count = async {
            match self {
                Self::Sqlite(sqlite) => sqlite.execute(sql, values).await,
                Self::Postgres(postgres) => postgres.execute(sql, &values).await,
            }
        };
        timeout(DATABASE_TIMEOUT, count).await.unwrap_or_else(|_| Err(StoreError::timeout()))
    }

    /// Returns whether the database can still be found at its address.
    pub fn is_in_place(&self) -> bool {
        match self {
            Self::Sqlite(sqlite) => sqlite.is_in_place(),
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
