//! [`Worker`]: sends the notifications of one channel, a few at a time, and writes down what became
//! of each.
//!
//! Each channel has a worker of its own, so that a receiver that is down holds up nobody else.

use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep};
use tracing::{error, info, warn};

use super::attempt::{Attempt, Ended};
use super::backoff;
use super::client::Failure;
use crate::metrics::Metrics;
use crate::store::{Claimed, Outcome};

/// How many are under way at once.
const MOST: usize = 4;

/// How often is looked for what has become due, or comes from another listener.
const LOOK: Duration = Duration::from_secs(1);

/// Before the database is asked again that has failed, or a receiver told again that does not
/// answer.
const PAUSE: Duration = Duration::from_secs(1);

/// So long what is under way has to end, and to be written down, once it is told to stop.
const FINISH_DEADLINE: Duration = Duration::from_secs(12);

pub(super) struct Worker {
    pub(super) attempt: Attempt,
    pub(super) metrics: Metrics,
}

impl Worker {
    /// Sends until `stopped` changes, then finishes what is under way.
    pub(super) async fn run(self, stopped: watch::Receiver<()>) {
        let mut stop = stopped.clone();
        let deadline = async {
            let _ = stop.changed().await;
            sleep(FINISH_DEADLINE).await;
        };
        tokio::select! {
            () = self.send(stopped) => {}
            () = deadline => {
                warn!("stopping over notifications that are not written down; they are sent again");
            }
        }
    }

    async fn send(&self, mut stopped: watch::Receiver<()>) {
        let mut changes = self.attempt.store.subscribe();
        let mut under_way = JoinSet::new();
        let mut rest = None::<Rest>;
        loop {
            rest = rest.filter(|rest| rest.until > Instant::now());
            if let Some(asked) = rest.as_ref().and_then(|rest| rest.asked) {
                self.defer(asked).await;
            } else if rest.is_none() && under_way.len() < MOST {
                let claimed = tokio::select! {
                    biased;
                    // What is claimed by then comes back after the lease.
                    _ = stopped.changed() => break,
                    claimed = self.claim(MOST - under_way.len()) => claimed,
                };
                for claimed in claimed {
                    under_way.spawn(self.attempt.clone().make(claimed));
                }
            }
            let has_room = under_way.len() < MOST;
            let ended = tokio::select! {
                biased;
                _ = stopped.changed() => break,
                Some(ended) = under_way.join_next() => ended,
                _ = changes.changed(), if has_room => continue,
                () = sleep(LOOK), if has_room => continue,
            };
            // Nothing more is begun before this is written down.
            let next = self.finish(ended).await;
            rest = [rest, next].into_iter().flatten().max_by_key(|rest| rest.until);
        }
        while let Some(ended) = under_way.join_next().await {
            self.finish(ended).await;
        }
    }

    async fn claim(&self, most: usize) -> Vec<Claimed> {
        match self.attempt.store.claim(&self.attempt.name, most).await {
            Ok(claimed) => claimed,
            Err(error) => {
                warn!(%error, "cannot read the outbox; trying again");
                sleep(PAUSE).await;
                Vec::new()
            }
        }
    }

    /// Lets everything that waits for a receiver wait: it is not late, then.
    async fn defer(&self, until: SystemTime) {
        if let Err(error) = self.attempt.store.postpone(&self.attempt.name, until).await {
            warn!(%error, "cannot write down that a receiver asks for time; trying again");
        }
    }

    /// Writes down what became of it, however long that takes: without that it is sent again. Says
    /// whether the receiver is to be left alone.
    async fn finish(&self, ended: Result<Ended, JoinError>) -> Option<Rest> {
        let Ok(Ended { claimed, result }) = ended else {
            // The panic hook has printed what happened, with what may be somebody's words.
            error!("an attempt to tell somebody broke off; it is made again");
            return None;
        };
        let (outcome, rest) = match result {
            Ok(()) => (Outcome::Sent, None),
            Err(failure) => {
                let rest = Rest::after(&failure);
                (backoff::after(&claimed, failure), rest)
            }
        };
        self.report(&claimed, &outcome);
        while let Err(error) = self.attempt.store.finish(&claimed, &outcome).await {
            warn!(%error, "cannot write down what became of a notification; trying again");
            sleep(PAUSE).await;
        }
        rest
    }

    fn report(&self, Claimed { delivery_id, attempts, .. }: &Claimed, outcome: &Outcome) {
        let channel = &*self.attempt.name;
        self.metrics.notification(channel, outcome.name());
        match outcome {
            Outcome::Sent => {
                info!(channel, delivery = delivery_id, attempts, "notification sent");
            }
            Outcome::Again { at, why } => {
                let wait = at.duration_since(SystemTime::now()).unwrap_or_default();
                info!(
                    channel,
                    delivery = delivery_id,
                    attempts,
                    why,
                    again_in_seconds = wait.as_secs(),
                    "notification not sent yet"
                );
            }
            Outcome::Failed { why } => {
                warn!(channel, delivery = delivery_id, attempts, why, "notification failed");
            }
        }
    }
}

/// For how long a receiver is left alone, with whatever waits for it.
struct Rest {
    until: Instant,
    /// The same, if the receiver has asked for it.
    asked: Option<SystemTime>,
}

impl Rest {
    fn after(failure: &Failure) -> Option<Self> {
        let (time, asked) = match failure.retry_after {
            Some(time) => (time, Some(SystemTime::now() + time)),
            None if failure.is_answer => return None,
            None => (PAUSE, None),
        };
        Some(Self { until: Instant::now() + time, asked })
    }
}
