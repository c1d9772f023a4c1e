//! The group commit: deliveries that come while one transaction is under way share the next, so
//! that a flush of the disk serves all of them. Who is to be told of them stands in the same
//! transaction.

use std::sync::Arc;
use std::time::Instant;

use sqlx::{AnyConnection, Connection};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::database::Database;
use super::insert::insert;
use super::outbox::Outbox;
use super::{PATIENCE, Stored, Unavailable};
use crate::delivery::Delivery;
use crate::metrics::Metrics;

/// The most deliveries of a group, and the most bytes before the last one is added: a statement
/// is as long, and a database has limits for it.
pub(super) const DELIVERIES_MOST: usize = 256;
const BYTES_MOST: usize = 8 << 20;

/// A delivery, and whom to answer what became of it.
pub(super) struct Waiting {
    pub(super) delivery: Arc<Delivery>,
    /// Whether somebody is told of it, too.
    pub(super) is_told: bool,
    pub(super) answer: oneshot::Sender<Result<Stored, Unavailable>>,
}

/// Commits group after group until no more can come.
pub(super) async fn commit_all(
    database: Database,
    outbox: Outbox,
    mut next: mpsc::Receiver<Waiting>,
    metrics: Metrics,
) {
    while let Some(first) = next.recv().await {
        let group = gather(first, &mut next);
        if group.is_empty() {
            continue;
        }
        let begun = Instant::now();
        let outcome = commit(&database, &outbox, &group).await;
        metrics.commit(begun.elapsed());
        answer(group, outcome);
    }
}

/// The first, and whoever waits at that moment. Nothing is waited for: a delivery that comes alone
/// is committed alone, and at once.
fn gather(first: Waiting, next: &mut mpsc::Receiver<Waiting>) -> Vec<Waiting> {
    let mut bytes = first.delivery.body.len();
    let mut group = vec![first];
    while group.len() < DELIVERIES_MOST
        && bytes < BYTES_MOST
        && let Ok(waiting) = next.try_recv()
    {
        bytes += waiting.delivery.body.len();
        group.push(waiting);
    }
    // Whoever has waited for too long has been told so.
    group.retain(|waiting| !waiting.answer.is_closed());
    // Two listeners that insert the same rows in the same order do not wait for each other in a
    // circle.
    group.sort_by_key(|waiting| *waiting.delivery.signature.as_bytes());
    group
}

async fn commit(
    database: &Database,
    outbox: &Outbox,
    group: &[Waiting],
) -> Result<Vec<Stored>, Unavailable> {
    let mut connection = database.for_commit().await.map_err(|error| Unavailable::new(&error))?;
    let stored = timeout(PATIENCE, transaction(&mut connection, outbox, group))
        .await
        .map_err(|_| Unavailable::new(&"the database did not answer in time"))?
        .map_err(|error| Unavailable::new(&error))?;
    if !database.is_in_place() {
        return Err(Unavailable::new(
            &"the database's file was deleted or replaced; put it back, or start the listener again",
        ));
    }
    connection.give_back();
    if group.iter().any(|waiting| waiting.is_told) {
        outbox.wake_workers();
    }
    Ok(stored)
}

async fn transaction(
    connection: &mut AnyConnection,
    outbox: &Outbox,
    group: &[Waiting],
) -> Result<Vec<Stored>, sqlx::Error> {
    let deliveries: Vec<_> = group.iter().map(|waiting| &*waiting.delivery).collect();
    let mut transaction = connection.begin().await?;
    let stored = insert(&mut transaction, &deliveries).await?;
    let told: Vec<_> = group
        .iter()
        .zip(&stored)
        .filter_map(|(waiting, stored)| match stored {
            Stored::New { id, .. } if waiting.is_told => Some(*id),
            _ => None,
        })
        .collect();
    outbox.insert(&mut transaction, &told).await?;
    transaction.commit().await?;
    Ok(stored)
}

/// Whoever has gone does not hear it, and will send again.
fn answer(group: Vec<Waiting>, outcome: Result<Vec<Stored>, Unavailable>) {
    match outcome {
        Ok(stored) => {
            for (waiting, stored) in group.into_iter().zip(stored) {
                let _ = waiting.answer.send(Ok(stored));
            }
        }
        Err(unavailable) => {
            for waiting in group {
                let _ = waiting.answer.send(Err(unavailable.clone()));
            }
        }
    }
}
