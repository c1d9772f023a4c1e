//! What is there for those who operate the listener: whether it is ready, and its metrics.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};

use crate::answer::{json, ok, unavailable};
use crate::listener::Listener;
use crate::{guard, metrics};

/// 200 while the database answers.
pub(crate) async fn ready(State(listener): State<Listener>) -> Response<Body> {
    if listener.store.is_ready().await {
        ok()
    } else {
        unavailable(r#"{"detail":"Database unavailable"}"#)
    }
}

/// The metrics, for whoever may reach the port that they have of their own.
pub(crate) async fn metrics(State(listener): State<Listener>) -> Response<Body> {
    let text = listener.metrics.encode(listener.store.sizes().await.as_ref());
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(metrics::CONTENT_TYPE));
    response
}

/// The metrics on the webhook's own port, which is open to the world: for this machine alone.
pub(crate) async fn metrics_for_this_machine(
    state: State<Listener>,
    request: Request,
) -> Response<Body> {
    if guard::is_local(request.extensions(), request.headers()) {
        return metrics(state).await;
    }
    let mut response = Response::new(Body::from(r#"{"detail":"For this machine alone"}"#));
    *response.status_mut() = StatusCode::FORBIDDEN;
    json(response)
}
