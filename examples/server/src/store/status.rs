//! What `check`, `/readyz` and `/metrics` ask the store.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::sync::Mutex;

use super::database::Database;
use super::migrations::{self, Schema};
use super::model::from_unix_millis;
use super::{Access, Store, open_with_timeout, sqlite_file};
use crate::telemetry::metrics::{Metrics, Sizes};

/// Whether the database answered, and when. Any client may request `/readyz`, so that concurrent
/// requests share a query, during which this is locked, and those within a second its result.
pub type Readiness = Mutex<Option<(Instant, bool)>>;

const MAX_AGE: Duration = Duration::from_secs(1);

impl Store {
    /// Returns the state of the schema of `DATABASE_URL`, without changing it. Fails if the
    /// listener could not use the database. Errors do not contain the URL.
    pub async fn check(url: &str) -> Result<Schema> {
        const MAY_CREATE: &str = "SELECT 1 WHERE has_schema_privilege(current_schema(), 'CREATE')";
        open_with_timeout(async {
            if url.starts_with("sqlite:") {
                let path = sqlite_file::parse_url(url)?;
                sqlite_file::check_permissions(&path)?;
                if !path.exists() {
                    return Ok(Schema::Missing);
                }
            }
            let database = Database::open(url, Access::Read, Metrics::new()).await?;
            let schema = migrations::schema(&database).await?;
            if schema != Schema::Current && matches!(database, Database::Postgres(_)) {
                let may_create = !database.read(MAY_CREATE, Vec::new()).await?.is_empty();
                ensure!(may_create, "the user may not create tables; GRANT CREATE ON SCHEMA to it");
            }
            Ok(schema)
        })
        .await
    }

    pub async fn is_ready(&self) -> bool {
        // SQLite answers from memory unless a table is read.
        const ANY: &str = "SELECT id FROM deliveries LIMIT 1";
        let mut last = self.readiness.lock().await;
        if let Some((queried, is_ready)) = *last
            && queried.elapsed() < MAX_AGE
        {
            return is_ready;
        }
        let is_ready = self.database.read(ANY, Vec::new()).await.is_ok();
        *last = Some((Instant::now(), is_ready));
        is_ready
    }

    /// Counts deliveries and notifications. Returns `None` if the database does not answer.
    pub async fn sizes(&self) -> Option<Sizes> {
        const COUNT: &str = "SELECT state, count(*) AS count, min(created_at) AS oldest \
             FROM outbox GROUP BY state UNION ALL \
             SELECT 'deliveries', count(*), 0 FROM deliveries WHERE body IS NOT NULL";
        let mut sizes = Sizes::default();
        for row in self.database.read(COUNT, Vec::new()).await.ok()? {
            let count = row.get::<i64>("count").ok()?.try_into().unwrap_or_default();
            match &*row.get::<String>("state").ok()? {
                "deliveries" => sizes.deliveries = count,
                "waiting" => {
                    let oldest = from_unix_millis(row.get("oldest").ok()?);
                    sizes.waiting = count;
                    sizes.oldest_waits = oldest.elapsed().unwrap_or_default();
                }
                "sent" => sizes.sent = count,
                _ => sizes.failed = count,
            }
        }
        Some(sizes)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn requests_within_a_second_share_a_result() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("tawk.db");
        let url = format!("sqlite:{}", file.display());
        let store = Store::open(&url, Access::Migrate, Metrics::new()).await.unwrap();
        assert!(store.is_ready().await);
        fs::rename(&file, directory.path().join("moved.db")).unwrap();
        assert!(store.is_ready().await);
        tokio::time::sleep(MAX_AGE).await;
        assert!(!store.is_ready().await);
        store.close().await;
    }
}
