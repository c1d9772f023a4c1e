//! Sends what the store's outbox holds: a worker for each channel, so that a receiver that is down
//! does not delay the others. Retries after 1 s, then twice as long each time up to an hour.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use humantime::format_rfc3339_seconds;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::http_client::TIMEOUT;
use crate::notify::{Message, SendError, Triggers, sha256_hex};
use crate::state::{AppState, Sender};
use crate::store::{Notification, Outcome, StoredDelivery};
use crate::supervise::supervise;

const MAX_IN_FLIGHT: usize = 4;

/// Delay after a failure, and poll interval for what becomes due or comes from another listener.
const RETRY_DELAY: Duration = Duration::from_secs(1);

const RETRY_PERIOD: Duration = Duration::from_secs(24 * 60 * 60);

/// Maximum attempts. A day has fewer, so it applies only if attempts end without an outcome.
const MAX_ATTEMPTS: i64 = 100;

/// Maximum delay before jitter. With jitter it is an hour.
const MAX_DELAY: Duration = Duration::from_secs(40 * 60);

/// Runs a worker for each channel until shutdown, and finishes what is in flight.
pub async fn run(state: Arc<AppState>, shutdown: CancellationToken) {
    let mut workers = JoinSet::new();
    // What a worker that panics had claimed becomes due again when the lease expires.
    for (channel, sender) in state.senders.clone() {
        let worker = Arc::new(Worker { channel: channel.clone(), sender, state: state.clone() });
        let shutdown = shutdown.clone();
        workers.spawn(supervise(channel, move || Arc::clone(&worker).run(shutdown.clone())));
    }
    shutdown.cancelled().await;
    workers.join_all().await;
}

/// Claims the notifications of one channel, a few at a time, sends them, and records the outcomes.
struct Worker {
    channel: String,
    sender: Arc<Sender>,
    state: Arc<AppState>,
}

impl Worker {
    async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let (channel, store) = (&*self.channel, &self.state.store);
        let mut changes = store.subscribe();
        let mut in_flight = JoinSet::new();
        let mut paused_until = None::<SystemTime>;
        while !shutdown.is_cancelled() {
            paused_until = paused_until.filter(|until| *until > SystemTime::now());
            let claimed = match paused_until {
                // Also for the workers of other listeners.
                Some(until) => store.postpone(channel, until).await.map(|()| Vec::new()),
                None => store.claim(channel, MAX_IN_FLIGHT - in_flight.len()).await,
            };
            let claimed = claimed.unwrap_or_else(|error| {
                warn!(%error, "failed to read the outbox; retrying");
                Vec::new()
            });
            for claimed in claimed {
                in_flight.spawn(Arc::clone(&self).attempt(claimed));
            }
            let has_room = in_flight.len() < MAX_IN_FLIGHT;
            tokio::select! {
                () = shutdown.cancelled() => {}
                // A panicked attempt is due again when the lease expires.
                Some(ended) = in_flight.join_next() => {
                    paused_until = paused_until.max(ended.unwrap_or_default());
                }
                _ = changes.changed(), if has_room => {}
                () = sleep(RETRY_DELAY), if has_room => {}
            }
        }
        while in_flight.join_next().await.is_some() {}
    }

    /// Sends a notification and records the outcome. Returns until when the receiver asks to pause.
    async fn attempt(self: Arc<Self>, claimed: Notification) -> Option<SystemTime> {
        let (begun, start) = (SystemTime::now(), Instant::now());
        let sent = self.send(&claimed).await;
        let duration = start.elapsed();
        let (outcome, retry_after) = match sent {
            Ok(response) => (Outcome::Sent { response }, None),
            Err(SendError::Permanent(why)) => (Outcome::Failed { why }, None),
            Err(SendError::Transient { reason: why, retry_after }) => {
                match next_attempt(claimed.attempts, claimed.created_at, retry_after) {
                    Some(at) => (Outcome::Again { at, why }, retry_after),
                    None => (Outcome::Failed { why }, retry_after),
                }
            }
        };
        let paused_until = retry_after.map(|retry_after| SystemTime::now() + retry_after);
        let channel = &*self.channel;
        let Notification { delivery_id: delivery, attempts, .. } = &claimed;
        self.state.metrics.notification(channel, outcome.name());
        match &outcome {
            Outcome::Sent { .. } => info!(channel, delivery, attempts, "notification sent"),
            Outcome::Again { at, why: reason } => {
                let retry_at = format_rfc3339_seconds(*at);
                info!(channel, delivery, attempts, reason, %retry_at, "notification not sent");
            }
            Outcome::Failed { why: reason } => {
                warn!(channel, delivery, attempts, reason, "notification failed");
            }
        }
        // Otherwise the notification would be sent again.
        while let Err(error) = self.state.store.finish(&claimed, &outcome, begun, duration).await {
            warn!(%error, "failed to record notification outcome; retrying");
            sleep(RETRY_DELAY).await;
        }
        if matches!(outcome, Outcome::Again { .. }) && paused_until.is_none() {
            sleep(RETRY_DELAY).await;
        }
        paused_until
    }

    /// Returns what the receiver responded.
    async fn send(&self, claimed: &Notification) -> Result<String, SendError> {
        if claimed.attempts > MAX_ATTEMPTS {
            return Err(SendError::permanent("too many attempts"));
        }
        let delivery = self.state.store.delivery(claimed.delivery_id).await;
        let StoredDelivery { delivery, .. } = delivery
            .map_err(|error| SendError::transient(format!("failed to read delivery: {error}")))?
            .ok_or_else(|| SendError::permanent("delivery was deleted or erased"))?;
        // Otherwise another worker could claim it before the receiver responds.
        if claimed.at < SystemTime::now() + TIMEOUT {
            return Err(SendError::transient("database timed out"));
        }
        let notifier = match &*self.sender {
            Sender::Notify(notifier) => notifier,
            Sender::Forward(forwarder) => return forwarder.send(&delivery).await,
        };
        let event = delivery.event();
        // It matched when it was stored, even if `NOTIFY_ON` has changed since.
        let trigger = self.state.notify_on.find(&event).or_else(|| Triggers::all().find(&event));
        let trigger = trigger
            .ok_or_else(|| SendError::permanent("no notification applies to this delivery"))?;
        let message = Message::new(&event, trigger);
        // The signature itself would allow the receiver to replay the delivery.
        let key = sha256_hex(&[
            delivery.signature.as_bytes(),
            self.channel.as_bytes(),
            &claimed.replay.to_be_bytes(),
        ]);
        // They are not kept while the notification is sent.
        drop((delivery, event));
        notifier.send(&message, &key).await
    }
}

/// Returns when to retry. `None` if the retry period is over.
fn next_attempt(
    attempts: i64,
    created_at: SystemTime,
    retry_after: Option<Duration>,
) -> Option<SystemTime> {
    let delay = delay(attempts, rand::random()).max(retry_after.unwrap_or_default());
    Some(SystemTime::now() + delay).filter(|at| *at <= created_at + RETRY_PERIOD)
}

/// Adds up to half of the delay, so that what failed together is not retried together.
fn delay(attempts: i64, jitter: u8) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
    let delay = Duration::from_secs(2_u64.saturating_pow(doublings)).min(MAX_DELAY);
    delay + delay / 2 * u32::from(jitter) / u32::from(u8::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_panics_is_restarted_until_it_ends() {
        let runs = Arc::new(AtomicU32::new(0));
        let run = || {
            let runs = runs.clone();
            async move { assert!(runs.fetch_add(1, Ordering::Relaxed) == 3, "a test") }
        };
        supervise("hooks.example.com-1".to_owned(), run).await;
        assert_eq!(runs.load(Ordering::Relaxed), 4);
    }

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
