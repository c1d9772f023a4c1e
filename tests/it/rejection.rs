//! What a stranger sends costs a header parse, and a bounded reading of what is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::inner::{Answer, answer};
use crate::support::script::{Script, Step};
use crate::support::{request, secret, sign};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, EXPECT, HeaderValue};
use http::{Request, Response, Version};
use http_body_util::BodyExt;
use tokio::time::Instant;
use tower::{ServiceBuilder, ServiceExt};
use tower_tawk::{Reason, Rejection, TawkSignatureLayer};

fn enforce() -> TawkSignatureLayer {
    TawkSignatureLayer::enforce(secret())
}

fn unsigned(body: Script) -> Request<Script> {
    Request::new(body)
}

fn data(length: usize) -> Step {
    Step::Data(Bytes::from(vec![b'x'; length]))
}

async fn refused(request: Request<Script>) -> Answer {
    let answer = answer(enforce(), request).await;
    assert_eq!(answer.status(), 403);
    assert!(matches!(answer.rejection(), Some(Rejection::Unverified(_))));
    answer
}

/// No header, and 100 MiB were read for nothing.
#[tokio::test]
async fn a_refused_body_declared_above_64_kib_is_not_read() {
    let at_most = Script::new([data(64 * 1024)]).declaring(64 * 1024);
    assert!(!refused(unsigned(at_most)).await.closes());

    let above = || Script::new([Step::Forbidden]).declaring(64 * 1024 + 1);
    assert!(refused(unsigned(above())).await.closes());
    assert!(refused(request("malformed", above())).await.closes());

    let mut repeated = request(&sign(b"x"), above());
    let second = repeated.headers()["x-tawk-signature"].clone();
    repeated.headers_mut().append("x-tawk-signature", second);
    assert!(refused(repeated).await.closes());

    let mut by_header = unsigned(Script::new([Step::Forbidden]));
    by_header.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("100000000"));
    assert!(refused(by_header).await.closes());
}

#[tokio::test]
async fn a_refused_body_declared_above_a_small_limit_is_not_read() {
    let layer = enforce().body_limit(100);
    let body = Script::new([Step::Forbidden]).declaring(101);
    let answer = answer(layer, unsigned(body)).await;
    assert_eq!(answer.status(), 403);
    assert!(answer.closes());
}

#[tokio::test]
async fn a_refused_sender_that_asks_first_is_answered_unread() {
    for expectation in ["100-continue", "100-Continue"] {
        let mut asking = unsigned(Script::new([Step::Forbidden]).declaring(10));
        asking.headers_mut().insert(EXPECT, HeaderValue::from_static(expectation));
        assert!(refused(asking).await.closes());
    }

    // hyper goes by the last of several.
    let mut asking = unsigned(Script::new([Step::Forbidden]).declaring(10));
    for expectation in ["something", "100-continue"] {
        asking.headers_mut().append(EXPECT, HeaderValue::from_static(expectation));
    }
    assert!(refused(asking).await.closes());
}

#[tokio::test]
async fn other_refused_bodies_are_read_to_their_end() {
    let declared = Script::new([data(1000), data(1000)]).declaring(2000);
    let chunked = Script::new([data(60 * 1024), data(4 * 1024)]);
    for body in [declared, chunked] {
        assert!(!refused(unsigned(body)).await.closes());
    }
}

#[tokio::test]
async fn an_endless_refused_body_is_read_to_64_kib() {
    let body = Script::new([data(64 * 1024), data(1), Step::Forbidden]);
    assert!(refused(unsigned(body)).await.closes());
}

#[tokio::test]
async fn a_refused_body_that_breaks_off_is_refused_all_the_same() {
    let body = Script::new([data(10), Step::Break("reset".into())]);
    assert!(refused(unsigned(body)).await.closes());
}

/// `Connection` has no meaning in HTTP/2 (RFC 9113, section 8.2.2).
#[tokio::test]
async fn only_http_1_is_told_that_the_connection_ends() {
    for (version, closes) in [
        (Version::HTTP_10, true),
        (Version::HTTP_11, true),
        (Version::HTTP_2, false),
        (Version::HTTP_3, false),
    ] {
        let mut request = unsigned(Script::new([data(10), Step::Break("reset".into())]));
        *request.version_mut() = version;
        assert_eq!(refused(request).await.closes(), closes, "{version:?}");
    }
}

/// An unread body is a reset stream on HTTP/2, and many of them end its connection.
#[tokio::test]
async fn on_http_2_even_a_long_refused_body_is_read_to_64_kib() {
    let (long, read) = (1 << 20, Arc::new(AtomicUsize::new(0)));
    let counted = read.clone();
    let body = Script::new((0..long / 1024).map(|_| data(1024))).declaring(long);
    let body = body.map_frame(move |frame| {
        counted.fetch_add(1024, Ordering::Relaxed);
        frame
    });
    let mut request = Request::new(body);
    *request.version_mut() = Version::HTTP_2;
    request.headers_mut().insert(EXPECT, HeaderValue::from_static("100-continue"));
    assert_eq!(answer(enforce(), request).await.status(), 403);
    assert_eq!(read.load(Ordering::Relaxed), 65 * 1024);
}

#[tokio::test]
async fn secrets_are_asked_for_only_when_the_header_is_well_formed() {
    let layer = TawkSignatureLayer::enforce_with(|_| panic!("asked"));
    assert_eq!(answer(layer.clone(), unsigned(Script::default())).await.status(), 403);
    let malformed = request("sha1=0", Script::default());
    assert_eq!(answer(layer, malformed).await.status(), 403);
}

#[tokio::test]
async fn a_request_without_known_secrets_is_refused_unread() {
    let layer = TawkSignatureLayer::enforce_with(|_| None);
    let body = Script::new([Step::Forbidden]).declaring(1 << 20);
    let answer = answer(layer, request(&sign(b"any"), body)).await;
    let rejection = answer.response.extensions().get::<Rejection>().unwrap();
    assert!(matches!(rejection.reason(), Some(Reason::UnknownSecret)));
    assert!(answer.closes());
}

#[tokio::test]
async fn strangers_get_one_answer_for_all_reasons() {
    let requests = [
        unsigned(Script::default()),
        request("", Script::default()),
        request("sha1=0", Script::default()),
        request(&sign(b"another body"), Script::default()),
    ];
    for request in requests {
        let answer = refused(request).await;
        assert_eq!(answer.body(), "");
        assert!(answer.response.headers().is_empty());
    }
}
