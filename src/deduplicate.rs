//! Middleware that deduplicates deliveries.
//!
//! Tawk.to retries a delivery for up to 12 hours, until it gets a 2xx response within 30 s
//! (developer.tawk.to/webhooks). [`DeduplicateLayer`] recognizes duplicates by their signature.
//! Apply it inside of [`TawkSignatureLayer`](crate::TawkSignatureLayer):
//!
//! ```
//! use axum::{Router, http::StatusCode, routing::post};
//! use tower::ServiceBuilder;
//! use tower_tawk::deduplicate::{DeduplicateLayer, InMemory};
//! use tower_tawk::{Delivery, Secret, TawkSignatureLayer};
//!
//! async fn webhook(delivery: Delivery) -> StatusCode {
//!     println!("{} bytes", delivery.raw.len());
//!     StatusCode::OK
//! }
//!
//! fn app(secret: Secret) -> Router {
//!     let layers = ServiceBuilder::new()
//!         .layer(TawkSignatureLayer::enforce(secret))
//!         .layer(DeduplicateLayer::new(InMemory::new()));
//!     Router::new().route("/tawk-webhook", post(webhook).route_layer(layers))
//! }
//! ```
//!
//! # Responses
//!
//! | condition | response |
//! | --- | --- |
//! | first copy | that of the handler; a 2xx response is sent after the commit |
//! | already committed | 200; the handler is not called |
//! | another copy is in flight | 409; the handler is not called |
//! | the store fails to claim, or is full | 503; the handler is not called |
//! | the store fails to commit | 503 instead of the response of the handler |
//!
//! The layer's 409 and 503 responses have a `Retry-After` header. A duplicate of a delivery in
//! flight must not get a 2xx response: if the handler then failed, Tawk.to would not retry.
//!
//! The layer's responses have a [`DeduplicationOutcome`] in their extensions. With the feature
//! `tracing`, commits and failed handlers are logged at DEBUG, duplicates at INFO, and failures of
//! the store at ERROR. Cancelled requests are not logged.
//!
//! # Guarantees
//!
//! A verified request gets a 2xx response only after its delivery has been committed, and a
//! delivery is committed only after the handler has succeeded. The handler runs **at least once**
//! before the commit, and is not called again after it, until the key expires in the store.
//!
//! This is not exactly once: if the handler has had its effect and then fails or is cancelled, or
//! the commit fails, a retry calls the handler again. For exactly once, insert the signature in the
//! handler's own transaction, as in `examples/inbox.rs`. That does not need this layer.
//!
//! - **Cancellation.** hyper drops the handler's future when an HTTP/1 client disconnects, and the
//!   claim is released. Tasks that the handler has spawned continue, and may overlap with a retry.
//! - **Slow handlers.** Tawk.to gives up on a response after 30 s and retries. Duplicates get 409
//!   while the handler runs. Apply a `TimeoutLayer` of less than 30 s inside of this layer, so that
//!   the claim is released.
//! - **Bodies.** A delivery is committed before the body of the response is sent. Do the work
//!   before the handler returns.
//! - **Unverified requests**, which reach the layer when observing, pass through.
//! - **gRPC.** Do not use the layer with tonic: gRPC failures have HTTP status 200 and would be
//!   committed.

mod future;
mod in_memory;
mod layer;
mod outcome;
mod service;
mod store;

pub use self::future::ResponseFuture;
pub use self::in_memory::{InMemory, InMemoryFull, InMemoryGuard};
pub use self::layer::DeduplicateLayer;
pub use self::outcome::{DeduplicationOutcome, DeduplicationResponse};
pub use self::service::Deduplicate;
pub use self::store::{Claim, ClaimGuard, DeduplicationStore};

/// [`InMemory`] with the clock of the fuzz target.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing {
    use std::time::Instant;

    use super::{Claim, InMemory, InMemoryFull, InMemoryGuard};
    use crate::signature::Signature;

    /// Claims a key at a time.
    pub fn claim_at(
        store: &InMemory,
        key: Signature,
        now: Instant,
    ) -> Result<Claim<InMemoryGuard>, InMemoryFull> {
        store.claim_at(key, now)
    }

    /// Commits a claim at a time.
    pub fn commit_at(guard: InMemoryGuard, now: Instant) {
        guard.commit_at(now);
    }
}
