//! When a notification is tried again: after a second, then twice as long each time, to an hour;
//! for a day in all.

use std::time::{Duration, SystemTime};

use super::client::Failure;
use crate::store::{Claimed, Outcome};

const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Before what chance adds: an hour with that.
const LONGEST_WAIT: Duration = Duration::from_secs(40 * 60);
const GIVES_UP_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// What a failed attempt leads to.
pub(super) fn after(claimed: &Claimed, failure: Failure) -> Outcome {
    let now = SystemTime::now();
    let Failure { why, retry_after, is_final, .. } = failure;
    // What the receiver asks for is waited for, and more.
    let wait = wait(claimed.attempts, rand::random()).max(retry_after.unwrap_or_default());
    let at = now + wait;
    if is_final || at > claimed.created_at + GIVES_UP_AFTER {
        Outcome::Failed { why }
    } else {
        Outcome::Again { at, why }
    }
}

/// The wait after so many attempts. Chance makes it longer by up to a half, so that those that
/// failed together do not come again together.
fn wait(attempts: i64, chance: u8) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
    let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST_WAIT);
    wait + wait / 2 * u32::from(chance) / u32::from(u8::MAX)
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[test]
    fn waits_double_from_a_second_to_an_hour() {
        let least: Vec<_> = (1..=14).map(|attempts| wait(attempts, 0).as_secs()).collect();
        assert_eq!(least, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 2400, 2400]);
        assert_eq!(wait(1, u8::MAX), Duration::from_millis(1500));
        assert_eq!(wait(i64::MAX, u8::MAX), Duration::from_secs(60 * 60));
    }

    fn outcome(age: Duration, retry_after: Option<Duration>, is_final: bool) -> Outcome {
        let created_at = SystemTime::now() - age;
        let leased_until = Instant::now();
        let claimed =
            Claimed { id: 1, delivery_id: 1, replay: 0, attempts: 1, created_at, leased_until };
        after(&claimed, Failure { retry_after, ..Failure::here("500", is_final) })
    }

    #[test]
    fn it_is_tried_again_for_a_day_unless_the_receiver_is_gone() {
        let day = Duration::from_secs(24 * 60 * 60);
        let again = |outcome| matches!(outcome, Outcome::Again { .. });
        assert!(again(outcome(Duration::ZERO, None, false)));
        assert!(again(outcome(day - Duration::from_secs(60), None, false)));
        assert!(!again(outcome(day, None, false)));
        assert!(!again(outcome(Duration::ZERO, None, true)));
    }

    #[test]
    fn the_receiver_may_ask_for_a_longer_wait() {
        let asked = Duration::from_secs(120);
        let Outcome::Again { at, .. } = outcome(Duration::ZERO, Some(asked), false) else {
            panic!("it is tried again");
        };
        assert!(at > SystemTime::now() + Duration::from_secs(110));
    }
}
