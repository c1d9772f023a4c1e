//! How many bytes a second does the layer verify, beside the bare hash of the same bytes?
//!
//! `bare` is a cloned keyed `Hmac<Sha1>` and its comparison; `layer` is a whole request through
//! the layer, around a service that answers at once. Both run in turn in one process, so their
//! ratio holds where their figures do not.

use std::convert::Infallible;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hmac::{Hmac, KeyInit, Mac};
use http::{Request, Response};
use http_body_util::Full;
use sha1::Sha1;
use tower::{Layer, Service, service_fn};
use tower_tawk::{BufferedBody, Secret, TawkSignatureLayer};

/// Invented, and as long as Tawk.to's.
const SECRET: &[u8; 96] = &[b'5'; 96];

fn request(signature: &str, body: &Bytes) -> Request<Full<Bytes>> {
    Request::post("/tawk-webhook")
        .header("X-Tawk-Signature", signature)
        .body(Full::new(body.clone()))
        .expect("a well-formed request")
}

/// Drives a future that has nothing to wait for.
fn finish<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a body that is there is received in one poll"),
    }
}

fn throughput(criterion: &mut Criterion) {
    let secret = Secret::new(SECRET).expect("a usable secret");
    let keyed = Hmac::<Sha1>::new_from_slice(SECRET).expect("HMAC takes keys of any length");
    let inner = service_fn(async |request: Request<BufferedBody>| {
        black_box(request.into_body().into_bytes());
        Ok::<_, Infallible>(Response::new(()))
    });
    let mut service = TawkSignatureLayer::enforce(secret.clone()).layer(inner);

    let mut group = criterion.benchmark_group("throughput");
    for length in [256, 1024, 64 * 1024, 1024 * 1024] {
        let body = Bytes::from(vec![b'x'; length]);
        let signature = secret.sign(&body);
        let text = signature.to_string();
        let verified = finish(service.call(request(&text, &body))).expect("no error");
        assert_eq!(verified.status(), 200);

        group.throughput(Throughput::Bytes(length as u64));
        group.bench_with_input(BenchmarkId::new("bare", length), &body, |bencher, body| {
            bencher.iter(|| keyed.clone().chain_update(body).verify_slice(signature.as_bytes()));
        });
        group.bench_with_input(BenchmarkId::new("layer", length), &body, |bencher, body| {
            bencher.iter_batched(
                || request(&text, body),
                |request| finish(service.call(request)),
                criterion::BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, throughput);
criterion_main!(benches);
