//! [`InMemory`], a store in memory.

use std::collections::{HashMap, VecDeque};
use std::error::Error;
use std::fmt;
use std::future::{Ready, ready};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::store::{Claim, ClaimGuard, DeduplicationStore};
use crate::log;
use crate::signature::Signature;

const DEFAULT_CAPACITY: usize = 65_536;

/// Twice the 12 hours for which Tawk.to retries (developer.tawk.to/webhooks).
const TIME_TO_LIVE: Duration = Duration::from_secs(24 * 60 * 60);

/// Maximum number of expired keys that a claim removes, to bound its duration.
const MAX_EXPIRED: usize = 8;

/// Minimum interval between warnings about early eviction.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// An in-memory store, which does not survive a restart; a database does, as in
/// `examples/deduplicate.rs`.
///
/// Clones share their keys. Several processes cannot share a store.
///
/// Keys are kept for 24 hours after the commit. Tawk.to retries for 12 hours. If the store is full,
/// the oldest committed key is evicted early, so that a retry of its delivery is handled again.
/// This is logged as a warning, at most once a minute. Keys in flight are never evicted. If all
/// keys are in flight, claims fail with [`InMemoryFull`].
///
/// Each key takes 100 to 200 bytes.
#[derive(Clone)]
pub struct InMemory {
    capacity: usize,
    keys: Arc<Mutex<Keys>>,
}

#[derive(Default)]
struct Keys {
    states: HashMap<Signature, State, BuildHasherDefault<KeyHasher>>,
    /// The committed keys, the oldest first.
    committed: VecDeque<(Instant, Signature)>,
    last_warning: Option<Instant>,
}

#[derive(PartialEq)]
enum State {
    InFlight,
    CommittedAt(Instant),
}

/// Takes the first bytes of a signature for its hash: it is an HMAC, and only verified ones are
/// claimed, so that nobody but the holder of the secret can choose it.
#[derive(Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.first_chunk().map_or(self.0, |first| u64::from_ne_bytes(*first));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl InMemory {
    /// Creates a store for 65,536 keys.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(DEFAULT_CAPACITY)
    }

    /// Creates a store for at most `capacity` keys. Memory is allocated as needed.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { capacity, keys: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn claim_at(
        &self,
        key: Signature,
        now: Instant,
    ) -> Result<Claim<InMemoryGuard>, InMemoryFull> {
        let mut keys = self.lock();
        keys.remove_expired(now);
        let mut is_warning_due = false;
        match keys.states.get(&key) {
            Some(State::InFlight) => return Ok(Claim::InFlight),
            Some(State::CommittedAt(at)) if now.duration_since(*at) < TIME_TO_LIVE => {
                return Ok(Claim::Committed);
            }
            None if keys.states.len() >= self.capacity => {
                is_warning_due = keys.remove_oldest(now)?;
            }
            Some(State::CommittedAt(_)) | None => {}
        }
        keys.states.insert(key, State::InFlight);
        // Other claims do not wait for the log.
        drop(keys);
        let guard = InMemoryGuard { store: self.clone(), key, is_committed: false };
        if is_warning_due {
            log::evicted_early();
        }
        Ok(Claim::First(guard))
    }
}

impl Keys {
    fn remove_expired(&mut self, now: Instant) {
        for _ in 0..MAX_EXPIRED {
            match self.committed.front() {
                Some((at, _)) if now.duration_since(*at) >= TIME_TO_LIVE => self.pop(),
                _ => return,
            };
        }
    }

    /// Removes the oldest committed key. Returns whether a warning is due.
    fn remove_oldest(&mut self, now: Instant) -> Result<bool, InMemoryFull> {
        while !self.pop().ok_or(InMemoryFull)? {}
        let is_recent = |last| now.duration_since(last) < WARNING_INTERVAL;
        let is_warning_due = !self.last_warning.is_some_and(is_recent);
        if is_warning_due {
            self.last_warning = Some(now);
        }
        Ok(is_warning_due)
    }

    /// Removes the front of the queue and its key. Returns whether the key was removed: an expired
    /// key may have been claimed again.
    fn pop(&mut self) -> Option<bool> {
        let (at, key) = self.committed.pop_front()?;
        let is_last = self.states.get(&key) == Some(&State::CommittedAt(at));
        if is_last {
            self.states.remove(&key);
        }
        Some(is_last)
    }
}

impl DeduplicationStore for InMemory {
    type Error = InMemoryFull;
    type Guard = InMemoryGuard;
    type ClaimFuture = Ready<Result<Claim<InMemoryGuard>, InMemoryFull>>;

    fn claim(&self, key: Signature) -> Self::ClaimFuture {
        ready(self.claim_at(key, Instant::now()))
    }
}

impl Default for InMemory {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for InMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemory").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

/// The claim of a key in [`InMemory`].
#[derive(Debug)]
pub struct InMemoryGuard {
    store: InMemory,
    key: Signature,
    is_committed: bool,
}

impl InMemoryGuard {
    pub(super) fn commit_at(mut self, now: Instant) {
        let mut keys = self.store.lock();
        keys.states.insert(self.key, State::CommittedAt(now));
        keys.committed.push_back((now, self.key));
        drop(keys);
        self.is_committed = true;
    }
}

impl ClaimGuard for InMemoryGuard {
    type Error = InMemoryFull;
    type CommitFuture = Ready<Result<(), InMemoryFull>>;

    fn commit(self) -> Self::CommitFuture {
        self.commit_at(Instant::now());
        ready(Ok(()))
    }
}

impl Drop for InMemoryGuard {
    fn drop(&mut self) {
        if !self.is_committed {
            self.store.lock().states.remove(&self.key);
        }
    }
}

/// Error returned by a claim if all keys of an [`InMemory`] store are in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InMemoryFull;

impl fmt::Display for InMemoryFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many deliveries in flight; increase the capacity of the store")
    }
}

impl Error for InMemoryFull {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_free_24_hours_after_its_commit() {
        let (store, key) = (InMemory::with_capacity(1), Signature::from_bytes([1; 20]));
        let begin = Instant::now();
        let claim = |time| store.claim_at(key, time).expect("there is capacity");
        let Claim::First(guard) = claim(begin) else { panic!("free") };
        guard.commit_at(begin);
        let last = begin + TIME_TO_LIVE - Duration::from_nanos(1);
        assert!(matches!(claim(last), Claim::Committed));
        assert!(matches!(claim(begin + TIME_TO_LIVE), Claim::First(_)));
    }

    #[test]
    fn a_claim_removes_a_few_expired_keys() {
        let store = InMemory::new();
        let claim = |number, time| {
            let claim = store.claim_at(Signature::from_bytes([number; 20]), time);
            let Ok(Claim::First(guard)) = claim else { panic!("free") };
            guard
        };
        let begin = Instant::now();
        for number in 0..20 {
            claim(number, begin).commit_at(begin);
        }
        let _guard = claim(20, begin + TIME_TO_LIVE);
        assert_eq!(store.lock().states.len(), 20 - MAX_EXPIRED + 1);
        assert_eq!(store.lock().committed.len(), 20 - MAX_EXPIRED);
    }
}
