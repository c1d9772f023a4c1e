//! Sends what the store's outbox holds: a worker for each channel, so that a receiver that is down
//! does not delay the others.

mod retry;
mod worker;

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::notify::{Notifier, Triggers};
use crate::store::Store;
use crate::telemetry::metrics::Metrics;
use worker::{RETRY_DELAY, Worker};

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
