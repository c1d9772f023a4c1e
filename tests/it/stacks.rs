//! The layer among other layers: the two stacks that need a mend to compile, limits on either
//! side of it, and what a layer outside sees.

use std::task::{Context, Waker};

use crate::support::script::Script;
use crate::support::{inner, request, secret, sign, signed};
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
use tower_tawk::{BufferedBody, Rejection, TawkSignatureLayer, Verdict};

#[tokio::test]
async fn from_fn_fits_inside_with_the_request_body_mapped_between_them() {
    /// Takes axum's own body, and no other.
    async fn middleware(request: Request, next: Next) -> Response {
        assert!(request.extensions().get::<Verdict>().is_some_and(Verdict::is_verified));
        next.run(request).await
    }
    let stack = ServiceBuilder::new()
        .layer(enforce())
        .layer(MapRequestBodyLayer::new(Body::new::<BufferedBody>))
        .layer(from_fn(middleware));
    takes_a_delivery_and_refuses_another(post(handler).route_layer(stack)).await;
}

/// The response body of `TraceLayer` has no `Default`, so the layer could not make an empty one.
#[tokio::test]
async fn trace_fits_inside_with_the_response_body_mapped_between_them() {
    let stack = ServiceBuilder::new()
        .layer(enforce())
        .layer(MapResponseBodyLayer::new(Body::new))
        .layer(TraceLayer::new_for_http());
    takes_a_delivery_and_refuses_another(post(handler).route_layer(stack)).await;
}

#[tokio::test]
async fn trace_fits_outside_as_it_is() {
    let stack = ServiceBuilder::new().layer(TraceLayer::new_for_http()).layer(enforce());
    takes_a_delivery_and_refuses_another(post(handler).route_layer(stack)).await;
}

#[tokio::test]
async fn a_limit_outside_that_cuts_the_body_off_is_a_413() {
    let stack = ServiceBuilder::new().layer(RequestBodyLimitLayer::new(4)).layer(enforce());
    let route = post(handler).route_layer(stack);
    let chunked = Body::new(Script::frames([b"[1, ".as_slice(), b"2]"]));

    let response = oneshot(route.clone(), request(&sign(b"[1, 2]"), chunked)).await;
    assert_eq!(response.status(), 413);
    let rejection: &Rejection = response.extensions().get().unwrap();
    assert_eq!(*rejection, Rejection::BodyTooLarge);

    takes_a_delivery_and_refuses_another(route).await;
}

fn is_ready(service: &mut impl Service<http::Request<Full<Bytes>>>) -> bool {
    service.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready()
}

/// `ConcurrencyLimit` panics when the service that is called is not the one that was ready.
#[tokio::test]
async fn a_concurrency_limit_inside_is_called_when_ready_and_freed_by_refusals() {
    let mut service =
        ServiceBuilder::new().layer(enforce()).concurrency_limit(1).service_fn(inner::echo);
    let altered = signed("{}").map(|_| Full::from("[]"));
    let malformed = request("malformed", Full::from("{}"));
    for (request, status) in
        [(signed("{}"), 200), (altered, 403), (signed("{}"), 200), (malformed, 403)]
    {
        // The one permit is there again at once, or it has been lost.
        assert!(is_ready(&mut service));
        assert_eq!(service.call(request).await.unwrap().status(), status);
    }
    assert!(is_ready(&mut service));
}

#[tokio::test]
async fn a_layer_outside_sees_why_a_request_was_refused() {
    let stack = ServiceBuilder::new()
        .map_response(|mut response: Response| {
            let rejection: &Rejection = response.extensions().get().unwrap();
            let reason = rejection.reason().unwrap().to_string();
            response.headers_mut().insert("reason", reason.parse().unwrap());
            response
        })
        .layer(enforce());
    let delivery = request("sha1=e48d49c7b34f34d59bed88f2579238f48ea44049", Body::from("{}"));

    let response = oneshot(post(handler).route_layer(stack), delivery).await;
    let reason = response.headers().get("reason").unwrap();
    assert_eq!(reason, "signature has a prefix; send only the 40 hex digits");
}

#[tokio::test]
async fn a_layer_outside_sees_the_verdict_when_observing() {
    let stack = ServiceBuilder::new()
        .map_response(|mut response: Response| {
            let verdict: &Verdict = response.extensions().get().unwrap();
            let verified = verdict.is_verified().to_string();
            response.headers_mut().insert("verified", verified.parse().unwrap());
            response
        })
        .layer(TawkSignatureLayer::observe(secret()));
    let route = post(async |body: Bytes| body).route_layer(stack);

    let response = oneshot(route.clone(), signed("{}").map(Body::new)).await;
    assert_eq!(response.headers().get("verified").unwrap(), "true");

    let response = oneshot(route, signed("{}").map(|_| Body::from("[]"))).await;
    assert_eq!(response.headers().get("verified").unwrap(), "false");
    assert_eq!(response.status(), 200);
}

fn enforce() -> TawkSignatureLayer {
    TawkSignatureLayer::enforce(secret())
}

/// Answers with what it was given, so that a test sees what has come through.
async fn handler(Extension(verdict): Extension<Verdict>, body: Bytes) -> Bytes {
    assert!(verdict.is_verified());
    body
}

async fn takes_a_delivery_and_refuses_another(route: MethodRouter) {
    let accepted = oneshot(route.clone(), signed("{}").map(Body::new)).await;
    assert_eq!(accepted.status(), 200);
    assert_eq!(axum::body::to_bytes(accepted.into_body(), 2).await.unwrap(), "{}");

    let refused = oneshot(route, signed("{}").map(|_| Body::from("[]"))).await;
    assert_eq!(refused.status(), 403);
    assert_eq!(axum::body::to_bytes(refused.into_body(), 0).await.unwrap(), "");
}

async fn oneshot(route: MethodRouter, request: Request) -> Response {
    let Ok(response) = route.oneshot(request).await;
    response
}
