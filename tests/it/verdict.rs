//! What the layer says of a request, and to whom.

use crate::support::inner::answer;
use crate::support::{SECRET, request, secret, sign, signed};
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tower_tawk::{
    Reason, Rejection, RejectionKind, Secret, Secrets, Signature, TawkSignatureLayer, Verdict,
};

const BODY: &[u8] = br#"{"event":"chat:start"}"#;

fn body() -> Full<Bytes> {
    Full::from(BODY)
}

fn three() -> Secrets {
    let secret = |text: &str| Secret::new(text).unwrap();
    Secrets::new([("a", secret("text a")), ("b", secret("text b")), ("c", secret("text c"))])
        .unwrap()
}

/// A delivery whose signature another secret has made.
fn signed_with(secret: &str) -> Request<Full<Bytes>> {
    let signature = Secret::new(secret).unwrap().sign(BODY).to_string();
    request(&signature, body())
}

#[tokio::test]
async fn the_verdict_names_the_signature_and_the_secret_that_matched() {
    for (text, label) in [("text a", "a"), ("text b", "b"), ("text c", "c")] {
        let answer = answer(TawkSignatureLayer::enforce(three()), signed_with(text)).await;
        let verdict = answer.verdict().unwrap();
        assert_eq!(verdict.secret_label(), Some(label));
        assert_eq!(verdict.signature(), Some(Secret::new(text).unwrap().sign(BODY)));
    }
}

#[tokio::test]
async fn under_several_secrets_a_stranger_is_still_a_stranger() {
    let answer = answer(TawkSignatureLayer::enforce(three()), signed_with("text d")).await;
    assert_eq!(answer.rejection(), Some(RejectionKind::Unverified));
}

#[tokio::test]
async fn a_single_secret_is_called_default() {
    let answer = answer(TawkSignatureLayer::enforce(secret()), signed(BODY)).await;
    assert_eq!(answer.verdict().unwrap().secret_label(), Some("default"));
}

#[tokio::test]
async fn a_verdict_that_is_there_already_is_replaced() {
    let verified = answer(TawkSignatureLayer::enforce(secret()), signed(BODY)).await;
    let verdict = verified.verdict().unwrap().clone();
    assert!(verdict.is_verified());

    let mut forged = Request::new(body());
    forged.extensions_mut().insert(verdict);
    let observed = answer(TawkSignatureLayer::observe(secret()), forged).await;
    assert!(matches!(observed.verdict(), Some(Verdict::Unverified(Reason::Missing))));
}

#[tokio::test]
async fn when_observing_every_whole_request_goes_on_with_its_bytes() {
    let requests = [
        (Request::new(body()), "missing"),
        (request("sha1=0", body()), "prefix"),
        (request(&sign(b"another body"), body()), "fit"),
    ];
    for (request, word) in requests {
        let answer = answer(TawkSignatureLayer::observe(secret()), request).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.body(), BODY);
        let Some(Verdict::Unverified(reason)) = answer.verdict() else { panic!("verified") };
        assert!(reason.to_string().contains(word), "{reason}");
    }
    let known = TawkSignatureLayer::observe_with(|_| None);
    let answer = answer(known, signed(BODY)).await;
    assert!(matches!(answer.verdict(), Some(Verdict::Unverified(Reason::UnknownSecret))));
}

/// The error carried the computed MAC: it verified when fed back.
#[tokio::test]
async fn the_right_answer_is_withheld_unless_it_is_asked_for() {
    let wrong = || request(&sign(b"another body"), body());
    let right = sign(BODY);

    let withheld = answer(TawkSignatureLayer::enforce(secret()), wrong()).await;
    let kept = answer(TawkSignatureLayer::enforce(secret()).keep_computed_digest(), wrong()).await;
    let computed = |answer: &crate::support::inner::Answer| -> Option<Signature> {
        let rejection = answer.response.extensions().get::<Rejection>().unwrap();
        let Some(Reason::Mismatch(mismatch)) = rejection.reason() else { panic!("no mismatch") };
        for text in [format!("{rejection:?}"), format!("{mismatch:#?}"), mismatch.to_string()] {
            // The first four bytes are what a signature's `Debug` would show.
            assert!(!text.contains(&right[..8]), "{text}");
        }
        mismatch.computed_digest()
    };
    assert_eq!(computed(&withheld), None);
    assert_eq!(computed(&kept), Some(right.parse().unwrap()));
}

/// Secrets were printed by `Debug`.
#[test]
fn nothing_prints_a_secret() {
    let layer = TawkSignatureLayer::enforce(secret());
    let service = tower::Layer::layer(&layer, ());
    let texts = [
        format!("{:?}", secret()),
        format!("{:#?}", Secrets::from(secret())),
        format!("{layer:#?}"),
        format!("{service:#?}"),
        format!("{:?} {0}", Secret::new("").unwrap_err()),
        format!("{:?} {0}", Secret::new(format!("{SECRET}\n")).unwrap_err()),
        format!("{:?}", Secrets::new([("a", secret()), ("a", secret())]).unwrap_err()),
    ];
    for text in texts {
        assert!(!text.contains(&SECRET[..8]), "{text}");
    }
}

#[test]
fn every_public_type_can_be_sent_and_shared() {
    fn check<T: Send + Sync + 'static>() {}
    fn check_error<T: std::error::Error + Send + Sync + 'static>() {}

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
    check::<tower_tawk::LikelyCause>();
    check::<RejectionKind>();
    check::<tower_tawk::Delivery>();
    check::<tower_tawk::EventId>();
    check::<tower_tawk::Verified<()>>();
    check::<tower_tawk::event::Event>();
    check::<tower_tawk::event::Person<'static>>();
    check::<tower_tawk::test_util::Fault>();
    check::<tower_tawk::test_util::SignedRequest>();
    check_error::<tower_tawk::LayerNotMounted>();
    check_error::<tower_tawk::DeliveryRejection>();
    check_error::<tower_tawk::event::EventError>();
    check_error::<tower_tawk::event::InvalidTimestamp>();
    check_error::<Rejection>();
    check_error::<tower_tawk::Malformed>();
    check_error::<tower_tawk::InvalidSecret>();
    check_error::<tower_tawk::InvalidSecrets>();

    fn sendable<T: Send>(_: &T) {}
    let service = tower::service_fn(crate::support::inner::echo);
    let mut service = tower::Layer::layer(&TawkSignatureLayer::enforce(secret()), service);
    sendable(&tower::Service::call(&mut service, signed(BODY)));
}
