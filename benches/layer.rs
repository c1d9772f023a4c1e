//! Measures a request in process, by mount, outcome, number of frames, number of secrets, and
//! body size.
//!
//! Criterion runs its benches one after the other. For differences of nanoseconds see the
//! `overhead` bench, which interleaves them.

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request as AxumRequest, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response as AxumResponse};
use axum::routing::post;
use bytes::Bytes;
use criterion::measurement::WallTime;
use criterion::{
    BatchSize, BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use hmac::{Hmac, Mac};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use sha1::Sha1;
use tower::{Layer, Service, service_fn};
use tower_tawk::test_util::{Fault, SignedRequest};
use tower_tawk::{BufferedBody, Secret, Secrets, TawkSignatureLayer, Verdict};
use tower_tawk_benches::{
    FramedBody, PATH, baseline_router, body, hand_written_router, handler, hmac_sha1, poll_once,
    secret, signed_request,
};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::util::SubscriberInitExt;

const KIB: usize = 1024;

fn enforce() -> TawkSignatureLayer {
    TawkSignatureLayer::enforce(secret())
}

fn faulty_request(fault: Fault) -> Request<Full<Bytes>> {
    SignedRequest::new(&secret(), body(KIB)).fault(fault).build()
}

/// Reads the body, without a router.
async fn bare_handler(request: Request<BufferedBody>) -> Result<Response<()>, Infallible> {
    black_box(request.into_body().into_bytes());
    Ok(Response::new(()))
}

/// Verifies the signature in an axum middleware function.
async fn verify(State(key): State<Hmac<Sha1>>, request: AxumRequest, next: Next) -> AxumResponse {
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else { return StatusCode::BAD_REQUEST.into_response() };
    let body = body.to_bytes();
    let header = parts.headers.get("X-Tawk-Signature");
    let signature = header.and_then(|value| hex::decode(value.as_bytes()).ok());
    let mac = key.chain_update(&body);
    if signature.is_none_or(|signature| mac.verify_slice(&signature).is_err()) {
        return StatusCode::FORBIDDEN.into_response();
    }
    next.run(AxumRequest::from_parts(parts, Body::from(body))).await
}

fn from_fn_router() -> Router {
    Router::new().route(PATH, post(handler)).layer(from_fn_with_state(hmac_sha1(), verify))
}

fn group<'a>(c: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = c.benchmark_group(name);
    group.sample_size(30).nresamples(10_000).warm_up_time(Duration::from_millis(200));
    group.measurement_time(Duration::from_millis(600));
    group
}

/// Measures `service`. Requests are built outside of the measurement.
fn bench<S, B>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    size: usize,
    mut service: S,
    request: impl Fn() -> Request<B>,
) where
    S: Service<Request<B>, Error = Infallible>,
{
    group.throughput(Throughput::Bytes(size as u64));
    group.bench_function(BenchmarkId::new(name, size), |b| {
        b.iter_batched(&request, |request| poll_once(service.call(request)), BatchSize::SmallInput);
    });
}

fn mounts(c: &mut Criterion) {
    let mut group = group(c, "mount");
    let request = || signed_request(body(KIB));
    bench(&mut group, "baseline", KIB, baseline_router(), request);
    bench(&mut group, "hand-written", KIB, hand_written_router(), request);
    bench(&mut group, "from_fn", KIB, from_fn_router(), request);
    bench(&mut group, "bare service", KIB, enforce().layer(service_fn(bare_handler)), request);
    bench(&mut group, "around the router", KIB, enforce().layer(baseline_router()), request);
    bench(&mut group, "Router::layer", KIB, baseline_router().layer(enforce()), request);
    let route_layer = Router::new().route(PATH, post(handler).route_layer(enforce()));
    bench(&mut group, "route_layer", KIB, route_layer, request);
}

fn outcomes(c: &mut Criterion) {
    let mut group = group(c, "outcome");
    let enforced = || enforce().layer(baseline_router());
    let observed = || TawkSignatureLayer::observe(secret()).layer(baseline_router());
    let too_large = enforce().body_limit(KIB - 1).layer(baseline_router());
    let valid = || signed_request(body(KIB));
    let missing = || faulty_request(Fault::Missing);
    bench(&mut group, "verified", KIB, enforced(), valid);
    bench(&mut group, "mismatch", KIB, enforced(), || faulty_request(Fault::WrongSecret));
    bench(&mut group, "missing", KIB, enforced(), missing);
    bench(&mut group, "malformed", KIB, enforced(), || faulty_request(Fault::Prefixed));
    bench(&mut group, "body too large", KIB, too_large, valid);
    bench(&mut group, "verified, observe", KIB, observed(), valid);
    bench(&mut group, "missing, observe", KIB, observed(), missing);

    let subscriber = tracing_subscriber::fmt().with_writer(std::io::sink);
    let _guard = subscriber.with_max_level(LevelFilter::DEBUG).set_default();
    bench(&mut group, "verified, logged at debug", KIB, enforced(), valid);
}

fn frames(c: &mut Criterion) {
    let mut group = group(c, "4 KiB frames");
    for size in [64 * KIB, 1024 * KIB] {
        let request = || signed_request(body(size)).map(|_| FramedBody::new(body(size), 4 * KIB));
        bench(&mut group, "baseline", size, baseline_router(), request);
        bench(&mut group, "hand-written", size, hand_written_router(), request);
        bench(&mut group, "around the router", size, enforce().layer(baseline_router()), request);
    }
}

fn secrets(c: &mut Criterion) {
    let mut group = group(c, "secrets");
    let other = |text| Secret::new(text).expect("valid secret");
    let three_secrets = |secrets: [Secret; 3]| {
        let labelled = ["a", "b", "c"].into_iter().zip(secrets);
        let secrets = Secrets::new(labelled).expect("unique labels");
        TawkSignatureLayer::enforce(secrets).layer(baseline_router())
    };
    let request = || signed_request(body(KIB));
    bench(&mut group, "one", KIB, enforce().layer(baseline_router()), request);
    let first = three_secrets([secret(), other("b"), other("c")]);
    bench(&mut group, "first of three", KIB, first, request);
    let third = three_secrets([other("a"), other("b"), secret()]);
    bench(&mut group, "third of three", KIB, third, request);
}

/// Measures the three curves of `cost.svg`.
fn cost(c: &mut Criterion) {
    let mut group = group(c, "cost");
    let keyed = hmac_sha1();
    for size in [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, 1024 * KIB] {
        let body = body(size);
        let signature = secret().sign(&body);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::new("hash", size), |b| {
            b.iter(|| keyed.clone().chain_update(&body).verify_slice(signature.as_bytes()));
        });
        let request = || signed_request(body.clone());
        bench(&mut group, "layer", size, enforce().layer(baseline_router()), request);
        bench(&mut group, "hand-written", size, hand_written_router(), request);
    }
}

/// Checks that every candidate accepts a valid signature and rejects a wrong one.
fn check(_: &mut Criterion) {
    fn assert_verifies<S, R>(mut service: S)
    where
        S: Service<Request<Full<Bytes>>, Response = Response<R>, Error = Infallible>,
    {
        let mut status = |request| poll_once(service.call(request)).map(|r| r.status().as_u16());
        assert_eq!(status(signed_request(body(KIB))), Ok(200));
        assert_eq!(status(faulty_request(Fault::WrongSecret)), Ok(403));
    }
    assert_verifies(hand_written_router());
    assert_verifies(from_fn_router());
    assert_verifies(enforce().layer(service_fn(async |request: Request<BufferedBody>| {
        assert!(request.extensions().get().is_some_and(Verdict::is_verified));
        bare_handler(request).await
    })));
}

criterion_group!(benches, check, mounts, outcomes, frames, secrets, cost);
criterion_main!(benches);
