//! Collection of the request body: complete or not at all, within the body limit.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::support::mock_body::{MockBody, Step};
use crate::support::response::{echo, send};
use crate::support::{
    enforce, mismatched_request, observe, request, run_with_watchdog, sign, signed_request,
};
use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full, Limited};
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_tawk::{BufferedBody, Rejection, Verdict};

#[tokio::test]
async fn forwards_a_single_frame_without_copying() {
    let body = Bytes::from(vec![b'x'; 1000]);
    let response = send(enforce(), signed_request(body.clone())).await;
    assert!(response.is_verified());
    assert_eq!(response.body().as_ptr(), body.as_ptr());
}

/// h2 yields an empty frame if the end of the stream arrives separately.
#[tokio::test]
async fn does_not_copy_a_single_frame_for_a_trailing_empty_frame() {
    let body = Bytes::from(vec![b'x'; 1000]);
    let frames = MockBody::new([Step::data(body.clone()), Step::data("")]);
    let response = send(enforce(), request(&sign(&body), frames)).await;
    assert!(response.is_verified());
    assert_eq!(response.body().as_ptr(), body.as_ptr());
}

#[tokio::test]
async fn concatenates_frames() {
    let body = MockBody::from_frames([&b"{\"event\""[..], b"", b":", b"\"chat:end\"}"]);
    let response = send(enforce(), request(&sign(br#"{"event":"chat:end"}"#), body)).await;
    assert!(response.is_verified());
    assert_eq!(response.body(), &br#"{"event":"chat:end"}"#[..]);
}

/// Regression: only the first chunk of a frame was hashed and kept, so that a truncated body was
/// accepted.
#[tokio::test]
async fn hashes_and_keeps_every_chunk_of_a_frame() {
    let expected = b"first second, first second";
    let body = MockBody::from_frames(expected.chunks(14)).map_frame(|frame| {
        frame.map_data(|mut data| {
            let first = data.split_to(5);
            first.chain(data)
        })
    });
    let response = send(enforce(), request(&sign(expected), body)).await;
    assert!(response.is_verified());
    assert_eq!(response.body(), &expected[..]);
}

/// Regression: the body passed through a string, which panicked on invalid UTF-8 or changed it.
#[tokio::test]
async fn forwards_invalid_utf8_unchanged() {
    let body: Vec<u8> = (0..=u8::MAX).cycle().take(1000).collect();
    let response = send(enforce(), signed_request(body.clone())).await;
    assert!(response.is_verified());
    assert_eq!(response.body(), &body);
}

/// Regression: body errors were ignored, and the request hung.
#[test]
fn rejects_a_truncated_body_with_400() {
    run_with_watchdog(async || {
        for layer in [enforce(), observe()] {
            let steps = [Step::data("{\"event\""), Step::Error("reset".into()), Step::Panic];
            // The signature matches the part that arrives.
            let request = request(&sign(b"{\"event\""), MockBody::new(steps));
            let response = send(layer, request).await;
            assert_eq!(response.status(), 400);
            assert_eq!(response.rejection(), Some(Rejection::BodyIncomplete));
            assert!(response.verdict().is_none());
            assert!(response.closes_connection());
        }
    });
}

/// Regression: the loop waited for `is_end_stream`, so that a chunked request hung or kept a core
/// busy.
#[test]
fn collects_a_body_that_never_reports_end_of_stream() {
    run_with_watchdog(async || {
        let body = MockBody::from_frames([&b"{}"[..]]);
        assert!(!body.is_end_stream());
        assert!(send(enforce(), request(&sign(b"{}"), body)).await.is_verified());
    });
}

#[tokio::test]
async fn accepts_bodies_up_to_the_limit() {
    let layer = enforce().body_limit(10);
    for (length, status) in [(9, 200), (10, 200), (11, 413)] {
        let bytes = vec![b'x'; length];
        let declared = send(layer.clone(), signed_request(bytes.clone())).await;
        assert_eq!(declared.status(), status, "{length} bytes with a declared length");

        let chunked = MockBody::from_frames(bytes.chunks(4));
        let chunked = send(layer.clone(), request(&sign(&bytes), chunked)).await;
        assert_eq!(chunked.status(), status, "{length} bytes in chunks");
    }
}

#[tokio::test]
async fn limits_bodies_to_2_mib_by_default() {
    let body = vec![b'x'; 2 * 1024 * 1024];
    assert_eq!(send(enforce(), signed_request(body.clone())).await.status(), 200);
    let longer = [body, vec![b'x']].concat();
    assert_eq!(send(enforce(), signed_request(longer)).await.status(), 413);
}

#[tokio::test]
async fn rejects_a_declared_length_over_the_limit_without_reading_the_body() {
    for layer in [enforce(), observe()] {
        let body = MockBody::new([Step::Panic]).with_declared_length(2 * 1024 * 1024 + 1);
        let response = send(layer, mismatched_request(body)).await;
        assert_eq!(response.rejection(), Some(Rejection::BodyTooLarge));
        assert!(response.closes_connection());
    }
}

#[tokio::test]
async fn falls_back_to_content_length_without_a_size_hint() {
    let mut request = mismatched_request(MockBody::new([Step::Panic]));
    request.headers_mut().insert("content-length", HeaderValue::from_static("99999999999"));
    assert_eq!(send(enforce(), request).await.status(), 413);
}

#[tokio::test]
async fn drains_a_chunked_body_over_the_limit_up_to_64_kib() {
    // The connection can be reused after a body that was drained completely.
    let short = [vec![b'x'; 600], vec![b'x'; 600], vec![b'x'; 600]].map(Step::data);
    let short = send(enforce().body_limit(1000), mismatched_request(MockBody::new(short))).await;
    assert_eq!(short.rejection(), Some(Rejection::BodyTooLarge));
    assert!(!short.closes_connection());

    let large = || Step::data(vec![b'x'; 40 * 1024]);
    let long = MockBody::new([large(), large(), Step::Panic]);
    let long = send(enforce().body_limit(1000), mismatched_request(long)).await;
    assert_eq!(long.rejection(), Some(Rejection::BodyTooLarge));
    assert!(long.closes_connection());
}

#[tokio::test]
async fn maps_the_length_limit_error_of_an_outer_layer_to_413() {
    #[derive(Debug)]
    struct Wrapped(BoxError);

    impl fmt::Display for Wrapped {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("wrapped")
        }
    }

    impl Error for Wrapped {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&*self.0)
        }
    }

    let limited = || Limited::new(Full::new(Bytes::from_static(b"more than ten")), 10);
    let wrapped = limited().map_err(|error| BoxError::from(Wrapped(Wrapped(error).into())));

    for body in [limited().boxed(), wrapped.boxed()] {
        let response = send(enforce(), request(&sign(b"any"), body)).await;
        assert_eq!(response.rejection(), Some(Rejection::BodyTooLarge));
    }
}

#[tokio::test]
async fn forwards_unsigned_trailers() {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", HeaderValue::from_static("anything"));
    let inner = async |request: Request<BufferedBody>| {
        assert!(request.extensions().get::<Verdict>().unwrap().is_verified());
        let collected = request.into_body().collect().await?;
        let trailers = collected.trailers().cloned();
        assert_eq!(collected.to_bytes(), "{}");
        Ok::<_, Infallible>(Response::new(trailers))
    };
    let service = ServiceBuilder::new().layer(enforce()).service_fn(inner);
    let body = MockBody::new([Step::data("{}"), Step::Trailers(trailers.clone())]);
    let response = service.oneshot(request(&sign(b"{}"), body)).await.unwrap();
    assert_eq!(response.into_body(), Some(trailers));
}

#[test]
fn collects_a_ready_body_without_a_runtime() {
    let body = MockBody::from_frames([&b"{"[..], b"}"]);
    let future = pin!(send(enforce(), request(&sign(b"{}"), body)));
    let Poll::Ready(response) = future.poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("the future is pending");
    };
    assert!(response.is_verified());
}

#[test]
#[should_panic(expected = "polled after completion")]
fn panics_when_polled_after_completion() {
    let body = MockBody::new([Step::data(vec![b'x'; 65 * 1024]), Step::Panic]);
    let mut service = enforce().layer(service_fn(echo));
    let mut future = pin!(service.call(Request::new(body)));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(future.as_mut().poll(&mut cx).is_ready());
    let _ = future.poll(&mut cx);
}
