//! Counts the instructions of a request with callgrind. Unlike times, counts hardly vary between
//! runs.
//!
//! Requires valgrind and the gungraun runner of the same version as the library:
//!
//! ```console
//! $ cargo install gungraun-runner --version 0.20.0
//! $ cargo bench -p tower-tawk-benches --features callgrind --bench instructions
//! ```
//!
//! Valgrind does not support the SHA instructions, so the portable SHA-1 is counted, which takes
//! several times as many instructions. The overhead of the layer does not depend on it: subtract
//! `verify` from `accept`.

#![allow(
    clippy::exit,
    missing_docs,
    unused_qualifications,
    reason = "expanded from the macros of gungraun"
)]

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::task::{Context, Poll};

use bytes::Bytes;
use gungraun::prelude::*;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, Service};
use tower_tawk::test_util::{Fault, SignedRequest};
use tower_tawk::{BufferedBody, Secret, Signature, TawkSignature, TawkSignatureLayer};
use tower_tawk_benches::{body, poll_once, secret, signed_request};

const BODY_SIZE: usize = 1 << 10;

/// A service that reads the body. `service_fn` has no type that a bench function could name.
#[derive(Clone)]
struct BareService;

impl Service<Request<BufferedBody>> for BareService {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<BufferedBody>) -> Self::Future {
        black_box(request.into_body().into_bytes());
        ready(Ok(Response::new(())))
    }
}

type Input = (TawkSignature<BareService>, Request<Full<Bytes>>);

/// Sends one request that is not counted: it registers tracing callsites and detects CPU features.
fn warmed_up(request: Request<Full<Bytes>>) -> Input {
    let mut service = TawkSignatureLayer::enforce(secret()).layer(BareService);
    poll_once(service.call(request.clone())).expect("infallible");
    (service, request)
}

fn faulty_request(fault: Fault) -> Request<Full<Bytes>> {
    SignedRequest::new(&secret(), body(BODY_SIZE)).fault(fault).build()
}

fn verify_input() -> (Secret, String, Bytes) {
    let body = body(BODY_SIZE);
    (secret(), secret().sign(&body).to_string(), body)
}

// The functions return what they do not consume, so that dropping it is not counted.

#[library_benchmark]
#[bench::kib(verify_input())]
fn verify((secret, header, body): (Secret, String, Bytes)) -> (bool, Secret, Bytes) {
    let received: Signature = header.parse().expect("40 hex digits");
    (secret.sign(&body) == received, secret, body)
}

#[library_benchmark]
#[bench::accept(warmed_up(signed_request(body(BODY_SIZE))))]
#[bench::reject_missing(warmed_up(faulty_request(Fault::Missing)))]
#[bench::reject_malformed(warmed_up(faulty_request(Fault::Prefixed)))]
#[bench::reject_mismatch(warmed_up(faulty_request(Fault::Altered)))]
fn layer((mut service, request): Input) -> (Response<()>, TawkSignature<BareService>) {
    let response = poll_once(service.call(black_box(request)));
    (response.expect("infallible"), service)
}

library_benchmark_group!(name = instructions, benchmarks = [verify, layer]);
main!(library_benchmark_groups = instructions);
