//! What the tests share: an invented secret, and requests signed with it.

#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod inner;
pub(crate) mod log;
pub(crate) mod script;

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tower_tawk::{Secret, test_util};

/// The invented secret under which `examples/payloads/SIGNATURES.tsv` is signed.
pub(crate) const SECRET: &str = "5e3a1c7f9024d86b5e3a1c7f9024d86b5e3a1c7f9024d86b5e3a1c7f9024d86b\
                          5e3a1c7f9024d86b5e3a1c7f9024d86b";

pub(crate) fn secret() -> Secret {
    Secret::new(SECRET).expect("a usable secret")
}

/// The signature of `body` as the header has it.
pub(crate) fn sign(body: &[u8]) -> String {
    secret().sign(body).to_string()
}

/// A POST to `/tawk-webhook` with the given signature header.
pub(crate) fn request<B>(signature: &str, body: B) -> Request<B> {
    Request::post("/tawk-webhook")
        .header("X-Tawk-Signature", signature)
        .body(body)
        .expect("a well-formed request")
}

/// A delivery as Tawk.to sends it, its body in one frame; but for the event id, which tests that
/// are about one bring along.
pub(crate) fn signed(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let mut request = test_util::signed_request(&secret(), body);
    request.headers_mut().remove("x-hook-event-id");
    request
}

/// Runs a future on this thread, with a paused clock.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(future)
}

/// Runs a future with a paused clock, on a thread that is watched from outside: one that never
/// returns from a poll fails the test in place of hanging it.
pub(crate) fn watched<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    let (done, finished) = mpsc::channel();
    let thread = thread::spawn(move || {
        run(test());
        // Nobody listens once the time is over.
        let _ = done.send(());
    });
    match finished.recv_timeout(Duration::from_secs(60)) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("the task hangs"),
        _ => thread.join().expect("the test passes"),
    }
}
