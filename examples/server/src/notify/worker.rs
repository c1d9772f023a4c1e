//! [`Worker`]: sends the notifications of one channel, a few at a time, and writes down what became
//! of each.
//!
//! Each channel has a worker of its own, so that a receiver that is down holds up nobody else.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::ValueEnum;
use http::HeaderValue;
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use super::backoff;
use super::channel::Channel;
use super::client::{Client, Failure};
use super::message::Message;
use crate::config::Occasion;
use crate::delivery::Delivery;
use crate::inbox::{Claimed, Inbox, LEASE, Outcome};
use crate::metrics::Metrics;

/// How many are under way at once.
const MOST: usize = 4;

/// How often is looked for what has become due, or comes from another listener.
const LOOK: Duration = Duration::from_secs(1);

/// Before the database is asked again once it has failed.
const PAUSE: Duration = Duration::from_secs(1);

/// What the workers share, and the channel of this one. Cheap to clone.
#[derive(Clone)]
pub(super) struct Worker {
    pub(super) name: Arc<str>,
    pub(super) channel: Arc<dyn Channel>,
    pub(super) on: Arc<[Occasion]>,
    pub(super) client: Client,
    pub(super) inbox: Inbox,
    pub(super) metrics: Metrics,
}

impl Worker {
    /// Sends until `stopped` changes, then finishes what is under way.
    pub(super) async fn run(self, mut stopped: watch::Receiver<()>) {
        let mut changes = self.inbox.outbox().changes();
        let mut under_way = JoinSet::new();
        loop {
            for claimed in self.claim(MOST - under_way.len()).await {
                under_way.spawn(self.clone().send(claimed));
            }
            tokio::select! {
                _ = stopped.changed() => break,
                Some(_) = under_way.join_next() => {}
                _ = changes.changed(), if under_way.len() < MOST => {}
                () = sleep(LOOK), if under_way.len() < MOST => {}
            }
        }
        while under_way.join_next().await.is_some() {}
    }

    async fn claim(&self, most: usize) -> Vec<Claimed> {
        if most == 0 {
            return Vec::new();
        }
        match self.inbox.outbox().claim(&self.name, most).await {
            Ok(claimed) => claimed,
            Err(error) => {
                warn!(%error, "cannot read the outbox; trying again");
                sleep(PAUSE).await;
                Vec::new()
            }
        }
    }

    async fn send(self, claimed: Claimed) {
        let begun = Instant::now();
        let outcome = self.attempt(&claimed).await;
        self.report(&claimed, &outcome);
        // Without the mark it would be sent again: worth to be tried for as long as nobody else
        // takes it.
        let left = LEASE.saturating_sub(begun.elapsed());
        let marked = timeout(left, async {
            while let Err(error) = self.inbox.outbox().mark(&claimed, &outcome).await {
                warn!(%error, notification = claimed.id, "cannot mark a notification; trying again");
                sleep(PAUSE).await;
            }
        });
        let _ = marked.await;
    }

    async fn attempt(&self, claimed: &Claimed) -> Outcome {
        match self.inbox.delivery(claimed.delivery_id).await {
            Ok(Some(delivery)) => self.tell(claimed, &delivery).await,
            Ok(None) => Outcome::Failed {
                why: "the delivery is older than TAWK_RETENTION_DAYS, and deleted".to_owned(),
            },
            Err(error) => backoff::after(
                claimed,
                Failure {
                    why: format!("cannot read the delivery: {error}"),
                    retry_after: None,
                    is_final: false,
                },
            ),
        }
    }

    async fn tell(&self, claimed: &Claimed, delivery: &Delivery) -> Outcome {
        let event = delivery.event();
        // It was worth telling when it was stored, whatever `NOTIFY_ON` says now.
        let occasion = [&*self.on, Occasion::value_variants()]
            .into_iter()
            .find_map(|on| Occasion::of(&event, on));
        let Some(occasion) = occasion else {
            return Outcome::Failed { why: "the delivery says nothing to tell".to_owned() };
        };
        let mut request = self.channel.request(&Message::new(&event, occasion));
        request.headers_mut().insert("idempotency-key", self.idempotency_key(claimed, delivery));
        match self.client.send(request).await {
            Ok(()) => Outcome::Sent,
            Err(failure) => backoff::after(claimed, failure),
        }
    }

    /// By which a receiver recognises what it has got already: SHA-256 of the signature, which
    /// itself would let somebody send the delivery again, and the channel. A replay is meant to be
    /// heard again.
    fn idempotency_key(&self, claimed: &Claimed, delivery: &Delivery) -> HeaderValue {
        let mut digest = Sha256::new();
        digest.update(delivery.signature.as_bytes());
        digest.update(self.name.as_bytes());
        if claimed.replay > 0 {
            digest.update(claimed.replay.to_be_bytes());
        }
        let key: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        HeaderValue::from_str(&key).unwrap_or(HeaderValue::from_static("-"))
    }

    fn report(&self, Claimed { delivery_id, attempts, .. }: &Claimed, outcome: &Outcome) {
        let channel = &*self.name;
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
                warn!(
                    channel,
                    delivery = delivery_id,
                    attempts,
                    why,
                    "notification failed; `inbox replay {delivery_id}` sends it again"
                );
            }
        }
    }
}
