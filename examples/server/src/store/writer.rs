//! [`Batch`]: deliveries that arrive while a commit is under way share the next one, so that one
//! flush of the disk serves all of them.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::model::{NewDelivery, StoreError, Stored};

/// Maximum number of deliveries in a transaction.
pub const MAX_BATCH_DELIVERIES: usize = 256;

/// No delivery is added to a transaction that holds as many bytes.
const MAX_BATCH_BYTES: usize = 8 << 20;

/// A delivery that waits for its commit.
pub struct PendingInsert {
    pub delivery: Arc<NewDelivery>,
    /// The channels to notify, in the same transaction.
    pub channels: Option<Arc<[String]>>,
    pub response: oneshot::Sender<Result<Stored, StoreError>>,
}

impl PendingInsert {
    pub fn channels(&self) -> &[String] {
        self.channels.as_deref().unwrap_or_default()
    }
}

/// The deliveries of one transaction.
pub struct Batch(Vec<PendingInsert>);

impl Batch {
    /// Takes what `next` has at this moment, without waiting for more. A batch is empty if nobody
    /// waits for its commit anymore.
    pub fn collect(first: PendingInsert, mut next: impl FnMut() -> Option<PendingInsert>) -> Self {
        let mut bytes = first.delivery.body.len();
        let mut batch = vec![first];
        while batch.len() < MAX_BATCH_DELIVERIES
            && bytes < MAX_BATCH_BYTES
            && let Some(insert) = next()
        {
            bytes += insert.delivery.body.len();
            batch.push(insert);
        }
        // These have timed out.
        batch.retain(|insert| !insert.response.is_closed());
        // Two listeners that insert the same rows in the same order cannot deadlock.
        batch.sort_by_key(|insert| *insert.delivery.signature.as_bytes());
        Self(batch)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn inserts(&self) -> &[PendingInsert] {
        &self.0
    }

    /// Sends the outcome of the commit to those that wait for it. Clients that are gone retry.
    pub fn respond(self, outcome: Result<Vec<Stored>, StoreError>) {
        match outcome {
            Ok(stored) => {
                for (insert, stored) in self.0.into_iter().zip(stored) {
                    let _ = insert.response.send(Ok(stored));
                }
            }
            Err(error) => {
                for insert in self.0 {
                    let _ = insert.response.send(Err(error.clone()));
                }
            }
        }
    }
}
