//! [`Rejection`]: why the layer answers a request itself, and the responses made from it.

use std::error::Error;
use std::fmt;

use http::header::{CONNECTION, HeaderValue};
use http::{Response, StatusCode};

use crate::verdict::Reason;

/// Why a request was answered by the layer and not by the inner service.
///
/// Is put into the extensions of that response, so that layers outside see it. It says more than
/// the sender should learn: answer every reason with the same body.
#[derive(Clone, Debug)]
pub struct Rejection {
    kind: RejectionKind,
    reason: Option<Reason>,
}

impl Rejection {
    pub(crate) const fn unverified(reason: Reason) -> Self {
        Self { kind: RejectionKind::Unverified, reason: Some(reason) }
    }

    pub(crate) const fn without_verdict(kind: RejectionKind) -> Self {
        Self { kind, reason: None }
    }

    /// What sort of rejection it is.
    #[must_use]
    pub const fn kind(&self) -> RejectionKind {
        self.kind
    }

    /// The status to answer with.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self.kind {
            RejectionKind::Unverified => StatusCode::FORBIDDEN,
            RejectionKind::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            RejectionKind::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            RejectionKind::BodyIncomplete => StatusCode::BAD_REQUEST,
        }
    }

    /// Why the request is unverified; `None` for the other kinds, which have no verdict.
    #[must_use]
    pub const fn reason(&self) -> Option<&Reason> {
        self.reason.as_ref()
    }

    /// A response with this rejection's status and the given body.
    ///
    /// Start from this in [`rejection_response`]: a response that forgets the status answers 200
    /// to a forgery.
    ///
    /// [`rejection_response`]: crate::TawkSignatureLayer::rejection_response
    #[must_use]
    pub fn response<B>(&self, body: B) -> Response<B> {
        let mut response = Response::new(body);
        *response.status_mut() = self.status();
        response
    }

    /// The response as it leaves the layer: this rejection goes with it, and, where part of an
    /// HTTP/1.x request was left unread, so does the word that the connection ends.
    ///
    /// RFC 9112, section 9.6; hyper closes such a connection, but does not say so.
    pub(crate) fn into_response<B>(
        self,
        make: &impl RejectionResponse<B>,
        close: bool,
    ) -> Response<B> {
        let mut response = make.rejection_response(&self);
        if close {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Says what sort of rejection it is, not the reason: it may end up before a stranger's eyes.
impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl Error for Rejection {}

/// The sorts of [`Rejection`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RejectionKind {
    /// 403: the request is unverified, and the layer enforces.
    Unverified,
    /// 413: the body is longer than [`body_limit`](crate::TawkSignatureLayer::body_limit), or
    /// than a limit that a layer outside has set.
    BodyTooLarge,
    /// 408: the body was not whole within the deadline.
    BodyTimeout,
    /// 400: the body broke off.
    BodyIncomplete,
}

impl fmt::Display for RejectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unverified => "the request is not verified",
            Self::BodyTooLarge => "the body is too large",
            Self::BodyTimeout => "the body took too long to arrive",
            Self::BodyIncomplete => "the body broke off",
        })
    }
}

/// Makes the response to a rejected request.
///
/// Implemented for closures and functions `Fn(&Rejection) -> Response<B>`, which is how
/// [`rejection_response`] is meant to be used, and for [`EmptyResponse`].
///
/// [`rejection_response`]: crate::TawkSignatureLayer::rejection_response
pub trait RejectionResponse<B> {
    /// The response for `rejection`; begin with [`Rejection::response`], which sets the status.
    fn rejection_response(&self, rejection: &Rejection) -> Response<B>;
}

impl<F, B> RejectionResponse<B> for F
where
    F: Fn(&Rejection) -> Response<B>,
{
    fn rejection_response(&self, rejection: &Rejection) -> Response<B> {
        self(rejection)
    }
}

/// The default rejection: the status and an empty body, of any type that has a `Default`.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmptyResponse;

impl<B: Default> RejectionResponse<B> for EmptyResponse {
    fn rejection_response(&self, rejection: &Rejection) -> Response<B> {
        rejection.response(B::default())
    }
}
