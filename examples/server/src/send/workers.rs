//! Sends deliveries side by side, and reports each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::sleep;

use super::answer::{Answer, Outcome, is_accepted};
use super::backoff;
use super::client::Client;
use super::delivery::{Delivery, EventIds};
use super::fault::Fault;
use super::target::Connector;

/// What there is to do.
pub(super) struct Work {
    pub(super) deliveries: Vec<Delivery>,
    pub(super) event_ids: EventIds,
    /// How many to send in all, going round the deliveries.
    pub(super) total: u64,
    pub(super) retry: bool,
    pub(super) fault: Option<Fault>,
}

/// What happened. The number is that of the delivery in [`Work`].
pub(super) enum Report {
    /// It was not accepted, and is sent again after this wait.
    Waiting { delivery: usize, answer: Answer, wait: Duration },
    /// It is over.
    Done { delivery: usize, outcome: Outcome },
}

/// Starts as many workers; the reports end when all is done.
pub(super) fn start(
    work: &Arc<Work>,
    connector: Connector,
    concurrency: usize,
) -> Receiver<Report> {
    let (reports, receiver) = channel(concurrency);
    let (next, connector) = (Arc::new(AtomicU64::new(0)), Arc::new(connector));
    for _ in 0..concurrency {
        let worker = Worker {
            work: Arc::clone(work),
            client: Client::new(Arc::clone(&connector)),
            reports: reports.clone(),
        };
        tokio::spawn(worker.run(Arc::clone(&next)));
    }
    receiver
}

struct Worker {
    work: Arc<Work>,
    client: Client,
    reports: Sender<Report>,
}

impl Worker {
    async fn run(mut self, next: Arc<AtomicU64>) {
        let count = self.work.deliveries.len() as u64;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= self.work.total {
                return;
            }
            let delivery = usize::try_from(number % count).expect("a number below a length");
            let outcome = self.deliver(delivery, number).await;
            // The receiver is gone when the program is about to end.
            let _ = self.reports.send(Report::Done { delivery, outcome }).await;
        }
    }

    async fn deliver(&mut self, index: usize, number: u64) -> Outcome {
        let work = Arc::clone(&self.work);
        let (delivery, event_id) = (&work.deliveries[index], work.event_ids.of(number + 1));
        let start = Instant::now();
        let mut attempts = 1;
        loop {
            let answer = self.client.post(delivery, &event_id).await;
            if work.retry
                && !is_accepted(&answer)
                && let Some(wait) = backoff::wait_after(attempts, start.elapsed())
            {
                let _ = self.reports.send(Report::Waiting { delivery: index, answer, wait }).await;
                // Nobody knows what becomes of a connection during a long wait.
                self.client.disconnect();
                sleep(wait).await;
                attempts += 1;
                continue;
            }
            let again = match work.fault {
                Some(Fault::Replay) => Some(self.client.post(delivery, &event_id).await),
                _ => None,
            };
            return Outcome { answer, again, attempts, time: start.elapsed() };
        }
    }
}
