//! Shared code of the benches: a secret, bodies, signed requests, and the two handlers that
//! `TawkSignatureLayer` is compared with.
//!
//! - The **baseline** is an axum handler that reads the body and verifies nothing.
//! - The **hand-written** handler verifies the signature itself.
//!
//! A verified request costs at least the baseline plus one HMAC-SHA1 of the body.

use std::convert::Infallible;
use std::fs;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, Request, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use sha1::Sha1;
use tower_tawk::Secret;
use tower_tawk::test_util::SignedRequest;

/// An invented secret of the length that Tawk.to uses: 96 bytes, more than a block of SHA-1, so
/// HMAC hashes the key first.
pub const SECRET: &str = "3f0d8a51c6e27b943f0d8a51c6e27b943f0d8a51c6e27b94\
                          3f0d8a51c6e27b943f0d8a51c6e27b943f0d8a51c6e27b94";

/// Path of the webhook on every router.
pub const PATH: &str = "/tawk-webhook";

/// Creates a [`Secret`] from [`SECRET`].
///
/// # Panics
///
/// Never: the text is a valid secret.
#[must_use]
pub fn secret() -> Secret {
    Secret::new(SECRET).expect("valid secret")
}

/// Creates a keyed HMAC-SHA1 from [`SECRET`].
///
/// # Panics
///
/// Never: HMAC accepts keys of any length.
#[must_use]
pub fn hmac_sha1() -> Hmac<Sha1> {
    Hmac::new_from_slice(SECRET.as_bytes()).expect("HMAC accepts keys of any length")
}

/// Creates a body of `len` bytes.
#[must_use]
pub fn body(len: usize) -> Bytes {
    br#"{"event":"chat:end","text":"Two pairs."}"#.iter().copied().cycle().take(len).collect()
}

/// Creates a request with `body` in one frame, signed with [`SECRET`].
#[must_use]
pub fn signed_request(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    SignedRequest::new(&secret(), body).build()
}

/// Returns the user and system CPU time of a process, or `None` without procfs.
///
/// The resolution is a clock tick, which is 10 ms on Linux (`sysconf(_SC_CLK_TCK)` in proc(5)).
#[must_use]
pub fn cpu_time(process_id: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process_id}/stat")).ok()?;
    // The second field is the process name in parentheses, which may contain spaces. `utime` and
    // `stime` are the 14th and 15th fields.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11).map(str::parse::<u64>);
    Some(Duration::from_millis(10 * (ticks.next()?.ok()? + ticks.next()?.ok()?)))
}

/// Polls `future` once, without a runtime, and returns its output.
///
/// # Panics
///
/// Panics if the future is pending. A complete body and a handler that awaits nothing else are
/// ready at the first poll.
pub fn poll_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future is pending after the first poll"),
    }
}

/// Reads the body and verifies nothing: the baseline, and the handler behind the layer.
pub async fn handler(body: Bytes) -> StatusCode {
    black_box(body);
    StatusCode::OK
}

/// Verifies the signature in the handler, with a key prepared for each request.
pub async fn hand_written_handler(
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
    handler(body).await
}

/// Creates a router with [`handler`].
pub fn baseline_router() -> Router {
    Router::new().route(PATH, post(handler))
}

/// Creates a router with [`hand_written_handler`] and [`SECRET`].
pub fn hand_written_router() -> Router {
    Router::new().route(PATH, post(hand_written_handler)).with_state(Arc::from(SECRET))
}

/// A body of known length that yields frames of equal size.
#[derive(Debug)]
pub struct FramedBody {
    remaining: Bytes,
    frame_size: usize,
    last_frame_ready: Arc<AtomicBool>,
}

/// Releases the last frame of a [`FramedBody`].
#[derive(Debug)]
pub struct LastFrame(Arc<AtomicBool>);

impl FramedBody {
    /// Creates a body that yields `bytes` in frames of `frame_size` bytes. The last frame may be
    /// shorter.
    #[must_use]
    pub fn new(bytes: Bytes, frame_size: usize) -> Self {
        Self { remaining: bytes, frame_size, last_frame_ready: Arc::new(AtomicBool::new(true)) }
    }

    /// Creates a body that is pending before its last frame until [`LastFrame::release`] is
    /// called. The release wakes no task.
    #[must_use]
    pub fn with_delayed_last_frame(bytes: Bytes, frame_size: usize) -> (Self, LastFrame) {
        let last_frame_ready = Arc::new(AtomicBool::new(false));
        let last_frame = LastFrame(Arc::clone(&last_frame_ready));
        (Self { remaining: bytes, frame_size, last_frame_ready }, last_frame)
    }
}

impl LastFrame {
    /// Makes the last frame available to the next poll.
    pub fn release(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Body for FramedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.remaining.is_empty() {
            return Poll::Ready(None);
        }
        let is_last = self.remaining.len() <= self.frame_size;
        if is_last && !self.last_frame_ready.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        let len = self.frame_size.min(self.remaining.len());
        Poll::Ready(Some(Ok(Frame::data(self.remaining.split_to(len)))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining.len() as u64)
    }
}
