//! [`Case`]: what is measured, and [`Rounds`], which interleaves several cases.

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Instant;

use hmac::Mac;
use http::Request;
use sha1::{Digest, Sha1};
use tower::Service;
use tower_tawk::Signature;
use tower_tawk::deduplicate::{Claim, ClaimGuard, DeduplicationStore, InMemory};
use tower_tawk_benches::{body, hmac_sha1, poll_once, secret};

const ROUNDS: usize = 41;

/// Runs a routine the given number of times. Returns nanoseconds per iteration.
pub(crate) type Case<'a> = Box<dyn FnMut(usize) -> f64 + 'a>;

/// The measurements of several cases. In each round every case ran once, so that a change of the
/// machine's speed affects all of them.
pub(crate) struct Rounds(Vec<Vec<f64>>);

impl Rounds {
    /// Measures `cases` in turn, with `iterations` of each per round, after one round of warm-up.
    ///
    /// Every case runs once without `--bench`, which only `cargo bench` passes.
    pub(crate) fn measure(iterations: usize, mut cases: Vec<Case<'_>>) -> Self {
        let is_bench = std::env::args().any(|argument| argument == "--bench");
        let (rounds, iterations) = if is_bench { (ROUNDS, iterations) } else { (1, 1) };
        let mut round = || cases.iter_mut().map(|case| case(iterations)).collect::<Vec<_>>();
        round();
        Self((0..rounds).map(|_| round()).collect())
    }

    /// Returns the median of `value` over all rounds. `value` gets the nanoseconds of each case,
    /// in the order of the cases.
    pub(crate) fn median(&self, value: impl Fn(&[f64]) -> f64) -> f64 {
        let mut values: Vec<f64> = self.0.iter().map(|round| value(round)).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }
}

fn routine<'a, T>(mut routine: impl FnMut() -> T + 'a) -> Case<'a> {
    Box::new(move |iterations| {
        let start = Instant::now();
        for _ in 0..iterations {
            black_box(routine());
        }
        start.elapsed().as_nanos() as f64 / iterations as f64
    })
}

/// Calls `service`. Requests are built outside of the measurement.
pub(crate) fn service<'a, S, B>(mut service: S, request: impl Fn() -> Request<B> + 'a) -> Case<'a>
where
    S: Service<Request<B>, Error = Infallible> + 'a,
{
    Box::new(move |iterations| {
        let requests: Vec<_> = (0..iterations).map(|_| request()).collect();
        let start = Instant::now();
        for request in requests {
            let _ = black_box(poll_once(service.call(request)));
        }
        start.elapsed().as_nanos() as f64 / iterations as f64
    })
}

/// Claims and commits a new key each time.
pub(crate) fn claim_and_commit<'a>(store: InMemory) -> Case<'a> {
    let mut bytes = [0; 20];
    let mut number = 0_u64;
    routine(move || {
        // As different as signatures are.
        number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        match store.claim(black_box(Signature::from_bytes(bytes))).into_inner() {
            Ok(Claim::First(guard)) => guard.commit().into_inner().is_ok(),
            _ => false,
        }
    })
}

/// Verifies through the public API: parse, sign, compare.
pub(crate) fn verify<'a>(size: usize) -> Case<'a> {
    let (secret, body) = (secret(), body(size));
    let header = secret.sign(&body).to_string();
    routine(move || {
        let received = black_box(&*header).parse::<Signature>();
        received == Ok(secret.sign(black_box(&body)))
    })
}

/// Decodes the header without allocating, and verifies with a clone of a keyed `Hmac<Sha1>`.
pub(crate) fn hmac_and_hex<'a>(size: usize) -> Case<'a> {
    let (keyed, body) = (hmac_sha1(), body(size));
    let header = secret().sign(&body).to_string();
    routine(move || {
        let mut signature = [0; 20];
        let decoded = hex::decode_to_slice(black_box(&*header), &mut signature);
        let mac = keyed.clone().chain_update(black_box(&body));
        decoded.is_ok() && mac.verify_slice(&signature).is_ok()
    })
}

/// Verifies with a clone of a keyed `Hmac<Sha1>`, as the layer does, without decoding a header.
pub(crate) fn hmac<'a>(size: usize) -> Case<'a> {
    let (keyed, body) = (hmac_sha1(), body(size));
    let signature = secret().sign(&body);
    routine(move || {
        let mac = keyed.clone().chain_update(black_box(&body));
        mac.verify_slice(signature.as_bytes())
    })
}

/// Hashes the body without a key.
pub(crate) fn sha1<'a>(size: usize) -> Case<'a> {
    let body = body(size);
    routine(move || Sha1::digest(black_box(&body)))
}
