//! [`Throttle`]: logs at most one record a minute about events that clients can cause at will.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const INTERVAL: Duration = Duration::from_secs(60);

#[derive(Default)]
pub struct Throttle(Mutex<State>);

#[derive(Default)]
struct State {
    logged_at: Option<Instant>,
    count: u64,
}

impl Throttle {
    /// Counts an event. If it is to be logged, returns the number of events since the last record.
    pub fn count(&self) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.count += 1;
        if state.logged_at.is_some_and(|logged_at| logged_at.elapsed() < INTERVAL) {
            return None;
        }
        let count = state.count;
        *state = State { logged_at: Some(Instant::now()), count: 0 };
        Some(count)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn events_within_a_minute_are_counted_with_the_next_record() {
        let throttle = Throttle::default();
        assert_eq!(throttle.count(), Some(1));
        assert_eq!((throttle.count(), throttle.count()), (None, None));
        advance(INTERVAL).await;
        assert_eq!((throttle.count(), throttle.count()), (Some(3), None));
    }
}
