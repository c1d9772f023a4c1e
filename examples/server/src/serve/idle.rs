//! When a connection is idle for too long: hyper ends none of those that only answer pings, or
//! that never read what they are answered, or of which it does not know the protocol yet.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// So long after a connection is accepted its first request has to be begun, TLS and all: nobody
/// opens one and has nothing to say.
const FIRST_REQUEST: Duration = Duration::from_secs(10);

/// So long after its last answer a connection is kept: longer than the 60 s for which proxies
/// usually keep theirs, so that none sends a request down one that we are about to close.
const KEPT: Duration = Duration::from_secs(75);

/// How many requests of a connection are open.
#[derive(Clone)]
pub(super) struct Requests(watch::Sender<usize>);

/// A request that is open until this is dropped. It has deadlines of its own.
pub(super) struct Open(watch::Sender<usize>);

impl Requests {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    /// Opens one, once its head is here.
    pub(super) fn open(&self) -> Open {
        self.0.send_modify(|open| *open += 1);
        Open(self.0.clone())
    }

    /// Ends once none has been open for too long. It counts from this call, even before it is
    /// polled.
    pub(super) fn idle(&self) -> impl Future<Output = ()> + use<> {
        let mut open = self.0.subscribe();
        async move {
            let mut limit = FIRST_REQUEST;
            // One that is answered before we look has changed the count, too.
            while let Ok(Ok(())) = timeout(limit, open.changed()).await {
                let _ = open.wait_for(|open| *open == 0).await;
                limit = KEPT;
            }
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, sleep};

    use super::*;

    /// After how many seconds a connection is given up, on which this happens.
    async fn given_up_after(happens: impl AsyncFnOnce(&Requests)) -> u64 {
        let begun = Instant::now();
        let requests = Requests::new();
        let idle = requests.idle();
        tokio::join!(happens(&requests), idle);
        begun.elapsed().as_secs()
    }

    async fn seconds(seconds: u64) {
        sleep(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_a_request_is_given_up_after_10_seconds() {
        assert_eq!(given_up_after(async |_| {}).await, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_kept_for_75_seconds_after_its_last_answer() {
        let after = given_up_after(async |requests| {
            seconds(9).await;
            drop(requests.open());
            seconds(74).await;
            let last = requests.open();
            seconds(5).await;
            drop(last);
        });
        assert_eq!(after.await, 9 + 74 + 5 + 75);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_never_given_up_over_an_open_request() {
        let after = given_up_after(async |requests| {
            let slow = requests.open();
            seconds(100).await;
            drop(requests.open());
            seconds(200).await;
            drop(slow);
        });
        assert_eq!(after.await, 300 + 75);
    }
}
