//! Fuzzes schedules of the copies of a few deliveries: polls, cancellations, failures and time.
//!
//! The store must answer as a simple model does. The layer must call the handler only for the first
//! claim, respond as documented, release the claim of a cancelled copy, and be pending only if the
//! store or the handler is.

#![no_main]

mod harness;

use std::future::poll_fn;
use std::mem;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use tower::{Layer, Service, service_fn};
use tower_tawk::deduplicate::DeduplicationOutcome::{self, *};
use tower_tawk::deduplicate::fuzzing::{claim_at, commit_at};
use tower_tawk::deduplicate::{Claim, ClaimGuard, DeduplicateLayer, DeduplicationStore};
use tower_tawk::deduplicate::{InMemory, InMemoryFull, InMemoryGuard};
use tower_tawk::{Secret, Signature, TawkSignatureLayer, Verdict};

/// More than the number of expired keys that a claim removes.
const DELIVERIES: usize = 12;
const TIME_TO_LIVE: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Arbitrary, Debug)]
struct Input {
    capacity: u8,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
enum Step {
    Send(Plan),
    /// Polls one of the copies in flight.
    Poll(u8),
    /// Drops one of the copies in flight.
    Cancel(u8),
    WaitMinutes(u16),
}

/// How a copy is handled.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Plan {
    delivery: u8,
    claim: Operation,
    is_handler_pending: bool,
    handled: Handled,
    commit: Operation,
}

/// How the store executes an operation.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Operation {
    is_pending_before_effect: bool,
    is_pending_after_effect: bool,
    failure: Option<Failure>,
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Failure {
    BeforeEffect,
    AfterEffect,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Handled {
    Success,
    ServerError,
    Error,
    Panic,
}

/// Without a message.
struct HandlerPanicked;

/// The response of a copy: without an outcome, that of the handler.
#[derive(Debug, PartialEq)]
enum Answer {
    Response(StatusCode, Option<DeduplicationOutcome>),
    Error,
    Panic,
}

fuzz_target!(|input: Input| {
    let capacity = usize::from(input.capacity) % (DELIVERIES + 2);
    let store = Store {
        keys: InMemory::with_capacity(capacity),
        world: Arc::new(World::new(capacity).into()),
    };
    let world = &store.world;
    let handle = |request: Request<usize>| handle(store.clone(), request.into_body());
    let mut service = DeduplicateLayer::new(store.clone()).layer(service_fn(handle));
    let mut copies = Vec::new();
    for step in input.steps {
        match step {
            Step::Send(plan) => {
                let delivery = usize::from(plan.delivery) % DELIVERIES;
                let id = lock(world).plans.len();
                lock(world).plans.push(plan);
                lock(world).answers.push(None);
                let mut request = Request::new(id);
                request.extensions_mut().insert(VERDICTS[delivery].clone());
                copies.push((id, Box::pin(service.call(request))));
            }
            Step::Poll(choice) if !copies.is_empty() => {
                let index = usize::from(choice) % copies.len();
                let (id, future) = &mut copies[index];
                if poll(world, *id, future.as_mut()).is_ready() {
                    drop(copies.swap_remove(index));
                }
            }
            Step::Cancel(choice) if !copies.is_empty() => {
                drop(copies.swap_remove(usize::from(choice) % copies.len()));
            }
            Step::Poll(_) | Step::Cancel(_) => {}
            Step::WaitMinutes(minutes) => {
                lock(world).now += Duration::from_secs(60 * u64::from(minutes));
            }
        }
    }
    for (id, mut future) in copies {
        // Ends, since the store and the handler are pending a limited number of times.
        while poll(world, id, future.as_mut()).is_pending() {}
    }
    for verdict in VERDICTS.iter() {
        let key = verdict.signature().expect("verified");
        let claim = store.claim_now(key);
        assert!(!matches!(claim, Ok(Claim::InFlight)), "a key is stuck");
        assert!(capacity == 0 || claim.is_ok(), "nothing is in flight, but the store is full");
        if let Ok(Claim::First(guard)) = claim {
            drop(guard);
            lock(world).release(key);
        }
    }
    assert!(lock(world).running.is_empty());
});

/// Polls a copy, and checks its response.
fn poll<F, E>(world: &Mutex<World>, id: usize, future: Pin<&mut F>) -> Poll<()>
where
    F: Future<Output = Result<Response<String>, E>>,
{
    let mut cx = Context::from_waker(Waker::noop());
    let answer = match catch_unwind(AssertUnwindSafe(|| future.poll(&mut cx))) {
        Ok(Poll::Pending) => {
            assert!(mem::take(&mut lock(world).is_pending), "pending without a reason");
            return Poll::Pending;
        }
        Ok(Poll::Ready(Ok(response))) => {
            let outcome = response.extensions().get().copied();
            Answer::Response(response.status(), outcome)
        }
        Ok(Poll::Ready(Err(_))) => Answer::Error,
        Err(panic) if panic.is::<HandlerPanicked>() => Answer::Panic,
        Err(panic) => panic::resume_unwind(panic),
    };
    assert_eq!(Some(answer), lock(world).answers[id].take());
    Poll::Ready(())
}

/// The handler of all copies. The body of a request is the index of its copy.
async fn handle(store: Store, id: usize) -> Result<Response<String>, &'static str> {
    let world = &store.world;
    let plan = lock(world).plans[id];
    let key = VERDICTS[usize::from(plan.delivery) % DELIVERIES].signature().expect("verified");
    assert_eq!(lock(world).find(key), Some(None), "a copy is handled that is not claimed");
    assert!(!lock(world).running.contains(&key), "two copies are handled at a time");
    lock(world).running.push(key);
    let _running = Running { world, key };
    step_if(plan.is_handler_pending, world).await;
    let status = match plan.handled {
        // The answer follows from the commit.
        Handled::Success => return Ok(Response::new(String::new())),
        Handled::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
        Handled::Error => {
            lock(world).answers[id] = Some(Answer::Error);
            return Err("the handler failed");
        }
        Handled::Panic => {
            lock(world).answers[id] = Some(Answer::Panic);
            panic::resume_unwind(Box::new(HandlerPanicked));
        }
    };
    lock(world).answers[id] = Some(Answer::Response(status, None));
    let mut response = Response::new(String::new());
    *response.status_mut() = status;
    Ok(response)
}

/// Ends with the future of a handler.
struct Running<'a> {
    world: &'a Mutex<World>,
    key: Signature,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        lock(self.world).running.retain(|key| *key != self.key);
    }
}

/// The model of the store, and what the copies do.
struct World {
    now: Instant,
    capacity: usize,
    /// The keys in flight, and when the others were committed, the oldest first.
    keys: Vec<(Signature, Option<Instant>)>,
    plans: Vec<Plan>,
    /// How each copy must be answered, once this is known.
    answers: Vec<Option<Answer>>,
    /// The deliveries whose handler runs.
    running: Vec<Signature>,
    /// Whether the store or the handler returned `Pending`.
    is_pending: bool,
}

impl World {
    fn new(capacity: usize) -> Self {
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

    fn find(&self, key: Signature) -> Option<Option<Instant>> {
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

    fn release(&mut self, key: Signature) {
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
struct Store {
    keys: InMemory,
    world: Arc<Mutex<World>>,
}

impl Store {
    /// Claims a key, and compares the result with the model.
    fn claim_now(&self, key: Signature) -> Result<Claim<InMemoryGuard>, InMemoryFull> {
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

struct Guard {
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

fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().expect("no panic while locked")
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Pending once, if `is_pending`.
async fn step_if(mut is_pending: bool, world: &Mutex<World>) {
    poll_fn(|_| {
        if mem::take(&mut is_pending) {
            lock(world).is_pending = true;
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

/// Verdicts on verified deliveries.
static VERDICTS: LazyLock<[Verdict; DELIVERIES]> = LazyLock::new(|| {
    std::array::from_fn(|number| {
        let secret = Secret::new("an invented secret").expect("secret is valid");
        let body = number.to_string();
        let request = Request::builder()
            .header("x-tawk-signature", secret.sign(body.as_bytes()).to_string())
            .body(Full::new(Bytes::from(body)))
            .expect("a valid request");
        let (verdict, _) =
            harness::send(TawkSignatureLayer::enforce(secret), request).expect("verified");
        verdict
    })
});
