//! [`Deduplicate`], the middleware service.

use std::mem;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::future::{ResponseFuture, State};
use super::outcome::{DeduplicationOutcome, DeduplicationResponse};
use super::store::DeduplicationStore;
use crate::verdict::Verdict;

/// Middleware that deduplicates deliveries.
///
/// Created by [`DeduplicateLayer`](super::DeduplicateLayer). The inner service must be [`Clone`]:
/// the ready instance is moved into the future and replaced with a clone.
#[derive(Clone, Debug)]
pub struct Deduplicate<S, T, R> {
    inner: S,
    store: T,
    response: R,
}

impl<S, T, R> Deduplicate<S, T, R> {
    pub(super) const fn new(inner: S, store: T, response: R) -> Self {
        Self { inner, store, response }
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

impl<S, T, R, B, ResBody> Service<Request<B>> for Deduplicate<S, T, R>
where
    S: Service<Request<B>, Response = Response<ResBody>> + Clone,
    T: DeduplicationStore,
    R: DeduplicationResponse<ResBody> + Clone,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B, T, R, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // Call the instance that was polled ready, not the clone: it may hold a permit.
        let clone = self.inner.clone();
        let mut service = mem::replace(&mut self.inner, clone);
        let state = match request.extensions().get() {
            Some(Verdict::Verified(verified)) => {
                let claim = self.store.claim(verified.signature());
                State::Claiming { request: Some(request), claim }
            }
            // Only when observing. Attackers can send such requests, so no key is claimed.
            Some(Verdict::Unverified(_)) => {
                State::Calling { response: service.call(request), guard: None }
            }
            None => State::Answering { outcome: DeduplicationOutcome::MissingLayer },
        };
        ResponseFuture { state, service, response: self.response.clone() }
    }
}
