//! Whatever the body, however it is cut, whatever the header.

use crate::support::inner::{Answer, answer};
use crate::support::script::{Script, Step};
use crate::support::{request, secret, sign, signed};
use bytes::Bytes;
use http::{HeaderValue, Request};
use http_body_util::Full;
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, proptest};
use proptest::sample::Index;
use tower_tawk::{Reason, TawkSignatureLayer, Verdict};

fn observed<B>(request: Request<B>) -> Answer
where
    B: http_body::Body,
    B::Error: Into<tower::BoxError>,
{
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(answer(TawkSignatureLayer::observe(secret()), request))
}

/// `body` cut at the given places; equal places make empty frames.
fn cut(body: &[u8], cuts: &[Index]) -> Vec<Bytes> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
    places.extend([0, body.len()]);
    places.sort_unstable();
    places.windows(2).map(|ends| Bytes::copy_from_slice(&body[ends[0]..ends[1]])).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_body_in_any_frames_is_the_same_body(
        body in vec(any::<u8>(), 0..5000),
        cuts in vec(any::<Index>(), 0..40),
        declared: bool,
    ) {
        let mut script = Script::new(cut(&body, &cuts).into_iter().map(Step::Data));
        if declared {
            script = script.declaring(body.len() as u64);
        }
        let answer = observed(request(&sign(&body), script));
        assert!(answer.is_verified());
        assert_eq!(answer.body(), &body);
    }

    #[test]
    fn one_flipped_bit_of_the_body_is_a_mismatch(
        body in vec(any::<u8>(), 1..2000),
        place: Index,
        bit in 0..8_u8,
    ) {
        let signature = sign(&body);
        let mut altered = body.clone();
        altered[place.index(body.len())] ^= 1 << bit;
        let answer = observed(request(&signature, Full::new(Bytes::from(altered))));
        assert!(matches!(answer.verdict(), Some(Verdict::Unverified(Reason::Mismatch(_)))));
    }

    #[test]
    fn one_flipped_bit_of_the_signature_is_a_mismatch(
        body in vec(any::<u8>(), 0..200),
        place in 0..20_usize,
        bit in 0..8_u8,
    ) {
        let mut bytes = *secret().sign(&body).as_bytes();
        bytes[place] ^= 1 << bit;
        let altered: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let answer = observed(request(&altered, Full::new(Bytes::from(body))));
        assert!(matches!(answer.verdict(), Some(Verdict::Unverified(Reason::Mismatch(_)))));
    }

    #[test]
    fn no_header_bytes_panic_or_verify(bytes in vec(any::<u8>(), 0..200)) {
        if let Ok(value) = HeaderValue::from_bytes(&bytes) {
            let mut request = signed("{}");
            request.headers_mut().insert("x-tawk-signature", value);
            assert!(!observed(request).is_verified());
        }
    }

    #[test]
    fn a_signature_is_read_back_as_it_was_written(bytes in any::<[u8; 20]>()) {
        let text: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        let signature: tower_tawk::Signature = text.parse().unwrap();
        assert_eq!(signature.as_bytes(), &bytes);
        assert_eq!(signature.to_string(), text.to_lowercase());
    }
}
