//! Fuzzes schedules of the copies of a few deliveries: polls, cancellations, failures and time.
//!
//! The store must answer as a simple model does. The layer must call the handler only for the first
//! claim, respond as documented, release the claim of a cancelled copy, and be pending only if the
//! store or the handler is.

#![no_main]

mod harness;
mod model;

use std::mem;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use tower::{Layer, Service, service_fn};
use tower_tawk::deduplicate::{Claim, DeduplicateLayer, InMemory};
use tower_tawk::{Secret, Signature, TawkSignatureLayer, Verdict};

use model::{Answer, Handled, HandlerPanicked, Plan, Store, World, lock, step_if};

/// More than the number of expired keys that a claim removes.
const DELIVERIES: usize = 12;

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
