//! What does a signature cost? The primitive, beside others and beside SHA-1 alone.
//!
//! Everything that verifies begins with the 40 hex digits of the header and ends with a comparison
//! in constant time. All run in turn in one process, so their ratios hold where their figures do
//! not.

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
use tower_tawk_benches::{SECRET, body, secret};

const LENGTHS: [usize; 7] = [64, 256, 1 << 10, 16 << 10, 64 << 10, 1 << 20, 2 << 20];

fn verify(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("verify");
    for length in LENGTHS {
        group.throughput(Throughput::Bytes(length as u64));
        let body = body(length);
        let digits = secret().sign(&body).to_string();
        ours(&mut group, &body, &digits);
        rust_crypto(&mut group, &body, &digits);
        c_and_assembly(&mut group, &body, &digits);
    }
    group.finish();
}

/// With the public names: parse, sign, compare, as the layer does.
fn ours(group: &mut BenchmarkGroup<'_, WallTime>, body: &[u8], digits: &str) {
    let secret = secret();
    let verify = || {
        let received: Signature = black_box(digits).parse().expect("40 hex digits");
        secret.sign(black_box(body)) == received
    };
    assert!(verify());
    measure(group, "tower-tawk", body, verify);
}

/// The crates underneath: the key prepared once and for each call, and the hash without a key.
fn rust_crypto(group: &mut BenchmarkGroup<'_, WallTime>, body: &[u8], digits: &str) {
    let new = || Hmac::<Sha1>::new_from_slice(black_box(SECRET.as_bytes())).expect("any length");
    let check =
        |mac: Hmac<Sha1>| mac.chain_update(black_box(body)).verify_slice(&decode(digits)).is_ok();
    let keyed = new();
    assert!(check(keyed.clone()));
    measure(group, "hmac, keyed once", body, || check(keyed.clone()));
    measure(group, "hmac, keyed per call", body, || check(new()));
    measure(group, "sha1 alone", body, || Sha1::digest(black_box(body)));
}

fn c_and_assembly(group: &mut BenchmarkGroup<'_, WallTime>, body: &[u8], digits: &str) {
    let key = aws_lc::Key::new(aws_lc::HMAC_SHA1_FOR_LEGACY_USE_ONLY, SECRET.as_bytes());
    let verify = || aws_lc::verify(&key, black_box(body), &decode(digits)).is_ok();
    assert!(verify());
    measure(group, "aws-lc-rs", body, verify);

    let key = ring_hmac::Key::new(ring_hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, SECRET.as_bytes());
    let verify = || ring_hmac::verify(&key, black_box(body), &decode(digits)).is_ok();
    assert!(verify());
    measure(group, "ring", body, verify);
}

/// Without an allocation, so that the hashes are compared and not the decoders.
fn decode(digits: &str) -> [u8; 20] {
    let mut bytes = [0; 20];
    hex::decode_to_slice(black_box(digits), &mut bytes).expect("40 hex digits");
    bytes
}

fn measure<T>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    body: &[u8],
    mut routine: impl FnMut() -> T,
) {
    group.bench_function(BenchmarkId::new(name, body.len()), |bencher| bencher.iter(&mut routine));
}

/// 42 benches in a minute. Criterion's 100,000 resamples would take longer than the measuring.
fn short() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .nresamples(10_000)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
}

criterion_group!(name = benches; config = short(); targets = verify);
criterion_main!(benches);
