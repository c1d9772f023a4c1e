//! [`Verified`] and [`Verdict`] as extractors.

use std::convert::Infallible;

use axum_core::extract::{FromRequest, FromRequestParts, OptionalFromRequestParts, Request};
use http::Extensions;
use http::request::Parts;

use super::rejection::{MissingLayer, VerifiedRejection};
use crate::verdict::{Verdict, VerifiedSignature};

/// Extractor that rejects unverified requests before another extractor runs.
///
/// They are rejected with `403 Forbidden`, even behind
/// [`observe`](crate::TawkSignatureLayer::observe). See [`VerifiedRejection`].
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
