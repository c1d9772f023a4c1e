//! What `/readyz` and `/metrics` ask the store.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Store;
use super::model::{StoreError, from_unix_millis};
use crate::telemetry::metrics::Sizes;

/// Maximum age of a shared result.
const MAX_AGE: Duration = Duration::from_secs(1);

impl Store {
    /// Returns whether the database answers.
    pub async fn is_ready(&self) -> bool {
        // SQLite answers from memory unless a table is read.
        const ANY: &str = "SELECT id FROM deliveries LIMIT 1";
        self.is_ready.get(async { self.database.read(ANY, Vec::new()).await.is_ok() }).await
    }

    /// Counts deliveries and notifications. Returns `None` if the database does not answer.
    pub async fn sizes(&self) -> Option<Sizes> {
        self.sizes.get(async { self.count().await.ok() }).await
    }

    async fn count(&self) -> Result<Sizes, StoreError> {
        const COUNT: &str = "SELECT state, count(*) AS count, min(created_at) AS oldest \
             FROM outbox GROUP BY state UNION ALL \
             SELECT 'deliveries', count(*), 0 FROM deliveries WHERE body IS NOT NULL";
        let mut sizes = Sizes::default();
        for row in self.database.read(COUNT, Vec::new()).await? {
            let count = row.get::<i64>("count")?.try_into().unwrap_or_default();
            match &*row.get::<String>("state")? {
                "deliveries" => sizes.deliveries = count,
                "waiting" => {
                    let oldest = from_unix_millis(row.get("oldest")?);
                    sizes.waiting = count;
                    sizes.oldest_waits = oldest.elapsed().unwrap_or_default();
                }
                "sent" => sizes.sent = count,
                _ => sizes.failed = count,
            }
        }
        Ok(sizes)
    }
}

/// A query result that is used for a second. Concurrent callers share one query, since any client
/// may request `/readyz`. Locked during a query.
#[derive(Default)]
pub struct Cached<T>(Mutex<Option<(Instant, T)>>);

impl<T: Clone> Cached<T> {
    /// Returns the last result, or that of `query` if it is too old.
    pub async fn get(&self, query: impl Future<Output = T>) -> T {
        let mut last = self.0.lock().await;
        match &*last {
            Some((queried, result)) if queried.elapsed() < MAX_AGE => result.clone(),
            _ => {
                let result = query.await;
                *last = Some((Instant::now(), result.clone()));
                result
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn callers_within_a_second_share_a_result() {
        let (cached, queries) = (Cached::default(), AtomicU32::new(0));
        let query = async || {
            tokio::time::sleep(Duration::from_millis(100)).await;
            queries.fetch_add(1, Ordering::Relaxed)
        };
        assert_eq!(tokio::join!(cached.get(query()), cached.get(query())), (0, 0));
        tokio::time::sleep(Duration::from_millis(999)).await;
        assert_eq!(cached.get(query()).await, 0);
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(cached.get(query()).await, 1);
    }
}
