//! The layer combined with other middleware: adapters, limits, and what outer layers see.

use std::pin::pin;
use std::task::{Context, Waker};

use crate::support::mock_body::{MockBody, Step};
use crate::support::response::echo;
use crate::support::{enforce, observe, request, sign, signed_request};
use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use http_body_util::Full;
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::map_request_body::MapRequestBodyLayer;
use tower_http::map_response_body::MapResponseBodyLayer;
use tower_http::trace::TraceLayer;
use tower_tawk::{BufferedBody, Rejection, Verdict};

/// `from_fn` only takes axum's own request body.
#[tokio::test]
async fn works_around_from_fn_if_the_request_body_is_mapped() {
    async fn middleware(request: Request, next: Next) -> Response {
        assert!(request.extensions().get::<Verdict>().is_some_and(Verdict::is_verified));
        next.run(request).await
    }
    let stack = ServiceBuilder::new()
        .layer(enforce())
        .layer(MapRequestBodyLayer::new(Body::new::<BufferedBody>))
        .layer(from_fn(middleware));
    assert_accepts_signed_and_rejects_altered(post(handler).route_layer(stack)).await;
}

/// The response body of `TraceLayer` does not implement `Default`, which the empty rejection
/// response requires.
#[tokio::test]
async fn works_around_trace_if_the_response_body_is_mapped() {
    let stack = ServiceBuilder::new()
        .layer(enforce())
        .layer(MapResponseBodyLayer::new(Body::new))
        .layer(TraceLayer::new_for_http());
    assert_accepts_signed_and_rejects_altered(post(handler).route_layer(stack)).await;
}

#[tokio::test]
async fn works_inside_trace() {
    let stack = ServiceBuilder::new().layer(TraceLayer::new_for_http()).layer(enforce());
    assert_accepts_signed_and_rejects_altered(post(handler).route_layer(stack)).await;
}

#[tokio::test]
async fn rejects_a_body_over_an_outer_limit_with_413() {
    let stack = ServiceBuilder::new().layer(RequestBodyLimitLayer::new(4)).layer(enforce());
    let route = post(handler).route_layer(stack);
    let chunked = Body::new(MockBody::from_frames([b"[1, ".as_slice(), b"2]"]));

    let response = send(route.clone(), request(&sign(b"[1, 2]"), chunked)).await;
    assert_eq!(response.status(), 413);
    let rejection: &Rejection = response.extensions().get().unwrap();
    assert_eq!(*rejection, Rejection::BodyTooLarge);

    assert_accepts_signed_and_rejects_altered(route).await;
}

/// Regression: the layer called a clone instead of the service that was polled ready, and
/// `ConcurrencyLimit` panicked.
#[tokio::test]
async fn calls_the_ready_service_and_releases_its_permit_on_rejection() {
    let mut service = ServiceBuilder::new().layer(enforce()).concurrency_limit(1).service_fn(echo);
    let altered = signed_request("{}").map(|_| Full::from("[]"));
    let malformed = request("malformed", Full::from("{}"));
    for (request, status) in
        [(signed_request("{}"), 200), (altered, 403), (signed_request("{}"), 200), (malformed, 403)]
    {
        assert!(is_ready::<Full<Bytes>, _>(&mut service), "the permit was not released");
        assert_eq!(service.call(request).await.unwrap().status(), status);
    }
    assert!(is_ready::<Full<Bytes>, _>(&mut service), "the permit was not released");
}

/// Unauthenticated clients could otherwise occupy the permits of the inner service.
#[tokio::test]
async fn holds_no_permit_of_the_inner_service_while_draining() {
    let mut service = ServiceBuilder::new().layer(enforce()).concurrency_limit(1).service_fn(echo);
    assert!(is_ready::<MockBody, _>(&mut service));
    let mut draining = pin!(service.call(request("malformed", MockBody::new([Step::Pending]))));
    assert!(draining.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());

    assert!(is_ready::<MockBody, _>(&mut service), "the permit is held");
    let signed = request(&sign(b"{}"), MockBody::from_frames([&b"{}"[..]]));
    assert_eq!(service.call(signed).await.unwrap().status(), 200);
}

#[tokio::test]
async fn shows_the_reason_of_a_rejection_to_outer_layers() {
    let stack = ServiceBuilder::new()
        .map_response(|mut response: Response| {
            let rejection: &Rejection = response.extensions().get().unwrap();
            let reason = rejection.reason().unwrap().to_string();
            response.headers_mut().insert("reason", reason.parse().unwrap());
            response
        })
        .layer(enforce());
    let delivery = request("sha1=e48d49c7b34f34d59bed88f2579238f48ea44049", Body::from("{}"));

    let response = send(post(handler).route_layer(stack), delivery).await;
    let reason = response.headers().get("reason").unwrap();
    assert_eq!(reason, "signature has a prefix; send only the 40 hex digits");
}

#[tokio::test]
async fn shows_the_verdict_to_outer_layers_when_observing() {
    let stack = ServiceBuilder::new()
        .map_response(|mut response: Response| {
            let verdict: &Verdict = response.extensions().get().unwrap();
            let verified = verdict.is_verified().to_string();
            response.headers_mut().insert("verified", verified.parse().unwrap());
            response
        })
        .layer(observe());
    let route = post(async |body: Bytes| body).route_layer(stack);

    let response = send(route.clone(), signed_request("{}").map(Body::new)).await;
    assert_eq!(response.headers().get("verified").unwrap(), "true");

    let response = send(route, signed_request("{}").map(|_| Body::from("[]"))).await;
    assert_eq!(response.headers().get("verified").unwrap(), "false");
    assert_eq!(response.status(), 200);
}

/// Echoes the body of a verified request.
async fn handler(Extension(verdict): Extension<Verdict>, body: Bytes) -> Bytes {
    assert!(verdict.is_verified());
    body
}

async fn assert_accepts_signed_and_rejects_altered(route: MethodRouter) {
    let accepted = send(route.clone(), signed_request("{}").map(Body::new)).await;
    assert_eq!(accepted.status(), 200);
    assert_eq!(axum::body::to_bytes(accepted.into_body(), 2).await.unwrap(), "{}");

    let rejected = send(route, signed_request("{}").map(|_| Body::from("[]"))).await;
    assert_eq!(rejected.status(), 403);
    assert_eq!(axum::body::to_bytes(rejected.into_body(), 0).await.unwrap(), "");
}

async fn send(route: MethodRouter, request: Request) -> Response {
    let Ok(response) = route.oneshot(request).await;
    response
}

fn is_ready<B, S: Service<http::Request<B>>>(service: &mut S) -> bool {
    service.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready()
}
