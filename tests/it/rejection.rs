//! Rejected requests: how much of their body is read, and the response.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::mock_body::{MockBody, Step};
use crate::support::response::{TestResponse, send};
use crate::support::{enforce, mismatched_request, request, sign};
use http::header::{CONTENT_LENGTH, EXPECT, HeaderValue};
use http::{Request, Version};
use http_body_util::BodyExt;
use tower_tawk::{Reason, Rejection, TawkSignatureLayer};

/// Regression: 100 MiB were read although the signature header was missing.
#[tokio::test]
async fn does_not_read_a_rejected_body_declared_over_64_kib() {
    let at_limit = MockBody::new([frame(64 * 1024)]).with_declared_length(64 * 1024);
    assert!(!rejected(unsigned(at_limit)).await.closes_connection());

    let over_limit = || MockBody::new([Step::Panic]).with_declared_length(64 * 1024 + 1);
    assert!(rejected(unsigned(over_limit())).await.closes_connection());
    assert!(rejected(request("malformed", over_limit())).await.closes_connection());

    let mut with_two_signatures = request(&sign(b"x"), over_limit());
    let signature = with_two_signatures.headers()["x-tawk-signature"].clone();
    with_two_signatures.headers_mut().append("x-tawk-signature", signature);
    assert!(rejected(with_two_signatures).await.closes_connection());

    let mut with_content_length = unsigned(MockBody::new([Step::Panic]));
    let length = HeaderValue::from_static("100000000");
    with_content_length.headers_mut().insert(CONTENT_LENGTH, length);
    assert!(rejected(with_content_length).await.closes_connection());
}

#[tokio::test]
async fn does_not_read_a_rejected_body_declared_over_a_smaller_body_limit() {
    let layer = enforce().body_limit(100);
    let body = MockBody::new([Step::Panic]).with_declared_length(101);
    let response = send(layer, unsigned(body)).await;
    assert_eq!(response.status(), 403);
    assert!(response.closes_connection());
}

#[tokio::test]
async fn rejects_expect_continue_without_reading_the_body() {
    let unread = || unsigned(MockBody::new([Step::Panic]).with_declared_length(10));
    for expectation in ["100-continue", "100-Continue"] {
        let mut request = unread();
        request.headers_mut().insert(EXPECT, HeaderValue::from_static(expectation));
        assert!(rejected(request).await.closes_connection());
    }

    // hyper uses the last `Expect` header.
    let mut request = unread();
    for expectation in ["something", "100-continue"] {
        request.headers_mut().append(EXPECT, HeaderValue::from_static(expectation));
    }
    assert!(rejected(request).await.closes_connection());
}

#[tokio::test]
async fn drains_a_short_rejected_body() {
    let declared = MockBody::new([frame(1000), frame(1000)]).with_declared_length(2000);
    let chunked = MockBody::new([frame(60 * 1024), frame(4 * 1024)]);
    for body in [declared, chunked] {
        assert!(!rejected(unsigned(body)).await.closes_connection());
    }
}

#[tokio::test]
async fn drains_a_rejected_body_up_to_64_kib() {
    let body = MockBody::new([frame(64 * 1024), frame(1), Step::Panic]);
    assert!(rejected(unsigned(body)).await.closes_connection());
}

#[tokio::test]
async fn rejects_a_truncated_unsigned_body_with_403() {
    let body = MockBody::new([frame(10), Step::Error("reset".into())]);
    assert!(rejected(unsigned(body)).await.closes_connection());
}

/// HTTP/2 has no `Connection` header (RFC 9113, section 8.2.2).
#[tokio::test]
async fn sends_connection_close_only_on_http_1() {
    for (version, closes) in [
        (Version::HTTP_10, true),
        (Version::HTTP_11, true),
        (Version::HTTP_2, false),
        (Version::HTTP_3, false),
    ] {
        let body = MockBody::new([frame(10), Step::Error("reset".into())]);
        let mut request = unsigned(body);
        *request.version_mut() = version;
        assert_eq!(rejected(request).await.closes_connection(), closes, "{version:?}");
    }
}

/// hyper resets the HTTP/2 stream of an unread body, and many resets close the connection.
#[tokio::test]
async fn drains_a_long_rejected_body_up_to_64_kib_on_http_2() {
    let length = 1 << 20;
    let bytes_read = Arc::new(AtomicUsize::new(0));
    let counter = bytes_read.clone();
    let frames = (0..length / 1024).map(|_| frame(1024));
    let body = MockBody::new(frames).with_declared_length(length).map_frame(move |frame| {
        counter.fetch_add(1024, Ordering::Relaxed);
        frame
    });
    let mut request = Request::new(body);
    *request.version_mut() = Version::HTTP_2;
    request.headers_mut().insert(EXPECT, HeaderValue::from_static("100-continue"));
    assert_eq!(send(enforce(), request).await.status(), 403);
    assert_eq!(bytes_read.load(Ordering::Relaxed), 65 * 1024);
}

#[tokio::test]
async fn looks_up_secrets_only_for_well_formed_signatures() {
    let layer = TawkSignatureLayer::enforce_with(|_| panic!("the closure was called"));
    assert_eq!(send(layer.clone(), unsigned(MockBody::default())).await.status(), 403);
    let malformed = request("sha1=0", MockBody::default());
    assert_eq!(send(layer, malformed).await.status(), 403);
}

#[tokio::test]
async fn rejects_an_unknown_secret_without_reading_the_body() {
    let layer = TawkSignatureLayer::enforce_with(|_| None);
    let body = MockBody::new([Step::Panic]).with_declared_length(1 << 20);
    let response = send(layer, request(&sign(b"any"), body)).await;
    assert!(matches!(response.rejection_reason(), Some(Reason::UnknownSecret)));
    assert!(response.closes_connection());
}

#[tokio::test]
async fn sends_the_same_response_for_every_reason() {
    let requests = [
        unsigned(MockBody::default()),
        request("", MockBody::default()),
        request("sha1=0", MockBody::default()),
        mismatched_request(MockBody::default()),
    ];
    for request in requests {
        let response = rejected(request).await;
        assert_eq!(response.body(), "");
        assert!(response.response.headers().is_empty());
    }
}

fn unsigned(body: MockBody) -> Request<MockBody> {
    Request::new(body)
}

fn frame(length: usize) -> Step {
    Step::data(vec![b'x'; length])
}

/// Sends a request that the layer rejects as unverified, and returns the response.
async fn rejected(request: Request<MockBody>) -> TestResponse {
    let response = send(enforce(), request).await;
    assert_eq!(response.status(), 403);
    assert!(matches!(response.rejection(), Some(Rejection::Unverified(_))));
    response
}
