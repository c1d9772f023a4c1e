//! [`DeduplicateLayer`].

use tower_layer::Layer;

use super::service::Deduplicate;
use crate::rejection::EmptyResponse;

/// Layer that applies the [`Deduplicate`] middleware.
///
/// Apply it inside of [`TawkSignatureLayer`](crate::TawkSignatureLayer). See the
/// [module documentation](super) for an example.
#[derive(Clone, Debug)]
#[must_use]
pub struct DeduplicateLayer<T, R = EmptyResponse> {
    store: T,
    response: R,
}

impl<T> DeduplicateLayer<T> {
    /// Creates a layer that stores the keys of deliveries in `store`.
    pub const fn new(store: T) -> Self {
        Self { store, response: EmptyResponse }
    }
}

impl<T, R> DeduplicateLayer<T, R> {
    /// Sets the function or type that creates the responses that the layer makes itself. Defaults
    /// to [`EmptyResponse`].
    ///
    /// Accepts any [`DeduplicationResponse`](super::DeduplicationResponse). Required if the
    /// response body of the inner service does not implement `Default`.
    ///
    /// ```
    /// use axum::body::Body;
    /// use tower_tawk::deduplicate::{DeduplicateLayer, DeduplicationOutcome, InMemory};
    ///
    /// let layer = DeduplicateLayer::new(InMemory::new()).deduplication_response(
    ///     |outcome: DeduplicationOutcome| outcome.response(Body::from(format!("{outcome:?}"))),
    /// );
    /// ```
    pub fn deduplication_response<N: Clone>(self, response: N) -> DeduplicateLayer<T, N> {
        DeduplicateLayer { store: self.store, response }
    }
}

impl<S, T: Clone, R: Clone> Layer<S> for DeduplicateLayer<T, R> {
    type Service = Deduplicate<S, T, R>;

    fn layer(&self, inner: S) -> Self::Service {
        Deduplicate::new(inner, self.store.clone(), self.response.clone())
    }
}
