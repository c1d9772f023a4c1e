//! What `/readyz` and `/metrics` ask the store.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::Store;
use super::database::Row;
use super::model::{StoreError, from_unix_millis};
use crate::telemetry::metrics::Sizes;

/// Timeout for `/readyz` and `/metrics`.
const STATUS_TIMEOUT: Duration = Duration::from_secs(2);

/// Maximum age of a shared result.
const MAX_AGE: Duration = Duration::from_secs(1);

impl Store {
    /// Returns whether the database answers.
    pub async fn is_ready(&self) -> bool {
        // SQLite answers from memory unless a table is read.
        const ANY: &str = "SELECT id FROM deliveries LIMIT 1";
        let query = async {
            let read = self.database.read(ANY, Vec::new(), |_| Ok(()));
            self.database.is_usable() && matches!(timeout(STATUS_TIMEOUT, read).await, Ok(Ok(_)))
        };
        self.is_ready.get(query).await
    }

    /// Counts deliveries and notifications. Returns `None` if the database does not answer.
    pub async fn sizes(&self) -> Option<Sizes> {
        let query = async { timeout(STATUS_TIMEOUT, self.count()).await.ok()?.ok() };
        self.sizes.get(query).await
    }

    async fn count(&self) -> Result<Sizes, StoreError> {
        const DELIVERIES: &str = "SELECT count(*) AS count FROM deliveries WHERE body IS NOT NULL";
        const NOTIFICATIONS: &str = "SELECT state, count(*) AS count, min(created_at) AS oldest \
                                     FROM outbox GROUP BY state";
        let deliveries = self.database.read(DELIVERIES, Vec::new(), |row| row.get("count")).await?;
        let count = |count: i64| count.try_into().unwrap_or_default();
        let deliveries = count(deliveries.first().copied().unwrap_or_default());
        let mut sizes = Sizes { deliveries, ..Sizes::default() };
        let from_row = |row: &Row<'_>| {
            Ok((row.get::<String>("state")?, row.get("count")?, row.get("oldest")?))
        };
        for (state, notifications, oldest) in
            self.database.read(NOTIFICATIONS, Vec::new(), from_row).await?
        {
            match &*state {
                "waiting" => {
                    sizes.waiting = count(notifications);
                    sizes.oldest_waits = from_unix_millis(oldest).elapsed().unwrap_or_default();
                }
                "sent" => sizes.sent = count(notifications),
                _ => sizes.failed = count(notifications),
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
