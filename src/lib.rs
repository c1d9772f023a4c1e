//! A tower layer that verifies the signatures of [Tawk.to] webhooks.
//!
//! Tawk.to signs each webhook's body with HMAC-SHA1 and sends the signature in
//! `X-Tawk-Signature`. [`TawkSignatureLayer`] receives the body, verifies it, puts a [`Verdict`]
//! into the request's extensions, and answers what is not verified itself, if you let it.
//!
//! One promise above all: **a request that reaches a handler as verified is, byte for byte, what
//! the holder of the secret signed; and nothing that a stranger sends costs more than a bounded,
//! small amount of memory and time.**
//!
//! # Mount it in axum
//!
//! On the one route, with `route_layer`:
//!
//! ```
//! use axum::{Extension, Router, body::Bytes, routing::post};
//! use tower_tawk::{Secret, TawkSignatureLayer, Verdict};
//!
//! // Reached by verified requests only.
//! async fn webhook(Extension(verdict): Extension<Verdict>, body: Bytes) {
//!     println!("{} bytes, signed with {:?}", body.len(), verdict.secret_label());
//! }
//!
//! # fn app() -> Result<Router, Box<dyn std::error::Error>> {
//! # let text = "an invented secret";
//! // let text = std::env::var("TAWK_WEBHOOK_SECRET")?;
//! let layer = TawkSignatureLayer::enforce(Secret::new(text)?);
//! let app: Router = Router::new().route("/tawk-webhook", post(webhook).route_layer(layer));
//! # Ok(app)
//! # }
//! #
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use axum::{body::Body, http::{Request, StatusCode}};
//! # use tower::ServiceExt;
//! # let app = app()?;
//!
//! // In a test, `Secret::sign` plays Tawk.to.
//! let signature = Secret::new("an invented secret")?.sign(b"{}").to_string();
//! let signed = Request::post("/tawk-webhook").header("X-Tawk-Signature", signature);
//! let unsigned = Request::post("/tawk-webhook");
//!
//! let accepted = app.clone().oneshot(signed.body(Body::from("{}"))?).await?;
//! assert_eq!(accepted.status(), StatusCode::OK);
//!
//! let refused = app.oneshot(unsigned.body(Body::from("{}"))?).await?;
//! assert_eq!(refused.status(), StatusCode::FORBIDDEN);
//! # Ok(())
//! # }
//! ```
//!
//! Other mounts work too, but reach further than the one route. What becomes of unsigned requests
//! beside the webhook:
//!
//! | mount | another path | `GET` on the path | a `/healthz` route |
//! | --- | --- | --- | --- |
//! | `post(webhook).route_layer(layer)`: recommended | 404 | 405 | 200 |
//! | `post(webhook.layer(layer))`, `Handler::layer` | 404 | 405 | 200 |
//! | `post(webhook).layer(layer)`, `MethodRouter::layer` | 404 | 403 | 200 |
//! | `Router::route_layer` | 404 | 403 | 403 |
//! | `Router::layer`, or around the whole router | 403 | 403 | 403 |
//!
//! A router with `Router::layer` that is merged into another brings its fallback along: 404
//! becomes 403 for all paths of the merged one.
//!
//! Behind the layer, extractors read a [`BufferedBody`]: it is there already, and reading it does
//! not copy. Bodies beyond 2 MiB need [`body_limit`] raised and axum's own limit lifted, by
//! `DefaultBodyLimit::disable()` on the same route ([`Delivery`] does without that).
//!
//! # What is answered
//!
//! | request | under [`enforce`] | under [`observe`] |
//! | --- | --- | --- |
//! | verified | goes on | goes on |
//! | signature missing, repeated, malformed; of other bytes or another secret; no secret known | 403 | goes on, unverified |
//! | body longer than [`body_limit`] | 413 | 413 |
//! | body not whole within [`body_deadline`] | 408 | 408 |
//! | body breaks off | 400 | 400 |
//!
//! The header is judged first, and no body saves a request that fails there under [`enforce`]: it
//! is 403, however long or slow the body is.
//!
//! A 403 loses nothing: Tawk.to sends again whatever is not answered 2xx within 30 s, for up to
//! 12 hours (developer.tawk.to/webhooks), so a secret that was set wrong can be set right. The
//! same goes for your handler: answer 2xx to what is verified, wanted or not, and 5xx only when
//! another try can help. [`rejection_response`] replaces the empty body of these answers;
//! a layer outside finds the [`Rejection`] in the response's extensions.
//!
//! # Observe first, enforce later
//!
//! [`TawkSignatureLayer::observe`] lets every whole request go on, and the handler decides:
//!
//! ```
//! use axum::{Extension, Router, body::Bytes, http::StatusCode, routing::post};
//! use tower_tawk::{Secret, TawkSignatureLayer, Verdict};
//!
//! async fn webhook(Extension(verdict): Extension<Verdict>, body: Bytes) -> StatusCode {
//!     match verdict {
//!         Verdict::Verified(by) => println!("{} bytes from {}", body.len(), by.secret_label()),
//!         // It goes no further, and its body is a stranger's.
//!         Verdict::Unverified(reason) => println!("would be refused: {reason}"),
//!     }
//!     StatusCode::OK
//! }
//!
//! let layer = TawkSignatureLayer::observe(Secret::new("an invented secret")?);
//! let app: Router = Router::new().route("/tawk-webhook", post(webhook).route_layer(layer));
//! # Ok::<_, tower_tawk::InvalidSecret>(())
//! ```
//!
//! Observe while you look, and no longer: what is answered 2xx is not sent again, so a secret that
//! is set wrong loses what arrives. When the reasons are the expected ones, write `enforce` in
//! place of `observe`. While a sender is being set up, [`Reason`] says what is wrong: a prefix,
//! another hash, base64, a body that was changed on its way.
//!
//! # Events
//!
//! With the features `axum` and `events`, [`Delivery`] is all that a handler needs: the typed
//! [`Event`](event::Event), the bytes that were signed, and the key to recognise a repeat by. It
//! is there for verified requests only, under [`observe`] too.
//!
//! ```
//! use std::collections::HashSet;
//! use std::sync::{Arc, Mutex};
//!
//! use axum::{Router, extract::State, http::StatusCode, routing::post};
//! use tower_tawk::event::Event;
//! use tower_tawk::{Delivery, Secret, Signature, TawkSignatureLayer};
//!
//! // A database would be better: it outlives the program.
//! type Seen = Arc<Mutex<HashSet<Signature>>>;
//!
//! async fn webhook(State(seen): State<Seen>, delivery: Delivery) -> StatusCode {
//!     // Another try can help: 5xx.
//!     let Ok(mut seen) = seen.lock() else { return StatusCode::SERVICE_UNAVAILABLE };
//!     if !seen.insert(delivery.signature) {
//!         // A repeat, and done already.
//!         return StatusCode::OK;
//!     }
//!     // From here on only 2xx: the next try would be taken for a repeat.
//!     match &delivery.event {
//!         Event::ChatStart(start) => println!("chat {} begins", start.chat_id),
//!         Event::TranscriptCreated(_) => {
//!             for reply in delivery.event.agent_replies() {
//!                 println!("{}", reply.text.as_deref().unwrap_or_default());
//!             }
//!         }
//!         Event::TicketCreate(ticket) => println!("ticket {}", ticket.ticket.id),
//!         // Not wanted, not known, or no event at all.
//!         other => println!("`{}`, {} bytes", other.name(), delivery.raw.len()),
//!     }
//!     StatusCode::OK
//! }
//!
//! # fn app() -> Result<Router, Box<dyn std::error::Error>> {
//! let layer = TawkSignatureLayer::enforce(Secret::new("an invented secret")?);
//! let app = Router::new()
//!     .route("/tawk-webhook", post(webhook).route_layer(layer))
//!     .with_state(Seen::default());
//! # Ok(app)
//! # }
//! #
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use axum::{body::Body, http::Request};
//! # use tower::ServiceExt;
//! # let (app, secret) = (app()?, Secret::new("an invented secret")?);
//! # for body in [r#"{"event":"chat:end","chatId":"c","property":{"id":"p"}}"#, "no event"] {
//! #     let signature = secret.sign(body.as_bytes()).to_string();
//! #     let request = Request::post("/tawk-webhook").header("X-Tawk-Signature", signature);
//! #     let response = app.clone().oneshot(request.body(Body::from(body))?).await?;
//! #     assert_eq!(response.status(), StatusCode::OK);
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! Answer 2xx to every delivery, wanted or not: an event that is unknown, or a body that is none
//! ([`Event::Undecodable`](event::Event::Undecodable)), will be the same at the next try, and
//! there would be 12 hours of tries. Answer 5xx only when another try can help, and answer within
//! 30 s: keep the delivery first, and act on it afterwards (developer.tawk.to/webhooks).
//!
//! [`Verified`] puts the same guard around any other extractor, such as `Verified<Bytes>`, and
//! [`Verdict`] is an extractor too. Where the layer is not mounted they all answer 500, and the
//! log says what to mount. Without axum, [`Event::from_slice`](event::Event::from_slice) reads a
//! body that the layer has verified.
//!
//! # Rotate a secret
//!
//! [`Secrets`] holds up to 16, each with a label. Add the new one beside the old one, change it
//! at Tawk.to, wait 12 hours for the last retries, and remove the old one:
//!
//! ```
//! use tower_tawk::{Secret, Secrets, TawkSignatureLayer};
//!
//! let secrets = Secrets::new([
//!     ("2026-11", Secret::new("the new secret")?),
//!     ("2025-03", Secret::new("the old secret")?),
//! ])?;
//! let layer = TawkSignatureLayer::enforce(secrets);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! The same serves several webhooks that post to one address: the verdict names the label.
//!
//! # Several tenants
//!
//! Where each tenant has a path, choose the secrets for each request. The closure sees the path
//! as the layer does: under `Router::nest` that is the rest behind the prefix (axum keeps the
//! whole in its `OriginalUri` extension).
//!
//! ```
//! use std::collections::HashMap;
//! use http::request::Parts;
//! use tower_tawk::{Secret, Secrets, TawkSignatureLayer};
//!
//! let tenants: HashMap<&str, Secrets> = HashMap::from([
//!     ("/tawk/harbor-lane", Secret::new("one invented secret")?.into()),
//!     ("/tawk/pinewood", Secret::new("another invented secret")?.into()),
//! ]);
//! let by_path = TawkSignatureLayer::enforce_with(move |parts: &Parts| {
//!     tenants.get(parts.uri.path()).cloned()
//! });
//!
//! // Or an earlier middleware has looked the tenant up, and left its secrets in the extensions.
//! let by_middleware = TawkSignatureLayer::enforce_with(|parts: &Parts| {
//!     parts.extensions.get::<Secrets>().cloned()
//! });
//! # Ok::<_, tower_tawk::InvalidSecret>(())
//! ```
//!
//! # Mount it in tonic
//!
//! For unary and client-streaming calls, since the whole body is read first. A call that is
//! refused reaches a tonic client as `PermissionDenied`.
//!
//! ```
//! use tonic::transport::Server;
//! use tower_tawk::{Secret, TawkSignatureLayer};
//!
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! let (_, health) = tonic_health::server::health_reporter();
//! Server::builder()
//!     .layer(TawkSignatureLayer::enforce(Secret::new("an invented secret")?))
//!     .add_service(health)
//!     .serve("127.0.0.1:50051".parse()?)
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Mount it in hyper
//!
//! ```
//! # use std::convert::Infallible;
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use hyper_util::rt::{TokioExecutor, TokioIo};
//! use hyper_util::server::conn::auto::Builder;
//! use hyper_util::service::TowerToHyperService;
//! use tower::ServiceBuilder;
//! use tower_tawk::{BufferedBody, Secret, TawkSignatureLayer};
//!
//! async fn webhook(request: Request<BufferedBody>) -> Result<Response<Full<Bytes>>, Infallible> {
//!     println!("{} bytes", request.into_body().into_bytes().len());
//!     Ok(Response::default())
//! }
//!
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! let layer = TawkSignatureLayer::enforce(Secret::new("an invented secret")?);
//! let service = ServiceBuilder::new().layer(layer).service_fn(webhook);
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
//! loop {
//!     let (stream, _) = listener.accept().await?;
//!     let service = TowerToHyperService::new(service.clone());
//!     tokio::spawn(async move {
//!         Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await
//!     });
//! }
//! # }
//! ```
//!
//! # The order of layers
//!
//! - Outside this one: trace, request id, concurrency limits and load shedding. The inner service
//!   is held ready while the body arrives, so a `ConcurrencyLimit` inside would be held too.
//! - Inside this one: request decompression. Tawk.to signs what it sends.
//! - [`Delivery`] needs the body as this layer hands it on: a time limit for the body, or anything
//!   else that wraps it, belongs outside.
//! - A layer inside that takes only axum's own body type, such as `axum::middleware::from_fn`
//!   within one `ServiceBuilder`, needs `tower_http`'s `MapRequestBodyLayer` in between.
//! - A layer inside whose response body has no `Default`, such as `TraceLayer`, does not compile
//!   with the default rejection: put it outside, or map its response body, or set
//!   [`rejection_response`].
//!
//! ```
//! use axum::{Router, body::Body, middleware::{self, Next}, extract::Request, routing::post};
//! use tower::ServiceBuilder;
//! use tower_http::{map_request_body::MapRequestBodyLayer, trace::TraceLayer};
//! use tower_tawk::{Secret, TawkSignatureLayer};
//!
//! let layers = ServiceBuilder::new()
//!     .layer(TraceLayer::new_for_http())
//!     .layer(TawkSignatureLayer::enforce(Secret::new("an invented secret")?))
//!     .layer(MapRequestBodyLayer::new(Body::new))
//!     .layer(middleware::from_fn(async |request: Request, next: Next| next.run(request).await));
//! let app: Router = Router::new().route("/tawk-webhook", post(async || ()).route_layer(layers));
//! # Ok::<_, tower_tawk::InvalidSecret>(())
//! ```
//!
//! # What is promised, and what is not
//!
//! - **The body, nothing else.** No header is signed, nor the path, nor trailers. In particular
//!   `X-Hook-Event-Id` can be changed by whoever repeats a delivery.
//! - **No freshness.** A delivery that somebody has seen can be sent again, unchanged, at any
//!   time; Tawk.to's own retries and duplicates do just that. Recognise a repeat by
//!   [`Verdict::signature`], and let a unique key of your database decide.
//! - **No secrecy.** Signing is not encryption: serve HTTPS, or stand behind something that does.
//! - The verdict is about the bytes that the layer hands on. A layer inside that changes the body
//!   ends it.
//! - Memory follows what has come, not what is declared: at most 64 KiB or as much again are
//!   reserved ahead, and no body is longer than the limit. Of a body that is refused by its head
//!   about 64 KiB are read, and dropped. Time is bounded by the deadline (without the feature
//!   `deadline`, by nothing of ours).
//! - Comparison takes constant time. There is no `unsafe`, no lock of ours, and no boxed future on
//!   the way of a request.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! | --- | --- | --- |
//! | `axum` | no | the extractors [`Verified`], [`Verdict`] and, with `events`, [`Delivery`] |
//! | `deadline` | yes | [`body_deadline`], 30 s unless set, by tokio's timer |
//! | `events` | no | typed events: [`event`] |
//! | `test-util` | no | signed requests, right and wrong, and sample events for your own tests: [`test_util`]; brings `events` |
//! | `tracing` | yes | one event for each request that is answered or handed on: verified at DEBUG; missing, repeated, malformed or not received at INFO; mismatch and unknown secret at WARN. With the fields `verdict`, `reason`, `secret` (the label), `bytes` and `event_id`, and never a secret, a digest or the body |
//!
//! [Tawk.to]: https://developer.tawk.to/webhooks/
//! [`enforce`]: TawkSignatureLayer::enforce
//! [`observe`]: TawkSignatureLayer::observe
//! [`body_limit`]: TawkSignatureLayer::body_limit
//! [`body_deadline`]: TawkSignatureLayer::body_deadline
//! [`rejection_response`]: TawkSignatureLayer::rejection_response

#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(all(feature = "axum", feature = "deadline", feature = "events", feature = "test-util")),
    allow(
        rustdoc::broken_intra_doc_links,
        reason = "the documentation is built with all features"
    )
)]

mod body;
mod claim;
#[cfg(feature = "events")]
#[cfg_attr(docsrs, doc(cfg(feature = "events")))]
pub mod event;
#[cfg(feature = "axum")]
mod extract;
mod future;
mod layer;
mod rejection;
mod secret;
mod secrets;
mod service;
mod settings;
mod signature;
#[cfg(feature = "test-util")]
#[cfg_attr(docsrs, doc(cfg(feature = "test-util")))]
pub mod test_util;
mod trace;
mod verdict;

pub use body::BufferedBody;
#[cfg(all(feature = "axum", feature = "events"))]
#[cfg_attr(docsrs, doc(cfg(all(feature = "axum", feature = "events"))))]
pub use extract::{BodyChanged, Delivery, DeliveryRejection, EventId};
#[cfg(feature = "axum")]
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
pub use extract::{LayerNotMounted, Verified, VerifiedRejection};
pub use future::ResponseFuture;
pub use layer::TawkSignatureLayer;
pub use rejection::{EmptyResponse, Rejection, RejectionKind, RejectionResponse};
pub use secret::{InvalidSecret, Secret};
pub use secrets::{InvalidSecrets, Secrets};
pub use service::TawkSignature;
pub use signature::{InvalidSignature, Malformed, Signature};
pub use verdict::{LikelyCause, Mismatch, Reason, Verdict, VerifiedSignature};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
