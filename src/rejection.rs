//! [`Rejection`] and the responses to rejected requests.

use std::error::Error;
use std::fmt;

use http::header::{CONNECTION, HeaderValue};
use http::{Response, StatusCode};

use crate::verdict::Reason;

/// The reason why [`TawkSignature`](crate::TawkSignature) rejected a request.
///
/// Inserted into the extensions of the response, where outer layers can find it. `Display` names
/// the kind of rejection, but not the [`Reason`], because the text may be sent to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// The request is unverified, and the layer enforces verification. Status 403.
    Unverified(Reason),
    /// The body exceeds [`body_limit`](crate::TawkSignatureLayer::body_limit), or the limit of an
    /// outer layer. Status 413.
    BodyTooLarge,
    /// The body did not arrive before the deadline. Status 408.
    BodyTimeout,
    /// The body failed before its end, for example because the connection was closed. Status 400.
    BodyIncomplete,
}

impl Rejection {
    /// Returns the status code of the response.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Unverified(_) => StatusCode::FORBIDDEN,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BodyIncomplete => StatusCode::BAD_REQUEST,
        }
    }

    /// Returns the reason why the request is unverified, or `None` if it was rejected because of
    /// its body.
    #[must_use]
    pub const fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Unverified(reason) => Some(reason),
            Self::BodyTooLarge | Self::BodyTimeout | Self::BodyIncomplete => None,
        }
    }

    /// Creates a response with the status code of this rejection and the given body.
    ///
    /// Start from this response in [`rejection_response`]. Without its status code, the response to
    /// a rejected request would be 200.
    ///
    /// [`rejection_response`]: crate::TawkSignatureLayer::rejection_response
    #[must_use]
    pub fn response<B>(&self, body: B) -> Response<B> {
        let mut response = Response::new(body);
        *response.status_mut() = self.status();
        response
    }

    /// Creates the response, and adds `Connection: close` if the connection can't be reused.
    ///
    /// hyper closes a connection with an unread body, but does not announce it (RFC 9112, section
    /// 9.6).
    pub(crate) fn into_response<B>(
        self,
        rejection_response: &impl RejectionResponse<B>,
        connection: Connection,
    ) -> Response<B> {
        let mut response = rejection_response.rejection_response(&self);
        if connection == Connection::Close {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Whether the connection can be reused after a rejection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connection {
    KeepAlive,
    Close,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unverified(_) => "request is not verified",
            Self::BodyTooLarge => "body is too large",
            Self::BodyTimeout => "body did not arrive before the deadline",
            Self::BodyIncomplete => "body is incomplete",
        })
    }
}

impl Error for Rejection {}

/// Creates responses to rejected requests.
///
/// Implemented for closures and functions `Fn(&Rejection) -> Response<B>`, and for
/// [`EmptyResponse`]. Implement it for a custom type if the response does not fit into a closure,
/// for example because it is generic over the body.
///
/// ```
/// use http::Response;
/// use tower_tawk::{Rejection, RejectionResponse, Secret, TawkSignatureLayer};
///
/// #[derive(Clone)]
/// struct TextResponse;
///
/// impl<B: From<&'static str>> RejectionResponse<B> for TextResponse {
///     fn rejection_response(&self, rejection: &Rejection) -> Response<B> {
///         rejection.response(B::from("rejected"))
///     }
/// }
///
/// let layer = TawkSignatureLayer::enforce(Secret::new("an invented secret")?)
///     .rejection_response(TextResponse);
/// # Ok::<_, tower_tawk::InvalidSecret>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not create rejection responses with the body `{B}`",
    note = "annotate the argument of a closure, as in `|rejection: &Rejection| ...`",
    note = "`EmptyResponse`, the default, requires that `{B}` implements `Default`"
)]
pub trait RejectionResponse<B> {
    /// Creates the response to a rejected request. Start from [`Rejection::response`], which sets
    /// the status code.
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

/// Responds with the status code and an empty body, for any body that implements `Default`.
///
/// This is the default of [`TawkSignatureLayer`](crate::TawkSignatureLayer).
#[derive(Clone, Copy, Debug, Default)]
pub struct EmptyResponse;

impl<B: Default> RejectionResponse<B> for EmptyResponse {
    fn rejection_response(&self, rejection: &Rejection) -> Response<B> {
        rejection.response(B::default())
    }
}
