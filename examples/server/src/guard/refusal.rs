//! [`Refused`]: why a guard refused a request, and the answer to it.

use std::fmt;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Response, StatusCode, Version};
use http_body_util::{BodyExt, Limited};
use tokio::task::coop::consume_budget;
use tokio::time::timeout;

use crate::answer::{json, unavailable};

/// How much of a refused body is read on HTTP/2, as the signature layer does, and for how long.
const READ_MOST: usize = 64 * 1024;
const READ_DEADLINE: Duration = Duration::from_secs(10);

/// Why a guard refused a request, in the extensions of its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Refused {
    NotAllowed,
    NotHttps,
    Overloaded,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAllowed => "the client is not in TAWK_ALLOWED_IPS",
            Self::NotHttps => "TAWK_REQUIRE_HTTPS is set and the request came over plain HTTP",
            Self::Overloaded => "as many deliveries as TAWK_MAX_CONCURRENT are in work",
        })
    }
}

/// Answers a request that is refused. On HTTP/1.x its body is left unread, and the answer says
/// that the connection ends with it (RFC 9112, section 9.6; hyper ends it, but does not say so).
///
/// HTTP/2 resets the stream of an unread body, and some thousands of such resets make h2 end the
/// connection with all its other streams, which behind a proxy are other people's: there it is
/// read and dropped first.
pub(super) async fn refuse(refused: Refused, request: Request) -> Response<Body> {
    let mut response = answer(refused);
    response.extensions_mut().insert(refused);
    if request.version() > Version::HTTP_11 {
        // What comes after the deadline is left.
        let _ = timeout(READ_DEADLINE, discard(request.into_body())).await;
    } else if !request.body().is_end_stream() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn answer(refused: Refused) -> Response<Body> {
    let detail = match refused {
        Refused::NotAllowed => r#"{"detail":"Not allowed"}"#,
        Refused::NotHttps => r#"{"detail":"HTTPS required"}"#,
        Refused::Overloaded => {
            return unavailable(r#"{"detail":"Too many requests in work"}"#);
        }
    };
    let mut response = json(Response::new(detail.into()));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
}

async fn discard(body: Body) {
    let mut body = Limited::new(body, READ_MOST);
    while let Some(Ok(_)) = body.frame().await {
        // A body whose frames are always ready must not keep the deadline from being looked at.
        consume_budget().await;
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll};

    use axum::body::Bytes;
    use hyper::body::Frame;

    use super::*;

    const FRAME: usize = 16 * 1024;

    /// A body that counts the frames that are taken from it.
    struct Frames {
        left: usize,
        length: usize,
        taken: Arc<AtomicUsize>,
    }

    impl HttpBody for Frames {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            if self.left == 0 {
                return Poll::Ready(None);
            }
            self.left -= 1;
            self.taken.fetch_add(1, Ordering::Relaxed);
            Poll::Ready(Some(Ok(Frame::data(vec![0; self.length].into()))))
        }

        fn is_end_stream(&self) -> bool {
            self.left == 0
        }
    }

    /// Refuses a request with so many frames; how many were taken, and the answer.
    async fn refuse_frames(
        version: Version,
        left: usize,
        length: usize,
    ) -> (usize, Response<Body>) {
        let taken = Arc::default();
        let body = Body::new(Frames { left, length, taken: Arc::clone(&taken) });
        let mut request = Request::new(body);
        *request.version_mut() = version;
        let response = refuse(Refused::NotAllowed, request).await;
        (taken.load(Ordering::Relaxed), response)
    }

    #[tokio::test]
    async fn on_http_1_the_body_is_left_and_the_connection_ends_if_there_is_one() {
        for version in [Version::HTTP_10, Version::HTTP_11] {
            let (taken, response) = refuse_frames(version, 1, FRAME).await;
            assert_eq!(taken, 0);
            assert_eq!(response.headers()[CONNECTION], "close");
            let (_, response) = refuse_frames(version, 0, FRAME).await;
            assert!(!response.headers().contains_key(CONNECTION));
        }
    }

    #[tokio::test]
    async fn on_http_2_the_body_is_dropped_to_its_end_or_to_64_kib() {
        for (left, read) in [(0, 0), (3, 3), (4, 4), (100, 5)] {
            let (taken, response) = refuse_frames(Version::HTTP_2, left, FRAME).await;
            assert_eq!(taken, read);
            assert!(!response.headers().contains_key(CONNECTION));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn on_http_2_a_body_of_endless_empty_frames_is_answered_at_the_deadline() {
        let refusing = tokio::spawn(refuse_frames(Version::HTTP_2, usize::MAX, 0));
        // It begins, and the deadline with it.
        tokio::task::yield_now().await;
        tokio::time::advance(READ_DEADLINE).await;
        let (_, response) = refusing.await.unwrap();
        assert_eq!(response.status(), 403);
    }

    #[tokio::test]
    async fn a_refusal_is_json_and_its_reason_goes_with_it() {
        for (refused, status, retry_after) in [
            (Refused::NotAllowed, 403, false),
            (Refused::NotHttps, 403, false),
            (Refused::Overloaded, 503, true),
        ] {
            let response = refuse(refused, Request::default()).await;
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()["content-type"], "application/json");
            assert_eq!(response.headers().contains_key("retry-after"), retry_after);
            assert_eq!(response.extensions().get(), Some(&refused));
        }
    }
}
