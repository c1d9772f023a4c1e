//! Every case of the `X-Tawk-Signature` header, enforced and observed.

use std::convert::Infallible;

use crate::support::{SECRET, secret, sign};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use tower::{ServiceBuilder, ServiceExt};
use tower_tawk::{
    BufferedBody, Hint, InvalidSignature, Reason, Rejection, Secret, TawkSignatureLayer, Verdict,
};

const BODY: &[u8] = br#"{"event":"chat:start"}"#;

/// A request with these headers, answered by the layer over a service that answers 200.
async fn answer(layer: TawkSignatureLayer, request: Request<Full<Bytes>>) -> Response<()> {
    let inner = async |request: Request<BufferedBody>| {
        assert!(request.extensions().get::<Verdict>().is_some());
        Ok::<_, Infallible>(Response::new(()))
    };
    ServiceBuilder::new().layer(layer).service_fn(inner).oneshot(request).await.unwrap()
}

fn with_headers(signatures: &[&[u8]], body: &'static [u8]) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::from(body));
    for signature in signatures {
        let value = HeaderValue::from_bytes(signature).unwrap();
        request.headers_mut().append("x-tawk-signature", value);
    }
    request
}

/// Why a request is refused under `enforce`, and goes on unverified under `observe`.
async fn reason(signatures: &[&[u8]], body: &'static [u8]) -> Reason {
    let enforced =
        answer(TawkSignatureLayer::enforce(secret()), with_headers(signatures, body)).await;
    assert_eq!(enforced.status(), StatusCode::FORBIDDEN);
    let rejection = enforced.extensions().get::<Rejection>().unwrap();
    assert!(matches!(rejection, Rejection::Unverified(_)));

    let observed =
        answer(TawkSignatureLayer::observe(secret()), with_headers(signatures, body)).await;
    assert_eq!(observed.status(), StatusCode::OK);
    let Some(Verdict::Unverified(reason)) = observed.extensions().get() else {
        panic!("verified: {signatures:?}");
    };
    assert_eq!(reason.to_string(), rejection.reason().unwrap().to_string());
    reason.clone()
}

async fn is_verified(signature: &str, body: &'static [u8]) -> bool {
    let request = with_headers(&[signature.as_bytes()], body);
    let enforced = answer(TawkSignatureLayer::enforce(secret()), request.clone()).await;
    let observed = answer(TawkSignatureLayer::observe(secret()), request).await;
    let verdict = observed.extensions().get::<Verdict>().unwrap();
    assert_eq!(verdict.is_verified(), enforced.status() == StatusCode::OK);
    let label = verdict.is_verified().then_some("default");
    assert_eq!(verdict.secret_label(), label);
    let received = verdict.is_verified().then(|| signature.parse().unwrap());
    assert_eq!(verdict.signature(), received);
    verdict.is_verified()
}

#[tokio::test]
async fn an_absent_header_is_missing() {
    assert!(matches!(reason(&[], BODY).await, Reason::Missing));
}

#[tokio::test]
async fn a_malformed_header_is_told_apart_and_never_panics() {
    let right = sign(BODY);
    let base64 = "nkJyvojxKPUXgYE+HSk4rRrccoA="; // Of the right bytes.
    let sha256 = "0123456789abcdef".repeat(4);
    let cases: [(Vec<u8>, InvalidSignature); 14] = [
        (b"".into(), InvalidSignature::Empty),
        (b"   ".into(), InvalidSignature::Empty),
        (format!("sha1={right}").into(), InvalidSignature::Prefixed),
        (format!("SHA1={right}").into(), InvalidSignature::Prefixed),
        (base64.into(), InvalidSignature::LooksLikeBase64),
        (sha256.into(), InvalidSignature::LooksLikeSha256),
        (right[..39].into(), InvalidSignature::WrongLength),
        (format!("{right}0").into(), InvalidSignature::WrongLength),
        (format!("{}x", &right[..39]).into(), InvalidSignature::NotHex),
        (format!("{right} junk").into(), InvalidSignature::WrongLength),
        (format!("{right},{right}").into(), InvalidSignature::WrongLength),
        (vec![0x80; 40], InvalidSignature::NotHex),
        (vec![0xff; 40], InvalidSignature::NotHex),
        (vec![0xff; 7], InvalidSignature::WrongLength),
    ];
    for (value, expected) in cases {
        match reason(&[&value], BODY).await {
            Reason::Malformed(malformed) => assert_eq!(malformed, expected, "{value:?}"),
            other => panic!("{other:?} for {value:?}"),
        }
    }
}

#[tokio::test]
async fn the_right_digits_verify_in_either_case() {
    let lower = sign(BODY);
    let mixed = format!("{}{}", &lower[..20], lower[20..].to_uppercase());
    for signature in [&lower, &lower.to_uppercase(), &mixed] {
        assert!(is_verified(signature, BODY).await, "{signature}");
    }
}

#[tokio::test]
async fn two_headers_are_repeated_even_when_equal() {
    let right = sign(BODY);
    let other = sign(b"another body");
    for second in [&right, &other] {
        let reason = reason(&[right.as_bytes(), second.as_bytes()], BODY).await;
        assert!(matches!(reason, Reason::MultipleSignatures));
    }
}

#[tokio::test]
async fn a_signature_of_other_bytes_or_under_another_secret_is_a_mismatch() {
    let decoded: Vec<u8> = (0..SECRET.len() / 2)
        .map(|at| u8::from_str_radix(&SECRET[2 * at..][..2], 16).unwrap())
        .collect();
    let with_byte_order_mark = b"\xef\xbb\xbf{\"event\": \"chat:end\"}\n";
    let cases: [(String, &[u8]); 4] = [
        (sign(br#"{"event":"chat:end"}"#), with_byte_order_mark),
        (sign(&with_byte_order_mark[..with_byte_order_mark.len() - 1]), with_byte_order_mark),
        (sign(&with_byte_order_mark[3..]), with_byte_order_mark),
        (Secret::new(decoded).unwrap().sign(BODY).to_string(), BODY),
    ];
    for (signature, body) in cases {
        let Reason::Mismatch(mismatch) = reason(&[signature.as_bytes()], body).await else {
            panic!("no mismatch");
        };
        assert_eq!(mismatch.signature().to_string(), signature);
        assert_eq!(mismatch.hint(), None);
        assert_eq!(mismatch.expected_signature(), None);
    }
}

/// The secret with a newline behind cannot be made here; the digest is openssl's:
/// `printf '{"event":"chat:start"}' | openssl dgst -sha1 -mac HMAC -macopt hexkey:…0a`.
#[tokio::test]
async fn the_secret_with_a_newline_behind_is_another_secret() {
    let signature = "5a177ee49c10f1ee9b63077c88b69e6726822f7c";
    assert!(matches!(reason(&[signature.as_bytes()], BODY).await, Reason::Mismatch(_)));
}

#[tokio::test]
async fn an_empty_body_with_its_right_signature_is_verified() {
    assert!(is_verified(&sign(b""), b"").await);
}

#[tokio::test]
async fn a_mismatch_says_what_is_likely_wrong() {
    let signature = sign(BODY);
    let Reason::Mismatch(empty) = reason(&[signature.as_bytes()], b"").await else {
        panic!("no mismatch");
    };
    assert_eq!(empty.hint(), Some(Hint::EmptyBody));

    let mut request = with_headers(&[signature.as_bytes()], b"\x1f\x8b compressed");
    request.headers_mut().insert("content-encoding", HeaderValue::from_static("gzip"));
    let response = answer(TawkSignatureLayer::enforce(secret()), request).await;
    let Some(Reason::Mismatch(encoded)) =
        response.extensions().get::<Rejection>().unwrap().reason()
    else {
        panic!("no mismatch");
    };
    assert_eq!(encoded.hint(), Some(Hint::ContentEncoding));
}
