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
    /// The address of the client, if it is known.
    ClientNotAllowed(Option<IpAddr>),
    HttpsRequired,
    TooManyRequests,
    /// Another request got the permit.
    BodyTooSlow,
    /// The delivery may not be stored.
    NotStored,
    DatabaseUnavailable,
    Internal,
}

impl AppError {
    const fn response(self) -> (StatusCode, &'static str) {
        const UNAVAILABLE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;
        match self {
            Self::ClientNotAllowed(_) => (StatusCode::FORBIDDEN, "Not allowed"),
            Self::HttpsRequired => (StatusCode::FORBIDDEN, "HTTPS required"),
            Self::TooManyRequests => (UNAVAILABLE, "Too many concurrent requests"),
            Self::BodyTooSlow => (StatusCode::REQUEST_TIMEOUT, "Body took too long"),
            Self::NotStored => (UNAVAILABLE, "Not stored; send it again"),
            Self::DatabaseUnavailable => (UNAVAILABLE, "Database unavailable"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "Internal server error"),
        }
    }

    /// Returns the reason in metrics and in the log, or `None` if the request was not rejected
    /// before its body was read.
    pub const fn denial(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::ClientNotAllowed(Some(_)) => {
                Some(("not_allowed", "client is not in TAWK_ALLOWED_IPS"))
            }
            Self::ClientNotAllowed(None) => Some((
                "not_allowed",
                "X-Forwarded-For of a trusted proxy names no client, and TAWK_ALLOWED_IPS is set",
            )),
            Self::HttpsRequired => {
                Some(("not_https", "request used plain HTTP and TAWK_REQUIRE_HTTPS is set"))
            }
            Self::TooManyRequests => Some(("overloaded", "TAWK_MAX_CONCURRENT permits are taken")),
            Self::BodyTooSlow => Some((
                "evicted",
                "body was the slowest of TAWK_MAX_CONCURRENT; another delivery came",
            )),
            Self::NotStored | Self::DatabaseUnavailable | Self::Internal => None,
        }
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

pub fn detail(detail: &str) -> Json<Value> {
    Json(json!({ "detail": detail }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_are_json_and_only_503_has_retry_after() {
        for (error, status, closes) in [
            (AppError::ClientNotAllowed(None), 403, true),
            (AppError::HttpsRequired, 403, true),
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
