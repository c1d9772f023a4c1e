//! What `Debug` output and errors say. That they omit secrets and personal data is tested with the
//! types.

use std::convert::Infallible;

use crate::support::response::send;
use crate::support::{enforce, mismatched_request, secret, signed_request};
use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_tawk::deduplicate::{DeduplicateLayer, InMemory};
use tower_tawk::test_util::SignedRequest;
use tower_tawk::{
    BufferedBody, InvalidSecret, InvalidSecrets, InvalidSignature, Reason, Rejection, Secrets,
    Signature, TawkSignatureLayer, Verdict,
};

#[test]
fn debug_output_shows_what_is_configured() {
    let layer = enforce();
    let by_request = TawkSignatureLayer::enforce_with(|_| None);
    for (text, expected) in [
        (format!("{:?}", secret()), "Secret(..)"),
        (format!("{:?}", Secrets::from(secret())), "Secrets([\"default\"])"),
        (format!("{:?}", Signature::from_bytes([0xa7; 20])), "Signature(a7a7a7a7..)"),
        (format!("{:?}", InMemory::with_capacity(8)), "InMemory { capacity: 8, .. }"),
    ] {
        assert_eq!(text, expected);
    }
    for (text, parts) in [
        (format!("{layer:?}"), ["TawkSignatureLayer", "Secrets([\"default\"])", "2097152"]),
        (format!("{:?}", layer.layer("inner")), ["TawkSignature", "\"inner\"", "2097152"]),
        (format!("{by_request:?}"), ["TawkSignatureLayer", "Fn(&Parts)", "2097152"]),
        (format!("{:?}", SignedRequest::new(&secret(), "body").uri("/hook")), ["/hook"; 3]),
    ] {
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    }
}

#[test]
fn futures_are_debug() {
    async fn handler<B>(_: Request<B>) -> Result<Response<String>, Infallible> {
        Ok(Response::default())
    }
    let mut service = enforce().layer(service_fn(handler));
    let mut deduplicated = DeduplicateLayer::new(InMemory::new()).layer(service_fn(handler));
    for future in [
        format!("{:?}", service.call(signed_request("body"))),
        format!("{:?}", deduplicated.call(signed_request("body"))),
    ] {
        assert_eq!(future, "ResponseFuture { .. }");
    }
}

#[test]
fn errors_say_what_failed() {
    for (error, part) in [
        (InvalidSecret::Empty.to_string(), "is empty"),
        (InvalidSecret::SurroundingWhitespace.to_string(), "whitespace"),
        (InvalidSecrets::Empty.to_string(), "at least one"),
        (InvalidSecrets::TooMany.to_string(), "more than 16"),
        (InvalidSecrets::DuplicateLabel.to_string(), "the same label"),
        (InvalidSignature::LooksLikeSha256.to_string(), "64 hex digits"),
        (Reason::UnknownSecret.to_string(), "enforce_with"),
        (Rejection::BodyTooLarge.to_string(), "too large"),
        (Rejection::BodyTimeout.to_string(), "deadline"),
        (Rejection::BodyIncomplete.to_string(), "incomplete"),
    ] {
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test]
async fn a_mismatch_says_what_to_check() {
    let mut encoded = mismatched_request(Full::<Bytes>::from("body"));
    encoded.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    for (request, part) in [
        (mismatched_request(Full::<Bytes>::from("body")), "check the secret"),
        (mismatched_request(Full::<Bytes>::from("")), "body is empty"),
        (encoded, "no proxy compresses it"),
    ] {
        let signature: Signature =
            request.headers()["x-tawk-signature"].to_str().unwrap().parse().unwrap();
        let response = send(TawkSignatureLayer::observe(secret()), request).await;
        let Some(Verdict::Unverified(Reason::Mismatch(mismatch))) = response.verdict() else {
            panic!("a mismatch");
        };
        assert!(mismatch.to_string().contains(part), "{mismatch}");
        assert!(format!("{mismatch:?}").contains(&format!("{signature:?}")), "{mismatch:?}");
    }
}

#[tokio::test]
async fn a_body_shows_its_length() {
    let show = async |request: Request<BufferedBody>| {
        Ok::<_, Infallible>(Response::new(format!("{:?}", request.body())))
    };
    let response = enforce().layer(service_fn(show)).oneshot(signed_request("body")).await;
    assert_eq!(response.unwrap().body(), "BufferedBody { length: 4, .. }");
}
