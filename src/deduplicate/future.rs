//! [`ResponseFuture`], which claims a delivery, calls the inner service, and commits the claim.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::outcome::{DeduplicationOutcome, DeduplicationResponse};
use super::store::{Claim, ClaimGuard, DeduplicationStore};
use crate::log;

type Commit<T> = <<T as DeduplicationStore>::Guard as ClaimGuard>::CommitFuture;

const COMPLETE: &str = "`ResponseFuture` polled after completion";

pin_project! {
    /// Response future of [`Deduplicate`](super::Deduplicate).
    ///
    /// Releases the claim if it is dropped before the claim is committed.
    ///
    /// # Panics
    ///
    /// Panics if polled after completion.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, B, T, R, ResBody>
    where
        S: Service<Request<B>>,
        T: DeduplicationStore,
    {
        #[pin]
        pub(super) state: State<S::Future, B, T::ClaimFuture, T::Guard, Commit<T>, ResBody>,
        pub(super) service: S,
        pub(super) response: R,
    }
}

pin_project! {
    #[project = StateProj]
    pub(super) enum State<F, B, C, G, M, ResBody> {
        /// Waits for the store to claim the key.
        Claiming {
            request: Option<Request<B>>,
            #[pin]
            claim: C,
        },
        /// The inner service has been called, without a guard if the request is unverified.
        ///
        /// The future is dropped before the guard, so that the handler has ended when the key
        /// becomes free.
        Calling {
            #[pin]
            response: F,
            guard: Option<G>,
        },
        /// The inner service has succeeded. Waits for the store to commit the claim.
        Committing {
            response: Option<Response<ResBody>>,
            #[pin]
            commit: M,
        },
        /// The inner service is not called.
        Answering { outcome: DeduplicationOutcome },
        /// The response has been returned.
        Complete,
    }
}

impl<S, B, T, R, ResBody> Future for ResponseFuture<S, B, T, R, ResBody>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    T: DeduplicationStore,
    R: DeduplicationResponse<ResBody>,
{
    type Output = Result<Response<ResBody>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let (outcome, error): (_, Option<Box<dyn Error + Send + Sync>>) =
                match this.state.as_mut().project() {
                    StateProj::Claiming { request, claim } => match ready!(claim.poll(cx)) {
                        Ok(Claim::First(guard)) => {
                            let request = request.take().expect(COMPLETE);
                            let response = this.service.call(request);
                            this.state.set(State::Calling { response, guard: Some(guard) });
                            continue;
                        }
                        Ok(Claim::Committed) => (DeduplicationOutcome::Duplicate, None),
                        Ok(Claim::InFlight) => (DeduplicationOutcome::InFlight, None),
                        Err(error) => (DeduplicationOutcome::ClaimFailed, Some(error.into())),
                    },
                    StateProj::Calling { response, guard } => {
                        let result = ready!(response.poll(cx));
                        match (result, guard.take()) {
                            (Ok(response), Some(guard)) if response.status().is_success() => {
                                let (response, commit) = (Some(response), guard.commit());
                                this.state.set(State::Committing { response, commit });
                                continue;
                            }
                            (result, guard) => {
                                // Drops the future of the inner service before the guard.
                                this.state.set(State::Complete);
                                if guard.is_some() {
                                    log::released();
                                }
                                return Poll::Ready(result);
                            }
                        }
                    }
                    StateProj::Committing { response, commit } => match ready!(commit.poll(cx)) {
                        Ok(()) => {
                            let response = response.take().expect(COMPLETE);
                            this.state.set(State::Complete);
                            log::committed();
                            return Poll::Ready(Ok(response));
                        }
                        Err(error) => (DeduplicationOutcome::CommitFailed, Some(error.into())),
                    },
                    StateProj::Answering { outcome } => (*outcome, None),
                    StateProj::Complete => panic!("{COMPLETE}"),
                };
            this.state.set(State::Complete);
            log::deduplicated(outcome, error.as_deref());
            let mut response = this.response.deduplication_response(outcome);
            response.extensions_mut().insert(outcome);
            return Poll::Ready(Ok(response));
        }
    }
}

impl<S, B, T, R, ResBody> fmt::Debug for ResponseFuture<S, B, T, R, ResBody>
where
    S: Service<Request<B>>,
    T: DeduplicationStore,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
