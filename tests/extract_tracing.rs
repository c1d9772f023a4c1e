//! A mistake in the mount is recorded once for each request, at ERROR, with what to do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::routing::{MethodRouter, post};
use support::{SECRET, secret, sign, signed};
use tower::{ServiceBuilder, ServiceExt};
use tower_http::map_request_body::MapRequestBodyLayer;
use tower_tawk::{
    BufferedBody, Delivery, DeliveryRejection, LayerNotMounted, TawkSignatureLayer, Verdict,
    Verified,
};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::util::SubscriberInitExt;

const BODY: &str = r#"{"visitor":{"email":"nadia@example.com"}}"#;

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The crate's lines at ERROR while `route` answers a delivery.
async fn errors(route: MethodRouter, request: Request) -> Vec<String> {
    let log = Log::default();
    let writer = log.clone();
    let guard = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(LevelFilter::DEBUG)
        .with_writer(move || writer.clone())
        .finish()
        .set_default();
    let app = Router::new().route("/tawk-webhook", route);
    app.oneshot(request).await.unwrap();
    drop(guard);

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for secret in [&SECRET[..8], &sign(BODY.as_bytes())[..8], "nadia"] {
        assert!(!text.contains(secret), "{text}");
    }
    text.lines().filter(|line| line.contains("ERROR tower_tawk")).map(str::to_owned).collect()
}

fn genuine() -> Request {
    signed(BODY).map(Body::new)
}

#[tokio::test]
async fn a_layer_that_is_not_mounted_is_recorded_once() {
    let routes = [
        post(async |_: Verdict| ()),
        post(async |_: Verified<Bytes>| ()),
        post(async |_: Delivery| ()),
        // Several extractors, one of them within another.
        post(async |_: Verified<HeaderMap>, _: Verified<Verdict>, _: Verified<Delivery>| ()),
        // Caught, and answered by the handler.
        post(async |caught: Result<Verdict, LayerNotMounted>| caught.unwrap_err()),
        post(async |caught: Result<Delivery, DeliveryRejection>| caught.unwrap_err()),
    ];
    for route in routes {
        let lines = errors(route, genuine()).await;
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("no TawkSignatureLayer is mounted"), "{lines:?}");
        assert!(lines[0].contains("route_layer(TawkSignatureLayer::enforce"), "{lines:?}");
    }
}

#[tokio::test]
async fn a_body_that_a_layer_in_between_has_changed_is_recorded_once() {
    let stream = |body: BufferedBody| Body::from_stream(Body::new(body).into_data_stream());
    let stack = ServiceBuilder::new()
        .layer(TawkSignatureLayer::enforce(secret()))
        .layer(MapRequestBodyLayer::new(stream));
    let lines = errors(post(async |_: Delivery| ()).route_layer(stack), genuine()).await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("not as TawkSignatureLayer handed it on"), "{lines:?}");
    assert!(lines[0].contains("mount it outside"), "{lines:?}");
}

#[tokio::test]
async fn what_is_no_mistake_in_the_mount_is_not_recorded_at_error() {
    let layer = TawkSignatureLayer::observe(secret());
    let unsigned = || Request::post("/tawk-webhook").body(Body::from(BODY)).unwrap();
    for (route, request) in [
        (post(async |_: Option<Verdict>| ()), genuine()),
        (post(async |_: Delivery| ()).route_layer(layer.clone()), genuine()),
        (post(async |_: Delivery| ()).route_layer(layer.clone()), unsigned()),
        (post(async |_: Verified<Bytes>| ()).route_layer(layer), unsigned()),
    ] {
        assert!(errors(route, request).await.is_empty());
    }
}
