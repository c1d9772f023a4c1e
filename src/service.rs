//! [`TawkSignature`]: the service, which looks at a request's head and decides how to go on.

use std::error::Error;
use std::fmt;
use std::task::{Context, Poll};

use http::header::{CONTENT_LENGTH, EXPECT, HeaderName};
use http::request::Parts;
use http::{HeaderMap, Request, Response, Version};
use http_body::Body;
use tower_service::Service;

use crate::body::{BufferedBody, READ_OF_REFUSED_MOST};
use crate::claim::Claim;
use crate::future::{Head, ResponseFuture};
use crate::rejection::{Rejection, RejectionKind, RejectionResponse};
use crate::secrets::SecretSource;
use crate::settings::Settings;
use crate::signature::Signature;
use crate::trace;
use crate::verdict::Reason;

/// developer.tawk.to/webhooks; header names are case-insensitive (RFC 9110, section 5.1).
const X_TAWK_SIGNATURE: HeaderName = HeaderName::from_static("x-tawk-signature");

/// The service that [`TawkSignatureLayer`](crate::TawkSignatureLayer) puts around another.
///
/// The inner service takes a request with a [`BufferedBody`], and has to be [`Clone`]: the one
/// that was found ready is called once the body is there, and a clone stands in for it meanwhile.
#[derive(Clone)]
pub struct TawkSignature<S, R = crate::EmptyResponse> {
    inner: S,
    secrets: SecretSource,
    settings: Settings,
    rejection_response: R,
}

impl<S, R> TawkSignature<S, R> {
    pub(crate) const fn new(
        inner: S,
        secrets: SecretSource,
        settings: Settings,
        rejection_response: R,
    ) -> Self {
        Self { inner, secrets, settings, rejection_response }
    }

    /// The inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service, to change.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service alone.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// What the header claims. Its well-formedness comes first: what a stranger sends costs a
    /// header parse, and nobody is asked for secrets.
    fn claim(&self, parts: &Parts) -> Result<Claim, Reason> {
        let mut values = parts.headers.get_all(X_TAWK_SIGNATURE).iter();
        let value = values.next().ok_or(Reason::Missing)?;
        if values.next().is_some() {
            return Err(Reason::Repeated);
        }
        let signature = Signature::parse(value.as_bytes()).map_err(Reason::Malformed)?;
        let secrets = self.secrets.secrets(parts).ok_or(Reason::UnknownSecret)?;
        Ok(Claim::new(signature, secrets))
    }

    /// The claim to hold against the body, unless the head alone is enough to reject the request.
    fn admit(
        &self,
        parts: &Parts,
        declared: Option<usize>,
    ) -> Result<Result<Claim, Reason>, Rejection> {
        match self.claim(parts) {
            Err(reason) if self.settings.enforce => {
                trace::unverified(&reason, &parts.headers, 0);
                Err(Rejection::unverified(reason))
            }
            _ if declared.is_some_and(|length| length > self.settings.body_limit) => {
                trace::not_received(RejectionKind::BodyTooLarge, &parts.headers, 0);
                Err(Rejection::without_verdict(RejectionKind::BodyTooLarge))
            }
            claim => Ok(claim),
        }
    }

    /// Whether a rejected request is answered over its unread body.
    ///
    /// On HTTP/1.x, where the connection can end with the answer: hyper sends `100 Continue` when
    /// the body is first polled (RFC 9110, section 10.1.1), so who asks first is spared the
    /// sending, and a long body is not worth its connection. On HTTP/2 hyper sends none, and it
    /// resets the stream of an unread body: some thousands of such resets make h2 close the
    /// connection, and every other stream on it.
    fn leaves_unread(&self, parts: &Parts, declared: Option<usize>) -> bool {
        let most = READ_OF_REFUSED_MOST.min(self.settings.body_limit);
        parts.version <= Version::HTTP_11
            && (declared.is_some_and(|length| length > most) || expects_continue(&parts.headers))
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

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let make = self.rejection_response.clone();
        let declared = declared_length(&parts.headers, &body);
        match self.admit(&parts, declared) {
            Ok(claim) => {
                // The service that was found ready is the one to call: readiness may be held,
                // as a permit of `ConcurrencyLimit` is, and a clone does not have it.
                let clone = self.inner.clone();
                let ready = std::mem::replace(&mut self.inner, clone);
                let request = Request::from_parts(parts, BufferedBody::empty());
                let head = Head { request, service: ready, settings: self.settings };
                ResponseFuture::receive(body, declared, claim, head, make)
            }
            Err(rejection) if self.leaves_unread(&parts, declared) => {
                ResponseFuture::reject(rejection, parts.version, make)
            }
            Err(rejection) => {
                ResponseFuture::discard(body, rejection, parts.version, self.settings, make)
            }
        }
    }
}

/// How long the body says it is: its size hint, or `Content-Length` where that is open.
///
/// A length that does not fit `usize` is longer than every limit.
fn declared_length(headers: &HeaderMap, body: &impl Body) -> Option<usize> {
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
            .field("secrets", &self.secrets)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
