//! What does a request cost in process, by the way in which it is verified, by its outcome, by its
//! frames, and by its size?
//!
//! Criterion measures one after the other: for small differences see `overhead`, which takes turns.

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
use hmac::{Hmac, KeyInit, Mac};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use sha1::Sha1;
use tower::{Layer, Service, service_fn};
use tower_tawk::test_util::{Fault, SignedRequest};
use tower_tawk::{BufferedBody, Secret, Secrets, TawkSignatureLayer, Verdict};
use tower_tawk_benches::{
    Frames, PATH, SECRET, body, finish, floor_router, hand_written_router, secret, signed, take,
};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::util::SubscriberInitExt;

const KIB: usize = 1024;

fn enforce() -> TawkSignatureLayer {
    TawkSignatureLayer::enforce(secret())
}

/// A service that takes the body and answers, without a router.
async fn bare(request: Request<BufferedBody>) -> Result<Response<()>, Infallible> {
    black_box(request.into_body().into_bytes());
    Ok(Response::new(()))
}

/// The middleware that people write when they do not want the check in the handler.
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

fn middleware_router() -> Router {
    let key = Hmac::<Sha1>::new_from_slice(SECRET.as_bytes()).expect("keys of any length");
    Router::new().route(PATH, post(take)).layer(from_fn_with_state(key, verify))
}

/// Measures `service` over requests that are made beforehand.
fn measure<S, B>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    (name, length): (&str, usize),
    mut service: S,
    make: impl Fn() -> Request<B>,
) where
    S: Service<Request<B>, Error = Infallible>,
{
    group.throughput(Throughput::Bytes(length as u64));
    group.bench_function(BenchmarkId::new(name, length), |bencher| {
        bencher.iter_batched(&make, |request| finish(service.call(request)), BatchSize::SmallInput);
    });
}

fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(30).nresamples(10_000).warm_up_time(Duration::from_millis(200));
    group.measurement_time(Duration::from_millis(600));
    group
}

fn mounts(criterion: &mut Criterion) {
    let mut group = group(criterion, "mount");
    let make = || signed(body(KIB));
    measure(&mut group, ("floor", KIB), floor_router(), make);
    measure(&mut group, ("hand-written", KIB), hand_written_router(), make);
    measure(&mut group, ("from_fn", KIB), middleware_router(), make);
    measure(&mut group, ("bare service", KIB), enforce().layer(service_fn(bare)), make);
    measure(&mut group, ("around the router", KIB), enforce().layer(floor_router()), make);
    measure(&mut group, ("Router::layer", KIB), floor_router().layer(enforce()), make);
    let on_the_route = Router::new().route(PATH, post(take).route_layer(enforce()));
    measure(&mut group, ("route_layer", KIB), on_the_route, make);
}

fn outcomes(criterion: &mut Criterion) {
    let mut group = group(criterion, "outcome");
    let with = |fault| move || SignedRequest::new(&secret(), body(KIB)).fault(fault).build();
    let around = |layer: TawkSignatureLayer| layer.layer(floor_router());
    let observe = || TawkSignatureLayer::observe(secret());
    let make = || signed(body(KIB));
    measure(&mut group, ("verified", KIB), around(enforce()), make);
    measure(&mut group, ("mismatch", KIB), around(enforce()), with(Fault::WrongSecret));
    measure(&mut group, ("missing", KIB), around(enforce()), with(Fault::Missing));
    measure(&mut group, ("malformed", KIB), around(enforce()), with(Fault::Prefixed));
    let oversize = enforce().body_limit(KIB - 1);
    measure(&mut group, ("oversize", KIB), around(oversize), make);
    measure(&mut group, ("observed verified", KIB), around(observe()), make);
    measure(&mut group, ("observed missing", KIB), around(observe()), with(Fault::Missing));
    let subscriber = tracing_subscriber::fmt().with_writer(std::io::sink);
    let subscribed = subscriber.with_max_level(LevelFilter::DEBUG).set_default();
    measure(&mut group, ("verified and recorded", KIB), around(enforce()), make);
    drop(subscribed);
}

fn frames(criterion: &mut Criterion) {
    let mut group = group(criterion, "frames of 4 KiB");
    for length in [64 * KIB, 1024 * KIB] {
        let make = || signed(body(length)).map(|_| Frames::new(body(length), 4 * KIB));
        measure(&mut group, ("floor", length), floor_router(), make);
        measure(&mut group, ("hand-written", length), hand_written_router(), make);
        measure(&mut group, ("around the router", length), enforce().layer(floor_router()), make);
    }
}

fn several(criterion: &mut Criterion) {
    let mut group = group(criterion, "secrets");
    let other = |text: &str| Secret::new(text).expect("a usable secret");
    let three = |secrets: [Secret; 3]| {
        let labels = ["a", "b", "c"];
        let secrets = Secrets::new(labels.into_iter().zip(secrets)).expect("labels of their own");
        TawkSignatureLayer::enforce(secrets).layer(floor_router())
    };
    let make = || signed(body(KIB));
    measure(&mut group, ("one", KIB), enforce().layer(floor_router()), make);
    let first = three([secret(), other("b"), other("c")]);
    measure(&mut group, ("the first of three", KIB), first, make);
    let third = three([other("a"), other("b"), secret()]);
    measure(&mut group, ("the third of three", KIB), third, make);
}

/// The figures of the plot: the hash alone, the layer around a router, the hand-written handler.
fn cost(criterion: &mut Criterion) {
    let mut group = group(criterion, "cost");
    let keyed = Hmac::<Sha1>::new_from_slice(SECRET.as_bytes()).expect("keys of any length");
    for length in [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, 1024 * KIB] {
        let bytes = body(length);
        let signature = secret().sign(&bytes);
        group.throughput(Throughput::Bytes(length as u64));
        group.bench_function(BenchmarkId::new("hash", length), |bencher| {
            bencher.iter(|| keyed.clone().chain_update(&bytes).verify_slice(signature.as_bytes()));
        });
        let make = || signed(bytes.clone());
        measure(&mut group, ("layer", length), enforce().layer(floor_router()), make);
        measure(&mut group, ("hand-written", length), hand_written_router(), make);
    }
}

/// What is measured is what it is called.
fn check(_: &mut Criterion) {
    let answer = |fault| {
        let request = SignedRequest::new(&secret(), body(KIB));
        let request = if let Some(fault) = fault { request.fault(fault) } else { request };
        let mut service = enforce().layer(service_fn(async |request: Request<BufferedBody>| {
            assert!(request.extensions().get().is_some_and(Verdict::is_verified));
            bare(request).await
        }));
        finish(service.call(request.build())).map(|response| response.status().as_u16())
    };
    assert_eq!((answer(None), answer(Some(Fault::WrongSecret))), (Ok(200), Ok(403)));
    let accepted = |mut router: Router, request: Request<Full<Bytes>>| {
        finish(router.call(request)).map(|response| response.status().as_u16())
    };
    for router in [hand_written_router(), middleware_router()] {
        let wrong = SignedRequest::new(&secret(), body(KIB)).fault(Fault::WrongSecret).build();
        assert_eq!(accepted(router.clone(), signed(body(KIB))), Ok(200));
        assert_eq!(accepted(router, wrong), Ok(403));
    }
}

criterion_group!(benches, check, mounts, outcomes, frames, several, cost);
criterion_main!(benches);
