//! [`ResponseFuture`], which collects the body and forwards or rejects the request.

use std::error::Error;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::request::Parts;
use http::{Request, Response, Version};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::body::BufferedBody;
use crate::collect::{Collect, CollectError, Drain, Drained, Limits};
use crate::rejection::{Connection, Rejection, RejectionResponse};
use crate::verdict::Verdict;
use crate::verifier::{Decision, FirstSecret, OtherSecrets, Verifier, reject_body};

const POLLED_AFTER_COMPLETION: &str = "`ResponseFuture` polled after completion";

pin_project! {
    /// Response future of [`TawkSignature`](crate::TawkSignature).
    ///
    /// Holds the request body and the inner service until it is dropped.
    ///
    /// # Panics
    ///
    /// Panics if polled after completion. With the feature `deadline`, also panics outside of a
    /// Tokio runtime with the time driver enabled, if the body is not immediately available or has
    /// 1,024 frames or more.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, B, R>
    where
        S: Service<Request<BufferedBody>>,
    {
        #[pin]
        state: State<S::Future>,
        #[pin]
        body: B,
        service: S,
        rejection_response: R,
        limits: Limits,
        version: Version,
    }
}

pin_project! {
    #[project = StateProj]
    pub(crate) enum State<F> {
        /// The body is being collected and hashed. `parts` is moved out when it is complete.
        Buffering {
            parts: Option<Parts>,
            verifier: Verifier,
            #[pin]
            collect: Collect,
        },
        /// The signature does not match under the first secret.
        Verifying { request: Request<BufferedBody>, secrets: OtherSecrets },
        /// The request is rejected, and its body is being drained.
        Draining {
            rejection: Rejection,
            #[pin]
            drain: Drain,
        },
        /// The request is rejected. Its body must not be polled.
        Rejecting { rejection: Rejection, connection: Connection },
        /// The inner service has been called. When observing, the response gets the verdict.
        Calling {
            #[pin]
            response: F,
            verdict: Option<Verdict>,
        },
        /// The response has been returned.
        Complete,
    }
}

impl<S, B, R> ResponseFuture<S, B, R>
where
    S: Service<Request<BufferedBody>>,
{
    #[inline]
    pub(crate) const fn new(
        state: State<S::Future>,
        body: B,
        service: S,
        rejection_response: R,
        limits: Limits,
        version: Version,
    ) -> Self {
        Self { state, body, service, rejection_response, limits, version }
    }
}

impl<F> State<F> {
    /// Rejects a request whose body has been read.
    fn rejecting(rejection: Rejection) -> Self {
        Self::Rejecting { rejection, connection: Connection::KeepAlive }
    }

    /// Rejects a request whose body has not been read to its end.
    ///
    /// HTTP/1 connections can't be reused then. In HTTP/2 only the stream ends.
    pub(crate) fn rejecting_unread(rejection: Rejection, version: Version) -> Self {
        let is_http1 = version <= Version::HTTP_11;
        let connection = if is_http1 { Connection::Close } else { Connection::KeepAlive };
        Self::Rejecting { rejection, connection }
    }

    /// Rejects a request whose body could not be collected.
    fn rejecting_body(
        error: CollectError,
        rejection: Rejection,
        limits: Limits,
        version: Version,
    ) -> Self {
        match error {
            CollectError::LimitExceeded { dropped } => {
                Self::Draining { rejection, drain: Drain::new(dropped, limits) }
            }
            CollectError::OuterLimitExceeded | CollectError::Timeout | CollectError::Incomplete => {
                Self::rejecting_unread(rejection, version)
            }
        }
    }

    /// Forwards or rejects a request.
    #[inline]
    fn apply<S>(
        mut self: Pin<&mut Self>,
        decision: Decision,
        mut request: Request<BufferedBody>,
        service: &mut S,
    ) where
        S: Service<Request<BufferedBody>, Future = F>,
    {
        match decision {
            Decision::Forward { verdict, response_verdict } => {
                request.extensions_mut().insert(verdict);
                let response = service.call(request);
                self.set(Self::Calling { response, verdict: response_verdict });
            }
            Decision::Reject(rejection) => self.set(Self::rejecting(rejection)),
        }
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

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProj::Buffering { parts, verifier, mut collect } => {
                    let on_chunk = |chunk: &[u8]| verifier.update(chunk);
                    let result = ready!(collect.as_mut().poll(cx, this.body.as_mut(), on_chunk));
                    let parts = parts.take().expect(POLLED_AFTER_COMPLETION);
                    let body = match result {
                        Ok(body) => body,
                        Err(error) => {
                            let rejection = reject_body(error, &parts.headers, collect.received());
                            let next = State::rejecting_body(
                                error,
                                rejection,
                                *this.limits,
                                *this.version,
                            );
                            this.state.set(next);
                            continue;
                        }
                    };
                    let request = Request::from_parts(parts, body);
                    match verifier.finish(&request) {
                        FirstSecret::Decided(decision) => {
                            this.state.as_mut().apply(decision, request, this.service);
                        }
                        FirstSecret::Mismatch(secrets) => {
                            this.state.set(State::Verifying { request, secrets });
                        }
                    }
                }
                StateProj::Verifying { request, secrets } => {
                    let decision = ready!(secrets.poll(cx, request));
                    let request = mem::replace(request, Request::new(BufferedBody::empty()));
                    this.state.as_mut().apply(decision, request, this.service);
                }
                StateProj::Draining { rejection, drain } => {
                    let drained = ready!(drain.poll(cx, this.body.as_mut()));
                    let rejection = rejection.clone();
                    this.state.set(match drained {
                        Drained::Complete => State::rejecting(rejection),
                        Drained::Incomplete => State::rejecting_unread(rejection, *this.version),
                    });
                }
                StateProj::Rejecting { rejection, connection } => {
                    let rejection = rejection.clone();
                    let response = rejection.into_response(this.rejection_response, *connection);
                    this.state.set(State::Complete);
                    return Poll::Ready(Ok(response));
                }
                StateProj::Calling { response, verdict } => {
                    let mut response = ready!(response.poll(cx))?;
                    if let Some(verdict) = verdict.take() {
                        response.extensions_mut().insert(verdict);
                    }
                    this.state.set(State::Complete);
                    return Poll::Ready(Ok(response));
                }
                StateProj::Complete => panic!("{POLLED_AFTER_COMPLETION}"),
            }
        }
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
