//! Deliveries that arrive while a commit is under way share the next one, so that one
//! flush of the disk serves all of them.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::model::{StoreError, Stored, VerifiedDelivery};

/// Maximum number of deliveries in a transaction.
pub const MAX_BATCH_DELIVERIES: usize = 256;

/// No delivery is added to a transaction that holds as many bytes.
const MAX_BATCH_BYTES: usize = 8 << 20;

/// A delivery that waits for its commit.
pub struct PendingInsert {
    pub delivery: Arc<VerifiedDelivery>,
    /// The channels to notify, in the same transaction.
    pub channels: Arc<[String]>,
    pub response: oneshot::Sender<Result<Stored, StoreError>>,
}

/// Takes what `next` has at this moment, without waiting for more.
pub fn collect(
    first: PendingInsert,
    mut next: impl FnMut() -> Option<PendingInsert>,
) -> Vec<PendingInsert> {
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
    batch
}

/// Sends the outcome of the commit to those that wait for it. Clients that are gone retry.
pub fn respond(batch: Vec<PendingInsert>, outcome: Result<Vec<Stored>, StoreError>) {
    let outcomes: Vec<_> = match outcome {
        Ok(stored) => stored.into_iter().map(Ok).collect(),
        Err(error) => vec![Err(error); batch.len()],
    };
    for (insert, outcome) in batch.into_iter().zip(outcomes) {
        let _ = insert.response.send(outcome);
    }
}
