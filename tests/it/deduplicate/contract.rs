//! The contract accepts correct stores and detects the faults of others.

use std::collections::HashMap;
use std::future::{Ready, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tower_tawk::Signature;
use tower_tawk::deduplicate::{Claim, ClaimGuard, DeduplicationStore, InMemory};
use tower_tawk::test_util::deduplication_contract;

use crate::support::block_on;

#[test]
fn the_store_in_memory_fulfills_the_contract() {
    block_on(deduplication_contract(InMemory::new(), Duration::ZERO));
}

/// The fault of a store.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    Nothing,
    /// Marks a delivery first, and answers every copy as committed.
    CommitsWithTheClaim,
    /// Any number of claims are the first.
    ClaimsTwice,
    NeverReleases,
    ForgetsCommits,
    /// A release removes the keys of others.
    ReleasesAll,
    ClonesShareNothing,
    Fails,
}

struct Store {
    fault: Fault,
    /// Whether keys are committed.
    keys: Arc<Mutex<HashMap<Signature, bool>>>,
}

impl Clone for Store {
    fn clone(&self) -> Self {
        let keys = match self.fault {
            Fault::ClonesShareNothing => Arc::default(),
            _ => Arc::clone(&self.keys),
        };
        Self { fault: self.fault, keys }
    }
}

struct Guard {
    fault: Fault,
    keys: Arc<Mutex<HashMap<Signature, bool>>>,
    key: Signature,
}

impl DeduplicationStore for Store {
    type Error = &'static str;
    type Guard = Guard;
    type ClaimFuture = Ready<Result<Claim<Guard>, &'static str>>;

    fn claim(&self, key: Signature) -> Self::ClaimFuture {
        let mut keys = self.keys.lock().unwrap();
        if self.fault == Fault::Fails {
            return ready(Err("invented"));
        }
        ready(Ok(match keys.get(&key) {
            Some(true) => Claim::Committed,
            Some(false) if self.fault != Fault::ClaimsTwice => Claim::InFlight,
            _ => {
                keys.insert(key, self.fault == Fault::CommitsWithTheClaim);
                Claim::First(Guard { fault: self.fault, keys: Arc::clone(&self.keys), key })
            }
        }))
    }
}

impl ClaimGuard for Guard {
    type Error = &'static str;
    type CommitFuture = Ready<Result<(), &'static str>>;

    fn commit(self) -> Self::CommitFuture {
        if self.fault != Fault::ForgetsCommits {
            self.keys.lock().unwrap().insert(self.key, true);
        }
        ready(Ok(()))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut keys = self.keys.lock().unwrap();
        match self.fault {
            Fault::NeverReleases => {}
            Fault::ReleasesAll => keys.clear(),
            _ => {
                keys.remove_entry(&self.key)
                    .filter(|(_, is_committed)| *is_committed)
                    .map(|(key, is_committed)| keys.insert(key, is_committed));
            }
        }
    }
}

#[test]
fn detects_the_faults_of_a_store() {
    for (fault, message) in [
        (Fault::CommitsWithTheClaim, "a claim is not a commit"),
        (Fault::ClaimsTwice, "one of 16 concurrent claims of a free key is `First`"),
        (Fault::NeverReleases, "a dropped claim is free within 0ns"),
        (Fault::ForgetsCommits, "a committed key is `Committed`"),
        (Fault::ReleasesAll, "a committed key is `Committed`"),
        (Fault::ClonesShareNothing, "a committed key is `Committed`"),
        (Fault::Fails, "claim failed: invented"),
    ] {
        let store = Store { fault, keys: Arc::default() };
        let text = violation(store, Duration::ZERO);
        assert!(text.contains(message), "{text}");
    }
    let store = Store { fault: Fault::Nothing, keys: Arc::default() };
    block_on(deduplication_contract(store, Duration::ZERO));
}

/// Returns the message of the violation that the contract finds.
fn violation(store: impl DeduplicationStore, release_within: Duration) -> String {
    let contract = || block_on(deduplication_contract(store, release_within));
    let panic = catch_unwind(AssertUnwindSafe(contract)).unwrap_err();
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref().copied()).unwrap().to_owned()
}

/// Longer than a claim takes, on a busy machine too.
const LEASE: Duration = Duration::from_millis(200);

/// A store whose claims expire.
#[derive(Clone, Default)]
struct Leased {
    commits_any_claim: bool,
    releases_any_claim: bool,
    /// When each claim was made, `None` if it is committed.
    keys: Arc<Mutex<HashMap<Signature, Option<Instant>>>>,
}

struct Lease {
    store: Leased,
    key: Signature,
    claimed_at: Instant,
}

impl DeduplicationStore for Leased {
    type Error = &'static str;
    type Guard = Lease;
    type ClaimFuture = Ready<Result<Claim<Lease>, &'static str>>;

    fn claim(&self, key: Signature) -> Self::ClaimFuture {
        let claimed_at = Instant::now();
        let mut keys = self.keys.lock().unwrap();
        ready(Ok(match keys.get(&key) {
            Some(None) => Claim::Committed,
            Some(Some(other)) if other.elapsed() < LEASE => Claim::InFlight,
            _ => {
                keys.insert(key, Some(claimed_at));
                Claim::First(Lease { store: self.clone(), key, claimed_at })
            }
        }))
    }
}

impl ClaimGuard for Lease {
    type Error = &'static str;
    type CommitFuture = Ready<Result<(), &'static str>>;

    fn commit(self) -> Self::CommitFuture {
        let mut keys = self.store.keys.lock().unwrap();
        let is_own = keys.get(&self.key) == Some(&Some(self.claimed_at));
        ready(if is_own || self.store.commits_any_claim {
            keys.insert(self.key, None);
            Ok(())
        } else {
            Err("the lease has expired")
        })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut keys = self.store.keys.lock().unwrap();
        let claim = keys.get(&self.key).copied().flatten();
        if claim.is_some_and(|at| at == self.claimed_at || self.store.releases_any_claim) {
            keys.remove(&self.key);
        }
    }
}

#[test]
fn a_claim_that_expired_must_not_affect_the_next() {
    let within = 2 * LEASE;
    block_on(deduplication_contract(Leased::default(), within));
    let store = Leased { commits_any_claim: true, ..Leased::default() };
    let text = violation(store, within);
    assert!(text.contains("the commit of an expired claim fails"), "{text}");
    let store = Leased { releases_any_claim: true, ..Leased::default() };
    let text = violation(store, within);
    assert!(text.contains("an expired claim does not affect the next"), "{text}");
}
