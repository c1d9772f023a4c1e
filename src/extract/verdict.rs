//! [`Verdict`] as an extractor.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;

use crate::verdict::Verdict;

/// Extracts the verdict, or rejects the request with [`MissingLayer`].
///
/// `Option<Verdict>` is `None` if the layer is missing, which does **not** mean verified.
///
/// ```
/// use axum::http::StatusCode;
/// use tower_tawk::Verdict;
///
/// async fn webhook(verdict: Verdict) -> StatusCode {
///     match verdict {
///         Verdict::Verified(verified) => println!("signed with {}", verified.secret_label()),
///         Verdict::Unverified(reason) => println!("would be rejected: {reason}"),
///     }
///     StatusCode::OK
/// }
/// # let _: axum::Router = axum::Router::new().route("/", axum::routing::post(webhook));
/// ```
impl<S: Send + Sync> FromRequestParts<S> for Verdict {
    type Rejection = MissingLayer;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, MissingLayer> {
        parts.extensions.get().cloned().ok_or_else(MissingLayer::new)
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Verdict {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get().cloned())
    }
}

/// Rejection used if the request has no [`Verdict`], because no
/// [`TawkSignatureLayer`](crate::TawkSignatureLayer) is applied.
///
/// Responds with `500 Internal Server Error` and an empty body, so that Tawk.to retries until it
/// is fixed (for up to 12 hours, developer.tawk.to/webhooks). With the feature `tracing`, logs an
/// error that says how to apply the layer.
#[derive(Debug)]
#[non_exhaustive]
pub struct MissingLayer;

impl MissingLayer {
    /// Logs once, on construction.
    pub(super) fn new() -> Self {
        #[cfg(feature = "tracing")]
        tracing::error!("{Self}");
        Self
    }

    /// Returns the status code of the response, which is 500.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }
}

impl fmt::Display for MissingLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "no TawkSignatureLayer is applied to this handler; apply it to the route, as in \
             `post(handler).route_layer(TawkSignatureLayer::enforce(secret))`",
        )
    }
}

impl Error for MissingLayer {}

impl IntoResponse for MissingLayer {
    fn into_response(self) -> Response {
        self.status().into_response()
    }
}
