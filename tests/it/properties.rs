//! Properties that hold for any body, any framing and any header.

use crate::support::mock_body::{MockBody, Step};
use crate::support::response::{TestResponse, send};
use crate::support::{observe, request, secret, sign, signed_request};
use bytes::Bytes;
use http::{HeaderValue, Request};
use http_body_util::Full;
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, proptest};
use proptest::sample::Index;
use tower_tawk::{Reason, Signature, Verdict};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn verifies_and_forwards_a_body_in_any_frames(
        body in vec(any::<u8>(), 0..5000),
        cuts in vec(any::<Index>(), 0..40),
        declared: bool,
    ) {
        let mut frames = MockBody::new(split(&body, &cuts).into_iter().map(Step::Data));
        if declared {
            frames = frames.with_declared_length(body.len() as u64);
        }
        let response = send_blocking(request(&sign(&body), frames));
        assert!(response.is_verified());
        assert_eq!(response.body(), &body);
    }

    #[test]
    fn detects_a_flipped_bit_in_the_body(
        body in vec(any::<u8>(), 1..2000),
        index: Index,
        bit in 0..8_u8,
    ) {
        let signature = sign(&body);
        let mut altered = body.clone();
        altered[index.index(body.len())] ^= 1 << bit;
        let response = send_blocking(request(&signature, Full::new(Bytes::from(altered))));
        assert!(matches!(response.verdict(), Some(Verdict::Unverified(Reason::Mismatch(_)))));
    }

    #[test]
    fn detects_a_flipped_bit_in_the_signature(
        body in vec(any::<u8>(), 0..200),
        index in 0..20_usize,
        bit in 0..8_u8,
    ) {
        let mut bytes = *secret().sign(&body).as_bytes();
        bytes[index] ^= 1 << bit;
        let altered: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let response = send_blocking(request(&altered, Full::new(Bytes::from(body))));
        assert!(matches!(response.verdict(), Some(Verdict::Unverified(Reason::Mismatch(_)))));
    }

    #[test]
    fn never_verifies_or_panics_on_random_header_bytes(bytes in vec(any::<u8>(), 0..200)) {
        if let Ok(value) = HeaderValue::from_bytes(&bytes) {
            let mut request = signed_request("{}");
            request.headers_mut().insert("x-tawk-signature", value);
            assert!(!send_blocking(request).is_verified());
        }
    }

    #[test]
    fn parses_upper_case_hex_digits_and_displays_lower_case(bytes in any::<[u8; 20]>()) {
        let text: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        let signature: Signature = text.parse().unwrap();
        assert_eq!(signature.as_bytes(), &bytes);
        assert_eq!(signature.to_string(), text.to_lowercase());
    }
}

fn send_blocking<B>(request: Request<B>) -> TestResponse
where
    B: http_body::Body,
    B::Error: Into<tower::BoxError>,
{
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(send(observe(), request))
}

/// Splits `body` at the given indices. Equal indices make empty frames.
fn split(body: &[u8], cuts: &[Index]) -> Vec<Bytes> {
    let mut bounds: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
    bounds.extend([0, body.len()]);
    bounds.sort_unstable();
    bounds.windows(2).map(|ends| Bytes::copy_from_slice(&body[ends[0]..ends[1]])).collect()
}
