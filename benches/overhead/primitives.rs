//! The primitives: ours, and what it is held against.

use std::hint::black_box;
use std::time::Instant;

use hmac::{Hmac, KeyInit, Mac};
use sha1::{Digest, Sha1};
use tower_tawk::Signature;
use tower_tawk_benches::{SECRET, body, secret};

use super::turns::Case;

/// The primitive with public names: parse, sign, compare.
pub(crate) fn primitive<'a>(length: usize) -> Case<'a> {
    let (secret, bytes) = (secret(), body(length));
    let digits = secret.sign(&bytes).to_string();
    Box::new(move |times| {
        let start = Instant::now();
        for _ in 0..times {
            let received = black_box(&*digits).parse::<Signature>();
            black_box(received == Ok(secret.sign(black_box(&bytes))));
        }
        start.elapsed().as_nanos() as f64 / times as f64
    })
}

/// The same with a cloned keyed `Hmac<Sha1>`, its `verify_slice`, and a hex decode that does not
/// allocate.
pub(crate) fn bare<'a>(length: usize) -> Case<'a> {
    let keyed = Hmac::<Sha1>::new_from_slice(SECRET.as_bytes()).expect("keys of any length");
    let (bytes, digits) = (body(length), secret().sign(&body(length)).to_string());
    Box::new(move |times| {
        let start = Instant::now();
        for _ in 0..times {
            let mut signature = [0; 20];
            let decoded = hex::decode_to_slice(black_box(&*digits), &mut signature);
            let mac = keyed.clone().chain_update(black_box(&bytes));
            black_box(decoded.is_ok() && mac.verify_slice(&signature).is_ok());
        }
        start.elapsed().as_nanos() as f64 / times as f64
    })
}

/// SHA-1 of the same bytes, without a key.
pub(crate) fn sha1_alone<'a>(length: usize) -> Case<'a> {
    let bytes = body(length);
    Box::new(move |times| {
        let start = Instant::now();
        for _ in 0..times {
            black_box(Sha1::digest(black_box(&bytes)));
        }
        start.elapsed().as_nanos() as f64 / times as f64
    })
}

/// The hash alone: a cloned keyed state, as the layer has it.
pub(crate) fn hash<'a>(length: usize) -> Case<'a> {
    let keyed = Hmac::<Sha1>::new_from_slice(SECRET.as_bytes()).expect("keys of any length");
    let (bytes, signature) = (body(length), secret().sign(&body(length)));
    Box::new(move |times| {
        let start = Instant::now();
        for _ in 0..times {
            let mac = keyed.clone().chain_update(black_box(&bytes));
            let _ = black_box(mac.verify_slice(signature.as_bytes()));
        }
        start.elapsed().as_nanos() as f64 / times as f64
    })
}
