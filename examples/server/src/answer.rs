//! The answers that several give: JSON, as small as can be.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Response, StatusCode};

pub(crate) fn ok() -> Response<Body> {
    json(Response::new(r#"{"status":"ok"}"#.into()))
}

/// 503, and when to try again (RFC 9110, section 10.2.3).
pub(crate) fn unavailable(body: &'static str) -> Response<Body> {
    let mut response = json(Response::new(body.into()));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("10"));
    response
}

pub(crate) fn json(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
