//! Verification of the `X-Tawk-Signature` header, under `enforce` and under `observe`.

use std::convert::Infallible;
use std::fs;
use std::path::Path;

use crate::support::response::send;
use crate::support::{SECRET, enforce, observe, request, sign};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use tower::{ServiceBuilder, ServiceExt};
use tower_tawk::{
    BufferedBody, Hint, InvalidSignature, Reason, Rejection, Secret, TawkSignatureLayer, Verdict,
};

const BODY: &[u8] = br#"{"event":"chat:start"}"#;

#[tokio::test]
async fn reports_a_missing_signature() {
    assert!(matches!(unverified_reason(&[], BODY).await, Reason::Missing));
}

#[tokio::test]
async fn classifies_malformed_signatures() {
    let valid = sign(BODY);
    let base64 = "nkJyvojxKPUXgYE+HSk4rRrccoA="; // The base64 encoding of the valid signature.
    let sha256 = "0123456789abcdef".repeat(4);
    let cases: [(Vec<u8>, InvalidSignature); 14] = [
        (b"".into(), InvalidSignature::Empty),
        (b"   ".into(), InvalidSignature::Empty),
        (format!("sha1={valid}").into(), InvalidSignature::Prefixed),
        (format!("SHA1={valid}").into(), InvalidSignature::Prefixed),
        (base64.into(), InvalidSignature::LooksLikeBase64),
        (sha256.into(), InvalidSignature::LooksLikeSha256),
        (valid[..39].into(), InvalidSignature::WrongLength),
        (format!("{valid}0").into(), InvalidSignature::WrongLength),
        (format!("{}x", &valid[..39]).into(), InvalidSignature::NotHex),
        (format!("{valid} junk").into(), InvalidSignature::WrongLength),
        (format!("{valid},{valid}").into(), InvalidSignature::WrongLength),
        (vec![0x80; 40], InvalidSignature::NotHex),
        (vec![0xff; 40], InvalidSignature::NotHex),
        (vec![0xff; 7], InvalidSignature::WrongLength),
    ];
    for (value, expected) in cases {
        match unverified_reason(&[&value], BODY).await {
            Reason::Malformed(malformed) => assert_eq!(malformed, expected, "{value:?}"),
            other => panic!("{other:?} for {value:?}"),
        }
    }
}

#[tokio::test]
async fn accepts_hex_digits_in_any_case() {
    let lower = sign(BODY);
    let mixed = format!("{}{}", &lower[..20], lower[20..].to_uppercase());
    for signature in [&lower, &lower.to_uppercase(), &mixed] {
        assert!(is_verified(signature, BODY).await, "{signature}");
    }
}

#[tokio::test]
async fn rejects_multiple_signatures_even_if_they_are_equal() {
    let valid = sign(BODY);
    let other = sign(b"another body");
    for second in [&valid, &other] {
        let reason = unverified_reason(&[valid.as_bytes(), second.as_bytes()], BODY).await;
        assert!(matches!(reason, Reason::MultipleSignatures));
    }
}

#[tokio::test]
async fn rejects_signatures_of_other_bytes_or_under_another_secret() {
    let decoded_secret: Vec<u8> = (0..SECRET.len() / 2)
        .map(|at| u8::from_str_radix(&SECRET[2 * at..][..2], 16).unwrap())
        .collect();
    let with_byte_order_mark = b"\xef\xbb\xbf{\"event\": \"chat:end\"}\n";
    let cases: [(String, &[u8]); 4] = [
        (sign(br#"{"event":"chat:end"}"#), with_byte_order_mark),
        (sign(&with_byte_order_mark[..with_byte_order_mark.len() - 1]), with_byte_order_mark),
        (sign(&with_byte_order_mark[3..]), with_byte_order_mark),
        (Secret::new(decoded_secret).unwrap().sign(BODY).to_string(), BODY),
    ];
    for (signature, body) in cases {
        let Reason::Mismatch(mismatch) = unverified_reason(&[signature.as_bytes()], body).await
        else {
            panic!("no mismatch");
        };
        assert_eq!(mismatch.signature().to_string(), signature);
        assert_eq!(mismatch.hint(), None);
        assert_eq!(mismatch.expected_signature(), None);
    }
}

/// `Secret::new` rejects a trailing newline, so the signature comes from OpenSSL:
/// `printf '{"event":"chat:start"}' | openssl dgst -sha1 -mac HMAC -macopt hexkey:…0a`.
#[tokio::test]
async fn rejects_a_signature_under_the_secret_with_a_trailing_newline() {
    let signature = "5a177ee49c10f1ee9b63077c88b69e6726822f7c";
    let reason = unverified_reason(&[signature.as_bytes()], BODY).await;
    assert!(matches!(reason, Reason::Mismatch(_)));
}

#[tokio::test]
async fn verifies_an_empty_body() {
    assert!(is_verified(&sign(b""), b"").await);
}

#[tokio::test]
async fn hints_at_the_cause_of_a_mismatch() {
    let signature = sign(BODY);
    let Reason::Mismatch(empty) = unverified_reason(&[signature.as_bytes()], b"").await else {
        panic!("no mismatch");
    };
    assert_eq!(empty.hint(), Some(Hint::EmptyBody));

    let mut request = request_with(&[signature.as_bytes()], b"\x1f\x8b compressed");
    request.headers_mut().insert("content-encoding", HeaderValue::from_static("gzip"));
    let response = respond(enforce(), request).await;
    let Some(Reason::Mismatch(encoded)) =
        response.extensions().get::<Rejection>().unwrap().reason()
    else {
        panic!("no mismatch");
    };
    assert_eq!(encoded.hint(), Some(Hint::ContentEncoding));
}

/// OpenSSL made the signatures in `SIGNATURES.tsv`.
#[tokio::test]
async fn verifies_the_documented_payloads() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/payloads");
    let table = fs::read_to_string(folder.join("SIGNATURES.tsv")).unwrap();
    let mut verified = 0;
    for row in table.lines().filter(|row| row.contains(".json\t")) {
        let mut columns = row.split('\t');
        let (file, length) = (columns.next().unwrap(), columns.next().unwrap());
        let body = Bytes::from(fs::read(folder.join(file)).unwrap());
        assert_eq!(body.len().to_string(), length, "{file}");

        let request = request(columns.next().unwrap(), Full::new(body.clone()));
        let response = send(enforce(), request).await;
        assert!(response.is_verified(), "{file}");
        assert_eq!(response.body(), &body);
        verified += 1;
    }
    assert_eq!(verified, 12);
}

/// Sends a request that `enforce` rejects and `observe` forwards, and returns the common reason.
async fn unverified_reason(signatures: &[&[u8]], body: &'static [u8]) -> Reason {
    let enforced = respond(enforce(), request_with(signatures, body)).await;
    assert_eq!(enforced.status(), StatusCode::FORBIDDEN);
    let rejection = enforced.extensions().get::<Rejection>().unwrap();
    assert!(matches!(rejection, Rejection::Unverified(_)));

    let observed = respond(observe(), request_with(signatures, body)).await;
    assert_eq!(observed.status(), StatusCode::OK);
    let Some(Verdict::Unverified(reason)) = observed.extensions().get() else {
        panic!("verified: {signatures:?}");
    };
    assert_eq!(reason.to_string(), rejection.reason().unwrap().to_string());
    reason.clone()
}

/// Returns whether the signature is verified, which must be the same in both modes.
async fn is_verified(signature: &str, body: &'static [u8]) -> bool {
    let request = request_with(&[signature.as_bytes()], body);
    let enforced = respond(enforce(), request.clone()).await;
    let observed = respond(observe(), request).await;
    let verdict = observed.extensions().get::<Verdict>().unwrap();
    assert_eq!(verdict.is_verified(), enforced.status() == StatusCode::OK);
    let label = verdict.is_verified().then_some("default");
    assert_eq!(verdict.secret_label(), label);
    let received = verdict.is_verified().then(|| signature.parse().unwrap());
    assert_eq!(verdict.signature(), received);
    verdict.is_verified()
}

fn request_with(signatures: &[&[u8]], body: &'static [u8]) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::from(body));
    for signature in signatures {
        let value = HeaderValue::from_bytes(signature).unwrap();
        request.headers_mut().append("x-tawk-signature", value);
    }
    request
}

/// Sends a request to a service that leaves the response's extensions to the layer.
async fn respond(layer: TawkSignatureLayer, request: Request<Full<Bytes>>) -> Response<()> {
    let inner = async |request: Request<BufferedBody>| {
        assert!(request.extensions().get::<Verdict>().is_some());
        Ok::<_, Infallible>(Response::new(()))
    };
    ServiceBuilder::new().layer(layer).service_fn(inner).oneshot(request).await.unwrap()
}
