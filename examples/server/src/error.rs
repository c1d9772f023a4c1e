//! [`AppError`] and its JSON responses.

use std::net::IpAddr;

use axum::Json;
use axum::http::header::{CONNECTION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// Seconds after which a client should retry.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("10");

/// Why a request failed. Inserted into the extensions of the response, for the access log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppError {
    /// The addresses of the connection and, if it is known, of the client.
    ClientNotAllowed(IpAddr, Option<IpAddr>),
    /// The address of the connection.
    HttpsRequired(IpAddr),
    TooManyRequests,
    /// Another request got the permit.
    BodyTooSlow,
    /// The delivery may not be stored.
    NotStored,
    DatabaseUnavailable,
    /// A handler panicked.
    Internal,
}

/// A request that was rejected before its body was read.
pub struct Denial {
    /// The reason in metrics.
    pub label: &'static str,
    /// The reason in the log.
    pub reason: &'static str,
    pub peer: Option<IpAddr>,
    pub client: Option<IpAddr>,
}

impl AppError {
    /// Returns the status and the detail of the response.
    const fn response(self) -> (StatusCode, &'static str) {
        const UNAVAILABLE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;
        match self {
            Self::ClientNotAllowed(..) => (StatusCode::FORBIDDEN, "Not allowed"),
            Self::HttpsRequired(_) => (StatusCode::FORBIDDEN, "HTTPS required"),
            Self::TooManyRequests => (UNAVAILABLE, "Too many concurrent requests"),
            Self::BodyTooSlow => (StatusCode::REQUEST_TIMEOUT, "Body took too long"),
            Self::NotStored => (UNAVAILABLE, "Not stored; send it again"),
            Self::DatabaseUnavailable => (UNAVAILABLE, "Database unavailable"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "Internal server error"),
        }
    }

    /// Returns `None` if the request was not rejected before its body was read.
    pub const fn denial(self) -> Option<Denial> {
        let (label, reason, peer, client) = match self {
            Self::ClientNotAllowed(peer, client) => {
                let reason = match client {
                    Some(_) => "client is not in TAWK_ALLOWED_IPS",
                    None => {
                        "X-Forwarded-For of a trusted proxy names no client, and TAWK_ALLOWED_IPS \
                         is set"
                    }
                };
                ("not_allowed", reason, Some(peer), client)
            }
            Self::HttpsRequired(peer) => {
                let reason = "request used plain HTTP and TAWK_REQUIRE_HTTPS is set";
                ("not_https", reason, Some(peer), None)
            }
            Self::TooManyRequests => {
                let reason = "TAWK_MAX_CONCURRENT deliveries are already in progress";
                ("overloaded", reason, None, None)
            }
            Self::BodyTooSlow => {
                let reason = "body was the slowest of TAWK_MAX_CONCURRENT; another delivery came";
                ("evicted", reason, None, None)
            }
            Self::NotStored | Self::DatabaseUnavailable | Self::Internal => return None,
        };
        Some(Denial { label, reason, peer, client })
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let (status, text) = self.response();
        let mut response = (status, detail(text)).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        if self.denial().is_some() {
            // The body is not read. hyper then closes the connection, but does not announce it.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Creates the body of an error response.
pub fn detail(detail: &str) -> Json<Value> {
    Json(json!({ "detail": detail }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_are_json_and_only_503_has_retry_after() {
        let peer = [192, 0, 2, 7].into();
        for (error, status, closes) in [
            (AppError::ClientNotAllowed(peer, None), 403, true),
            (AppError::HttpsRequired(peer), 403, true),
            (AppError::TooManyRequests, 503, true),
            (AppError::BodyTooSlow, 408, true),
            (AppError::NotStored, 503, false),
            (AppError::DatabaseUnavailable, 503, false),
            (AppError::Internal, 500, false),
        ] {
            let response = error.into_response();
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()["content-type"], "application/json");
            assert_eq!(response.headers().contains_key("retry-after"), status == 503);
            assert_eq!(response.headers().contains_key("connection"), closes);
            assert_eq!(response.extensions().get(), Some(&error));
        }
    }
}
