//! A kit for tests of one's own, under the feature `test-util`.
//!
//! It plays Tawk.to: [`signed_request`] makes a genuine delivery of any body, [`SignedRequest`] one that
//! has a [`Fault`], and [`chat_start`](samples::chat_start), [`chat_end`](samples::chat_end), [`transcript`](samples::transcript), [`ticket`](samples::ticket) and [`unknown`](samples::unknown)
//! make events, which [`encode`] writes as Tawk.to sends them. Put the feature among your
//! `dev-dependencies`.
//!
//! Here an axum handler is tested behind the layer, with an event that it wants, one that it does
//! not, a body that is none, and every fault of a signature, which must not reach it:
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
//! // What is tested: it keeps the subjects of tickets.
//! async fn webhook(State(subjects): State<Subjects>, delivery: Delivery) -> StatusCode {
//!     if let Event::TicketCreate(created) = delivery.event {
//!         subjects.lock().unwrap().extend(created.ticket.subject);
//!     }
//!     // 2xx to what is not wanted, too: otherwise it is sent again for 12 hours.
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
//! let wanted = encode(&samples::ticket("Ruth Abenov", "Call back", "After 4 pm, please."));
//! for accepted in [wanted.clone(), encode(&samples::chat_end("Ruth Abenov")), "no event".into()] {
//!     let response = app.clone().oneshot(signed_request(&secret, accepted)).await?;
//!     assert_eq!(response.status(), StatusCode::OK);
//! }
//! for fault in Fault::ALL {
//!     let request = SignedRequest::new(&secret, wanted.clone()).fault(*fault).build();
//!     let response = app.clone().oneshot(request).await?;
//!     assert_eq!(response.status(), StatusCode::FORBIDDEN, "{fault:?}");
//! }
//! assert_eq!(*subjects.lock().unwrap(), ["Call back"]);
//! # Ok(())
//! # }
//! ```

mod fault;
mod request;
pub mod samples;

pub use fault::Fault;
pub use request::{SignedRequest, encode, signed_request};
