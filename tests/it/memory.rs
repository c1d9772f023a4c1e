//! Memory use, which follows the bytes received and not the declared length.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::support::mock_body::{MockBody, Step};
use crate::support::response::{TestResponse, echo, send};
use crate::support::{enforce, request, sign, signed_request};
use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tower::{Layer, Service, service_fn};
use tower_tawk::TawkSignatureLayer;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Regression: a header that declared 1 TiB aborted the process, since the length was reserved.
/// The default body limit would hide it.
#[test]
fn does_not_reserve_a_declared_tebibyte() {
    let layer = enforce().body_limit(usize::MAX);
    for length in [1 << 40, u64::MAX] {
        let body = MockBody::new(["{", "}"].map(Step::data)).with_declared_length(length);
        let (response, allocations) = measure_ready(&layer, request(&sign(b"{}"), body));
        assert!(response.is_verified());
        assert!(allocations.bytes_max < 70 * KIB, "{allocations:?}");
    }
}

#[test]
fn buffers_2_mib_of_one_byte_frames_once() {
    let body = Bytes::from(vec![b'x'; 2 << 20]);
    for declared in [false, true] {
        let mut frames = one_byte_frames(&body);
        if declared {
            frames = frames.with_declared_length(2 * MIB);
        }
        let allocations = measure_with_runtime(request(&sign(&body), frames));
        assert!(allocations.bytes_max < 4 * MIB + 64 * KIB, "{allocations:?}");
        assert!(allocations.count_total < 40, "{allocations:?}");
    }
}

#[test]
fn holds_little_more_than_the_body_for_64_kib_of_one_byte_frames() {
    let body = Bytes::from(vec![b'x'; 64 * 1024]);
    let length = body.len() as u64;
    let bytes_max = |frames| measure_with_runtime(request(&sign(&body), frames)).bytes_max;

    // The body, and a little for the response.
    let declared = bytes_max(one_byte_frames(&body).with_declared_length(length));
    assert!(declared < length + 2048, "{declared}");
    // Without a declared length the buffer doubles, and the old one is copied into the new one.
    let chunked = bytes_max(one_byte_frames(&body));
    assert!(chunked < 5 * length / 2, "{chunked}");
}

/// Regression: the buffer grew by one frame at a time.
#[test]
fn doubles_the_buffer_for_a_body_longer_than_declared() {
    let body = Bytes::from(vec![b'x'; 64 * 1024]);
    let frames = one_byte_frames(&body).with_declared_length(1);
    let allocations = measure_with_runtime(request(&sign(&body), frames));
    assert!(allocations.count_total < 40, "{allocations:?}");
}

#[test]
fn allocates_once_more_for_two_small_frames_than_for_one() {
    let count = |frames: &[&'static str]| {
        let body = MockBody::new(frames.iter().map(|frame| Step::data(*frame)));
        let length = frames.iter().map(|frame| frame.len() as u64).sum();
        let signature = sign(frames.concat().as_bytes());
        let request = request(&signature, body.with_declared_length(length));
        measure_ready(&enforce(), request).1.count_total
    };
    let one = count(&["{\"event\":\"chat:end\"}"]);
    let two = count(&["{\"event\":", "\"chat:end\"}"]);
    assert_eq!(two, one + 1);
}

#[test]
fn keeps_nothing_of_a_rejected_body() {
    let frames = (0..60).map(|_| Step::data(&[b'x'; 1024][..]));
    let unsigned = Request::new(MockBody::new(frames));
    let (response, allocations) = measure_ready(&enforce(), unsigned);
    assert_eq!(response.status(), 403);
    assert!(allocations.bytes_max < KIB, "{allocations:?}");
}

#[test]
fn keeps_the_response_future_small() {
    let mut service = enforce().layer(service_fn(echo));
    let future = service.call(signed_request("{}"));
    let size = size_of_val(&future) - size_of::<http::request::Parts>() - size_of::<Full<Bytes>>();
    assert!(size <= 600, "{size} bytes more than the request");
}

/// Returns slices of `body`, so that the frames themselves allocate nothing more.
fn one_byte_frames(body: &Bytes) -> MockBody {
    MockBody::new((0..body.len()).map(|at| Step::Data(body.slice(at..=at))))
}

/// Measures a request whose response is ready after one poll.
fn measure_ready(
    layer: &TawkSignatureLayer,
    request: Request<MockBody>,
) -> (TestResponse, AllocationInfo) {
    let mut output = None;
    let allocations = measure(|| {
        let future = pin!(send(layer.clone(), request));
        if let Poll::Ready(response) = future.poll(&mut Context::from_waker(Waker::noop())) {
            output = Some(response);
        }
    });
    (output.expect("a response after one poll"), allocations)
}

/// Measures a verified request whose body has too many frames for one poll.
fn measure_with_runtime(request: Request<MockBody>) -> AllocationInfo {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime");
    measure(|| assert!(runtime.block_on(send(enforce(), request)).is_verified()))
}
