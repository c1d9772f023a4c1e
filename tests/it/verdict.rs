//! The verdict in a request's extensions, and what a mismatch exposes.

use crate::support::response::{TestResponse, echo, send};
use crate::support::{enforce, mismatched_request, observe, request, sign, signed_request};
use axum::extract::rejection::JsonRejection;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tower::{Layer, Service, service_fn};
use tower_tawk::{Reason, Rejection, Secret, Secrets, Signature, TawkSignatureLayer, Verdict};

const BODY: &[u8] = br#"{"event":"chat:start"}"#;

#[tokio::test]
async fn replaces_an_existing_verdict() {
    let verified = send(enforce(), signed_request(BODY)).await;
    let verdict = verified.verdict().unwrap().clone();
    assert!(verdict.is_verified());

    let mut forged = Request::new(body());
    forged.extensions_mut().insert(verdict);
    let response = send(observe(), forged).await;
    assert!(matches!(response.verdict(), Some(Verdict::Unverified(Reason::Missing))));
}

#[tokio::test]
async fn forwards_every_complete_request_unchanged_when_observing() {
    let requests = [
        (Request::new(body()), "missing"),
        (request("sha1=0", body()), "prefix"),
        (mismatched_request(body()), "match"),
    ];
    for (request, word) in requests {
        let response = send(observe(), request).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.body(), BODY);
        let Some(Verdict::Unverified(reason)) = response.verdict() else { panic!("verified") };
        assert!(reason.to_string().contains(word), "{reason}");
    }
    let response = send(TawkSignatureLayer::observe_with(|_| None), signed_request(BODY)).await;
    assert!(matches!(response.verdict(), Some(Verdict::Unverified(Reason::UnknownSecret))));
}

/// Regression: the error carried the expected signature, which is a valid forgery.
#[tokio::test]
async fn exposes_the_expected_signature_only_on_request() {
    let expected = sign(BODY);
    let exposed = |response: &TestResponse| -> Option<Signature> {
        let rejection = response.response.extensions().get::<Rejection>().unwrap();
        let Some(Reason::Mismatch(mismatch)) = rejection.reason() else { panic!("no mismatch") };
        for text in [format!("{rejection:?}"), format!("{mismatch:#?}"), mismatch.to_string()] {
            // `Debug` for `Signature` shows the first four bytes.
            assert!(!text.contains(&expected[..8]), "{text}");
        }
        mismatch.expected_signature()
    };
    let by_default = send(enforce(), mismatched_request(body())).await;
    let on_request = send(enforce().expose_expected_signature(), mismatched_request(body())).await;
    assert_eq!(exposed(&by_default), None);
    assert_eq!(exposed(&on_request), Some(expected.parse().unwrap()));
}

#[test]
fn public_types_are_send_and_sync() {
    fn check<T: Send + Sync + 'static>() {}
    fn check_error<T: std::error::Error + Send + Sync + 'static>() {}
    fn check_rejection<T: std::error::Error + IntoResponse + Send + Sync + 'static>() {}

    type Inner = tower::util::BoxCloneSyncService<
        Request<tower_tawk::BufferedBody>,
        http::Response<Full<Bytes>>,
        std::convert::Infallible,
    >;
    check::<TawkSignatureLayer>();
    check::<tower_tawk::TawkSignature<Inner>>();
    check::<tower_tawk::BufferedBody>();
    check::<tower_tawk::EmptyResponse>();
    check::<Secret>();
    check::<Secrets>();
    check::<Signature>();
    check::<Verdict>();
    check::<tower_tawk::VerifiedSignature>();
    check::<Reason>();
    check::<tower_tawk::Mismatch>();
    check::<tower_tawk::Hint>();
    check::<tower_tawk::Delivery>();
    check::<tower_tawk::EventId>();
    check::<tower_tawk::Verified<Bytes>>();
    check::<tower_tawk::event::Event>();
    check::<tower_tawk::event::Person<'static>>();
    check::<tower_tawk::test_util::Fault>();
    check::<tower_tawk::test_util::SignedRequest>();
    check_error::<tower_tawk::event::EventError>();
    check_error::<tower_tawk::event::InvalidTimestamp>();
    check_error::<Rejection>();
    check_error::<tower_tawk::InvalidSignature>();
    check_error::<tower_tawk::InvalidSecret>();
    check_error::<tower_tawk::InvalidSecrets>();
    check_rejection::<tower_tawk::MissingLayer>();
    check_rejection::<tower_tawk::BodyModified>();
    check_rejection::<tower_tawk::DeliveryRejection>();
    check_rejection::<tower_tawk::VerifiedRejection<JsonRejection>>();
}

#[test]
fn response_futures_are_send() {
    fn check<T: Send>(_: &T) {}

    let mut service = enforce().layer(service_fn(echo));
    check(&service.call(signed_request(BODY)));
}

fn body() -> Full<Bytes> {
    Full::from(BODY)
}
