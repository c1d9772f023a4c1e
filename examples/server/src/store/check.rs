//! Inspects a database without changing it.

use std::fs::OpenOptions;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::Access;
use super::database::{Database, Schema, open_with_timeout};
use super::postgres::{self, Postgres};
use super::sqlite_file;
use crate::telemetry::metrics::Metrics;

/// Returns the state of the schema.
///
/// # Errors
///
/// If the listener could not use the database. The error does not contain the URL.
pub async fn check(url: &str) -> Result<Schema> {
    open_with_timeout(async {
        if !postgres::is_url(url) {
            let path = sqlite_file::parse_url(url)?;
            check_permissions(&path)?;
            if !path.exists() {
                return Ok(Schema::Missing);
            }
        }
        let database = Database::connect(url, Access::Read, Metrics::new()).await?;
        let schema = check_database(&database).await;
        database.close().await;
        schema
    })
    .await
}

/// SQLite creates files next to the database.
fn check_permissions(path: &Path) -> Result<()> {
    let directory = path.ancestors().skip(1).find(|directory| directory.exists());
    let directory = directory.unwrap_or(Path::new("."));
    // The file has no name.
    tempfile::tempfile_in(directory)
        .with_context(|| format!("cannot create files in {}", directory.display()))?;
    if path.exists() {
        let write = OpenOptions::new().append(true).open(path);
        write.with_context(|| format!("cannot write to {}", path.display()))?;
    }
    Ok(())
}

async fn check_database(database: &Database) -> Result<Schema> {
    const MAY_CREATE: &str = "SELECT 1 WHERE has_schema_privilege(current_schema(), 'CREATE')";
    let schema = database.schema().await?;
    if let Database::Postgres(Postgres { is_unverified, .. }) = database {
        if *is_unverified {
            postgres::warn_unverified();
        }
        let may_create = !database.read(MAY_CREATE, Vec::new()).await?.is_empty();
        ensure!(
            may_create || schema == Schema::Current,
            "the user may not create tables; GRANT CREATE ON SCHEMA to it"
        );
    }
    Ok(schema)
}
