//! The deadline of draining, and what a rejected request holds meanwhile.

use std::convert::Infallible;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use tokio::time::Instant;
use tower::{Service, ServiceBuilder, service_fn};
use tower_tawk::{BufferedBody, Rejection, TawkSignatureLayer};

use crate::support::inner::answer;
use crate::support::script::{Script, Step};
use crate::support::{request, secret, sign};

fn enforce() -> TawkSignatureLayer {
    TawkSignatureLayer::enforce(secret())
}

fn data(length: usize) -> Step {
    Step::Data(Bytes::from(vec![b'x'; length]))
}

/// A stalled body of a rejected request occupies a connection, so it gets less time than one that
/// may still be verified.
#[tokio::test(start_paused = true)]
async fn drains_for_two_seconds_or_until_a_shorter_body_deadline() {
    for (body_deadline, expected) in [(30_000, 2000), (3000, 2000), (500, 500)] {
        let start = Instant::now();
        let layer = enforce().body_deadline(Duration::from_millis(body_deadline));
        let stalled = Request::new(Script::new([data(10), Step::Wait]));
        let response = answer(layer, stalled).await;
        assert_eq!(response.status(), 403);
        assert!(response.closes());
        assert_eq!(start.elapsed().as_millis(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn draining_after_the_body_limit_starts_a_deadline_of_its_own() {
    let start = Instant::now();
    let second =
        || tokio::time::interval_at(start + Duration::from_secs(1), Duration::from_secs(1));
    // One byte a second: the eleventh exceeds the limit, and two more seconds are drained.
    let body = Script::new([Step::Drip(second())]);
    let response = answer(enforce().body_limit(10), request(&sign(b"any"), body)).await;
    assert_eq!(response.rejection(), Some(Rejection::BodyTooLarge));
    assert!(response.closes());
    assert_eq!(start.elapsed().as_secs(), 13);
}

/// Unauthenticated clients could otherwise hold the permits of an inner `ConcurrencyLimit`.
#[tokio::test]
async fn holds_no_permit_of_the_inner_service_while_draining() {
    let inner = service_fn(async |_: Request<BufferedBody>| {
        Ok::<_, Infallible>(Response::new(Bytes::new()))
    });
    let mut service = ServiceBuilder::new().layer(enforce()).concurrency_limit(1).service(inner);
    let mut cx = Context::from_waker(Waker::noop());

    assert!(is_ready(&mut service, &mut cx));
    let stalled = Request::new(Script::new([data(10), Step::Wait]));
    let mut draining = pin!(service.call(stalled));
    assert!(draining.as_mut().poll(&mut cx).is_pending());

    assert!(is_ready(&mut service, &mut cx));
    let signed = request(&sign(b"{}"), Script::frames([&b"{}"[..]]));
    let Poll::Ready(Ok(response)) = pin!(service.call(signed)).poll(&mut cx) else {
        panic!("the signed request was not forwarded")
    };
    assert_eq!(response.status(), 200);
}

fn is_ready<S: Service<Request<Script>>>(service: &mut S, cx: &mut Context<'_>) -> bool {
    service.poll_ready(cx).is_ready()
}
