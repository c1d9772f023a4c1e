//! [`Verdict`] as an extractor, and [`LayerNotMounted`], which stands where there is none.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;

use crate::verdict::Verdict;

/// Under the feature `axum` a verdict is an extractor. Without the layer it is
/// [`LayerNotMounted`]; `Option<Verdict>` is `None` there, which is **not** verified.
///
/// ```
/// use axum::http::StatusCode;
/// use tower_tawk::Verdict;
///
/// async fn webhook(verdict: Verdict) -> StatusCode {
///     match verdict {
///         Verdict::Verified(by) => println!("signed with {}", by.secret_label()),
///         Verdict::Unverified(reason) => println!("would be refused: {reason}"),
///     }
///     StatusCode::OK
/// }
/// # let _: axum::Router = axum::Router::new().route("/", axum::routing::post(webhook));
/// ```
impl<S: Send + Sync> FromRequestParts<S> for Verdict {
    type Rejection = LayerNotMounted;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, LayerNotMounted> {
        parts.extensions.get().cloned().ok_or_else(LayerNotMounted::record)
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Verdict {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get().cloned())
    }
}

/// The rejection of a request without a [`Verdict`]: no
/// [`TawkSignatureLayer`](crate::TawkSignatureLayer) has seen it.
///
/// Answered with 500 and an empty body, so that nothing is lost while it is mended: Tawk.to sends
/// again for up to 12 hours (developer.tawk.to/webhooks). Under the feature `tracing` it is
/// recorded at ERROR, with what to mount.
#[derive(Debug)]
#[non_exhaustive]
pub struct LayerNotMounted;

impl LayerNotMounted {
    /// Recorded where it is made: once, whatever becomes of it.
    pub(super) fn record() -> Self {
        #[cfg(feature = "tracing")]
        tracing::error!("{Self}");
        Self
    }

    /// The status to answer with: 500.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }
}

impl fmt::Display for LayerNotMounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "no TawkSignatureLayer is mounted around this handler: mount it on the route, as in \
             `post(handler).route_layer(TawkSignatureLayer::enforce(secret))`",
        )
    }
}

impl Error for LayerNotMounted {}

impl IntoResponse for LayerNotMounted {
    fn into_response(self) -> Response {
        self.status().into_response()
    }
}
