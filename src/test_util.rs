//! Utilities for testing webhook handlers.
//!
//! [`signed_request`] creates a validly signed request from any body, and [`SignedRequest`] creates
//! one with a [`Fault`]. The module [`samples`] has sample events, and [`encode`] encodes an event
//! in the format that Tawk.to sends. Enable the feature `test-util` in your `dev-dependencies`.
//!
//! This example tests an axum handler behind the layer. It sends an event that the handler uses, an
//! event that it ignores, a body that is not an event, and a request with each fault, which must
//! not reach the handler:
//!
//! ```
//! use std::sync::{Arc, Mutex};
//!
//! use axum::{Router, extract::State, http::StatusCode, routing::post};
//! use tower::ServiceExt;
//! use tower_tawk::event::Event;
//! use tower_tawk::test_util::{Fault, SignedRequest, encode, samples, signed_request};
//! use tower_tawk::{Delivery, Secret, TawkSignatureLayer};
//!
//! type Subjects = Arc<Mutex<Vec<String>>>;
//!
//! // The handler under test: it stores the subjects of tickets.
//! async fn webhook(State(subjects): State<Subjects>, delivery: Delivery) -> StatusCode {
//!     if let Event::TicketCreate(created) = delivery.event {
//!         subjects.lock().unwrap().extend(created.ticket.subject);
//!     }
//!     // Respond with 2xx even if the event is ignored: Tawk.to would retry for 12 hours.
//!     StatusCode::OK
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let secret = Secret::new("an invented secret")?;
//! let subjects = Subjects::default();
//! let layer = TawkSignatureLayer::enforce(secret.clone());
//! let app = Router::new()
//!     .route("/tawk-webhook", post(webhook).route_layer(layer))
//!     .with_state(subjects.clone());
//!
//! let ticket = encode(&samples::ticket("Ruth Abenov", "Call back", "After 4 pm, please."));
//! let chat_end = encode(&samples::chat_end("Ruth Abenov"));
//! for body in [ticket.clone(), chat_end, "not an event".into()] {
//!     let response = app.clone().oneshot(signed_request(&secret, body)).await?;
//!     assert_eq!(response.status(), StatusCode::OK);
//! }
//! for fault in Fault::ALL {
//!     let request = SignedRequest::new(&secret, ticket.clone()).fault(*fault).build();
//!     let response = app.clone().oneshot(request).await?;
//!     assert_eq!(response.status(), StatusCode::FORBIDDEN, "{fault:?}");
//! }
//! assert_eq!(*subjects.lock().unwrap(), ["Call back"]);
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "deduplicate")]
mod deduplication;
mod fault;
mod request;
pub mod samples;

#[cfg(feature = "deduplicate")]
#[cfg_attr(docsrs, doc(cfg(feature = "deduplicate")))]
pub use self::deduplication::deduplication_contract;
pub use self::fault::Fault;
pub use self::request::{SignedRequest, encode, signed_request};
