//! Fuzzes the request body: any bytes in any frames, with any declared length. The valid signature
//! verifies and the inner service gets the same bytes. A signature with a flipped bit mismatches.

#![no_main]

mod harness;

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::buf::Chain;
use bytes::{Buf, Bytes};
use http::{HeaderMap, Request, StatusCode};
use http_body::{Body, Frame, SizeHint};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use tower_tawk::{Reason, Secret, Secrets, TawkSignatureLayer, Verdict};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    declared: DeclaredLength,
    /// `None` for no limit.
    body_limit: Option<u16>,
    /// The index of the bit that is flipped in the signature.
    flipped_bit: u8,
    sign_with_second_secret: bool,
    steps: Vec<Step<'a>>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum DeclaredLength {
    None,
    Correct,
    SizeHint(u64),
    ContentLength(u64),
}

#[derive(Arbitrary, Clone, Debug)]
enum Step<'a> {
    /// A frame in two chunks, either of which may be empty.
    Data(&'a [u8], &'a [u8]),
    /// One more empty frame than this number. The layer yields after many frames in one poll.
    EmptyFrames(u8),
    Trailers,
    Pending,
    Error,
}

fuzz_target!(|input: Input<'_>| {
    let body = input.body();
    let secrets = ["first", "second"].map(|label| (label, secret(label)));
    let label = secrets[usize::from(input.sign_with_second_secret)].0;
    let mut signature = *secret(label).sign(&body).as_bytes();

    let result = input.send(&secrets, &signature);
    if let Some(status) = input.expected_rejection(&body) {
        assert_eq!(result.expect_err("a rejection"), status);
        return;
    }
    let (verdict, bytes) = result.expect("a forwarded request");
    assert_eq!(verdict.secret_label(), Some(label));
    assert_eq!(bytes, body);

    let bit = usize::from(input.flipped_bit) % (8 * signature.len());
    signature[bit / 8] ^= 1 << (bit % 8);
    let (verdict, bytes) = input.send(&secrets, &signature).expect("a forwarded request");
    assert!(matches!(verdict, Verdict::Unverified(Reason::Mismatch(_))));
    assert_eq!(bytes, body);
});

fn secret(text: &str) -> Secret {
    Secret::new(text).expect("secret is valid")
}

impl Input<'_> {
    /// Returns the bytes that arrive before the end of the body or an error.
    fn body(&self) -> Vec<u8> {
        let received = self.steps.iter().take_while(|step| !matches!(step, Step::Error));
        received
            .flat_map(|step| match step {
                Step::Data(first, second) => [*first, *second].concat(),
                _ => Vec::new(),
            })
            .collect()
    }

    fn declared_length(&self, body: &[u8]) -> Option<u64> {
        match self.declared {
            DeclaredLength::None => None,
            DeclaredLength::Correct => Some(body.len() as u64),
            DeclaredLength::SizeHint(length) | DeclaredLength::ContentLength(length) => {
                Some(length)
            }
        }
    }

    /// Returns the status of the layer's rejection, if it must not forward the request.
    fn expected_rejection(&self, body: &[u8]) -> Option<StatusCode> {
        let longest = self.declared_length(body).max(Some(body.len() as u64));
        if self.body_limit.is_some_and(|limit| longest > Some(limit.into())) {
            Some(StatusCode::PAYLOAD_TOO_LARGE)
        } else if self.steps.iter().any(|step| matches!(step, Step::Error)) {
            Some(StatusCode::BAD_REQUEST)
        } else {
            None
        }
    }

    fn send(
        &self,
        secrets: &[(&'static str, Secret); 2],
        signature: &[u8; 20],
    ) -> Result<(Verdict, Bytes), StatusCode> {
        let digits: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        let declared_length = self.declared_length(&self.body());
        let mut request = Request::builder().header("x-tawk-signature", digits);
        let mut size_hint = SizeHint::default();
        match (self.declared, declared_length) {
            (DeclaredLength::ContentLength(_), Some(length)) => {
                request = request.header("content-length", length);
            }
            (_, Some(length)) => size_hint = SizeHint::with_exact(length),
            (_, None) => {}
        }
        let body = MockBody { steps: self.steps.iter().cloned().collect(), size_hint };
        let secrets = Secrets::new(secrets.clone()).expect("distinct labels");
        let layer = TawkSignatureLayer::observe(secrets)
            .body_limit(self.body_limit.map_or(usize::MAX, usize::from));
        harness::send(layer, request.body(body).expect("a valid request"))
    }
}

struct MockBody<'a> {
    steps: VecDeque<Step<'a>>,
    size_hint: SizeHint,
}

impl Body for MockBody<'_> {
    type Data = Chain<Bytes, Bytes>;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, io::Error>>> {
        Poll::Ready(match self.steps.pop_front() {
            None => None,
            Some(Step::Data(first, second)) => {
                let [first, second] = [first, second].map(Bytes::copy_from_slice);
                Some(Ok(Frame::data(first.chain(second))))
            }
            Some(Step::EmptyFrames(more)) => {
                if let Some(more) = more.checked_sub(1) {
                    self.steps.push_front(Step::EmptyFrames(more));
                }
                Some(Ok(Frame::data(Bytes::new().chain(Bytes::new()))))
            }
            Some(Step::Trailers) => Some(Ok(Frame::trailers(HeaderMap::new()))),
            Some(Step::Pending) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Step::Error) => Some(Err(io::ErrorKind::ConnectionReset.into())),
        })
    }

    fn size_hint(&self) -> SizeHint {
        self.size_hint
    }
}
