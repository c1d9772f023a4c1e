//! [`Store`]: the store in memory, compared with a simple model in each step.

use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;
use std::time::{Duration, Instant};

use http::StatusCode;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use tower_tawk::Signature;
use tower_tawk::deduplicate::DeduplicationOutcome::{self, *};
use tower_tawk::deduplicate::fuzzing::{claim_at, commit_at};
use tower_tawk::deduplicate::{
    Claim, ClaimGuard, DeduplicationStore, InMemory, InMemoryFull, InMemoryGuard,
};

const TIME_TO_LIVE: Duration = Duration::from_secs(24 * 60 * 60);

/// How a copy is handled.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) delivery: u8,
    claim: Operation,
    pub(crate) is_handler_pending: bool,
    pub(crate) handled: Handled,
    commit: Operation,
}

/// How the store executes an operation.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) struct Operation {
    is_pending_before_effect: bool,
    is_pending_after_effect: bool,
    failure: Option<Failure>,
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub(crate) enum Failure {
    BeforeEffect,
    AfterEffect,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum Handled {
    Success,
    ServerError,
    Error,
    Panic,
}

/// The payload of a panic in a handler. `resume_unwind` does not call the panic hook.
pub(crate) struct HandlerPanicked;

/// The response of a copy: without an outcome, that of the handler.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    Response(StatusCode, Option<DeduplicationOutcome>),
    Error,
    Panic,
}

/// The model of the store, and what the copies do.
pub(crate) struct World {
    pub(crate) now: Instant,
    capacity: usize,
    /// The keys in flight, and when the others were committed, the oldest first.
    keys: Vec<(Signature, Option<Instant>)>,
    pub(crate) plans: Vec<Plan>,
    /// How each copy must be answered, once this is known.
    pub(crate) answers: Vec<Option<Answer>>,
    /// The deliveries whose handler runs.
    pub(crate) running: Vec<Signature>,
    /// Whether the store or the handler returned `Pending`.
    pub(crate) is_pending: bool,
}

impl World {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            now: Instant::now(),
            capacity,
            keys: Vec::new(),
            plans: Vec::new(),
            answers: Vec::new(),
            running: Vec::new(),
            is_pending: false,
        }
    }

    pub(crate) fn find(&self, key: Signature) -> Option<Option<Instant>> {
        let found = self.keys.iter().find(|(other, _)| *other == key);
        found.map(|(_, committed_at)| *committed_at)
    }

    /// Returns `None` if all keys are in flight.
    fn claim(&mut self, key: Signature) -> Option<Claim<()>> {
        let is_live = |at| self.now.duration_since(at) < TIME_TO_LIVE;
        self.keys.retain(|(_, committed_at)| committed_at.is_none_or(is_live));
        match self.find(key) {
            Some(None) => return Some(Claim::InFlight),
            Some(Some(_)) => return Some(Claim::Committed),
            None if self.keys.len() >= self.capacity => {
                self.keys.remove(self.keys.iter().position(|(_, at)| at.is_some())?);
            }
            None => {}
        }
        self.keys.push((key, None));
        Some(Claim::First(()))
    }

    pub(crate) fn release(&mut self, key: Signature) {
        assert!(!self.running.contains(&key), "a key is free while its handler runs");
        self.keys.retain(|(other, _)| *other != key);
    }

    fn commit(&mut self, key: Signature) {
        self.release(key);
        self.keys.push((key, Some(self.now)));
    }
}

/// `InMemory` with the clock and the plans of a [`World`].
#[derive(Clone)]
pub(crate) struct Store {
    pub(crate) keys: InMemory,
    pub(crate) world: Arc<Mutex<World>>,
}

impl Store {
    /// Claims a key, and compares the result with the model.
    pub(crate) fn claim_now(&self, key: Signature) -> Result<Claim<InMemoryGuard>, InMemoryFull> {
        let mut world = lock(&self.world);
        let claim = claim_at(&self.keys, key, world.now);
        let outcome = claim.as_ref().ok().map(|claim| match claim {
            Claim::First(_) => Claim::First(()),
            Claim::Committed => Claim::Committed,
            Claim::InFlight => Claim::InFlight,
        });
        assert_eq!(outcome, world.claim(key));
        claim
    }
}

impl DeduplicationStore for Store {
    type Error = &'static str;
    type Guard = Guard;
    type ClaimFuture = BoxFuture<Result<Claim<Guard>, &'static str>>;

    fn claim(&self, key: Signature) -> Self::ClaimFuture {
        let store = self.clone();
        // Called by the layer when a copy arrives.
        let id = lock(&self.world).plans.len() - 1;
        let plan = lock(&self.world).plans[id].claim;
        Box::pin(async move {
            step_if(plan.is_pending_before_effect, &store.world).await;
            let answer = |outcome: DeduplicationOutcome| {
                let answer = Answer::Response(outcome.status(), Some(outcome));
                lock(&store.world).answers[id] = Some(answer);
            };
            answer(ClaimFailed);
            if plan.failure == Some(Failure::BeforeEffect) {
                return Err("invented");
            }
            let claim = match store.claim_now(key) {
                Ok(Claim::First(guard)) => {
                    Ok(Claim::First(Guard { guard: Some(guard), store: store.clone(), key, id }))
                }
                Ok(Claim::Committed) => Ok(Claim::Committed),
                Ok(Claim::InFlight) => Ok(Claim::InFlight),
                Err(_) => Err("full"),
            };
            step_if(plan.is_pending_after_effect, &store.world).await;
            if plan.failure == Some(Failure::AfterEffect) {
                return Err("invented");
            }
            match &claim {
                Ok(Claim::Committed) => answer(Duplicate),
                Ok(Claim::InFlight) => answer(InFlight),
                Ok(Claim::First(_)) | Err(_) => {}
            }
            claim
        })
    }
}

pub(crate) struct Guard {
    guard: Option<InMemoryGuard>,
    store: Store,
    key: Signature,
    id: usize,
}

impl ClaimGuard for Guard {
    type Error = &'static str;
    type CommitFuture = BoxFuture<Result<(), &'static str>>;

    fn commit(mut self) -> Self::CommitFuture {
        Box::pin(async move {
            let world = Arc::clone(&self.store.world);
            let plan = lock(&world).plans[self.id].commit;
            step_if(plan.is_pending_before_effect, &world).await;
            let failed = Answer::Response(CommitFailed.status(), Some(CommitFailed));
            lock(&world).answers[self.id] = Some(failed);
            if plan.failure == Some(Failure::BeforeEffect) {
                return Err("invented");
            }
            let guard = self.guard.take().expect("neither committed nor released");
            commit_at(guard, lock(&world).now);
            lock(&world).commit(self.key);
            step_if(plan.is_pending_after_effect, &world).await;
            if plan.failure == Some(Failure::AfterEffect) {
                return Err("invented");
            }
            lock(&world).answers[self.id] = Some(Answer::Response(StatusCode::OK, None));
            Ok(())
        })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(guard) = self.guard.take() {
            drop(guard);
            lock(&self.store.world).release(self.key);
        }
    }
}

pub(crate) fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().expect("no panic while locked")
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Pending once, if `is_pending`.
pub(crate) async fn step_if(mut is_pending: bool, world: &Mutex<World>) {
    poll_fn(|_| {
        if mem::take(&mut is_pending) {
            lock(world).is_pending = true;
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}
