//! The deadline for collecting or draining a body, in the virtual time of a paused clock.

use std::time::Duration;

use crate::support::mock_body::{MockBody, Step};
use crate::support::response::send;
use crate::support::{enforce, mismatched_request, observe, request, run_with_watchdog, sign};
use http::Request;
use tokio::time::{Instant, interval, interval_at};
use tower_tawk::Rejection;

#[tokio::test(start_paused = true)]
async fn rejects_a_stalled_body_with_408_after_30_s_by_default() {
    for layer in [enforce(), observe()] {
        let start = Instant::now();
        let body = MockBody::new([Step::data("{"), Step::Pending]);
        let response = send(layer, mismatched_request(body)).await;
        assert_eq!(response.status(), 408);
        assert_eq!(response.rejection(), Some(Rejection::BodyTimeout));
        assert!(response.closes_connection());
        assert_eq!(start.elapsed().as_secs(), 30);
    }
}

#[tokio::test(start_paused = true)]
async fn does_not_extend_the_deadline_for_a_slow_body() {
    let start = Instant::now();
    let body = MockBody::new([Step::Trickle(interval(Duration::from_secs(1)))]);
    let layer = enforce().body_deadline(Duration::from_millis(5500));
    let response = send(layer, request(&sign(b"any"), body)).await;
    assert_eq!(response.status(), 408);
    assert_eq!(start.elapsed().as_millis(), 5500);
}

#[tokio::test(start_paused = true)]
async fn drains_for_two_seconds_or_until_a_shorter_body_deadline() {
    for (body_deadline, expected) in [(30_000, 2000), (3000, 2000), (500, 500)] {
        let start = Instant::now();
        let layer = enforce().body_deadline(Duration::from_millis(body_deadline));
        let unsigned = Request::new(MockBody::new([Step::data(vec![b'x'; 10]), Step::Pending]));
        let response = send(layer, unsigned).await;
        assert_eq!(response.status(), 403);
        assert!(response.closes_connection());
        assert_eq!(start.elapsed().as_millis(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn starts_the_deadline_for_draining_when_the_body_exceeds_the_limit() {
    let start = Instant::now();
    let second = Duration::from_secs(1);
    // The eleventh byte exceeds the limit, after eleven seconds.
    let body = MockBody::new([Step::Trickle(interval_at(start + second, second))]);
    let response = send(enforce().body_limit(10), mismatched_request(body)).await;
    assert_eq!(response.rejection(), Some(Rejection::BodyTooLarge));
    assert!(response.closes_connection());
    assert_eq!(start.elapsed().as_secs(), 13);
}

/// Regression: a poll over endless empty frames never returned, and the deadline had no effect.
#[test]
fn yields_between_endless_empty_frames_and_times_out() {
    run_with_watchdog(async || {
        // A task that is always ready keeps the paused clock from advancing on its own. This one
        // advances it, if the other returns from its polls.
        let clock = async {
            loop {
                tokio::time::advance(Duration::from_millis(1)).await;
            }
        };
        let layer = enforce().body_deadline(Duration::from_millis(200));
        tokio::select! {
            response = send(layer, mismatched_request(MockBody::new([Step::EmptyFrames]))) => {
                assert_eq!(response.status(), 408);
            }
            () = clock => {}
        }
    });
}

#[test]
fn stops_draining_endless_empty_frames() {
    run_with_watchdog(async || {
        let clock = async {
            loop {
                tokio::time::advance(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            response = send(enforce(), Request::new(MockBody::new([Step::EmptyFrames]))) => {
                assert_eq!(response.status(), 403);
                assert!(response.closes_connection());
            }
            () = clock => {}
        }
    });
}

/// tokio's timer does not fire in a task that has used up its budget, so the layer must poll the
/// deadline before the body.
#[test]
fn times_out_if_the_body_uses_up_the_task_budget() {
    run_with_watchdog(async || {
        let start = Instant::now();
        let clock = async {
            while start.elapsed() < Duration::from_secs(5) {
                tokio::time::advance(Duration::from_millis(1)).await;
            }
        };
        let layer = enforce().body_deadline(Duration::from_millis(200));
        let body = MockBody::new([Step::BudgetedEmptyFrames]);
        let response = tokio::spawn(send(layer, mismatched_request(body)));
        tokio::select! {
            biased;
            response = response => assert_eq!(response.unwrap().status(), 408),
            () = clock => panic!("the deadline did not fire"),
        }
    });
}
