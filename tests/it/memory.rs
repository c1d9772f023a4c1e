//! Memory follows what has arrived, not what was promised.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::support::inner::{Answer, answer};
use crate::support::script::{Script, Step};
use crate::support::{request, secret, sign, signed};
use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tower_tawk::TawkSignatureLayer;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// What the way through the layer allocates, for a body that is there already.
fn allocated(layer: &TawkSignatureLayer, request: Request<Script>) -> (Answer, AllocationInfo) {
    let mut answered = None;
    let allocated = measure(|| {
        let future = pin!(answer(layer.clone(), request));
        if let Poll::Ready(answer) = future.poll(&mut Context::from_waker(Waker::noop())) {
            answered = Some(answer);
        }
    });
    (answered.expect("a body that is there is received in one poll"), allocated)
}

fn enforce() -> TawkSignatureLayer {
    TawkSignatureLayer::enforce(secret())
}

/// One header, 1 TiB, the process aborted. A limit would hide it.
#[test]
fn a_declared_tebibyte_reserves_next_to_nothing() {
    let layer = enforce().body_limit(usize::MAX);
    for length in [1 << 40, u64::MAX] {
        let steps = ["{", "}"].map(|text| Step::Data(Bytes::from_static(text.as_bytes())));
        let body = Script::new(steps).declaring(length);
        let (answer, allocated) = allocated(&layer, request(&sign(b"{}"), body));
        assert!(answer.is_verified());
        assert!(allocated.bytes_max < 70 * KIB, "{allocated:?}");
    }
}

#[test]
fn two_mebibytes_in_single_bytes_are_held_once() {
    let body = b"x".repeat(2 << 20);
    for declared in [false, true] {
        // The frames are slices of one allocation that is made before.
        let whole = Bytes::from(body.clone());
        let frames = (0..whole.len()).map(|at| Step::Data(whole.slice(at..=at)));
        let mut script = Script::new(frames);
        if declared {
            script = script.declaring(2 * MIB);
        }
        let request = request(&sign(&body), script);
        let service_in_polls = measure_in_polls(request);
        assert!(service_in_polls.bytes_max < 4 * MIB + 64 * KIB, "{service_in_polls:?}");
        assert!(service_in_polls.count_total < 40, "{service_in_polls:?}");
    }
}

/// A body of many frames takes several polls.
fn measure_in_polls(request: Request<Script>) -> AllocationInfo {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime");
    measure(|| assert!(runtime.block_on(answer(enforce(), request)).is_verified()))
}

/// It grew by one frame each time.
#[test]
fn a_body_longer_than_declared_grows_by_doubling() {
    let body = Bytes::from(vec![b'x'; 64 * 1024]);
    let frames = (0..body.len()).map(|at| Step::Data(body.slice(at..=at)));
    let script = Script::new(frames).declaring(1);
    let allocated = measure_in_polls(request(&sign(&body), script));
    assert!(allocated.count_total < 40, "{allocated:?}");
}

#[test]
fn a_small_body_in_two_frames_takes_one_allocation_more_than_in_one() {
    let frames = |frames: &[&'static str]| {
        let steps: Vec<_> =
            frames.iter().map(|text| Step::Data(Bytes::from_static(text.as_bytes()))).collect();
        let length = frames.iter().map(|text| text.len() as u64).sum();
        allocated(
            &enforce(),
            request(&sign(frames.concat().as_bytes()), Script::new(steps).declaring(length)),
        )
        .1
    };
    let one = frames(&["{\"event\":\"chat:end\"}"]);
    let two = frames(&["{\"event\":", "\"chat:end\"}"]);
    assert_eq!(two.count_total, one.count_total + 1);
}

#[test]
fn a_refused_request_keeps_nothing() {
    let steps = || (0..60).map(|_| Step::Data(Bytes::from_static(&[b'x'; 1024])));
    let refused = Request::new(Script::new(steps()));
    let (answer, allocated) = allocated(&enforce(), refused);
    assert_eq!(answer.status(), 403);
    assert!(allocated.bytes_max < KIB, "{allocated:?}");
}

#[test]
fn the_future_of_a_request_stays_small() {
    let request = signed("{}");
    let inner = tower::service_fn(crate::support::inner::echo);
    let mut service = tower::Layer::layer(&enforce(), inner);
    let future = tower::Service::call(&mut service, request);
    let own = size_of_val(&future) - size_of::<http::request::Parts>() - size_of::<Full<Bytes>>();
    println!("{own} bytes above the body and the request's head");
    assert!(own <= 600, "{own} bytes");
}
