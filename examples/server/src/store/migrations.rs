//! Migrates the schema with refinery. Databases that sqlx has migrated, as earlier versions of the
//! listener did, are adopted.

use std::fmt;
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow};
use refinery_core::error::Kind;
use refinery_core::traits::r#async::{AsyncMigrate, AsyncQuery, AsyncTransaction};
use refinery_core::{Migration, Runner, Target};
use rusqlite::Connection;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::sleep;
use tokio_postgres::Client;

use super::model::StoreError;

/// refinery takes no lock: of several listeners that start at once all but one may fail at each
/// step, and find it done at the next attempt.
const MAX_ATTEMPTS: usize = 6;
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

const SQLITE: [(&str, &str); 2] = [
    ("V1__deliveries", include_str!("../../migrations/sqlite/0001_deliveries.sql")),
    ("V2__outbox", include_str!("../../migrations/sqlite/0002_outbox.sql")),
];

const POSTGRES: [(&str, &str); 2] = [
    ("V1__deliveries", include_str!("../../migrations/postgres/0001_deliveries.sql")),
    ("V2__outbox", include_str!("../../migrations/postgres/0002_outbox.sql")),
];

/// Blocks.
///
/// # Errors
///
/// If a migration fails repeatedly, or a newer listener has migrated the database.
pub fn migrate_sqlite(connection: &mut Connection) -> Result<()> {
    let mut attempt = 1;
    loop {
        match try_migrate_sqlite(connection) {
            Err(error) if attempt < MAX_ATTEMPTS && is_retryable(&error) => {
                attempt += 1;
                thread::sleep(RETRY_INTERVAL);
            }
            result => return result.map_err(explain),
        }
    }
}

fn try_migrate_sqlite(connection: &mut Connection) -> Result<()> {
    const TABLES: &str = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?1";
    let runner = runner(&SQLITE)?;
    let exists = |table| connection.query_row(TABLES, [table], |row| Ok(row.get::<_, i64>(0)? > 0));
    let is_adopted = exists("refinery_schema_history")?
        && connection.query_row(IS_ADOPTED, [], |row| row.get(0))?;
    if !is_adopted && exists("_sqlx_migrations")? {
        let version = connection.query_row(SQLX_VERSION, [], |row| row.get(0))?;
        runner_until(&SQLITE, version)?.run(connection)?;
    }
    runner.run(connection)?;
    Ok(())
}

/// # Errors
///
/// If a migration fails repeatedly, or a newer listener has migrated the database.
pub async fn migrate_postgres(client: &mut Client) -> Result<()> {
    let mut attempt = 1;
    loop {
        match try_migrate_postgres(client).await {
            Err(error) if attempt < MAX_ATTEMPTS && is_retryable(&error) => {
                attempt += 1;
                sleep(RETRY_INTERVAL).await;
            }
            result => return result.map_err(explain),
        }
    }
}

async fn try_migrate_postgres(client: &mut Client) -> Result<()> {
    const TABLES: &str = "SELECT to_regclass('refinery_schema_history') IS NOT NULL, \
                          to_regclass('_sqlx_migrations') IS NOT NULL";
    let tables = client.query_typed_one(TABLES, &[]).await?;
    let is_adopted =
        tables.try_get(0)? && client.query_typed_one(IS_ADOPTED, &[]).await?.try_get(0)?;
    let mut connection = Unnamed(client);
    if !is_adopted && tables.try_get(1)? {
        let row = connection.0.query_typed_one(SQLX_VERSION, &[]).await?;
        runner_until(&POSTGRES, row.try_get(0)?)?.run_async(&mut connection).await?;
    }
    runner(&POSTGRES)?.run_async(&mut connection).await?;
    Ok(())
}

const IS_ADOPTED: &str = "SELECT count(*) > 0 FROM refinery_schema_history";

const SQLX_VERSION: &str =
    "SELECT CAST(coalesce(max(version), 0) AS INTEGER) FROM _sqlx_migrations WHERE success";

fn runner(migrations: &[(&str, &str)]) -> Result<Runner> {
    let migrations: Result<Vec<_>, _> =
        migrations.iter().map(|(name, sql)| Migration::unapplied(name, sql)).collect();
    Ok(Runner::new(&migrations?))
}

/// Records the migrations up to a version as applied, without running them.
fn runner_until(migrations: &[(&str, &str)], version: i32) -> Result<Runner> {
    if usize::try_from(version).is_ok_and(|version| version > migrations.len()) {
        return Err(NewerListener.into());
    }
    Ok(runner(migrations)?.set_target(Target::FakeVersion(version)))
}

#[derive(Debug)]
struct NewerListener;

impl fmt::Display for NewerListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a newer listener has migrated it; start that one")
    }
}

impl std::error::Error for NewerListener {}

fn is_retryable(error: &anyhow::Error) -> bool {
    !matches!(
        error.downcast_ref().map(refinery_core::Error::kind),
        Some(Kind::MissingVersion(_) | Kind::DivergentVersion(..))
    ) && !error.is::<NewerListener>()
}

/// refinery's own messages contain whole migrations.
fn explain(error: anyhow::Error) -> anyhow::Error {
    let error = match error.downcast::<tokio_postgres::Error>() {
        Ok(error) => return StoreError::from(error).into(),
        Err(error) => error,
    };
    match error.downcast_ref().map(refinery_core::Error::kind) {
        Some(Kind::MissingVersion(_) | Kind::DivergentVersion(..)) => NewerListener.into(),
        Some(Kind::Connection(_, source)) => match source.downcast_ref() {
            Some(rusqlite::Error::SqlInputError { msg, .. }) => anyhow!("failed to migrate: {msg}"),
            _ => anyhow!("failed to migrate: {source}"),
        },
        _ => error,
    }
}

/// refinery's implementation for [`Client`] uses named statements, which a transaction pooler would
/// keep.
struct Unnamed<'a>(&'a mut Client);

impl AsyncTransaction for Unnamed<'_> {
    type Error = StoreError;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        queries: T,
    ) -> Result<usize, StoreError> {
        let transaction = self.0.transaction().await?;
        let mut count = 0;
        for query in queries {
            transaction.batch_execute(query).await?;
            count += 1;
        }
        transaction.commit().await?;
        Ok(count)
    }
}

impl AsyncQuery<Vec<Migration>> for Unnamed<'_> {
    async fn query<'a>(&'a mut self, query: &'a str) -> Result<Vec<Migration>, StoreError> {
        let rows = self.0.query_typed(query, &[]).await?;
        rows.iter()
            .map(|row| {
                let invalid = || StoreError::new("invalid row in refinery_schema_history");
                let applied_on = OffsetDateTime::parse(row.try_get(2)?, &Rfc3339);
                let checksum = row.try_get::<_, &str>(3)?.parse();
                Ok(Migration::applied(
                    row.try_get(0)?,
                    row.try_get(1)?,
                    applied_on.map_err(|_| invalid())?,
                    checksum.map_err(|_| invalid())?,
                ))
            })
            .collect()
    }
}

impl AsyncMigrate for Unnamed<'_> {}
