//! When a delivery is sent again: soon at first, then less and less often, and not for ever.

use std::time::Duration;

const FIRST_WAIT: Duration = Duration::from_secs(1);

/// How long Tawk.to goes on (developer.tawk.to/webhooks); how it spaces its attempts is not
/// known.
const GIVES_UP_AFTER: Duration = Duration::from_secs(12 * 60 * 60);

/// How long to wait after this many attempts, `elapsed` after the first began; `None` once it is
/// over. Doubles each time.
pub(super) fn wait_after(attempts: u32, elapsed: Duration) -> Option<Duration> {
    let left = GIVES_UP_AFTER.checked_sub(elapsed).filter(|left| !left.is_zero())?;
    let doubled = 2u32.saturating_pow(attempts.saturating_sub(1));
    Some(FIRST_WAIT.saturating_mul(doubled).min(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_a_second_and_end_after_twelve_hours() {
        let mut elapsed = Duration::ZERO;
        let waits: Vec<u64> = (1..)
            .map_while(|attempts| {
                let wait = wait_after(attempts, elapsed)?;
                elapsed += wait;
                Some(wait.as_secs())
            })
            .collect();
        assert_eq!(waits[..6], [1, 2, 4, 8, 16, 32]);
        assert_eq!(waits.len(), 16);
        assert_eq!(elapsed, Duration::from_secs(12 * 60 * 60));
    }

    #[test]
    fn attempts_beyond_number_wait_no_longer_than_what_is_left() {
        let left = wait_after(u32::MAX, Duration::from_secs(60)).unwrap();
        assert_eq!(left, Duration::from_secs(12 * 60 * 60 - 60));
    }
}
