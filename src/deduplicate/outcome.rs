//! [`DeduplicationOutcome`] and the responses that the layer makes.

use http::header::{HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};

use crate::rejection::EmptyResponse;

/// Delay before a retry, in seconds.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("10");

/// Why [`Deduplicate`](super::Deduplicate) made a response itself.
///
/// Inserted into the extensions of the response, where outer layers can find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeduplicationOutcome {
    /// The delivery is already committed. Status 200.
    Duplicate,
    /// Another copy of the delivery is in flight, and may fail. Status 409.
    InFlight,
    /// The store failed to claim the key or is full. The handler was not called. Status 503.
    ClaimFailed,
    /// The handler succeeded, but the store failed to commit. A retry may call the handler again.
    /// Status 503.
    CommitFailed,
    /// The request has no [`Verdict`](crate::Verdict), because the layer is not inside of
    /// [`TawkSignatureLayer`](crate::TawkSignatureLayer). Status 500.
    MissingLayer,
}

impl DeduplicationOutcome {
    /// Returns the status code of the response.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Duplicate => StatusCode::OK,
            Self::InFlight => StatusCode::CONFLICT,
            Self::ClaimFailed | Self::CommitFailed => StatusCode::SERVICE_UNAVAILABLE,
            Self::MissingLayer => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Creates a response with the status code of this outcome, `Retry-After` if it is 409 or 503,
    /// and the given body.
    #[must_use]
    pub fn response<B>(self, body: B) -> Response<B> {
        let mut response = Response::new(body);
        *response.status_mut() = self.status();
        if matches!(self, Self::InFlight | Self::ClaimFailed | Self::CommitFailed) {
            response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        response
    }
}

/// Creates the responses that [`Deduplicate`](super::Deduplicate) makes itself.
///
/// Implemented for closures and functions `Fn(DeduplicationOutcome) -> Response<B>`, and for
/// [`EmptyResponse`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not create responses with the body `{B}`",
    note = "annotate the argument of a closure, as in `|outcome: DeduplicationOutcome| ...`",
    note = "`EmptyResponse`, the default, requires that `{B}` implements `Default`"
)]
pub trait DeduplicationResponse<B> {
    /// Creates a response. Start from [`DeduplicationOutcome::response`], which sets the status
    /// code: if [`InFlight`](DeduplicationOutcome::InFlight) gets a 2xx response, deliveries can be
    /// lost.
    fn deduplication_response(&self, outcome: DeduplicationOutcome) -> Response<B>;
}

impl<F, B> DeduplicationResponse<B> for F
where
    F: Fn(DeduplicationOutcome) -> Response<B>,
{
    fn deduplication_response(&self, outcome: DeduplicationOutcome) -> Response<B> {
        self(outcome)
    }
}

impl<B: Default> DeduplicationResponse<B> for EmptyResponse {
    fn deduplication_response(&self, outcome: DeduplicationOutcome) -> Response<B> {
        outcome.response(B::default())
    }
}
