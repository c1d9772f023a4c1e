//! A mistake in the mount is recorded once for each request, at ERROR, with what to do.

use crate::support::log::Log;
use crate::support::{SECRET, run, secret, sign, signed};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::routing::{MethodRouter, post};
use tower::{ServiceBuilder, ServiceExt};
use tower_http::map_request_body::MapRequestBodyLayer;
use tower_tawk::{
    BufferedBody, Delivery, DeliveryRejection, MissingLayer, TawkSignatureLayer, Verdict, Verified,
};

const BODY: &str = r#"{"visitor":{"email":"nadia@example.com"}}"#;

/// The crate's lines at ERROR while `route` answers a delivery.
fn errors(route: MethodRouter, request: Request) -> Vec<String> {
    let app = Router::new().route("/tawk-webhook", route);
    let text = Log::of(|| drop(run(app.oneshot(request)).unwrap()));
    for secret in [&SECRET[..8], &sign(BODY.as_bytes())[..8], "nadia"] {
        assert!(!text.contains(secret), "{text}");
    }
    text.lines().filter(|line| line.contains("ERROR tower_tawk")).map(str::to_owned).collect()
}

fn genuine() -> Request {
    signed(BODY).map(Body::new)
}

#[test]
fn a_layer_that_is_not_mounted_is_recorded_once() {
    let routes = [
        post(async |_: Verdict| ()),
        post(async |_: Verified<Bytes>| ()),
        post(async |_: Delivery| ()),
        // Several extractors, one of them within another.
        post(async |_: Verified<HeaderMap>, _: Verified<Verdict>, _: Verified<Delivery>| ()),
        // Caught, and answered by the handler.
        post(async |caught: Result<Verdict, MissingLayer>| caught.unwrap_err()),
        post(async |caught: Result<Delivery, DeliveryRejection>| caught.unwrap_err()),
    ];
    for route in routes {
        let lines = errors(route, genuine());
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("no TawkSignatureLayer is applied"), "{lines:?}");
        assert!(lines[0].contains("route_layer(TawkSignatureLayer::enforce"), "{lines:?}");
    }
}

#[test]
fn a_body_that_a_layer_in_between_has_changed_is_recorded_once() {
    let stream = |body: BufferedBody| Body::from_stream(Body::new(body).into_data_stream());
    let stack = ServiceBuilder::new()
        .layer(TawkSignatureLayer::enforce(secret()))
        .layer(MapRequestBodyLayer::new(stream));
    let lines = errors(post(async |_: Delivery| ()).route_layer(stack), genuine());
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("modified the body or removed"), "{lines:?}");
    assert!(lines[0].contains("apply it outside"), "{lines:?}");
}

#[test]
fn what_is_no_mistake_in_the_mount_is_not_recorded_at_error() {
    let layer = TawkSignatureLayer::observe(secret());
    let unsigned = || Request::post("/tawk-webhook").body(Body::from(BODY)).unwrap();
    for (route, request) in [
        (post(async |_: Option<Verdict>| ()), genuine()),
        (post(async |_: Delivery| ()).route_layer(layer.clone()), genuine()),
        (post(async |_: Delivery| ()).route_layer(layer.clone()), unsigned()),
        (post(async |_: Verified<Bytes>| ()).route_layer(layer), unsigned()),
    ] {
        assert!(errors(route, request).is_empty());
    }
}
