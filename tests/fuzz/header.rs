//! Fuzzes the signature header: any number of values with any bytes. Only the valid hex digits
//! verify, and every other input has its reason.

#![no_main]

mod harness;

use bytes::Bytes;
use http::{HeaderValue, Request};
use http_body_util::Full;
use libfuzzer_sys::fuzz_target;
use tower_tawk::{Reason, Secret, Signature, TawkSignatureLayer, Verdict};

const SECRET: &str = "an invented secret";
const BODY: &str = r#"{"event":"chat:end"}"#;
/// `printf '{"event":"chat:end"}' | openssl dgst -sha1 -hmac 'an invented secret'`
const VALID_SIGNATURE: &str = "70b60dc96c70ee24e36531082b87a74fe8875826";

fuzz_target!(|input: &[u8]| {
    // A header value cannot contain a line feed (RFC 9110, section 5.5), so it separates them.
    let lines = input.split(|byte| *byte == b'\n');
    let values: Vec<_> = lines.filter_map(|line| HeaderValue::from_bytes(line).ok()).collect();
    check_verdict(&values, &verdict(&values));
    if let Ok(text) = str::from_utf8(input) {
        check_parse(text);
    }
});

fn verdict(values: &[HeaderValue]) -> Verdict {
    let mut request = Request::new(Full::new(Bytes::from_static(BODY.as_bytes())));
    for value in values {
        request.headers_mut().append("x-tawk-signature", value.clone());
    }
    let secret = Secret::new(SECRET).expect("secret is valid");
    let (verdict, body) =
        harness::send(TawkSignatureLayer::observe(secret), request).expect("a verdict");
    assert_eq!(body, BODY);
    verdict
}

fn check_verdict(values: &[HeaderValue], verdict: &Verdict) {
    let lower = |value: &HeaderValue| value.as_bytes().to_ascii_lowercase();
    match (values, verdict) {
        ([], Verdict::Unverified(Reason::Missing)) => {}
        ([_, _, ..], Verdict::Unverified(Reason::MultipleSignatures)) => {}
        ([value], Verdict::Verified(verified)) => {
            assert_eq!(lower(value), VALID_SIGNATURE.as_bytes());
            assert_eq!(verified.signature().to_string(), VALID_SIGNATURE);
        }
        ([value], Verdict::Unverified(Reason::Mismatch(mismatch))) => {
            assert_ne!(lower(value), VALID_SIGNATURE.as_bytes());
            assert_eq!(lower(value), mismatch.signature().to_string().as_bytes());
            assert_eq!(mismatch.expected_signature(), None);
        }
        ([value], Verdict::Unverified(reason @ Reason::Malformed(malformed))) => {
            assert!(!is_forty_hex_digits(value.as_bytes()));
            assert!(!reason.to_string().is_empty());
            assert_eq!(reason.to_string(), malformed.to_string());
        }
        _ => panic!("{verdict:?} for {values:?}"),
    }
}

/// Checks that exactly 40 hex digits parse, and that they are displayed in lower case.
fn check_parse(text: &str) {
    match text.parse::<Signature>() {
        Ok(signature) => {
            assert_eq!(signature.to_string(), text.to_ascii_lowercase());
            assert_eq!(Ok(signature), signature.to_string().parse());
        }
        Err(malformed) => {
            assert!(!is_forty_hex_digits(text.as_bytes()));
            assert!(!malformed.to_string().is_empty());
        }
    }
}

fn is_forty_hex_digits(value: &[u8]) -> bool {
    value.len() == 40 && value.iter().all(u8::is_ascii_hexdigit)
}
