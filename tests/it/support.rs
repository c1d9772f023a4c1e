//! Shared helpers: a test secret, requests signed with it, runtimes and log capture.

pub(crate) mod mock_body;
pub(crate) mod response;

use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tower_tawk::{Secret, TawkSignatureLayer, test_util};
use tracing::{Dispatch, dispatcher};
use tracing_subscriber::filter::LevelFilter;

/// The secret that signs the payloads in `examples/payloads/SIGNATURES.tsv`.
pub(crate) const SECRET: &str = "5e3a1c7f9024d86b5e3a1c7f9024d86b5e3a1c7f9024d86b5e3a1c7f9024d86b\
                          5e3a1c7f9024d86b5e3a1c7f9024d86b";

pub(crate) fn secret() -> Secret {
    Secret::new(SECRET).expect("a valid secret")
}

pub(crate) fn enforce() -> TawkSignatureLayer {
    TawkSignatureLayer::enforce(secret())
}

pub(crate) fn observe() -> TawkSignatureLayer {
    TawkSignatureLayer::observe(secret())
}

/// Signs `body` with [`SECRET`] and returns the value of the signature header.
pub(crate) fn sign(body: &[u8]) -> String {
    secret().sign(body).to_string()
}

/// Builds a POST request to `/tawk-webhook` with this signature header.
pub(crate) fn request<B>(signature: &str, body: B) -> Request<B> {
    Request::post("/tawk-webhook")
        .header("X-Tawk-Signature", signature)
        .body(body)
        .expect("a valid request")
}

/// Builds a request whose signature is well-formed but belongs to another body.
pub(crate) fn mismatched_request<B>(body: B) -> Request<B> {
    request(&sign(b"another body"), body)
}

/// Builds a signed request as Tawk.to sends it, with the body in one frame and without an event
/// id.
pub(crate) fn signed_request(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let mut request = test_util::signed_request(&secret(), body);
    request.headers_mut().remove("x-hook-event-id");
    request
}

/// Runs a future on this thread, with a paused clock.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(future)
}

/// Runs a future on another thread, with a paused clock, and fails if it does not complete. A
/// timeout inside the runtime would not notice a poll that never returns.
pub(crate) fn run_with_watchdog<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    let (done, finished) = mpsc::channel();
    let thread = thread::spawn(move || {
        block_on(test());
        // Fails only if the watchdog has already fired.
        let _ = done.send(());
    });
    match finished.recv_timeout(Duration::from_secs(60)) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("the task hangs"),
        _ => thread.join().expect("the test passes"),
    }
}

/// Returns the lines logged at DEBUG and above on this thread while `run` runs.
pub(crate) fn capture_logs(run: impl FnOnce()) -> String {
    LazyLock::force(&REGISTERED);
    let log = Log::default();
    dispatcher::with_default(&log.dispatch(), run);
    let bytes = log.0.lock().expect("the lock is not poisoned").clone();
    String::from_utf8(bytes).expect("logs are UTF-8")
}

/// Two subscribers that stay registered until the process exits.
///
/// `tracing` caches for each callsite whether a subscriber is interested in it. With fewer than
/// two registered, it asks only the default subscriber of the thread that first reaches the
/// callsite. A concurrent test without a subscriber could then silence the callsite everywhere.
static REGISTERED: LazyLock<[Dispatch; 2]> =
    LazyLock::new(|| [(); 2].map(|()| Log::default().dispatch()));

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn dispatch(&self) -> Dispatch {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(LevelFilter::DEBUG)
            .with_writer(move || log.clone())
            .finish();
        Dispatch::new(subscriber)
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("the lock is not poisoned").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
