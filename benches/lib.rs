//! Benches of `tower-tawk`, one file for each question; `cargo bench` runs them. Here is what they
//! share: a secret, bodies, deliveries, and what the layer is measured against.
//!
//! The **floor** is an axum handler that takes `Bytes` and verifies nothing. Whatever verifies
//! must pay for the floor and for the hash; what it costs beyond these two is its own.

mod frames;

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::Full;
use sha1::Sha1;
use tower_tawk::{Secret, test_util};

pub use frames::{Frames, Last};

/// Invented, and as long as Tawk.to's: 96 hex digits, so that HMAC has to hash the key first.
pub const SECRET: &str = "3f0d8a51c6e27b943f0d8a51c6e27b943f0d8a51c6e27b943f0d8a51c6e27b943f0d8a51c6e27b943f0d8a51c6e27b94";

/// Where the routers take deliveries, and where [`signed`] sends them.
pub const PATH: &str = "/tawk-webhook";

/// [`SECRET`] as the layer takes it.
///
/// # Panics
///
/// Never: the text is a usable secret.
#[must_use]
pub fn secret() -> Secret {
    Secret::new(SECRET).expect("a text without white space at its ends")
}

/// A body of so many bytes. What they say is the same to every hash.
#[must_use]
pub fn body(length: usize) -> Bytes {
    br#"{"event":"chat:end","text":"Two pairs."}"#.iter().copied().cycle().take(length).collect()
}

/// A delivery of `body` under [`SECRET`], in one frame, as Tawk.to sends it.
#[must_use]
pub fn signed(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    test_util::signed_request(&secret(), body)
}

/// Drives a future that has nothing to wait for: a request whose body is there, through services
/// that answer at once. No runtime stands between the clock and what is measured.
///
/// # Panics
///
/// When the future has to wait after all.
pub fn finish<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a future that was to be ready at once has to wait"),
    }
}

/// The floor: takes the body and answers. Behind the layer it is the same handler, verified.
pub async fn take(body: Bytes) -> StatusCode {
    std::hint::black_box(body);
    StatusCode::OK
}

/// The handler that people write: the whole body, the header, a key prepared for each request,
/// hex, the comparison in constant time, and 403.
pub async fn hand_written(
    State(secret): State<Arc<str>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let verified = headers
        .get("X-Tawk-Signature")
        .and_then(|value| hex::decode(value.as_bytes()).ok())
        .is_some_and(|signature| {
            Hmac::<Sha1>::new_from_slice(secret.as_bytes())
                .is_ok_and(|mac| mac.chain_update(&body).verify_slice(&signature).is_ok())
        });
    if !verified {
        return StatusCode::FORBIDDEN;
    }
    take(body).await
}

/// [`take`] at [`PATH`]: the floor, and what the layer is mounted around.
pub fn floor_router() -> Router {
    Router::new().route(PATH, post(take))
}

/// [`hand_written`] at [`PATH`], with [`SECRET`].
pub fn hand_written_router() -> Router {
    Router::new().route(PATH, post(hand_written)).with_state(Arc::from(SECRET))
}
