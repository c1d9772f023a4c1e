//! [`RateLimit`]: bounds the log records about events that clients can cause.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

const PERIOD: Duration = Duration::from_secs(60);

/// Admits a number of records a minute, and counts the other events.
pub struct RateLimit {
    max_records: u64,
    state: Mutex<State>,
}

struct State {
    start: Instant,
    records: u64,
    /// Events since the last record.
    count: u64,
}

impl RateLimit {
    pub fn new(max_records: u64) -> Self {
        let state = State { start: Instant::now(), records: 0, count: 0 };
        Self { max_records, state: Mutex::new(state) }
    }

    /// Counts an event. If it is to be logged, returns the number of events since the last record.
    pub fn count(&self) -> Option<u64> {
        let mut state = self.state.lock();
        state.count += 1;
        if state.start.elapsed() >= PERIOD {
            state.start = Instant::now();
            state.records = 0;
        }
        if state.records == self.max_records {
            return None;
        }
        state.records += 1;
        Some(std::mem::take(&mut state.count))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn events_within_a_minute_are_counted_with_the_next_record() {
        let limit = RateLimit::new(2);
        assert_eq!([limit.count(), limit.count()], [Some(1), Some(1)]);
        assert_eq!([limit.count(), limit.count()], [None, None]);
        advance(PERIOD).await;
        assert_eq!([limit.count(), limit.count()], [Some(3), Some(1)]);
        assert_eq!(limit.count(), None);
    }
}
