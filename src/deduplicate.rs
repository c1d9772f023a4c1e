//! Middleware that handles each delivery once.
//!
//! Tawk.to sends a delivery again, for up to 12 hours, until it gets a 2xx response within 30 s
//! (developer.tawk.to/webhooks). [`DeduplicateLayer`] recognizes the copies by their signature. It
//! goes inside of [`TawkSignatureLayer`](crate::TawkSignatureLayer):
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
//! # fn app() -> Result<Router, Box<dyn std::error::Error>> {
//! let layers = ServiceBuilder::new()
//!     .layer(TawkSignatureLayer::enforce(Secret::new("an invented secret")?))
//!     .layer(DeduplicateLayer::new(InMemory::new()));
//! let app = Router::new().route("/tawk-webhook", post(webhook).route_layer(layers));
//! # Ok(app)
//! # }
//! #
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use axum::{body::Body, http::Request};
//! # use tower::ServiceExt;
//! # let app = app()?;
//! # for outcome in [None, Some(tower_tawk::deduplicate::DeduplicationOutcome::Duplicate)] {
//! #     let signature = Secret::new("an invented secret")?.sign(b"{}").to_string();
//! #     let signed = Request::post("/tawk-webhook").header("X-Tawk-Signature", signature);
//! #     let response = app.clone().oneshot(signed.body(Body::from("{}"))?).await?;
//! #     assert_eq!(response.status(), StatusCode::OK);
//! #     assert_eq!(response.extensions().get().copied(), outcome);
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! # Responses
//!
//! | the delivery | response |
//! | --- | --- |
//! | is new | that of the handler. If it is 2xx, it is sent after the delivery has been committed |
//! | has been committed | 200 |
//! | is being handled | 409 |
//! | is new, and the store fails or is full | 503, and the handler is not called |
//! | has been handled, and the commit fails | 503 |
//!
//! 409 and 503 have a `Retry-After` header. A copy of a delivery that is being handled must not be
//! answered 2xx: if the handler then fails, Tawk.to would not send the delivery again.
//!
//! # Guarantees
//!
//! No verified request gets a 2xx response unless its delivery has been committed. The handler
//! succeeds **at least once** before that, if any copy succeeds, and is not called again after it,
//! until the store forgets the key.
//!
//! It is not exactly once: if the handler has had its effect and then fails or is cancelled, or the
//! commit fails, the next copy is handled again. Where that matters, insert the signature in the
//! transaction of the handler, as in `examples/inbox.rs`, which needs no layer.
//!
//! - **Cancellation.** hyper drops the handler when an HTTP/1 client disconnects, and the delivery
//!   is not committed. Work that the handler has spawned continues, and may run next to the next
//!   copy.
//! - **Slow handlers.** A response after 30 s is a failure for Tawk.to, which sends the delivery
//!   again; the copies get 409 meanwhile. Apply a `TimeoutLayer` of less than 30 s inside of this
//!   layer, so that the delivery is released.
//! - **Bodies.** A delivery is committed before the body of the response is sent. Work belongs
//!   before the response.
//! - **Unverified requests**, which the inner service receives when observing, pass through.
//! - **gRPC.** Do not use the layer with tonic: failures of gRPC have the status 200, and would be
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
