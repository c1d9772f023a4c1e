//! [`TawkSignature`], the service that checks the head of a request.

use std::error::Error;
use std::fmt;
use std::mem;
use std::task::{Context, Poll};

use http::header::{CONTENT_LENGTH, EXPECT};
use http::request::Parts;
use http::{HeaderMap, Request, Response, Version};
use http_body::Body;
use tower_service::Service;

use crate::body::BufferedBody;
use crate::collect::{Collect, Drain, Limits, MAX_DRAIN};
use crate::future::{ResponseFuture, State};
use crate::rejection::{EmptyResponse, RejectionResponse};
use crate::verifier::Policy;

/// Middleware that verifies the signature of Tawk.to webhooks.
///
/// Created by [`TawkSignatureLayer`](crate::TawkSignatureLayer). The inner service receives
/// requests with a [`BufferedBody`], and must be [`Clone`]: the ready instance is moved into the
/// future and replaced with a clone.
///
/// # Layer order
///
/// - Apply tracing, request ids, concurrency limits and load shedding outside of this layer. The
///   inner service is held ready while the body arrives, so a `ConcurrencyLimit` inside would hold
///   its permit for as long.
/// - Apply request decompression inside of this layer, because Tawk.to signs the bytes that it
///   sends.
/// - Apply a timeout for the body, or another layer that wraps it, outside of this layer if the
///   handler extracts a [`Delivery`](crate::Delivery), which requires a body of known length.
/// - An inner layer that requires axum's own body type, such as `axum::middleware::from_fn` within
///   one `ServiceBuilder`, needs `tower_http`'s `MapRequestBodyLayer` in front of it.
/// - An inner layer whose response body does not implement `Default`, such as `TraceLayer`, does
///   not compile with the default rejection response. Apply it outside, map its response body, or
///   set a [`rejection_response`](crate::TawkSignatureLayer::rejection_response).
///
/// ```
/// use axum::{Router, body::Body, middleware::{self, Next}, extract::Request, routing::post};
/// use tower::ServiceBuilder;
/// use tower_http::{map_request_body::MapRequestBodyLayer, trace::TraceLayer};
/// use tower_tawk::{Secret, TawkSignatureLayer};
///
/// let layers = ServiceBuilder::new()
///     .layer(TraceLayer::new_for_http())
///     .layer(TawkSignatureLayer::enforce(Secret::new("an invented secret")?))
///     .layer(MapRequestBodyLayer::new(Body::new))
///     .layer(middleware::from_fn(async |request: Request, next: Next| next.run(request).await));
/// let app: Router = Router::new().route("/tawk-webhook", post(async || ()).route_layer(layers));
/// # Ok::<_, tower_tawk::InvalidSecret>(())
/// ```
#[derive(Clone)]
pub struct TawkSignature<S, R = EmptyResponse> {
    inner: S,
    policy: Policy,
    limits: Limits,
    rejection_response: R,
}

impl<S, R> TawkSignature<S, R> {
    pub(crate) const fn new(
        inner: S,
        policy: Policy,
        limits: Limits,
        rejection_response: R,
    ) -> Self {
        Self { inner, policy, limits, rejection_response }
    }

    /// Gets a reference to the underlying service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Gets a mutable reference to the underlying service.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Consumes `self`, returning the underlying service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, R, B, ResBody> Service<Request<B>> for TawkSignature<S, R>
where
    S: Service<Request<BufferedBody>, Response = Response<ResBody>> + Clone,
    R: RejectionResponse<ResBody> + Clone,
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let content_length = content_length(&parts.headers, &body);
        let (version, limits) = (parts.version, self.limits);
        let mut service = self.inner.clone();
        let state = match self.policy.check_head(&parts, content_length, limits.body_limit) {
            Ok(verifier) => {
                // Call the instance that was polled ready, not the clone: it may hold a permit.
                mem::swap(&mut service, &mut self.inner);
                let collect = Collect::new(content_length, limits);
                State::Buffering { parts: Some(parts), verifier, collect }
            }
            Err(rejection) if can_reject_unread(&parts, content_length, limits.body_limit) => {
                State::rejecting_unread(rejection, version)
            }
            Err(rejection) => State::Draining { rejection, drain: Drain::new(0, limits) },
        };
        let rejection_response = self.rejection_response.clone();
        ResponseFuture::new(state, body, service, rejection_response, limits, version)
    }
}

/// Returns whether to reject a request without draining its body.
///
/// Only on HTTP/1, where the connection can be closed instead. A client that sent
/// `Expect: 100-continue` need not send the body, because hyper only sends `100 Continue` when the
/// body is polled (RFC 9110, section 10.1.1), and closing the connection is cheaper than draining
/// a large body. On HTTP/2 hyper resets the stream of an unread body, and h2 closes the connection,
/// with all other streams on it, after thousands of resets.
fn can_reject_unread(parts: &Parts, content_length: Option<usize>, body_limit: usize) -> bool {
    let max = MAX_DRAIN.min(body_limit);
    parts.version <= Version::HTTP_11
        && (content_length.is_some_and(|length| length > max) || expects_continue(&parts.headers))
}

/// Returns the length of the body from its size hint, or from `Content-Length` if the size hint has
/// no upper bound. A length that exceeds `usize` also exceeds every limit.
fn content_length(headers: &HeaderMap, body: &impl Body) -> Option<usize> {
    let hint = body.size_hint();
    let length: u64 = match (hint.exact(), hint.upper()) {
        (Some(exact), _) => exact,
        (None, Some(_)) => return None,
        (None, None) => headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()?,
    };
    Some(length.try_into().unwrap_or(usize::MAX))
}

fn expects_continue(headers: &HeaderMap) -> bool {
    let mut expectations = headers.get_all(EXPECT).iter();
    expectations.any(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

impl<S: fmt::Debug, R> fmt::Debug for TawkSignature<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TawkSignature")
            .field("inner", &self.inner)
            .field("policy", &self.policy)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
