//! [`Ready`]: whether the database answers, asked no more than once a second however many want to
//! know: anybody may ask for `/readyz`.

use std::time::Duration;

use sqlx::AnyPool;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// So long an answer is good.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// Whoever asks has a limit, too.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) struct Ready {
    pool: AnyPool,
    /// Held while the database is asked: whoever comes meanwhile gets the same answer.
    last: Mutex<Option<(Instant, bool)>>,
}

impl Ready {
    pub(super) const fn new(pool: AnyPool) -> Self {
        Self { pool, last: Mutex::const_new(None) }
    }

    pub(super) async fn get(&self) -> bool {
        let mut last = self.last.lock().await;
        match *last {
            Some((asked, is_ready)) if asked.elapsed() < GOOD_FOR => is_ready,
            _ => {
                let is_ready = self.ask().await;
                *last = Some((Instant::now(), is_ready));
                is_ready
            }
        }
    }

    /// A statement that has to look into the table: SQLite answers others from memory.
    async fn ask(&self) -> bool {
        let look = sqlx::query("SELECT id FROM deliveries LIMIT 1").fetch_optional(&self.pool);
        matches!(timeout(PATIENCE, look).await, Ok(Ok(_)))
    }
}
