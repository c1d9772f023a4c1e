//! The retry schedule: after 1 s, then twice as long each time up to an hour, for a day in total.

use std::time::{Duration, SystemTime};

/// How long a notification is retried.
const RETRY_PERIOD: Duration = Duration::from_secs(24 * 60 * 60);

/// Maximum attempts. A day has fewer, so it applies only if attempts end without an outcome.
pub const MAX_ATTEMPTS: i64 = 100;

/// Maximum delay before jitter. With jitter it is an hour.
const MAX_DELAY: Duration = Duration::from_secs(40 * 60);

/// Returns when to retry after a number of failed attempts, not before the time that the receiver
/// asked for. `None` if the retry period is over.
pub fn next_attempt(
    attempts: i64,
    created_at: SystemTime,
    retry_after: Option<Duration>,
) -> Option<SystemTime> {
    let delay = delay(attempts, rand::random()).max(retry_after.unwrap_or_default());
    Some(SystemTime::now() + delay).filter(|at| *at <= created_at + RETRY_PERIOD)
}

/// Adds up to half of the delay as jitter, so that notifications that failed together are not
/// retried together.
fn delay(attempts: i64, jitter: u8) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
    let delay = Duration::from_secs(2_u64.saturating_pow(doublings)).min(MAX_DELAY);
    delay + delay / 2 * u32::from(jitter) / u32::from(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_from_a_second_to_an_hour() {
        let delays: Vec<_> = (1..=14).map(|attempts| delay(attempts, 0).as_secs()).collect();
        assert_eq!(delays, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 2400, 2400]);
        assert_eq!(delay(1, u8::MAX), Duration::from_millis(1500));
        assert_eq!(delay(i64::MAX, u8::MAX), Duration::from_secs(60 * 60));
    }

    #[test]
    fn retries_for_a_day() {
        let next = |age| next_attempt(1, SystemTime::now() - age, None);
        assert!(next(Duration::ZERO).is_some());
        assert!(next(RETRY_PERIOD - Duration::from_secs(60)).is_some());
        assert!(next(RETRY_PERIOD).is_none());
    }

    #[test]
    fn waits_as_long_as_the_receiver_asks_for() {
        let at = next_attempt(1, SystemTime::now(), Some(Duration::from_secs(120))).unwrap();
        assert!(at > SystemTime::now() + Duration::from_secs(110));
    }
}
