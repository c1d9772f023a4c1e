//! The conformance test of deduplication stores.

use std::error::Error;
use std::future::poll_fn;
use std::hash::{BuildHasher, RandomState};
use std::mem;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use crate::deduplicate::{Claim, ClaimGuard, DeduplicationStore};
use crate::signature::Signature;

/// Interval between two claims of a key that is in flight.
const CLAIM_INTERVAL: Duration = Duration::from_millis(5);

/// Tests whether a store fulfills the contract of [`DeduplicationStore`].
///
/// The key of a dropped claim must become free within `release_within`. Pass zero if dropping the
/// guard releases the key immediately, and a little more than the lease otherwise. The test takes
/// several times as long. It claims random keys, so it can run against a database that is in use,
/// and leaves some of them committed.
///
/// All claims are made from one task. Concurrent claims are interleaved where the store awaits or
/// uses other threads, but races between threads within a single poll are not found. An unavailable
/// database is not tested either: write a separate test that claims then return an error, and not
/// [`Claim::First`].
///
/// ```
/// use std::time::Duration;
///
/// use tower_tawk::deduplicate::InMemory;
/// use tower_tawk::test_util::deduplication_contract;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// deduplication_contract(InMemory::new(), Duration::ZERO).await;
/// # }
/// ```
///
/// # Panics
///
/// Panics if the store violates the contract or returns an error.
pub async fn deduplication_contract<T: DeduplicationStore>(store: T, release_within: Duration) {
    let contract = Contract { store, release_within };
    contract.one_of_concurrent_claims_is_first().await;
    contract.a_dropped_claim_becomes_free().await;
    contract.a_dropped_claim_future_leaves_the_key_free().await;
    contract.a_commit_is_permanent_and_shared().await;
    contract.a_dropped_commit_leaves_the_key_committed_or_free().await;
    contract.an_expired_claim_does_not_affect_the_next().await;
    contract.keys_are_independent().await;
}

struct Contract<T> {
    store: T,
    release_within: Duration,
}

impl<T: DeduplicationStore> Contract<T> {
    async fn one_of_concurrent_claims_is_first(&self) {
        let key = random_key();
        let mut claims: Vec<_> = (0..16).map(|_| Box::pin(self.store.claim(key))).collect();
        let mut outcomes = Vec::new();
        poll_fn(|cx| {
            claims.retain_mut(|claim| match claim.as_mut().poll(cx) {
                Poll::Ready(outcome) => {
                    outcomes.push(ok("claim", outcome));
                    false
                }
                Poll::Pending => true,
            });
            if claims.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        let is_first = |outcome: &&Claim<_>| matches!(outcome, Claim::First(_));
        let first = outcomes.iter().filter(is_first).count();
        assert_eq!(first, 1, "one of 16 concurrent claims of a free key is `First`");
        let is_committed = |outcome: &Claim<_>| matches!(outcome, Claim::Committed);
        assert!(!outcomes.iter().any(is_committed), "a claim is not a commit");
    }

    async fn a_dropped_claim_becomes_free(&self) {
        let key = random_key();
        let guard = self.first(key).await;
        let second = self.claim(key).await;
        assert!(matches!(second, Claim::InFlight), "a claimed key is `InFlight`");
        drop(guard);
        drop(self.becomes_free(key, "a dropped claim").await);
    }

    async fn a_dropped_claim_future_leaves_the_key_free(&self) {
        let key = random_key();
        drop(self.store.claim(key));
        drop(self.becomes_free(key, "a claim that was not polled").await);
        let key = random_key();
        poll_once(self.store.claim(key));
        drop(self.becomes_free(key, "a claim that was dropped after the first poll").await);
    }

    async fn a_commit_is_permanent_and_shared(&self) {
        let key = random_key();
        ok("commit", self.first(key).await.commit().await);
        for store in [self.store.clone(), self.store.clone()] {
            let claim = ok("claim", store.claim(key).await);
            assert!(matches!(claim, Claim::Committed), "a committed key is `Committed`");
        }
        let begun = Instant::now();
        while begun.elapsed() <= self.release_within {
            let claim = self.claim(key).await;
            assert!(matches!(claim, Claim::Committed), "a commit does not expire with the lease");
            wait().await;
        }
    }

    async fn a_dropped_commit_leaves_the_key_committed_or_free(&self) {
        let key = random_key();
        drop(self.first(key).await.commit());
        self.becomes_free_or_committed(key, "a commit that was not polled").await;
        let key = random_key();
        poll_once(self.first(key).await.commit());
        self.becomes_free_or_committed(key, "a commit that was dropped after the first poll").await;
    }

    /// Without leases, the key stays in flight and there is nothing to test.
    async fn an_expired_claim_does_not_affect_the_next(&self) {
        for is_committed in [false, true] {
            let key = random_key();
            let expired = self.first(key).await;
            let Claim::First(next) = self.claim_until_settled(key).await else { return };
            if is_committed {
                let result = expired.commit().await;
                assert!(
                    result.is_err(),
                    "the commit of an expired claim fails if there is another"
                );
            } else {
                drop(expired);
            }
            let claim = self.claim(key).await;
            assert!(matches!(claim, Claim::InFlight), "an expired claim does not affect the next");
            ok("commit", next.commit().await);
        }
    }

    async fn keys_are_independent(&self) {
        let (one, other) = (random_key(), random_key());
        let guard = self.first(one).await;
        ok("commit", self.first(other).await.commit().await);
        let claim = self.claim(one).await;
        assert!(matches!(claim, Claim::InFlight), "the commit of a key changes no other");
        drop(guard);
        let claim = self.claim(other).await;
        assert!(matches!(claim, Claim::Committed), "the release of a key changes no other");
    }

    async fn claim(&self, key: Signature) -> Claim<T::Guard> {
        ok("claim", self.store.claim(key).await)
    }

    async fn first(&self, key: Signature) -> T::Guard {
        match self.claim(key).await {
            Claim::First(guard) => guard,
            Claim::Committed | Claim::InFlight => panic!("a new key is `First`"),
        }
    }

    async fn becomes_free(&self, key: Signature, what: &str) -> T::Guard {
        let claim = self.becomes_free_or_committed(key, what).await;
        claim.unwrap_or_else(|| panic!("{what} is not a commit"))
    }

    /// Returns `None` if the key is committed.
    async fn becomes_free_or_committed(&self, key: Signature, what: &str) -> Option<T::Guard> {
        match self.claim_until_settled(key).await {
            Claim::First(guard) => Some(guard),
            Claim::Committed => None,
            Claim::InFlight => panic!("{what} is free within {:?}", self.release_within),
        }
    }

    /// Claims a key repeatedly while it is in flight, for at most `release_within`.
    async fn claim_until_settled(&self, key: Signature) -> Claim<T::Guard> {
        let begun = Instant::now();
        loop {
            let is_last = begun.elapsed() >= self.release_within;
            match self.claim(key).await {
                Claim::InFlight if !is_last => wait().await,
                claim => return claim,
            }
        }
    }
}

fn ok<V, E: Into<Box<dyn Error + Send + Sync>>>(operation: &str, result: Result<V, E>) -> V {
    result.unwrap_or_else(|error| panic!("{operation} failed: {}", error.into()))
}

/// Polls a future and drops it.
fn poll_once(future: impl Future) {
    let _ = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
}

/// Waits for [`CLAIM_INTERVAL`], without the timer of a runtime.
async fn wait() {
    let mut has_started = false;
    poll_fn(|cx| {
        if mem::replace(&mut has_started, true) {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        thread::spawn(move || {
            thread::sleep(CLAIM_INTERVAL);
            waker.wake();
        });
        Poll::Pending
    })
    .await;
}

fn random_key() -> Signature {
    let mut bytes = [0; 20];
    for chunk in bytes.chunks_mut(8) {
        let random = RandomState::new().hash_one(()).to_ne_bytes();
        chunk.copy_from_slice(&random[..chunk.len()]);
    }
    Signature::from_bytes(bytes)
}
