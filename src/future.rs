//! [`ResponseFuture`]: receives the body, has it judged, and forwards or rejects the request.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response, Version};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::body::{BufferedBody, Receive, Received, Refused};
use crate::claim::Claim;
use crate::rejection::{Rejection, RejectionResponse};
use crate::settings::Settings;
use crate::trace;
use crate::verdict::{Reason, Verdict};

pin_project! {
    /// The future that [`TawkSignature`](crate::TawkSignature) returns.
    ///
    /// # Panics
    ///
    /// When it is polled again after it was ready; and, with the feature `deadline`, when a body
    /// has to be waited for, or comes in 1,024 frames or more, outside of a tokio runtime whose
    /// time is enabled.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, B, R>
    where
        S: Service<Request<BufferedBody>>,
    {
        #[pin]
        state: State<S, B, S::Future>,
        rejection_response: R,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B, F> {
        /// The body is on its way. There is no head where the request is rejected already.
        Receiving {
            #[pin]
            receive: Receive<B>,
            head: Option<Head<S>>,
            version: Version,
        },
        /// The answer was clear from the head.
        Rejected { answer: Option<Answer> },
        /// The inner service has the request; when observing, its response gets the verdict.
        Calling {
            #[pin]
            response: F,
            verdict: Option<Verdict>,
        },
    }
}

/// A request that is whole but for its body, and the service that is ready for it.
pub(crate) struct Head<S> {
    pub(crate) request: Request<BufferedBody>,
    pub(crate) service: S,
    pub(crate) settings: Settings,
}

/// A rejection, and whether its response must say that the connection ends.
struct Answer {
    rejection: Rejection,
    close: bool,
}

impl Answer {
    /// Over a body that was not read to its end an HTTP/1.x connection cannot go on.
    fn new(rejection: Rejection, version: Version, unread: bool) -> Self {
        Self { rejection, close: unread && version <= Version::HTTP_11 }
    }
}

impl<S, B, R> ResponseFuture<S, B, R>
where
    S: Service<Request<BufferedBody>>,
{
    /// Receives the body, to judge it.
    #[inline]
    pub(crate) fn receive(
        body: B,
        declared: Option<usize>,
        claim: Result<Claim, Reason>,
        head: Head<S>,
        rejection_response: R,
    ) -> Self {
        let receive = Receive::keep(body, declared, claim, head.settings);
        let version = head.request.version();
        let state = State::Receiving { receive, head: Some(head), version };
        Self { state, rejection_response }
    }

    /// Reads and drops the body, within bounds, then rejects the request.
    pub(crate) fn discard(
        body: B,
        rejection: Rejection,
        version: Version,
        settings: Settings,
        rejection_response: R,
    ) -> Self {
        let receive = Receive::discard(body, rejection, settings);
        let state = State::Receiving { receive, head: None, version };
        Self { state, rejection_response }
    }

    /// Rejects the request over an unread body.
    pub(crate) fn reject(rejection: Rejection, version: Version, rejection_response: R) -> Self {
        let answer = Some(Answer::new(rejection, version, true));
        Self { state: State::Rejected { answer }, rejection_response }
    }
}

const HEAD: &str = "a request whose body is kept has a head";

/// The request is ready to go on, in its head, unless it is refused. When observing, the verdict
/// is returned too, for the response.
fn conclude<S>(
    outcome: Result<Received<'_>, Refused>,
    head: Option<&mut Head<S>>,
) -> Result<Option<Verdict>, Refused> {
    match outcome {
        Ok(received) => head.expect(HEAD).judge(received),
        Err(refused) => {
            // What was rejected by its head is recorded already.
            if let Some(head) = head {
                let (kind, headers) = (refused.rejection.kind(), head.request.headers());
                trace::not_received(kind, headers, refused.bytes);
            }
            Err(refused)
        }
    }
}

impl<S> Head<S> {
    /// Puts body and verdict into the request.
    fn judge(
        &mut self,
        Received { body, claim }: Received<'_>,
    ) -> Result<Option<Verdict>, Refused> {
        let Settings { enforce, keep_computed_digest, .. } = self.settings;
        let (headers, bytes) = (self.request.headers(), body.as_bytes().len());
        let verdict = match claim {
            Ok(claim) => claim.judge(body.as_bytes(), headers, keep_computed_digest),
            Err(reason) => Verdict::Unverified(reason.clone()),
        };
        match &verdict {
            Verdict::Verified(by) => trace::verified(by, headers, bytes),
            Verdict::Unverified(reason) => trace::unverified(reason, headers, bytes),
        }
        let observed = match verdict {
            Verdict::Unverified(reason) if enforce => {
                let rejection = Rejection::unverified(reason);
                return Err(Refused { rejection, bytes, unread: false });
            }
            ref verdict => (!enforce).then(|| verdict.clone()),
        };
        *self.request.body_mut() = body;
        self.request.extensions_mut().insert(verdict);
        Ok(observed)
    }
}

impl<S, B, R, ResBody> Future for ResponseFuture<S, B, R>
where
    S: Service<Request<BufferedBody>, Response = Response<ResBody>>,
    R: RejectionResponse<ResBody>,
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Output = Result<Response<ResBody>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        const AGAIN: &str = "ResponseFuture polled after it was ready";
        let mut this = self.project();
        let answer = loop {
            match this.state.as_mut().project() {
                StateProjection::Receiving { mut receive, head, version } => {
                    let cut_short = ready!(receive.as_mut().poll(context));
                    match conclude(receive.over(cut_short), head.as_mut()) {
                        Ok(verdict) => {
                            let Head { request, mut service, .. } = head.take().expect(HEAD);
                            let response = service.call(request);
                            this.state.set(State::Calling { response, verdict });
                        }
                        Err(refused) => {
                            break Answer::new(refused.rejection, *version, refused.unread);
                        }
                    }
                }
                StateProjection::Rejected { answer } => break answer.take().expect(AGAIN),
                StateProjection::Calling { response, verdict } => {
                    let mut response = ready!(response.poll(context))?;
                    if let Some(verdict) = verdict.take() {
                        response.extensions_mut().insert(verdict);
                    }
                    return Poll::Ready(Ok(response));
                }
            }
        };
        // The body is dropped before its answer goes out.
        this.state.set(State::Rejected { answer: None });
        Poll::Ready(Ok(answer.rejection.into_response(this.rejection_response, answer.close)))
    }
}

impl<S, B, R> fmt::Debug for ResponseFuture<S, B, R>
where
    S: Service<Request<BufferedBody>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
