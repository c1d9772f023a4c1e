//! Migrates the schema with refinery. Databases that sqlx has migrated, as earlier versions of the
//! listener did, are adopted.

use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use refinery_core::error::Kind;
use refinery_core::traits::r#async::{AsyncMigrate, AsyncQuery, AsyncTransaction};
use refinery_core::{Migration, Runner, Target};
use rusqlite::Connection;
use time::OffsetDateTime;
use tokio::time::sleep;
use tokio_postgres::Client;

use super::model::StoreError;
use super::transaction::{self, BEGIN_READING};

const MAX_ATTEMPTS: u32 = 10;
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

pub const NEWER_LISTENER: &str = "a newer listener has migrated it; use that one";

pub const LATEST_VERSION: usize = SQLITE.len();

const SQLITE: [(&str, &str); 4] = [
    ("V1__deliveries", include_str!("../../migrations/sqlite/0001_deliveries.sql")),
    ("V2__outbox", include_str!("../../migrations/sqlite/0002_outbox.sql")),
    (
        "V3__one_notification_per_event",
        include_str!("../../migrations/sqlite/0003_one_notification_per_event.sql"),
    ),
    ("V4__channels", include_str!("../../migrations/sqlite/0004_channels.sql")),
];

const POSTGRES: [(&str, &str); 4] = [
    ("V1__deliveries", include_str!("../../migrations/postgres/0001_deliveries.sql")),
    ("V2__outbox", include_str!("../../migrations/postgres/0002_outbox.sql")),
    (
        "V3__one_notification_per_event",
        include_str!("../../migrations/postgres/0003_one_notification_per_event.sql"),
    ),
    ("V4__channels", include_str!("../../migrations/postgres/0004_channels.sql")),
];

const SQLX_VERSION: &str =
    "SELECT CAST(coalesce(max(version), 0) AS INTEGER) FROM _sqlx_migrations WHERE success";

/// Runs `migrate` until it succeeds. refinery takes no lock: of several listeners that start at
/// once all but one may fail at each step, and find it done at the next attempt.
///
/// # Errors
///
/// If it fails repeatedly, or a newer listener has migrated the database.
pub async fn retry(mut migrate: impl AsyncFnMut() -> Result<()>) -> Result<()> {
    for _ in 1..MAX_ATTEMPTS {
        if migrate().await.is_ok() {
            return Ok(());
        }
        sleep(RETRY_INTERVAL).await;
    }
    migrate().await.map_err(explain)
}

/// Blocks.
pub fn migrate_sqlite(connection: &mut Connection) -> Result<()> {
    if connection.table_exists(None, "_sqlx_migrations")? {
        let version = connection.query_row(SQLX_VERSION, [], |row| row.get(0))?;
        adopt(&SQLITE, version)?.run(connection)?;
    }
    runner(&SQLITE)?.run(connection)?;
    Ok(())
}

pub async fn migrate_postgres(client: &mut Client) -> Result<()> {
    let version = sqlx_version(client).await?;
    let mut connection = Unnamed(client);
    if let Some(version) = version {
        adopt(&POSTGRES, version)?.run_async(&mut connection).await?;
    }
    runner(&POSTGRES)?.run_async(&mut connection).await?;
    Ok(())
}

async fn sqlx_version(client: &Client) -> Result<Option<i32>, StoreError> {
    const EXISTS: &str = "SELECT 1 WHERE to_regclass('_sqlx_migrations') IS NOT NULL";
    if transaction::run(client, BEGIN_READING, EXISTS, &[]).await?.is_empty() {
        return Ok(None);
    }
    let rows = transaction::run(client, BEGIN_READING, SQLX_VERSION, &[]).await?;
    Ok(rows.first().map(|row| row.try_get(0)).transpose()?)
}

fn runner(migrations: &[(&str, &str)]) -> Result<Runner> {
    let migrations: Result<Vec<_>, _> =
        migrations.iter().map(|(name, sql)| Migration::unapplied(name, sql)).collect();
    Ok(Runner::new(&migrations?).set_grouped(true))
}

/// Records the migrations up to sqlx's version as applied, without running them. Changes nothing if
/// that was done before.
fn adopt(migrations: &[(&str, &str)], sqlx_version: i32) -> Result<Runner> {
    if usize::try_from(sqlx_version).is_ok_and(|version| version > migrations.len()) {
        bail!(NEWER_LISTENER);
    }
    Ok(runner(migrations)?.set_target(Target::FakeVersion(sqlx_version)))
}

/// refinery's own messages contain whole migrations.
fn explain(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref().map(refinery_core::Error::kind) {
        Some(Kind::MissingVersion(_) | Kind::DivergentVersion(..)) => anyhow!(NEWER_LISTENER),
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
        transaction::execute(self.0, &queries.collect::<Vec<_>>().join("\n;\n")).await?;
        Ok(0)
    }
}

impl AsyncQuery<Vec<Migration>> for Unnamed<'_> {
    async fn query<'a>(&'a mut self, query: &'a str) -> Result<Vec<Migration>, StoreError> {
        let rows = transaction::run(self.0, BEGIN_READING, query, &[]).await?;
        rows.iter()
            .map(|row| {
                let checksum = row.try_get::<_, &str>("checksum")?.parse();
                let checksum = checksum.map_err(|_| StoreError::new("invalid checksum"))?;
                // The time is not compared.
                let applied_on = OffsetDateTime::UNIX_EPOCH;
                let (version, name) = (row.try_get("version")?, row.try_get("name")?);
                Ok(Migration::applied(version, name, applied_on, checksum))
            })
            .collect()
    }
}

impl AsyncMigrate for Unnamed<'_> {}
