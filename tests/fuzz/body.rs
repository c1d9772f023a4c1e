//! Any bytes in any frames under any declared length: the right signature verifies them, and the
//! handler gets the same ones; one flipped bit of the signature does not.

#![no_main]

mod observed;

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
    declared: Declared,
    /// `None` is no limit at all.
    limit: Option<u16>,
    /// Which bit of the signature is flipped.
    flipped: u8,
    signed_with_second: bool,
    steps: Vec<Step<'a>>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Declared {
    Nothing,
    Honestly,
    Hint(u64),
    Header(u64),
}

#[derive(Arbitrary, Clone, Debug)]
enum Step<'a> {
    /// A frame in two pieces, either of which may be empty.
    Data(&'a [u8], &'a [u8]),
    /// So many empty frames and one more: the layer lets go of the task after very many.
    Empties(u8),
    Trailers,
    Wait,
    Break,
}

fuzz_target!(|input: Input<'_>| {
    let body = input.body();
    let labelled = ["first", "second"].map(|label| (label, secret(label)));
    let label = labelled[usize::from(input.signed_with_second)].0;
    let mut digits = *secret(label).sign(&body).as_bytes();

    let right = input.observed(&labelled, &digits);
    if let Some(status) = input.refusal(&body) {
        assert_eq!(right.expect_err("a request to refuse"), status);
        return;
    }
    let (verdict, bytes) = right.expect("a request to hand on");
    assert_eq!(verdict.secret_label(), Some(label));
    assert_eq!(bytes, body);

    let at = usize::from(input.flipped) % (8 * digits.len());
    digits[at / 8] ^= 1 << (at % 8);
    let (verdict, bytes) = input.observed(&labelled, &digits).expect("a request to hand on");
    assert!(matches!(verdict, Verdict::Unverified(Reason::Mismatch(_))));
    assert_eq!(bytes, body);
});

fn secret(label: &str) -> Secret {
    Secret::new(label).expect("a usable secret")
}

impl Input<'_> {
    /// The bytes up to where the body ends or breaks off.
    fn body(&self) -> Vec<u8> {
        let whole = self.steps.iter().take_while(|step| !matches!(step, Step::Break));
        whole
            .flat_map(|step| match step {
                Step::Data(front, back) => [*front, *back].concat(),
                _ => Vec::new(),
            })
            .collect()
    }

    fn declared(&self, body: &[u8]) -> Option<u64> {
        match self.declared {
            Declared::Nothing => None,
            Declared::Honestly => Some(body.len() as u64),
            Declared::Hint(length) | Declared::Header(length) => Some(length),
        }
    }

    /// What the layer itself has to answer.
    fn refusal(&self, body: &[u8]) -> Option<StatusCode> {
        let longest = self.declared(body).max(Some(body.len() as u64));
        if self.limit.is_some_and(|limit| longest > Some(limit.into())) {
            Some(StatusCode::PAYLOAD_TOO_LARGE)
        } else if self.steps.iter().any(|step| matches!(step, Step::Break)) {
            Some(StatusCode::BAD_REQUEST)
        } else {
            None
        }
    }

    fn observed(
        &self,
        secrets: &[(&'static str, Secret); 2],
        signature: &[u8; 20],
    ) -> Result<(Verdict, Bytes), StatusCode> {
        let digits: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        let declared = self.declared(&self.body());
        let mut request = Request::builder().header("x-tawk-signature", digits);
        let mut hint = SizeHint::default();
        match (self.declared, declared) {
            (Declared::Header(_), Some(length)) => {
                request = request.header("content-length", length);
            }
            (_, Some(length)) => hint = SizeHint::with_exact(length),
            (_, None) => {}
        }
        let script = Script { steps: self.steps.iter().cloned().collect(), hint };
        let secrets = Secrets::new(secrets.clone()).expect("secrets with labels of their own");
        let layer = TawkSignatureLayer::observe(secrets)
            .body_limit(self.limit.map_or(usize::MAX, usize::from));
        observed::observed(layer, request.body(script).expect("a well-formed request"))
    }
}

struct Script<'a> {
    steps: VecDeque<Step<'a>>,
    hint: SizeHint,
}

impl Body for Script<'_> {
    type Data = Chain<Bytes, Bytes>;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, io::Error>>> {
        Poll::Ready(match self.steps.pop_front() {
            None => None,
            Some(Step::Data(front, back)) => {
                let [front, back] = [front, back].map(Bytes::copy_from_slice);
                Some(Ok(Frame::data(front.chain(back))))
            }
            Some(Step::Empties(more)) => {
                if let Some(more) = more.checked_sub(1) {
                    self.steps.push_front(Step::Empties(more));
                }
                Some(Ok(Frame::data(Bytes::new().chain(Bytes::new()))))
            }
            Some(Step::Trailers) => Some(Ok(Frame::trailers(HeaderMap::new()))),
            Some(Step::Wait) => {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Step::Break) => Some(Err(io::ErrorKind::ConnectionReset.into())),
        })
    }

    fn size_hint(&self) -> SizeHint {
        self.hint
    }
}
