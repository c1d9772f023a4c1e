//! How many instructions does a request take? Nearly exact where times are not: callgrind counts.
//!
//! Run it by hand. It needs valgrind, and gungraun's runner in the version of the library:
//!
//! ```console
//! $ cargo install gungraun-runner --version 0.20.0
//! $ cargo bench -p tower-tawk-benches --features callgrind --bench instructions
//! ```
//!
//! Valgrind knows no SHA instructions, so the hash is counted in its portable form, several times
//! as long. What the layer adds does not depend on that: `accept` less `verify`.

#![allow(
    clippy::exit,
    missing_docs,
    unused_qualifications,
    reason = "gungraun's macros write it so"
)]

use std::convert::Infallible;
use std::hint::black_box;

use bytes::Bytes;
use gungraun::prelude::*;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, Service};
use tower_tawk::test_util::{Fault, SignedRequest};
use tower_tawk::{BufferedBody, Secret, Signature, TawkSignature, TawkSignatureLayer};
use tower_tawk_benches::{body, finish, secret, signed};

const LENGTH: usize = 1 << 10;

/// The service that the layer stands around: it takes the body.
#[derive(Clone)]
struct Take;

impl Service<Request<BufferedBody>> for Take {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<BufferedBody>) -> Self::Future {
        black_box(request.into_body().into_bytes());
        std::future::ready(Ok(Response::new(())))
    }
}

/// The layer after its first request, which has registered its traces and found out what the
/// processor can do.
fn around(request: Request<Full<Bytes>>) -> (TawkSignature<Take>, Request<Full<Bytes>>) {
    let mut service = TawkSignatureLayer::enforce(secret()).layer(Take);
    finish(service.call(request.clone())).expect("an answer");
    (service, request)
}

fn with(fault: Fault) -> Request<Full<Bytes>> {
    SignedRequest::new(&secret(), body(LENGTH)).fault(fault).build()
}

fn to_verify() -> (Secret, String, Bytes) {
    let body = body(LENGTH);
    (secret(), secret().sign(&body).to_string(), body)
}

#[library_benchmark]
#[bench::kib(to_verify())]
fn verify((secret, digits, body): (Secret, String, Bytes)) -> (bool, Secret, Bytes) {
    let received: Signature = digits.parse().expect("40 hex digits");
    // What is handed back is not dropped under the count.
    (secret.sign(&body) == received, secret, body)
}

#[library_benchmark]
#[bench::accept(around(signed(body(LENGTH))))]
#[bench::refuse_missing(around(with(Fault::Missing)))]
#[bench::refuse_malformed(around(with(Fault::Prefixed)))]
#[bench::refuse_altered(around(with(Fault::Altered)))]
fn layer(
    (mut service, request): (TawkSignature<Take>, Request<Full<Bytes>>),
) -> (Response<()>, TawkSignature<Take>) {
    let response = finish(service.call(black_box(request)));
    (response.expect("an answer"), service)
}

library_benchmark_group!(name = instructions, benchmarks = [verify, layer]);
main!(library_benchmark_groups = instructions);
