//! Rejections of the extractors.

use std::error::Error;
use std::fmt;

use axum_core::response::{IntoResponse, Response};
use http::StatusCode;

/// Rejection used if the request has no [`Verdict`](crate::Verdict), because no
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
        tracing::error!(target: "tower_tawk", "{Self}");
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
            "missing TawkSignatureLayer; apply it to the route, as in \
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

/// Rejection used for [`Verified`](super::Verified). `R` is the rejection of the inner extractor.
///
/// The responses of `MissingLayer` and `Unverified` have an empty body, so that clients don't learn
/// the reason. It is in the [`Verdict`](crate::Verdict), and in the layer's tracing event.
#[derive(Debug)]
#[non_exhaustive]
pub enum VerifiedRejection<R> {
    /// The layer is not applied. Status 500.
    MissingLayer(MissingLayer),
    /// The request is unverified. Status 403.
    Unverified,
    /// The request is verified, but the inner extractor rejected it.
    Inner(R),
}

impl<R: fmt::Display> fmt::Display for VerifiedRejection<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingLayer(rejection) => rejection.fmt(f),
            Self::Unverified => f.write_str("request is not verified"),
            Self::Inner(rejection) => rejection.fmt(f),
        }
    }
}

impl<R: Error> Error for VerifiedRejection<R> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::MissingLayer(_) | Self::Unverified => None,
            // `Display` already shows the inner rejection itself.
            Self::Inner(rejection) => rejection.source(),
        }
    }
}

impl<R: IntoResponse> IntoResponse for VerifiedRejection<R> {
    fn into_response(self) -> Response {
        match self {
            Self::MissingLayer(rejection) => rejection.into_response(),
            Self::Unverified => StatusCode::FORBIDDEN.into_response(),
            Self::Inner(rejection) => rejection.into_response(),
        }
    }
}

/// Rejection used for [`Delivery`](super::Delivery). Every response has an empty body.
#[cfg(feature = "events")]
pub type DeliveryRejection = VerifiedRejection<BodyModified>;

#[cfg(feature = "events")]
impl DeliveryRejection {
    /// Returns the status code of the response.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::MissingLayer(rejection) => rejection.status(),
            Self::Unverified => StatusCode::FORBIDDEN,
            Self::Inner(rejection) => rejection.status(),
        }
    }
}

/// Rejection used if the body was modified after verification.
///
/// Responds with `500 Internal Server Error` and an empty body. With the feature `tracing`, logs an
/// error that says what to change.
#[cfg(feature = "events")]
#[derive(Debug)]
#[non_exhaustive]
pub struct BodyModified;

#[cfg(feature = "events")]
impl BodyModified {
    /// Logs once, on construction.
    pub(super) fn new() -> Self {
        #[cfg(feature = "tracing")]
        tracing::error!(target: "tower_tawk", "{Self}");
        Self
    }

    /// Returns the status code of the response, which is 500.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }
}

#[cfg(feature = "events")]
impl fmt::Display for BodyModified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "body was modified or lost its length after verification; apply the middleware that \
             does so outside of TawkSignatureLayer",
        )
    }
}

#[cfg(feature = "events")]
impl Error for BodyModified {}

#[cfg(feature = "events")]
impl IntoResponse for BodyModified {
    fn into_response(self) -> Response {
        self.status().into_response()
    }
}
