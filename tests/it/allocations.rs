//! How many allocations the layer adds to a request, counted exactly.
//!
//! The floor is an axum handler that takes `Bytes` and verifies nothing.

use std::convert::Infallible;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::support::script::{Script, Step};
use crate::support::{request, secret, sign, signed};
use allocation_counter::{AllocationInfo, measure};
use axum::Router;
use axum::routing::{MethodRouter, post};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use tower::{BoxError, Layer, Service, service_fn};
use tower_tawk::{BufferedBody, TawkSignatureLayer};

fn enforce() -> TawkSignatureLayer {
    TawkSignatureLayer::enforce(secret())
}

/// What `service` allocates for a request whose body is there, until its answer is dropped.
///
/// Once before, it has seen such a request: what it keeps is not counted.
fn allocated<S, B, ResBody>(
    mut service: S,
    request: impl Fn() -> Request<B>,
    status: u16,
) -> AllocationInfo
where
    S: Service<Request<B>, Response = Response<ResBody>, Error = Infallible>,
{
    let mut answer = |request| {
        let future = pin!(service.call(request));
        let Poll::Ready(Ok(response)) = future.poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("a body that is there is received in one poll");
        };
        assert_eq!(response.status().as_u16(), status);
    };
    answer(request());
    let request = request();
    measure(|| answer(request))
}

fn route() -> MethodRouter {
    post(async |body: Bytes| drop(body))
}

fn app(route: MethodRouter) -> Router {
    Router::new().route("/tawk-webhook", route)
}

fn one_frame() -> Request<Full<Bytes>> {
    signed(vec![b'x'; 1024])
}

#[test]
fn over_the_floor_there_are_two_around_a_router_and_seven_under_it() {
    let floor = allocated(app(route()), one_frame, 200).count_total;
    let over = |count: u64| count.checked_sub(floor);
    assert_eq!(over(allocated(enforce().layer(app(route())), one_frame, 200).count_total), Some(2));
    let under = app(route()).layer(enforce());
    assert_eq!(over(allocated(under, one_frame, 200).count_total), Some(7));
    let on_the_route = app(route().route_layer(enforce()));
    assert_eq!(over(allocated(on_the_route, one_frame, 200).count_total), Some(7));
}

/// Two for the extensions and one for the verdict in them.
#[test]
fn over_a_bare_service_there_are_three() {
    let bare = service_fn(async |request: Request<BufferedBody>| {
        drop(request);
        Ok::<_, Infallible>(Response::new(()))
    });
    assert_eq!(allocated(enforce().layer(bare), one_frame, 200).count_total, 3);
}

fn refusing<B>(make: impl Fn() -> Request<B>) -> u64
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    allocated(enforce().layer(service_fn(inner)), make, 403).count_total
}

async fn inner(_: Request<BufferedBody>) -> Result<Response<()>, Infallible> {
    panic!("the inner service was called")
}

/// Those of the response's extensions, with the rejection in them; and two more for the headers,
/// where one has to say that the connection ends.
#[test]
fn a_refusal_allocates_for_what_it_answers_alone_whatever_the_size() {
    for (length, count) in [(0, 3), (1024, 3), (60 * 1024, 3), (1024 * 1024, 5)] {
        let missing = || Request::new(Full::new(Bytes::from(vec![b'x'; length])));
        let malformed = || request("sha1=0", Full::new(Bytes::from(vec![b'x'; length])));
        assert_eq!(refusing(missing), count, "missing, {length} bytes");
        assert_eq!(refusing(malformed), count, "malformed, {length} bytes");
    }
}

/// `length` bytes in frames of `each`, declared, with the signature of them all.
fn frames(length: usize, each: usize) -> Request<Script> {
    let body = Bytes::from(vec![b'x'; length]);
    let steps = (0..length).step_by(each).map(|at| Step::Data(body.slice(at..at + each)));
    request(&sign(&body), Script::new(steps).declaring(length as u64))
}

#[test]
fn a_declared_body_in_many_frames_takes_one_more_to_64_kib_and_one_for_each_doubling() {
    let count = |length, each| {
        let bare = service_fn(async |request: Request<BufferedBody>| {
            drop(request);
            Ok::<_, Infallible>(Response::new(()))
        });
        allocated(enforce().layer(bare), || frames(length, each), 200).count_total
    };
    const KIB: usize = 1024;
    let one = count(KIB, KIB);
    for (length, each, more) in [
        (2, 1, 1),
        (KIB, 128, 1),
        (64 * KIB, 4 * KIB, 1),
        (128 * KIB, 4 * KIB, 2),
        (256 * KIB, 4 * KIB, 3),
        (1024 * KIB, 4 * KIB, 5),
        (2048 * KIB, 64 * KIB, 6),
    ] {
        let over = count(length, each) - one;
        assert!(over <= more, "{over} more for {length} bytes in frames of {each}");
    }
}

#[test]
fn of_64_kib_in_single_bytes_no_more_is_held_than_the_body() {
    let body = Bytes::from(vec![b'x'; 64 * 1024]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime");
    let held = |declared: bool| {
        let steps = (0..body.len()).map(|at| Step::Data(body.slice(at..=at)));
        let mut script = Script::new(steps);
        if declared {
            script = script.declaring(body.len() as u64);
        }
        let request = request(&sign(&body), script);
        let answer = || runtime.block_on(crate::support::inner::answer(enforce(), request));
        measure(|| assert!(answer().is_verified())).bytes_max
    };
    let length = body.len() as u64;
    // The body itself, and a little for the response.
    assert!(held(true) < length + 2048, "{}", held(true));
    // Without a promise it doubles: for a moment there is also what it grows out of.
    assert!(held(false) < 5 * length / 2, "{}", held(false));
}
