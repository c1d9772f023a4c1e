//! [`Cached`]: a query result that is good for a second. Concurrent callers share one query, since
//! anyone may request `/readyz` as often as they like.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

const MAX_AGE: Duration = Duration::from_secs(1);

/// Locked during a query.
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
