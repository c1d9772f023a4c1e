//! [`Recent`]: an answer of the database that is good for a second, asked for once however many
//! want to know: anybody may ask for `/readyz`, and for metrics where they have a port.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

const GOOD_FOR: Duration = Duration::from_secs(1);

/// The last answer. Locked while the database is asked: whoever comes meanwhile gets the same.
#[derive(Default)]
pub(super) struct Recent<T>(Mutex<Option<(Instant, T)>>);

impl<T: Clone> Recent<T> {
    /// The last answer, or that which `ask` gives if it is too old.
    pub(super) async fn get(&self, ask: impl Future<Output = T>) -> T {
        let mut last = self.0.lock().await;
        match &*last {
            Some((asked, answer)) if asked.elapsed() < GOOD_FOR => answer.clone(),
            _ => {
                let answer = ask.await;
                *last = Some((Instant::now(), answer.clone()));
                answer
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_wants_to_know_within_a_second_gets_the_same_answer() {
        let (recent, asked) = (Recent::default(), AtomicU32::new(0));
        let ask = async || {
            tokio::time::sleep(Duration::from_millis(100)).await;
            asked.fetch_add(1, Ordering::Relaxed)
        };
        assert_eq!(tokio::join!(recent.get(ask()), recent.get(ask())), (0, 0));
        tokio::time::sleep(Duration::from_millis(999)).await;
        assert_eq!(recent.get(ask()).await, 0);
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(recent.get(ask()).await, 1);
    }
}
