//! Migrates the schema with refinery. Databases that sqlx has migrated, as earlier versions of the
//! listener did, are adopted.

use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use refinery_core::traits::r#async::{AsyncMigrate, AsyncQuery, AsyncTransaction};
use refinery_core::{Migration, Runner, Target};
use time::OffsetDateTime;
use tokio::time::sleep;

use super::database::{Database, Row};
use super::model::StoreError;

const MAX_ATTEMPTS: u32 = 10;
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

macro_rules! migrations {
    ($($name:literal)*) => {
        [$((
            $name,
            include_str!(concat!("../../migrations/sqlite/", $name, ".sql")),
            include_str!(concat!("../../migrations/postgres/", $name, ".sql")),
        )),*]
    };
}

/// The names of the migrations, and their SQL for both databases.
const MIGRATIONS: [(&str, &str, &str); 7] = migrations![
    "V1__deliveries"
    "V2__outbox"
    "V3__one_notification_per_event"
    "V4__channels"
    "V5__attempts"
    "V6__search"
    "V7__desk"
];

#[derive(PartialEq)]
pub enum Schema {
    Missing,
    Outdated,
    Current,
}

/// Fails if a newer listener has migrated the database.
pub async fn schema(database: &Database) -> Result<Schema> {
    let latest = i32::try_from(MIGRATIONS.len())?;
    match version(database, "refinery_schema_history").await? {
        Some(newer) if newer > latest => bail!("a newer listener has migrated it; use that one"),
        Some(version) if version == latest => Ok(Schema::Current),
        None if version(database, "_sqlx_migrations").await?.is_none() => Ok(Schema::Missing),
        _ => Ok(Schema::Outdated),
    }
}

/// Creates the tables, or migrates those of an older version. refinery takes no lock: of several
/// listeners that start at once all but one may fail at each step, and find it done at the next
/// attempt.
pub async fn migrate(database: &Database) -> Result<()> {
    for _ in 1..MAX_ATTEMPTS {
        if migrate_once(database.clone()).await.is_ok() {
            return Ok(());
        }
        sleep(RETRY_INTERVAL).await;
    }
    // refinery's errors contain their causes.
    migrate_once(database.clone()).await.map_err(|error| anyhow!("failed to migrate: {error}"))
}

async fn migrate_once(mut database: Database) -> Result<()> {
    if schema(&database).await? == Schema::Current {
        return Ok(());
    }
    let migrations = MIGRATIONS.iter().map(|(name, sqlite, postgres)| {
        let is_sqlite = matches!(database, Database::Sqlite(_));
        Migration::unapplied(name, if is_sqlite { sqlite } else { postgres })
    });
    let migrations: Vec<_> = migrations.collect::<Result<_, _>>()?;
    let runner = || Runner::new(&migrations).set_grouped(true);
    if let Some(version) = version(&database, "_sqlx_migrations").await? {
        // Records the migrations as applied, without running them, unless that was done before.
        runner().set_target(Target::FakeVersion(version)).run_async(&mut database).await?;
    }
    runner().run_async(&mut database).await?;
    Ok(())
}

/// Returns the version of the last migration in a table of migrations, if that exists.
async fn version(database: &Database, table: &str) -> Result<Option<i32>, StoreError> {
    let exists = match database {
        Database::Sqlite(_) => "SELECT name FROM sqlite_schema WHERE name = $1",
        Database::Postgres(_) => "SELECT 1 WHERE to_regclass($1) IS NOT NULL",
    };
    if database.read(exists, vec![table.to_owned().into()]).await?.is_empty() {
        return Ok(None);
    }
    let sql = format!("SELECT CAST(coalesce(max(version), 0) AS INTEGER) AS version FROM {table}");
    database.read(&sql, Vec::new()).await?.first().map(|row| row.get("version")).transpose()
}

/// refinery's own implementations use named statements, which a transaction pooler would keep.
impl AsyncTransaction for Database {
    type Error = StoreError;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        queries: T,
    ) -> Result<usize, StoreError> {
        let sql = queries.collect::<Vec<_>>().join("\n;\n");
        match self {
            Self::Sqlite(sqlite) => sqlite.execute_all(&sql).await?,
            Self::Postgres(postgres) => postgres.writes.execute_all(&sql).await?,
        }
        Ok(0)
    }
}

impl AsyncQuery<Vec<Migration>> for Database {
    async fn query<'a>(&'a mut self, query: &'a str) -> Result<Vec<Migration>, StoreError> {
        let from_row = |row: &Row| {
            let checksum = row.get::<String>("checksum")?.parse().unwrap_or_default();
            // The time is not compared.
            let applied_on = OffsetDateTime::UNIX_EPOCH;
            let (version, name) = (row.get("version")?, row.get("name")?);
            Ok(Migration::applied(version, name, applied_on, checksum))
        };
        self.read(query, Vec::new()).await?.iter().map(from_row).collect()
    }
}

impl AsyncMigrate for Database {}
