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

const MAX_ATTEMPTS: u32 = 10;
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

const NEWER_LISTENER: &str = "a newer listener has migrated it; start that one";

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

/// What [`retry`] would find.
#[derive(PartialEq)]
pub enum Schema {
    /// There are no tables.
    Missing,
    /// There are migrations to run.
    Outdated,
    Current,
}

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
    const EXISTS: &str = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL";
    if !client.query_typed_one(EXISTS, &[]).await?.try_get(0)? {
        return Ok(None);
    }
    Ok(client.query_typed_one(SQLX_VERSION, &[]).await?.try_get(0)?)
}

/// Reads the state of the schema. Blocks.
pub fn sqlite_schema(connection: &mut Connection) -> Result<Schema> {
    let mut applied = Vec::new();
    if connection.table_exists(None, "refinery_schema_history")? {
        applied = runner(&SQLITE)?.get_applied_migrations(connection)?;
    }
    let mut adopted = 0;
    if connection.table_exists(None, "_sqlx_migrations")? {
        adopted = connection.query_row(SQLX_VERSION, [], |row| row.get(0))?;
    }
    schema(&SQLITE, &applied, adopted)
}

/// Reads the state of the schema.
pub async fn postgres_schema(client: &mut Client) -> Result<Schema> {
    const EXISTS: &str = "SELECT to_regclass('refinery_schema_history') IS NOT NULL";
    let adopted = sqlx_version(client).await?.unwrap_or_default();
    let mut applied = Vec::new();
    let row = client.query_typed_one(EXISTS, &[]).await.map_err(StoreError::from)?;
    if row.try_get(0).map_err(StoreError::from)? {
        let runner = runner(&POSTGRES)?;
        applied = runner.get_applied_migrations_async(&mut Unnamed(client)).await?;
    }
    schema(&POSTGRES, &applied, adopted)
}

fn schema(known: &[(&str, &str)], applied: &[Migration], adopted: i32) -> Result<Schema> {
    let runner = adopt(known, adopted)?;
    if !applied.iter().all(|migration| runner.get_migrations().contains(migration)) {
        bail!(NEWER_LISTENER);
    }
    Ok(match applied.len() {
        0 if adopted == 0 => Schema::Missing,
        count if count < known.len() => Schema::Outdated,
        _ => Schema::Current,
    })
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
        // Statements that are sent at once are a transaction.
        self.0.batch_execute(&queries.collect::<Vec<_>>().join("\n;\n")).await?;
        Ok(0)
    }
}

impl AsyncQuery<Vec<Migration>> for Unnamed<'_> {
    async fn query<'a>(&'a mut self, query: &'a str) -> Result<Vec<Migration>, StoreError> {
        let rows = self.0.query_typed(query, &[]).await?;
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
