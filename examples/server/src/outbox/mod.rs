//! Sends what the store's outbox holds: a worker for each channel, so that a receiver that is down
//! does not delay the others.

mod retry;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tower_tawk::Signature;
use tracing::{error, info, warn};

use crate::notify::{Notifier, SendError, SendErrorKind, TIMEOUT, Triggers};
use crate::store::{Notification, Outcome, Store, StoredDelivery};
use crate::telemetry::metrics::Metrics;
use retry::MAX_ATTEMPTS;

/// Maximum notifications in flight.
const MAX_IN_FLIGHT: usize = 4;

/// Poll interval for notifications that become due, or come from another listener.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Delay after the database failed, or a receiver did not respond.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Time to finish and record notifications in flight at shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(12);

/// Starts a worker for each notifier. They stop when `shutdown` is cancelled.
pub fn start(
    notifiers: Vec<Notifier>,
    triggers: &Triggers,
    store: &Store,
    metrics: &Metrics,
    shutdown: &CancellationToken,
) -> Workers {
    let workers = notifiers.into_iter().map(|notifier| Worker {
        notifier,
        triggers: triggers.clone(),
        store: store.clone(),
        metrics: metrics.clone(),
    });
    Workers(workers.map(|worker| supervise(Arc::new(worker), shutdown.clone())).collect())
}

/// Restarts a worker that panics. What it had claimed becomes due again when the lease expires.
async fn supervise(worker: Arc<Worker>, shutdown: CancellationToken) {
    while tokio::spawn(Arc::clone(&worker).run(shutdown.clone())).await.is_err() {
        // The panic hook has printed why.
        error!(channel = worker.notifier.name(), "notification worker panicked; restarting");
        sleep(RETRY_DELAY).await;
    }
}

/// The running workers.
pub struct Workers(JoinSet<()>);

impl Workers {
    /// Waits until the workers have stopped, which takes a bounded time after shutdown has started.
    pub async fn join(mut self) {
        while self.0.join_next().await.is_some() {}
    }
}

/// Claims the notifications of one channel, a few at a time, sends them, and records the outcomes.
struct Worker {
    notifier: Notifier,
    triggers: Triggers,
    store: Store,
    metrics: Metrics,
}

/// How an attempt to send a claimed notification ended.
struct AttemptResult {
    claimed: Notification,
    result: Result<(), SendError>,
}

impl Worker {
    /// Sends until shutdown, then finishes what is in flight.
    async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let deadline = async {
            shutdown.cancelled().await;
            sleep(SHUTDOWN_TIMEOUT).await;
        };
        tokio::select! {
            () = self.send_until(&shutdown) => {}
            () = deadline => {
                warn!("shutdown deadline exceeded; unrecorded notifications will be sent again");
            }
        }
    }

    async fn send_until(self: &Arc<Self>, shutdown: &CancellationToken) {
        let mut changes = self.store.subscribe();
        let mut in_flight = JoinSet::new();
        let mut cooldown = None::<Cooldown>;
        loop {
            cooldown = cooldown.filter(|cooldown| cooldown.until > Instant::now());
            let requested = cooldown.as_ref().and_then(|cooldown| cooldown.requested);
            if let Some(until) = requested {
                self.postpone(until).await;
            } else if cooldown.is_none() && in_flight.len() < MAX_IN_FLIGHT {
                let claimed = tokio::select! {
                    biased;
                    // What is claimed by then becomes due again when the lease expires.
                    () = shutdown.cancelled() => break,
                    claimed = self.claim(MAX_IN_FLIGHT - in_flight.len()) => claimed,
                };
                for claimed in claimed {
                    in_flight.spawn(Arc::clone(self).attempt(claimed));
                }
            }
            let has_room = in_flight.len() < MAX_IN_FLIGHT;
            let ended = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(ended) = in_flight.join_next() => ended,
                _ = changes.changed(), if has_room => continue,
                () = sleep(POLL_INTERVAL), if has_room => continue,
            };
            // Recorded before anything else is claimed.
            let next = self.finish(ended).await;
            cooldown = [cooldown, next].into_iter().flatten().max_by_key(|next| next.until);
        }
        while let Some(ended) = in_flight.join_next().await {
            self.finish(ended).await;
        }
    }

    async fn claim(&self, max: usize) -> Vec<Notification> {
        match self.store.claim(self.notifier.name(), max).await {
            Ok(claimed) => claimed,
            Err(error) => {
                warn!(%error, "failed to read the outbox; retrying");
                sleep(RETRY_DELAY).await;
                Vec::new()
            }
        }
    }

    /// Postpones all notifications of the channel, so that they do not count as overdue.
    async fn postpone(&self, until: SystemTime) {
        if let Err(error) = self.store.postpone(self.notifier.name(), until).await {
            warn!(%error, "failed to record Retry-After; retrying");
        }
    }

    async fn attempt(self: Arc<Self>, claimed: Notification) -> AttemptResult {
        let result = self.send(&claimed).await;
        AttemptResult { claimed, result }
    }

    async fn send(&self, claimed: &Notification) -> Result<(), SendError> {
        let permanent = |reason: &str| SendError::new(SendErrorKind::Permanent, reason);
        let internal = |reason: String| SendError::new(SendErrorKind::Internal, reason);
        if claimed.attempts > MAX_ATTEMPTS {
            return Err(permanent("too many attempts"));
        }
        let delivery = match self.store.delivery(claimed.delivery_id).await {
            Ok(Some(StoredDelivery { delivery, .. })) => delivery,
            Ok(None) => {
                return Err(permanent(
                    "delivery is older than TAWK_RETENTION_DAYS and was deleted",
                ));
            }
            Err(error) => return Err(internal(format!("failed to read delivery: {error}"))),
        };
        let event = delivery.event();
        // It matched when it was stored, even if `NOTIFY_ON` has changed since.
        let trigger = self.triggers.find(&event).or_else(|| Triggers::all().find(&event));
        let trigger =
            trigger.ok_or_else(|| permanent("no notification applies to this delivery"))?;
        let key = self.idempotency_key(claimed, &delivery.signature);
        // The body is not kept while the notification is sent.
        drop(delivery);
        // Otherwise another worker could claim it before the receiver responds.
        if claimed.at < SystemTime::now() + TIMEOUT {
            return Err(internal("database timed out".to_owned()));
        }
        self.notifier.send(&event, trigger, key).await
    }

    /// Returns the SHA-256 of the signature and the channel. The signature itself would allow the
    /// receiver to replay the delivery. A replay has another key, since it is to be sent again.
    fn idempotency_key(&self, claimed: &Notification, signature: &Signature) -> String {
        let mut digest = Sha256::new();
        digest.update(signature.as_bytes());
        digest.update(self.notifier.name().as_bytes());
        if claimed.replay > 0 {
            digest.update(claimed.replay.to_be_bytes());
        }
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Records the outcome, and retries until that succeeds: otherwise the notification is sent
    /// again. Returns how long the channel rests.
    async fn finish(&self, ended: Result<AttemptResult, JoinError>) -> Option<Cooldown> {
        let Ok(AttemptResult { claimed, result }) = ended else {
            // The panic hook has printed why. The lease expires, and the notification is due again.
            error!(channel = self.notifier.name(), "notification attempt panicked; retrying");
            return None;
        };
        let (outcome, cooldown) = match result {
            Ok(()) => (Outcome::Sent, None),
            Err(error) => (failure(&claimed, &error), Cooldown::after(&error)),
        };
        self.report(&claimed, &outcome);
        while let Err(error) = self.store.finish(&claimed, &outcome).await {
            warn!(%error, "failed to record notification outcome; retrying");
            sleep(RETRY_DELAY).await;
        }
        cooldown
    }

    fn report(&self, Notification { delivery_id, attempts, .. }: &Notification, outcome: &Outcome) {
        let channel = self.notifier.name();
        self.metrics.notification(channel, outcome.name());
        match outcome {
            Outcome::Sent => {
                info!(channel, delivery = delivery_id, attempts, "notification sent");
            }
            Outcome::Again { at, why } => {
                let delay = at.duration_since(SystemTime::now()).unwrap_or_default();
                info!(
                    channel,
                    delivery = delivery_id,
                    attempts,
                    reason = why,
                    retry_in_seconds = delay.as_secs(),
                    "notification not sent; retrying"
                );
            }
            Outcome::Failed { why } => {
                let reason = why;
                warn!(channel, delivery = delivery_id, attempts, reason, "notification failed");
            }
        }
    }
}

/// Decides whether a failed attempt is retried.
fn failure(claimed: &Notification, SendError { reason, kind }: &SendError) -> Outcome {
    let retry_after = match kind {
        SendErrorKind::Permanent => return Outcome::Failed { why: reason.clone() },
        SendErrorKind::Rejected { retry_after } => *retry_after,
        SendErrorKind::NoResponse | SendErrorKind::Internal => None,
    };
    match retry::next_attempt(claimed.attempts, claimed.created_at, retry_after) {
        Some(at) => Outcome::Again { at, why: reason.clone() },
        None => Outcome::Failed { why: reason.clone() },
    }
}

/// How long nothing is sent to a receiver.
struct Cooldown {
    until: Instant,
    /// The same time, if the receiver asked for it.
    requested: Option<SystemTime>,
}

impl Cooldown {
    fn after(error: &SendError) -> Option<Self> {
        let (time, requested) = match error.kind {
            SendErrorKind::Rejected { retry_after } => {
                let time = retry_after?;
                (time, Some(SystemTime::now() + time))
            }
            SendErrorKind::NoResponse => (RETRY_DELAY, None),
            SendErrorKind::Permanent | SendErrorKind::Internal => return None,
        };
        Some(Self { until: Instant::now() + time, requested })
    }
}
