//! How a body is received: whole or not at all, within its limit and its deadline.

use std::error::Error;
use std::fmt;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::support::inner::answer;
use crate::support::script::{Script, Step};
use crate::support::{request, secret, sign, signed, watched};
use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderValue, Request};
use http_body::Body;
use http_body_util::{BodyExt, Full, Limited};
use tokio::time::Instant;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt};
use tower_tawk::{Rejection, TawkSignatureLayer, Verdict};

fn enforce() -> TawkSignatureLayer {
    TawkSignatureLayer::enforce(secret())
}

/// A request with a well-formed signature, of something else.
fn well_formed(body: Script) -> Request<Script> {
    request(&sign(b"another body"), body)
}

fn data(bytes: &'static [u8]) -> Step {
    Step::Data(Bytes::from_static(bytes))
}

#[tokio::test]
async fn one_frame_reaches_the_inner_service_without_a_copy() {
    let body = Bytes::from(vec![b'x'; 1000]);
    let answer = answer(enforce(), signed(body.clone())).await;
    assert!(answer.is_verified());
    assert_eq!(answer.body().as_ptr(), body.as_ptr());
}

/// h2 delivers such a frame when the end of a stream comes by itself.
#[tokio::test]
async fn an_empty_frame_behind_the_only_one_costs_no_copy() {
    let body = Bytes::from(vec![b'x'; 1000]);
    let frames = Script::new([Step::Data(body.clone()), data(b"")]);
    let answer = answer(enforce(), request(&sign(&body), frames)).await;
    assert!(answer.is_verified());
    assert_eq!(answer.body().as_ptr(), body.as_ptr());
}

#[tokio::test]
async fn frames_reach_the_inner_service_as_one() {
    let body = Script::frames([&b"{\"event\""[..], b"", b":", b"\"chat:end\"}"]);
    let answer = answer(enforce(), request(&sign(br#"{"event":"chat:end"}"#), body)).await;
    assert!(answer.is_verified());
    assert_eq!(answer.body(), &br#"{"event":"chat:end"}"#[..]);
}

/// Only the first chunk of a frame was hashed and kept: a truncated body was accepted.
#[tokio::test]
async fn every_chunk_of_a_frame_is_hashed_and_kept() {
    let whole = b"first second, first second";
    let body = Script::frames(whole.chunks(14)).map_frame(|frame| {
        frame.map_data(|mut data| {
            let first = data.split_to(5);
            first.chain(data)
        })
    });
    let answer = answer(enforce(), request(&sign(whole), body)).await;
    assert!(answer.is_verified());
    assert_eq!(answer.body(), &whole[..]);
}

#[tokio::test]
async fn bytes_that_are_no_text_pass_unchanged() {
    let body: Vec<u8> = (0..=u8::MAX).cycle().take(1000).collect();
    let answer = answer(enforce(), signed(body.clone())).await;
    assert!(answer.is_verified());
    assert_eq!(answer.body(), &body);
}

/// A body error was ignored, and the receiver hung for ever.
#[test]
fn a_truncated_body_has_no_verdict() {
    watched(async || {
        for layer in [enforce(), TawkSignatureLayer::observe(secret())] {
            let steps = [data(b"{\"event\""), Step::Break("reset".into()), Step::Forbidden];
            // Signed as if what came were everything.
            let request = request(&sign(b"{\"event\""), Script::new(steps));
            let answer = answer(layer, request).await;
            assert_eq!(answer.status(), 400);
            assert_eq!(answer.rejection(), Some(Rejection::BodyIncomplete));
            assert!(answer.verdict().is_none());
            assert!(answer.closes());
        }
    });
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_taken_and_one_more_byte_is_not() {
    let layer = enforce().body_limit(10);
    for (length, status) in [(9, 200), (10, 200), (11, 413)] {
        let bytes = vec![b'x'; length];
        let declared = answer(layer.clone(), signed(bytes.clone())).await;
        assert_eq!(declared.status(), status, "declared, {length} bytes");

        let chunked = Script::frames(bytes.chunks(4));
        let chunked = answer(layer.clone(), request(&sign(&bytes), chunked)).await;
        assert_eq!(chunked.status(), status, "in chunks, {length} bytes");
    }
}

#[tokio::test]
async fn the_limit_is_two_mebibytes_by_default() {
    let most = vec![b'x'; 2 * 1024 * 1024];
    assert_eq!(answer(enforce(), signed(most.clone())).await.status(), 200);
    let more = [most, vec![b'x']].concat();
    assert_eq!(answer(enforce(), signed(more)).await.status(), 413);
}

#[tokio::test]
async fn a_length_declared_above_the_limit_is_answered_unread() {
    for layer in [enforce(), TawkSignatureLayer::observe(secret())] {
        let body = Script::new([Step::Forbidden]).declaring(2 * 1024 * 1024 + 1);
        let answer = answer(layer, well_formed(body)).await;
        assert_eq!(answer.rejection(), Some(Rejection::BodyTooLarge));
        assert!(answer.closes());
    }
}

#[tokio::test]
async fn content_length_is_believed_where_the_size_hint_is_open() {
    let mut request = well_formed(Script::new([Step::Forbidden]));
    request.headers_mut().insert("content-length", HeaderValue::from_static("99999999999"));
    assert_eq!(answer(enforce(), request).await.status(), 413);
}

#[tokio::test]
async fn a_chunked_body_over_the_limit_is_read_a_little_further_and_refused() {
    // To its end, when that is near: the connection stays usable.
    let near = [data(&[b'x'; 600]), data(&[b'x'; 600]), data(&[b'x'; 600])];
    let near = answer(enforce().body_limit(1000), well_formed(Script::new(near))).await;
    assert_eq!(near.rejection(), Some(Rejection::BodyTooLarge));
    assert!(!near.closes());

    // No further than 64 KiB.
    static LARGE: [u8; 40 * 1024] = [b'x'; 40 * 1024];
    let far = [data(&LARGE), data(&LARGE), Step::Forbidden];
    let far = answer(enforce().body_limit(1000), well_formed(Script::new(far))).await;
    assert_eq!(far.rejection(), Some(Rejection::BodyTooLarge));
    assert!(far.closes());
}

#[tokio::test]
async fn a_limit_set_outside_is_a_413_however_deep_its_error_lies() {
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
        let answer = answer(enforce(), request(&sign(b"any"), body)).await;
        assert_eq!(answer.rejection(), Some(Rejection::BodyTooLarge));
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stops_coming_is_a_408_at_the_deadline() {
    for layer in [enforce(), TawkSignatureLayer::observe(secret())] {
        let start = Instant::now();
        let answer = answer(layer, well_formed(Script::new([data(b"{"), Step::Wait]))).await;
        assert_eq!(answer.status(), 408);
        assert_eq!(answer.rejection(), Some(Rejection::BodyTimeout));
        assert!(answer.closes());
        // In the paused clock's own time.
        assert_eq!(start.elapsed().as_secs(), 30);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_does_not_put_off_the_deadline() {
    let start = Instant::now();
    let body = Script::new([Step::Drip(tokio::time::interval(Duration::from_secs(1)))]);
    let layer = enforce().body_deadline(Duration::from_millis(5500));
    let answer = answer(layer, request(&sign(b"any"), body)).await;
    assert_eq!(answer.status(), 408);
    assert_eq!(start.elapsed().as_millis(), 5500);
}

/// One poll never returned, past every deadline.
#[test]
fn endless_empty_frames_end_at_the_deadline_and_leave_others_their_turn() {
    watched(async || {
        // A task that is always ready keeps the paused clock from moving by itself. This one
        // moves it, and can only when the other returns from its polls.
        let clock = async {
            loop {
                tokio::time::advance(Duration::from_millis(1)).await;
            }
        };
        let layer = enforce().body_deadline(Duration::from_millis(200));
        tokio::select! {
            answer = answer(layer, well_formed(Script::new([Step::Empties]))) => {
                assert_eq!(answer.status(), 408);
            }
            () = clock => {}
        }
    });
}

/// tokio's timer does not fire in a task that has used its budget up.
#[test]
fn a_body_that_uses_up_the_budget_of_its_task_does_not_put_off_the_deadline() {
    watched(async || {
        let start = Instant::now();
        let clock = async {
            while start.elapsed() < Duration::from_secs(5) {
                tokio::time::advance(Duration::from_millis(1)).await;
            }
        };
        let layer = enforce().body_deadline(Duration::from_millis(200));
        let endless = Script::new([Step::BudgetedEmpties]);
        let endless = tokio::spawn(answer(layer, well_formed(endless)));
        tokio::select! {
            biased;
            answer = endless => assert_eq!(answer.unwrap().status(), 408),
            () = clock => panic!("the deadline has passed unnoticed"),
        }
    });
}

/// The receiver waited for `is_end_stream`: one chunked request pinned a core, or hung.
#[test]
fn a_body_that_never_says_it_is_at_its_end_is_received() {
    watched(async || {
        let body = Script::frames([&b"{}"[..]]);
        assert!(!body.is_end_stream());
        assert!(answer(enforce(), request(&sign(b"{}"), body)).await.is_verified());
    });
}

#[test]
fn a_body_that_is_there_needs_no_runtime() {
    let body = Script::frames([&b"{"[..], b"}"]);
    let answer = pin!(answer(enforce(), request(&sign(b"{}"), body)));
    let Poll::Ready(answer) = answer.poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("not ready");
    };
    assert!(answer.is_verified());
}

#[test]
#[should_panic(expected = "polled after completion")]
fn a_future_that_is_polled_after_it_was_ready_panics() {
    let mut future = pin!(answer_of_an_endless_refused_body());
    let mut context = Context::from_waker(Waker::noop());
    assert!(future.as_mut().poll(&mut context).is_ready());
    let _ = future.poll(&mut context);
}

fn answer_of_an_endless_refused_body() -> impl Future {
    let inner = tower::service_fn(crate::support::inner::echo);
    let body = Script::new([Step::Data(vec![b'x'; 65 * 1024].into()), Step::Forbidden]);
    Service::call(&mut enforce().layer(inner), Request::new(body))
}

#[tokio::test]
async fn trailers_are_handed_on_unsigned() {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", HeaderValue::from_static("anything"));
    let inner = async |request: Request<tower_tawk::BufferedBody>| {
        assert!(request.extensions().get::<Verdict>().unwrap().is_verified());
        let collected = request.into_body().collect().await?;
        let trailers = collected.trailers().cloned();
        assert_eq!(collected.to_bytes(), "{}");
        Ok::<_, std::convert::Infallible>(http::Response::new(trailers))
    };
    let service = ServiceBuilder::new().layer(enforce()).service_fn(inner);
    let body = Script::new([data(b"{}"), Step::Trailers(trailers.clone())]);
    let response = service.oneshot(request(&sign(b"{}"), body)).await.unwrap();
    assert_eq!(response.into_body(), Some(trailers));
}
