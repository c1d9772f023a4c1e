//! [`Verified`]: any other extractor, once the verdict is known to be a good one.

use std::error::Error;
use std::fmt;

use axum_core::extract::{FromRequest, FromRequestParts, Request};
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;
use http::{Extensions, StatusCode};

use super::verdict::LayerNotMounted;
use crate::verdict::{Verdict, VerifiedSignature};

/// Any extractor, but only for a verified request.
///
/// The verdict is looked at before the inner extractor touches anything. An unverified request is
/// answered 403, also under [`observe`](crate::TawkSignatureLayer::observe), and one that has not
/// come through the layer 500: see [`VerifiedRejection`].
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
/// A body extractor must be a handler's last argument, as always in axum, and answers what it
/// cannot read in its own way: `Verified<Bytes>` stays under axum's `DefaultBodyLimit`, and
/// `Verified<Json<T>>` answers 4xx to whatever is not a `T`, which Tawk.to then sends again for
/// 12 hours (developer.tawk.to/webhooks). `Delivery`, under the feature `events`, does neither.
#[derive(Clone, Copy, Debug)]
pub struct Verified<E>(pub E);

impl<S, E> FromRequestParts<S> for Verified<E>
where
    S: Send + Sync,
    E: FromRequestParts<S>,
{
    type Rejection = VerifiedRejection<E::Rejection>;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        verified(&parts.extensions)?;
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
        verified(request.extensions())?;
        E::from_request(request, state).await.map(Self).map_err(VerifiedRejection::Inner)
    }
}

/// The signature that the layer found right, or why there is none.
pub(super) fn verified<R>(
    extensions: &Extensions,
) -> Result<&VerifiedSignature, VerifiedRejection<R>> {
    match extensions.get() {
        Some(Verdict::Verified(by)) => Ok(by),
        Some(Verdict::Unverified(_)) => Err(VerifiedRejection::Unverified),
        None => Err(VerifiedRejection::LayerNotMounted(LayerNotMounted::record())),
    }
}

/// Why there is no [`Verified`]; `R` is the inner extractor's rejection.
///
/// The responses of the first two have an empty body: strangers are told nothing. The reason is in
/// the [`Verdict`], and in the layer's record.
#[derive(Debug)]
#[non_exhaustive]
pub enum VerifiedRejection<R> {
    /// 500: the request has not come through the layer.
    LayerNotMounted(LayerNotMounted),
    /// 403: the request is unverified.
    Unverified,
    /// The request is verified, and the inner extractor rejects it.
    Inner(R),
}

impl<R: fmt::Display> fmt::Display for VerifiedRejection<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LayerNotMounted(rejection) => rejection.fmt(f),
            Self::Unverified => f.write_str("the request is not verified"),
            Self::Inner(rejection) => rejection.fmt(f),
        }
    }
}

impl<R: Error> Error for VerifiedRejection<R> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::LayerNotMounted(_) | Self::Unverified => None,
            // Displayed as its own error, so that the cause is what lies behind it.
            Self::Inner(rejection) => rejection.source(),
        }
    }
}

impl<R: IntoResponse> IntoResponse for VerifiedRejection<R> {
    fn into_response(self) -> Response {
        match self {
            Self::LayerNotMounted(rejection) => rejection.into_response(),
            Self::Unverified => StatusCode::FORBIDDEN.into_response(),
            Self::Inner(rejection) => rejection.into_response(),
        }
    }
}
