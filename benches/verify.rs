//! Compares signature verification with `hmac`, `sha1`, `ring` and `aws-lc-rs`.
//!
//! Each candidate decodes the 40 hex digits of the header, computes HMAC-SHA1 over the body, and
//! compares in constant time. `sha1` is the hash only, without a key, as a lower bound.

use std::hint::black_box;
use std::time::Duration;

use aws_lc_rs::hmac as aws_lc;
use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use hmac::{Hmac, KeyInit, Mac};
use ring::hmac as ring_hmac;
use sha1::{Digest, Sha1};
use tower_tawk::Signature;
use tower_tawk_benches::{SECRET, body, hmac_sha1, secret};

const BODY_SIZES: [usize; 7] = [64, 256, 1 << 10, 16 << 10, 64 << 10, 1 << 20, 2 << 20];

fn verify(c: &mut Criterion) {
    let mut group = c.benchmark_group("verify");
    for size in BODY_SIZES {
        group.throughput(Throughput::Bytes(size as u64));
        let body = body(size);
        let header = secret().sign(&body).to_string();
        tower_tawk(&mut group, &body, &header);
        rust_crypto(&mut group, &body, &header);
        aws_lc_rs(&mut group, &body, &header);
        ring(&mut group, &body, &header);
    }
    group.finish();
}

/// Verifies through the public API: parse, sign, compare.
fn tower_tawk(group: &mut BenchmarkGroup<'_, WallTime>, body: &[u8], header: &str) {
    let secret = secret();
    let verify = || {
        let received: Signature = black_box(header).parse().expect("40 hex digits");
        secret.sign(black_box(body)) == received
    };
    assert!(verify());
    bench(group, "tower-tawk", body, verify);
}

/// The crates that `tower-tawk` is built on.
fn rust_crypto(group: &mut BenchmarkGroup<'_, WallTime>, body: &[u8], header: &str) {
    let keyed = hmac_sha1();
    let verify = |mac: Hmac<Sha1>| {
        mac.chain_update(black_box(body)).verify_slice(&decode_hex(header)).is_ok()
    };
    let new_key = || Hmac::<Sha1>::new_from_slice(black_box(SECRET.as_bytes())).expect("any key");
    assert!(verify(keyed.clone()) && verify(new_key()));
    bench(group, "hmac, key prepared once", body, || verify(keyed.clone()));
    bench(group, "hmac, key prepared per call", body, || verify(new_key()));
    bench(group, "sha1", body, || Sha1::digest(black_box(body)));
}

fn aws_lc_rs(group: &mut BenchmarkGroup<'_, WallTime>, body: &[u8], header: &str) {
    let key = aws_lc::Key::new(aws_lc::HMAC_SHA1_FOR_LEGACY_USE_ONLY, SECRET.as_bytes());
    let verify = || aws_lc::verify(&key, black_box(body), &decode_hex(header)).is_ok();
    assert!(verify());
    bench(group, "aws-lc-rs", body, verify);
}

fn ring(group: &mut BenchmarkGroup<'_, WallTime>, body: &[u8], header: &str) {
    let key = ring_hmac::Key::new(ring_hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, SECRET.as_bytes());
    let verify = || ring_hmac::verify(&key, black_box(body), &decode_hex(header)).is_ok();
    assert!(verify());
    bench(group, "ring", body, verify);
}

/// Decodes without allocating, so that the decoder does not distort the comparison.
fn decode_hex(header: &str) -> [u8; 20] {
    let mut bytes = [0; 20];
    hex::decode_to_slice(black_box(header), &mut bytes).expect("40 hex digits");
    bytes
}

fn bench<T>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    body: &[u8],
    mut routine: impl FnMut() -> T,
) {
    group.bench_function(BenchmarkId::new(name, body.len()), |b| b.iter(&mut routine));
}

/// Runs all 42 benches in about a minute. Criterion's default of 100,000 resamples would take
/// longer than the measurement.
fn config() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .nresamples(10_000)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
}

criterion_group!(name = benches; config = config(); targets = verify);
criterion_main!(benches);
