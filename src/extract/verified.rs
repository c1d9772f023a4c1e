//! [`Verified`], which restricts another extractor to verified requests.

use std::error::Error;
use std::fmt;

use axum_core::extract::{FromRequest, FromRequestParts, Request};
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;
use http::{Extensions, StatusCode};

use super::verdict::MissingLayer;
use crate::verdict::{Verdict, VerifiedSignature};

/// Extractor that runs another extractor, but only for verified requests.
///
/// Unverified requests are rejected with `403 Forbidden`, even behind
/// [`observe`](crate::TawkSignatureLayer::observe), before the inner extractor runs. See
/// [`VerifiedRejection`].
///
/// ```
/// use axum::body::Bytes;
/// use axum::http::HeaderMap;
/// use axum::{Router, routing::post};
/// use tower_tawk::{Secret, TawkSignatureLayer, Verified};
///
/// async fn webhook(Verified(headers): Verified<HeaderMap>, Verified(body): Verified<Bytes>) {
///     println!("{} bytes, {:?}", body.len(), headers.get("content-type"));
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use axum::{body::Body, http::{Request, StatusCode}};
/// # use tower::ServiceExt;
/// let layer = TawkSignatureLayer::observe(Secret::new("an invented secret")?);
/// let app: Router = Router::new().route("/tawk-webhook", post(webhook).route_layer(layer));
///
/// let unsigned = Request::post("/tawk-webhook").body(Body::from("{}"))?;
/// assert_eq!(app.oneshot(unsigned).await?.status(), StatusCode::FORBIDDEN);
/// # Ok(())
/// # }
/// ```
///
/// As always in axum, an extractor that consumes the body must be the last argument. The inner
/// extractor has its own limits and rejections: `Verified<Bytes>` is subject to axum's
/// `DefaultBodyLimit`, and `Verified<Json<T>>` rejects every event that is not a `T` with a 4xx
/// status, which Tawk.to then retries for 12 hours (developer.tawk.to/webhooks). `Delivery`, with
/// the feature `events`, does neither.
#[derive(Clone, Copy, Debug)]
pub struct Verified<E>(pub E);

impl<S, E> FromRequestParts<S> for Verified<E>
where
    S: Send + Sync,
    E: FromRequestParts<S>,
{
    type Rejection = VerifiedRejection<E::Rejection>;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        verified_signature(&parts.extensions)?;
        E::from_request_parts(parts, state).await.map(Self).map_err(VerifiedRejection::Inner)
    }
}

impl<S, E> FromRequest<S> for Verified<E>
where
    S: Send + Sync,
    E: FromRequest<S>,
{
    type Rejection = VerifiedRejection<E::Rejection>;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        verified_signature(request.extensions())?;
        E::from_request(request, state).await.map(Self).map_err(VerifiedRejection::Inner)
    }
}

/// Returns the verified signature, or a rejection if the request is unverified.
pub(super) fn verified_signature<R>(
    extensions: &Extensions,
) -> Result<&VerifiedSignature, VerifiedRejection<R>> {
    match extensions.get() {
        Some(Verdict::Verified(verified)) => Ok(verified),
        Some(Verdict::Unverified(_)) => Err(VerifiedRejection::Unverified),
        None => Err(VerifiedRejection::MissingLayer(MissingLayer::new())),
    }
}

/// Rejection used for [`Verified`]. `R` is the rejection of the inner extractor.
///
/// The responses of `MissingLayer` and `Unverified` have an empty body, so that clients don't learn
/// the reason. It is in the [`Verdict`], and in the layer's tracing event.
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
