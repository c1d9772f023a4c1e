//! The exact number of allocations that the layer adds to a request.

use std::convert::Infallible;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::support::mock_body::{MockBody, Step};
use crate::support::{enforce, request, sign, signed_request};
use allocation_counter::{AllocationInfo, measure};
use axum::Router;
use axum::routing::{MethodRouter, post};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use tower::{BoxError, Layer, Service, service_fn};
use tower_tawk::BufferedBody;

const KIB: usize = 1024;

/// The baseline is an axum handler that takes `Bytes`, without the layer.
#[test]
fn adds_two_allocations_around_a_router_and_seven_inside() {
    let baseline = count(app(route()), one_frame, 200);
    let added = |count: u64| count.checked_sub(baseline);
    assert_eq!(added(count(enforce().layer(app(route())), one_frame, 200)), Some(2));
    let inside_the_router = app(route()).layer(enforce());
    assert_eq!(added(count(inside_the_router, one_frame, 200)), Some(7));
    let on_the_route = app(route().route_layer(enforce()));
    assert_eq!(added(count(on_the_route, one_frame, 200)), Some(7));
}

/// Two for the request's extensions and one for the verdict in them.
#[test]
fn adds_three_allocations_to_a_bare_service() {
    assert_eq!(count_verified(one_frame), 3);
}

/// Three for the response's extensions and the rejection in them, and two more for the
/// `Connection` header.
#[test]
fn allocates_only_for_the_response_of_a_rejected_request() {
    for (length, expected) in [(0, 3), (KIB, 3), (60 * KIB, 3), (1024 * KIB, 5)] {
        let missing = || Request::new(Full::new(Bytes::from(vec![b'x'; length])));
        let malformed = || request("sha1=0", Full::new(Bytes::from(vec![b'x'; length])));
        assert_eq!(count_rejected(missing), expected, "missing, {length} bytes");
        assert_eq!(count_rejected(malformed), expected, "malformed, {length} bytes");
    }
}

#[test]
fn adds_one_allocation_for_frames_up_to_64_kib_and_one_per_doubling() {
    let single_frame = count_verified(|| frames(KIB, KIB));
    for (length, frame_length, expected) in [
        (2, 1, 1),
        (KIB, 128, 1),
        (64 * KIB, 4 * KIB, 1),
        (128 * KIB, 4 * KIB, 2),
        (256 * KIB, 4 * KIB, 3),
        (1024 * KIB, 4 * KIB, 5),
        (2048 * KIB, 64 * KIB, 6),
    ] {
        let added = count_verified(|| frames(length, frame_length)) - single_frame;
        assert!(added <= expected, "{added} for {length} bytes in frames of {frame_length}");
    }
}

fn route() -> MethodRouter {
    post(async |body: Bytes| drop(body))
}

fn app(route: MethodRouter) -> Router {
    Router::new().route("/tawk-webhook", route)
}

fn one_frame() -> Request<Full<Bytes>> {
    signed_request(vec![b'x'; 1024])
}

/// Builds a signed request with a declared length and frames of equal length.
fn frames(length: usize, frame_length: usize) -> Request<MockBody> {
    let body = Bytes::from(vec![b'x'; length]);
    let steps =
        (0..length).step_by(frame_length).map(|at| Step::Data(body.slice(at..at + frame_length)));
    request(&sign(&body), MockBody::new(steps).with_declared_length(length as u64))
}

/// Counts the allocations for a verified request to a service that drops it.
fn count_verified<B>(request: impl Fn() -> Request<B>) -> u64
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let service = service_fn(async |request: Request<BufferedBody>| {
        drop(request);
        Ok::<_, Infallible>(Response::new(()))
    });
    count(enforce().layer(service), request, 200)
}

/// Counts the allocations for a request that does not reach the inner service.
fn count_rejected<B>(request: impl Fn() -> Request<B>) -> u64
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let service =
        service_fn(async |_: Request<BufferedBody>| -> Result<Response<()>, Infallible> {
            panic!("the inner service was called")
        });
    count(enforce().layer(service), request, 403)
}

/// Counts the allocations for a request that is ready after one poll, until its response is
/// dropped. An earlier request is not counted, nor what it leaves allocated.
fn count<S, B, ResBody>(mut service: S, request: impl Fn() -> Request<B>, status: u16) -> u64
where
    S: Service<Request<B>, Response = Response<ResBody>, Error = Infallible>,
{
    let mut send = |request| {
        let future = pin!(service.call(request));
        let Poll::Ready(Ok(response)) = future.poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("no response after one poll");
        };
        assert_eq!(response.status().as_u16(), status);
    };
    send(request());
    let request = request();
    let AllocationInfo { count_total, .. } = measure(|| send(request));
    count_total
}
