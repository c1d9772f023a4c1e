//! The routes, and the layers around them.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{
    MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer,
};
use tower_http::trace::TraceLayer;
use tower_tawk::{Rejection, Secrets, TawkSignatureLayer};
use tracing::{Span, warn};

use crate::access::admission::{self, Admission};
use crate::access::allow_list::AllowList;
use crate::config::{Mode, Settings, TawkLog, WebhookSecret};
use crate::error::{self, AppError};
use crate::state::AppState;
use crate::telemetry::metrics;
use crate::{access_log, webhook};

pub const WEBHOOK_PATH: &str = "/tawk-webhook";

pub const METRICS_PATH: &str = "/metrics";

/// Maximum length of a logged request id, which the client can choose.
const MAX_REQUEST_ID_LENGTH: usize = 64;

const MAX_PATH_LENGTH: usize = 200;

pub fn router(
    secrets: &[WebhookSecret],
    settings: &Settings,
    allow_list: Arc<AllowList>,
    state: Arc<AppState>,
) -> Router {
    let admission = Admission::new(settings, allow_list, state.metrics.clone());
    let webhook_layers = ServiceBuilder::new()
        .layer(from_fn_with_state(state.clone(), access_log::log_requests))
        .layer(from_fn_with_state(admission, admission::admit))
        .layer(signature_layer(secrets, settings))
        // The signature layer has its own limit, which may exceed axum's.
        .layer(DefaultBodyLimit::disable());
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        // The access log has what failed.
        .layer(TraceLayer::new_for_http().make_span_with(span).on_failure(()))
        .layer(PropagateRequestIdLayer::x_request_id())
        // The panic hook has logged the panic.
        .layer(CatchPanicLayer::custom(|_: Box<dyn Any + Send>| {
            AppError::Internal.into_response()
        }));
    let webhook = post(webhook::receive).route_layer(webhook_layers);
    Router::new()
        .route(WEBHOOK_PATH, webhook.clone())
        .route(&format!("{WEBHOOK_PATH}/"), webhook.clone())
        .route(&format!("{WEBHOOK_PATH}/{{label}}"), webhook)
        .route("/healthz", get(healthy))
        .route("/readyz", get(ready))
        .fallback(async |State(state): State<Arc<AppState>>| {
            misrouted(&state, StatusCode::NOT_FOUND)
        })
        .method_not_allowed_fallback(async |State(state): State<Arc<AppState>>| {
            misrouted(&state, StatusCode::METHOD_NOT_ALLOWED)
        })
        .layer(layers)
        .with_state(state)
}

pub fn metrics_router(state: Arc<AppState>) -> Router {
    Router::new().route(METRICS_PATH, get(metrics)).with_state(state)
}

/// A path with a label selects the secret with this label, the others all secrets. An unknown label
/// is rejected as a wrong signature is.
fn signature_layer(
    secrets: &[WebhookSecret],
    settings: &Settings,
) -> TawkSignatureLayer<fn(&Rejection) -> Response> {
    let labeled = |secret: &WebhookSecret| (secret.label.clone(), secret.secret.clone());
    // `None` if there are too many to try each of them.
    let all = Secrets::new(secrets.iter().map(labeled)).ok();
    let by_label: HashMap<_, _> = secrets
        .iter()
        .filter_map(|secret| Some((secret.label.clone(), Secrets::new([labeled(secret)]).ok()?)))
        .collect();
    let select = move |parts: &Parts| {
        let rest = parts.uri.path().strip_prefix(WEBHOOK_PATH)?;
        match rest.strip_prefix('/') {
            None | Some("") => all.clone(),
            Some(label) => by_label.get(label).cloned(),
        }
    };
    let layer = match settings.tawk_mode {
        Mode::Enforce => TawkSignatureLayer::enforce_with(select),
        Mode::Observe => TawkSignatureLayer::observe_with(select),
    };
    let rejection_response: fn(&Rejection) -> Response = rejected;
    let layer = layer
        .body_limit(settings.tawk_body_limit)
        .body_deadline(settings.tawk_body_deadline)
        .rejection_response(rejection_response);
    if settings.tawk_log == TawkLog::Full { layer.expose_expected_signature() } else { layer }
}

/// Reveals the kind but not the reason, which would help attackers.
fn rejected(rejection: &Rejection) -> Response {
    let detail = match rejection {
        Rejection::Unverified(_) => "Invalid signature",
        Rejection::BodyTooLarge => "Body too large",
        Rejection::BodyTimeout => "Body took too long",
        Rejection::BodyIncomplete => "Body incomplete",
        _ => "Rejected",
    };
    (rejection.status(), error::detail(detail)).into_response()
}

/// Creates the span for a request. Its level is ERROR, so that every logged record is inside of it.
/// The query is left out, as it may contain tokens.
fn span(request: &Request) -> Span {
    let request_id = request.extensions().get::<RequestId>().map(|id| {
        let id = id.header_value().as_bytes();
        id[..id.len().min(MAX_REQUEST_ID_LENGTH)].escape_ascii().to_string()
    });
    let path = request.uri().path();
    let path = &path[..path.floor_char_boundary(MAX_PATH_LENGTH)];
    tracing::error_span!("request", request_id, method = request.method().as_str(), path)
}

/// Reports a request that no route matches, which may be a delivery with a wrong URL. Its method
/// and path are in the span.
fn misrouted(state: &AppState, status: StatusCode) -> impl IntoResponse + use<> {
    state.metrics.misrouted.inc();
    if let Some(count) = state.unknown_paths.count() {
        warn!(
            status = status.as_u16(),
            count, "no such path or method; deliveries are received by POST on {WEBHOOK_PATH}"
        );
    }
    (status, error::detail(status.canonical_reason().unwrap_or_default()))
}

async fn healthy() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Responds with 503 if the database is unavailable, so that no deliveries are routed here.
async fn ready(State(state): State<Arc<AppState>>) -> Result<Json<Value>, AppError> {
    if state.store.is_ready().await {
        Ok(healthy().await)
    } else {
        Err(AppError::DatabaseUnavailable)
    }
}

async fn metrics(State(state): State<Arc<AppState>>) -> Result<impl IntoResponse, AppError> {
    let text = state.metrics.encode(state.store.sizes().await.as_ref());
    let text = text.map_err(|_| AppError::Internal)?;
    Ok(([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text))
}
