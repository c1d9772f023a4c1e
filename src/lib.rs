//! Tower middleware that verifies the signatures of [Tawk.to] webhooks.
//!
//! Tawk.to signs the body of each webhook with HMAC-SHA1 and sends the signature in the
//! `X-Tawk-Signature` header. [`TawkSignatureLayer`] buffers the body, verifies the signature,
//! inserts a [`Verdict`] into the request extensions, and rejects unverified requests with
//! `403 Forbidden`. It works in any axum, tonic or hyper service.
//!
//! The layer guarantees:
//!
//! - The body of a verified request contains exactly the bytes that the holder of the secret
//!   signed.
//! - An unauthenticated client can only cause a small, bounded use of memory and CPU time.
//!
//! # Example
//!
//! In axum, apply the layer to the webhook's route and extract a [`Delivery`], which requires the
//! features `axum` and `events`:
//!
//! ```
//! use axum::{Router, http::StatusCode, routing::post};
//! use tower_tawk::event::Event;
//! use tower_tawk::{Delivery, Secret, TawkSignatureLayer};
//!
//! // Only called for verified requests.
//! async fn webhook(delivery: Delivery) -> StatusCode {
//!     match &delivery.event {
//!         Event::ChatStart(start) => println!("chat {} started", start.chat_id),
//!         Event::TicketCreate(created) => println!("ticket {}", created.ticket.id),
//!         // Ignore everything else, but respond with 2xx: Tawk.to would retry for 12 hours.
//!         other => println!("ignored `{}`", other.name()),
//!     }
//!     StatusCode::OK
//! }
//!
//! # fn app() -> Result<Router, Box<dyn std::error::Error>> {
//! # let secret = "an invented secret";
//! // let secret = std::env::var("TAWK_WEBHOOK_SECRET")?;
//! let layer = TawkSignatureLayer::enforce(Secret::new(secret)?);
//! let app = Router::new().route("/tawk-webhook", post(webhook).route_layer(layer));
//! # Ok(app)
//! # }
//! #
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use axum::{body::Body, http::Request};
//! # use tower::ServiceExt;
//! # let app = app()?;
//!
//! // In tests, sign the body with `Secret::sign`.
//! let signature = Secret::new("an invented secret")?.sign(b"{}").to_string();
//! let signed = Request::post("/tawk-webhook").header("X-Tawk-Signature", signature);
//! let response = app.clone().oneshot(signed.body(Body::from("{}"))?).await?;
//! assert_eq!(response.status(), StatusCode::OK);
//!
//! let unsigned = Request::post("/tawk-webhook").body(Body::from("{}"))?;
//! let response = app.oneshot(unsigned).await?;
//! assert_eq!(response.status(), StatusCode::FORBIDDEN);
//! # Ok(())
//! # }
//! ```
//!
//! Tawk.to may send a delivery more than once. [`deduplicate::DeduplicateLayer`] recognizes
//! duplicates. `examples/inbox.rs` in the repository stores each delivery exactly once, with its
//! [`Signature`] as the deduplication key.
//!
//! See [`BufferedBody`] for hyper and tonic, [`TawkSignature`] for the order of layers,
//! [`Secrets`] for rotation, and [`enforce_with`] for several tenants.
//!
//! # Where to apply the layer
//!
//! Apply the layer to the webhook's method route. Applied elsewhere, it also affects other routes.
//! Responses to other unsigned requests:
//!
//! | applied with | another path | `GET` on the path | a `/healthz` route |
//! | --- | --- | --- | --- |
//! | `post(webhook).route_layer(layer)` (recommended) | 404 | 405 | 200 |
//! | `post(webhook.layer(layer))`, `Handler::layer` | 404 | 405 | 200 |
//! | `post(webhook).layer(layer)`, `MethodRouter::layer` | 404 | 403 | 200 |
//! | `Router::route_layer` | 404 | 403 | 403 |
//! | `Router::layer`, or around the whole router | 403 | 403 | 403 |
//!
//! Merging a router with `Router::layer` into a router with the default fallback replaces that
//! fallback: unknown paths are then rejected with 403 instead of 404.
//!
//! # Modes
//!
//! [`enforce`] rejects unverified requests. A misconfigured secret loses no deliveries if it is
//! fixed in time: Tawk.to retries a delivery for up to 12 hours unless it gets a 2xx response
//! within 30 s (developer.tawk.to/webhooks).
//!
//! [`observe`] forwards every complete request with its verdict. Only use it to evaluate a new
//! setup: the [`Reason`] of an unverified request says what is wrong with it.
//!
//! # Responses
//!
//! Unverified requests are rejected with 403 when enforcing. In both modes, bodies above
//! [`body_limit`] are rejected with 413, bodies that do not arrive within [`body_deadline`] with
//! 408, and bodies that fail before their end with 400. The header is checked first: when
//! enforcing, an invalid header is rejected regardless of the body.
//!
//! [`rejection_response`] customizes these responses, which are empty by default. Outer layers find
//! the [`Rejection`] in the response extensions.
//!
//! # Security considerations
//!
//! - **Only the body is signed.** Headers, such as `X-Hook-Event-Id`, path and trailers are not.
//! - **Signatures never expire.** A captured delivery can be replayed unchanged at any time. Detect
//!   duplicates by [`Verdict::signature`], with a unique key in a database.
//! - **Signing is not encryption.** Use HTTPS, directly or through a proxy.
//! - **The verdict applies to the forwarded body only.** It is meaningless once an inner layer
//!   replaces or modifies the body.
//! - Memory grows with the bytes received, not with `Content-Length`. At most 64 KiB, or as much as
//!   has been received, is reserved in advance, and never more than [`body_limit`]. The body of a
//!   rejected request is drained for up to 64 KiB and 2 s. Without the feature `deadline`, time is
//!   unbounded.
//! - Signatures are compared in constant time. The crate has no `unsafe` code, takes no locks and
//!   boxes no futures on the request path.
//!
//! # Features
//!
//! | feature | default | description |
//! | --- | --- | --- |
//! | `axum` | no | the extractors [`Verified`], [`Verdict`] and, with `events`, [`Delivery`] |
//! | `deadline` | yes | [`body_deadline`], with Tokio's timer |
//! | `deduplicate` | no | a layer that deduplicates deliveries, see [`deduplicate`] |
//! | `events` | no | typed events in [`event`] |
//! | `test-util` | no | signed requests and sample events for tests in [`test_util`]; enables `events` |
//! | `tracing` | yes | one tracing event for each request: verified at DEBUG, mismatch and unknown secret at WARN, others at INFO; extractors log a missing layer or a modified body at ERROR |
//!
//! [Tawk.to]: https://developer.tawk.to/webhooks/
//! [`enforce`]: TawkSignatureLayer::enforce
//! [`enforce_with`]: TawkSignatureLayer::enforce_with
//! [`observe`]: TawkSignatureLayer::observe
//! [`body_limit`]: TawkSignatureLayer::body_limit
//! [`body_deadline`]: TawkSignatureLayer::body_deadline
//! [`rejection_response`]: TawkSignatureLayer::rejection_response

#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(all(
        feature = "axum",
        feature = "deadline",
        feature = "deduplicate",
        feature = "events",
        feature = "test-util"
    )),
    allow(
        rustdoc::broken_intra_doc_links,
        reason = "the documentation is built with all features"
    )
)]

mod body;
mod collect;
#[cfg(feature = "deduplicate")]
#[cfg_attr(docsrs, doc(cfg(feature = "deduplicate")))]
pub mod deduplicate;
#[cfg(feature = "events")]
#[cfg_attr(docsrs, doc(cfg(feature = "events")))]
pub mod event;
#[cfg(feature = "axum")]
mod extract;
mod future;
mod layer;
mod log;
mod rejection;
mod secret;
mod service;
mod signature;
#[cfg(feature = "test-util")]
#[cfg_attr(docsrs, doc(cfg(feature = "test-util")))]
pub mod test_util;
mod verdict;
mod verifier;

pub use self::body::BufferedBody;
#[cfg(all(feature = "axum", feature = "events"))]
#[cfg_attr(docsrs, doc(cfg(all(feature = "axum", feature = "events"))))]
pub use self::extract::{BodyModified, Delivery, DeliveryRejection, EventId};
#[cfg(feature = "axum")]
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
pub use self::extract::{MissingLayer, Verified, VerifiedRejection};
pub use self::future::ResponseFuture;
pub use self::layer::TawkSignatureLayer;
pub use self::rejection::{EmptyResponse, Rejection, RejectionResponse};
pub use self::secret::{InvalidSecret, InvalidSecrets, Secret, Secrets};
pub use self::service::TawkSignature;
pub use self::signature::{InvalidSignature, Signature, X_HOOK_EVENT_ID, X_TAWK_SIGNATURE};
pub use self::verdict::{Hint, Mismatch, Reason, Verdict, VerifiedSignature};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
