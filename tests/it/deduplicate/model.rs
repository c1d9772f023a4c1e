//! Every order of polls, drops and outcomes of three copies of one delivery, and random orders of
//! more.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::poll_fn;
use std::mem;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use http::{Request, Response, StatusCode};
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::proptest;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_tawk::deduplicate::{
    Claim, ClaimGuard, DeduplicateLayer, DeduplicationStore, InMemory, InMemoryFull, InMemoryGuard,
};
use tower_tawk::{BufferedBody, Signature, Verdict};

use crate::support::{block_on, enforce, signed_request};

/// Chooses one of a number of options.
type Choose<'a> = Rc<RefCell<dyn FnMut(usize) -> usize + 'a>>;

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Pending once, if `is_pending`.
async fn step_if(mut is_pending: bool) {
    poll_fn(|_| if mem::take(&mut is_pending) { Poll::Pending } else { Poll::Ready(()) }).await;
}

/// When the future of a store is pending, and can be dropped.
#[derive(Clone, Copy, PartialEq)]
enum Pending {
    BeforeItsEffect,
    AfterItsEffect,
}

/// Answers later, as a database does.
#[derive(Clone)]
struct Slow {
    store: InMemory,
    pending: Pending,
    is_committed: Arc<AtomicBool>,
}

struct SlowGuard {
    guard: InMemoryGuard,
    pending: Pending,
    is_committed: Arc<AtomicBool>,
}

impl DeduplicationStore for Slow {
    type Error = InMemoryFull;
    type Guard = SlowGuard;
    type ClaimFuture = BoxFuture<Result<Claim<SlowGuard>, InMemoryFull>>;

    fn claim(&self, key: Signature) -> Self::ClaimFuture {
        let Self { store, pending, is_committed } = self.clone();
        Box::pin(async move {
            step_if(pending == Pending::BeforeItsEffect).await;
            let claim = store.claim(key).await?;
            step_if(pending == Pending::AfterItsEffect).await;
            Ok(match claim {
                Claim::First(guard) => Claim::First(SlowGuard { guard, pending, is_committed }),
                Claim::Committed => Claim::Committed,
                Claim::InFlight => Claim::InFlight,
            })
        })
    }
}

impl ClaimGuard for SlowGuard {
    type Error = InMemoryFull;
    type CommitFuture = BoxFuture<Result<(), InMemoryFull>>;

    fn commit(self) -> Self::CommitFuture {
        Box::pin(async move {
            step_if(self.pending == Pending::BeforeItsEffect).await;
            self.guard.commit().await?;
            self.is_committed.store(true, Ordering::Relaxed);
            step_if(self.pending == Pending::AfterItsEffect).await;
            Ok(())
        })
    }
}

/// What the handlers of all copies have done.
#[derive(Default)]
struct Effects {
    running: Cell<usize>,
    succeeded: Cell<usize>,
}

struct HandlerPanicked;

/// Ends with the future of a handler.
struct Running<'a>(&'a Effects);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.update(|running| running - 1);
    }
}

async fn handle(
    effects: Rc<Effects>,
    choose: Choose<'_>,
) -> Result<Response<String>, &'static str> {
    effects.running.update(|running| running + 1);
    assert_eq!(effects.running.get(), 1, "one copy is handled at a time");
    let _running = Running(&effects);
    let outcome = choose.borrow_mut()(4);
    step_if(true).await;
    let mut response = Response::new(String::new());
    match outcome {
        0 => effects.succeeded.update(|succeeded| succeeded + 1),
        1 => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
        2 => return Err("the handler failed"),
        // Without a message.
        _ => panic::resume_unwind(Box::new(HandlerPanicked)),
    }
    Ok(response)
}

/// Polls and drops copies of a delivery in the chosen order, and asserts what the layer guarantees.
fn run(copies: usize, pending: Pending, verdict: &Verdict, choose: &Choose<'_>) {
    let store = Slow { store: InMemory::new(), pending, is_committed: Arc::default() };
    let effects = Rc::<Effects>::default();
    let mut service = DeduplicateLayer::new(store.clone()).layer(service_fn(|_: Request<()>| {
        let is_committed = store.is_committed.load(Ordering::Relaxed);
        assert!(!is_committed, "no copy is handled after a commit");
        handle(Rc::clone(&effects), Rc::clone(choose))
    }));
    let mut cx = Context::from_waker(Waker::noop());
    let mut call = || {
        let mut request = Request::new(());
        request.extensions_mut().insert(verdict.clone());
        Box::pin(service.call(request))
    };
    let mut copies: Vec<_> = (0..copies).map(|_| call()).collect();
    while !copies.is_empty() {
        let choice = choose.borrow_mut()(2 * copies.len());
        let (copy, is_dropped) = (choice / 2, choice % 2 == 1);
        if is_dropped {
            drop(copies.swap_remove(copy));
            continue;
        }
        let polled = catch_unwind(AssertUnwindSafe(|| copies[copy].as_mut().poll(&mut cx)));
        match polled {
            Ok(Poll::Pending) => {}
            Ok(Poll::Ready(response)) => {
                let is_success = response.is_ok_and(|response| response.status().is_success());
                let is_committed = store.is_committed.load(Ordering::Relaxed);
                assert!(!is_success || is_committed, "2xx means committed");
                drop(copies.swap_remove(copy));
            }
            Err(panic) if panic.is::<HandlerPanicked>() => drop(copies.swap_remove(copy)),
            Err(panic) => panic::resume_unwind(panic),
        }
    }
    assert_eq!(effects.running.get(), 0);
    let is_committed = store.is_committed.load(Ordering::Relaxed);
    assert!(!is_committed || effects.succeeded.get() > 0, "only a success is committed");
    let Poll::Ready(claim) =
        Pin::new(&mut store.store.claim(verdict.signature().unwrap())).poll(&mut cx)
    else {
        panic!("`InMemory` answers at once");
    };
    assert!(!matches!(claim.unwrap(), Claim::InFlight), "no key is stuck");
}

/// Returns the verdict on a verified request.
fn verdict() -> Verdict {
    let service = enforce().layer(service_fn(async |request: Request<BufferedBody>| {
        let mut response = Response::new(());
        response.extensions_mut().insert(request.extensions().get::<Verdict>().unwrap().clone());
        Ok::<_, Infallible>(response)
    }));
    let response = block_on(service.oneshot(signed_request("{}"))).unwrap();
    response.extensions().get::<Verdict>().unwrap().clone()
}

/// Runs a test with every sequence of choices.
fn explore(mut test: impl FnMut(&Choose<'_>)) -> usize {
    let mut runs = 0;
    // The choices, and the numbers of options.
    let path = RefCell::new(Vec::<(usize, usize)>::new());
    loop {
        let position = Cell::new(0);
        let choose: Choose<'_> = Rc::new(RefCell::new(|options| {
            let mut path = path.borrow_mut();
            if position.get() == path.len() {
                path.push((0, options));
            }
            let (choice, _) = path[position.get()];
            position.update(|position| position + 1);
            choice
        }));
        test(&choose);
        drop(choose);
        runs += 1;
        let mut path = path.borrow_mut();
        while path.pop_if(|(choice, options)| *choice + 1 == *options).is_some() {}
        match path.last_mut() {
            Some((choice, _)) => *choice += 1,
            None => return runs,
        }
    }
}

#[test]
fn every_order_of_three_copies() {
    let verdict = verdict();
    for pending in [Pending::BeforeItsEffect, Pending::AfterItsEffect] {
        let orders = explore(|choose| run(3, pending, &verdict, choose));
        // Otherwise it does not explore.
        assert!(orders > 10_000, "{orders} orders");
        println!("{orders} orders");
    }
}

proptest! {
    #[test]
    fn random_orders_of_many_copies(copies in 4_usize..8, choices in vec(any::<usize>(), 0..200)) {
        let mut choices = choices.into_iter();
        // Polls the first copy at the end.
        let choose: Choose<'_> =
            Rc::new(RefCell::new(move |options| choices.next().unwrap_or(0) % options));
        let pending =
            if copies % 2 == 0 { Pending::BeforeItsEffect } else { Pending::AfterItsEffect };
        run(copies, pending, &verdict(), &choose);
    }
}
