//! Inspects a database without changing it.

use std::fs::OpenOptions;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rusqlite::{Connection, OpenFlags};

use super::database::open_with_timeout;
use super::migrations::{self, Schema};
use super::model::StoreError;
use super::sslmode::Url;
use super::{postgres, sqlite};

/// Returns the state of the schema.
///
/// # Errors
///
/// If the listener could not use the database. The error does not contain the URL.
pub async fn check(url: &str) -> Result<Schema> {
    open_with_timeout(async {
        if postgres::is_url(url) {
            check_postgres(&Url::parse(url)?).await
        } else {
            check_sqlite(&sqlite::parse_url(url)?)
        }
    })
    .await
}

/// Blocks.
fn check_sqlite(path: &Path) -> Result<Schema> {
    let directory = path.ancestors().skip(1).find(|directory| directory.exists());
    let directory = directory.unwrap_or(Path::new("."));
    // SQLite creates files next to the database. The one that is created here has no name.
    tempfile::tempfile_in(directory)
        .with_context(|| format!("cannot create files in {}", directory.display()))?;
    if !path.exists() {
        return Ok(Schema::Missing);
    }
    let write = OpenOptions::new().append(true).open(path);
    write.with_context(|| format!("cannot write to {}", path.display()))?;
    let text = path.to_str().context("the path is not valid UTF-8")?;
    // Without a log no other process has it open. SQLite would create one.
    let option = if Path::new(&format!("{text}-wal")).exists() { "" } else { "&immutable=1" };
    let uri = format!("file:{}?mode=ro{option}", utf8_percent_encode(text, NON_ALPHANUMERIC));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    migrations::sqlite_schema(&mut Connection::open_with_flags(uri, flags)?)
}

async fn check_postgres(url: &Url) -> Result<Schema> {
    const MAY_CREATE: &str =
        "SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)";
    let mut client = postgres::connect(url).await?;
    let schema = migrations::postgres_schema(&mut client).await?;
    if schema != Schema::Current {
        let row = client.query_typed_one(MAY_CREATE, &[]).await.map_err(StoreError::from)?;
        let may_create: bool = row.try_get(0).map_err(StoreError::from)?;
        ensure!(may_create, "the user may not create tables; GRANT CREATE ON SCHEMA to it");
    }
    Ok(schema)
}
