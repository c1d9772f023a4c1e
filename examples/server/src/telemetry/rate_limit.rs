//! [`RateLimit`]: bounds the log records that clients can cause.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const PERIOD: Duration = Duration::from_secs(60);

/// Admits a number of records a minute, and counts the others.
pub struct RateLimit {
    max_records: u64,
    state: Mutex<State>,
}

struct State {
    start: Instant,
    records: u64,
    suppressed: u64,
}

impl RateLimit {
    pub fn new(max_records: u64) -> Self {
        let state = State { start: Instant::now(), records: 0, suppressed: 0 };
        Self { max_records, state: Mutex::new(state) }
    }

    /// Returns the number of records that were suppressed since the last one, or `None` to suppress
    /// this one too.
    pub fn admit(&self) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.start.elapsed() >= PERIOD {
            state.start = Instant::now();
            state.records = 0;
        }
        if state.records == self.max_records {
            state.suppressed += 1;
            return None;
        }
        state.records += 1;
        Some(std::mem::take(&mut state.suppressed))
    }
}
