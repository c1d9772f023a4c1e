//! [`Attempt`]: one attempt to tell somebody of a delivery.

use std::sync::Arc;

use bytes::Bytes;
use clap::ValueEnum;
use http::{HeaderValue, Request};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::channel::Channel;
use super::client::{Client, Failure, TIME_LIMIT};
use super::message::Message;
use crate::config::{Occasion, Occasions};
use crate::store::{Claimed, Store, StoredDelivery};

/// More than it takes a day to come to: only what never ends as it should is tried as often.
const ATTEMPTS_MOST: i64 = 100;

/// What it takes. Cheap to clone.
#[derive(Clone)]
pub(super) struct Attempt {
    /// The channel's.
    pub(super) name: Arc<str>,
    pub(super) channel: Arc<dyn Channel>,
    pub(super) on: Occasions,
    pub(super) client: Client,
    pub(super) store: Store,
}

/// What an attempt led to.
pub(super) struct Ended {
    pub(super) claimed: Claimed,
    pub(super) result: Result<(), Failure>,
}

impl Attempt {
    pub(super) async fn make(self, claimed: Claimed) -> Ended {
        let result = self.tell(&claimed).await;
        Ended { claimed, result }
    }

    async fn tell(&self, claimed: &Claimed) -> Result<(), Failure> {
        if claimed.attempts > ATTEMPTS_MOST {
            return Err(Failure::here("it was tried too often", true));
        }
        // What it was made from is not kept while it is sent.
        let request = match self.store.delivery(claimed.delivery_id).await {
            Ok(Some(delivery)) => self.request(claimed, &delivery)?,
            Ok(None) => {
                let why = "the delivery is older than TAWK_RETENTION_DAYS, and deleted";
                return Err(Failure::here(why, true));
            }
            Err(error) => {
                return Err(Failure::here(&format!("cannot read the delivery: {error}"), false));
            }
        };
        // Else somebody could take it before its end.
        if claimed.leased_until < Instant::now() + TIME_LIMIT {
            return Err(Failure::here("the database took too long", false));
        }
        self.client.send(request).await
    }

    fn request(
        &self,
        claimed: &Claimed,
        delivery: &StoredDelivery,
    ) -> Result<Request<Bytes>, Failure> {
        let event = delivery.event();
        // It was worth telling when it was stored, whatever `NOTIFY_ON` says now.
        let occasion = [&*self.on, Occasion::value_variants()]
            .into_iter()
            .find_map(|on| Occasion::of(&event, on))
            .ok_or_else(|| Failure::here("the delivery says nothing to tell", true))?;
        let mut request = self.channel.request(&Message::new(&event, occasion));
        let key = self.idempotency_key(claimed, delivery);
        request.headers_mut().insert("idempotency-key", key);
        Ok(request)
    }

    /// By which a receiver recognises what it has got already: SHA-256 of the signature, which
    /// itself would let somebody send the delivery again, and the channel. A replay is meant to be
    /// heard again.
    fn idempotency_key(&self, claimed: &Claimed, delivery: &StoredDelivery) -> HeaderValue {
        let mut digest = Sha256::new();
        digest.update(delivery.signature.as_bytes());
        digest.update(self.name.as_bytes());
        if claimed.replay > 0 {
            digest.update(claimed.replay.to_be_bytes());
        }
        let key: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        HeaderValue::from_str(&key).unwrap_or(HeaderValue::from_static("-"))
    }
}
