//! The routes, and the layers around them in order.

use std::any::Any;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{Response, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{
    MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer,
};
use tower_http::trace::TraceLayer;
use tower_tawk::{Rejection, Secrets, TawkSignatureLayer};
use tracing::Span;

use crate::answer::{json, ok};
use crate::config::{Mode, Settings, TawkLog};
use crate::listener::Listener;
use crate::{guard, operations, webhook};

/// Where Tawk.to is told to post.
pub(crate) const WEBHOOK: &str = "/tawk-webhook";

pub(crate) const METRICS: &str = "/metrics";

pub(crate) fn app(secrets: Secrets, settings: &Settings, listener: Listener) -> Router {
    // Each `route_layer` and `layer` goes around what stands before it: read upwards for the way
    // of a request.
    let webhook = post(webhook::receive)
        .route_layer(signature_layer(secrets, settings))
        .route_layer(from_fn_with_state(guard::places(settings), guard::limit))
        .route_layer(from_fn_with_state(guard::Admission::new(settings), guard::admit))
        .route_layer(from_fn_with_state(listener.clone(), webhook::watch))
        // The signature layer has a limit, which may be larger than axum's.
        .layer(DefaultBodyLimit::disable());
    // With a port of their own they are not here.
    let metrics = match settings.metrics_port {
        None => Router::new().route(METRICS, get(operations::metrics_for_this_machine)),
        Some(_) => Router::new(),
    };
    Router::new()
        .route(WEBHOOK, webhook)
        .route("/healthz", get(async || ok()))
        .route("/readyz", get(operations::ready))
        .merge(metrics)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(TraceLayer::new_for_http().make_span_with(span))
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .with_state(listener)
}

/// What stands on the port of `METRICS_PORT`: the metrics and nothing else.
pub(crate) fn metrics(listener: Listener) -> Router {
    Router::new().route(METRICS, get(operations::metrics)).with_state(listener)
}

fn signature_layer(
    secrets: Secrets,
    settings: &Settings,
) -> TawkSignatureLayer<fn(&Rejection) -> Response<Body>> {
    let layer = match settings.tawk_mode {
        Mode::Enforce => TawkSignatureLayer::enforce(secrets),
        Mode::Observe => TawkSignatureLayer::observe(secrets),
    };
    let answer: fn(&Rejection) -> Response<Body> = webhook::rejection_response;
    let layer = layer
        .body_limit(settings.tawk_body_limit)
        .body_deadline(settings.tawk_body_deadline)
        .rejection_response(answer);
    if settings.tawk_log == TawkLog::Full { layer.expose_expected_signature() } else { layer }
}

/// What every record of a request begins with. The path goes without the query, where people put
/// tokens; the span is at the level ERROR so that no record that is logged lacks it.
fn span(request: &Request) -> Span {
    let request_id = request.extensions().get::<RequestId>().map(|id| {
        let id = id.header_value().as_bytes();
        id[..id.len().min(64)].escape_ascii().to_string()
    });
    tracing::error_span!(
        "request",
        request_id,
        method = request.method().as_str(),
        path = request.uri().path(),
    )
}

/// The panic hook has printed what happened, and the trace layer logs that the answer is a 500.
fn panicked(_: Box<dyn Any + Send>) -> Response<Body> {
    let mut response = Response::new(r#"{"detail":"Internal server error"}"#.into());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    json(response)
}
