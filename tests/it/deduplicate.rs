//! Deduplication of deliveries.

mod contract;
mod in_memory;
mod model;
mod stress;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::handler::Handler;
use axum::routing::post;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_tawk::Signature;
use tower_tawk::deduplicate::{
    Claim, ClaimGuard, DeduplicateLayer, DeduplicationOutcome, DeduplicationStore, InMemory,
};

use crate::support::{block_on, capture_logs, enforce, observe, request, sign, signed_request};

type Requests = Request<Full<Bytes>>;

/// Counts its calls, and responds with the given status.
fn handler(
    status: StatusCode,
    calls: Arc<AtomicUsize>,
) -> impl Service<
    Request<tower_tawk::BufferedBody>,
    Response = Response<String>,
    Error = Infallible,
    Future: Send,
> + Clone {
    service_fn(move |_| {
        calls.fetch_add(1, Ordering::Relaxed);
        let mut response = Response::new("handled".to_owned());
        *response.status_mut() = status;
        ready(Ok(response))
    })
}

async fn send<S>(service: &S, request: Requests) -> Response<String>
where
    S: Service<Requests, Response = Response<String>, Error = Infallible> + Clone,
{
    service.clone().oneshot(request).await.unwrap()
}

/// Sends the same delivery twice, and returns the responses and the number of calls of the handler.
fn send_twice(
    store: impl DeduplicationStore,
    status: StatusCode,
) -> ([Response<String>; 2], usize) {
    let calls = Arc::<AtomicUsize>::default();
    let layers = ServiceBuilder::new().layer(enforce()).layer(DeduplicateLayer::new(store));
    let service = layers.service(handler(status, Arc::clone(&calls)));
    let responses = block_on(async {
        [send(&service, signed_request("{}")).await, send(&service, signed_request("{}")).await]
    });
    (responses, calls.load(Ordering::Relaxed))
}

fn outcome(response: &Response<String>) -> Option<DeduplicationOutcome> {
    response.extensions().get().copied()
}

#[test]
fn a_duplicate_gets_an_empty_200_and_is_not_handled() {
    let ([first, second], calls) = send_twice(InMemory::new(), StatusCode::CREATED);
    assert_eq!((first.status(), &**first.body()), (StatusCode::CREATED, "handled"));
    assert_eq!(outcome(&first), None);
    assert_eq!((second.status(), &**second.body()), (StatusCode::OK, ""));
    assert_eq!(outcome(&second), Some(DeduplicationOutcome::Duplicate));
    assert_eq!(second.headers().len(), 0);
    assert_eq!(calls, 1);
}

/// Tawk.to retries after any other status than 2xx.
#[test]
fn a_delivery_that_was_not_handled_successfully_is_handled_again() {
    for status in [302, 404, 500].map(|status| StatusCode::from_u16(status).unwrap()) {
        let (responses, calls) = send_twice(InMemory::new(), status);
        assert_eq!(responses.map(|response| response.status()), [status; 2]);
        assert_eq!(calls, 2);
    }
}

#[test]
fn deliveries_with_different_bytes_are_not_duplicates() {
    let calls = Arc::<AtomicUsize>::default();
    let layers =
        ServiceBuilder::new().layer(enforce()).layer(DeduplicateLayer::new(InMemory::new()));
    let service = layers.service(handler(StatusCode::OK, Arc::clone(&calls)));
    block_on(async {
        send(&service, signed_request("{}")).await;
        send(&service, signed_request("{} ")).await;
    });
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[test]
fn a_duplicate_of_a_delivery_in_flight_gets_409() {
    let layers =
        ServiceBuilder::new().layer(enforce()).layer(DeduplicateLayer::new(InMemory::new()));
    let never =
        service_fn(|_: Request<_>| std::future::pending::<Result<Response<String>, Infallible>>());
    let service = layers.service(never);
    block_on(async {
        let mut first = Box::pin(send(&service, signed_request("{}")));
        assert!(poll_now(first.as_mut()).is_none());
        let second = send(&service, signed_request("{}")).await;
        assert_eq!(second.status(), StatusCode::CONFLICT);
        assert_eq!(second.headers()["retry-after"], "10");
        assert_eq!(outcome(&second), Some(DeduplicationOutcome::InFlight));
        // The client of the first copy disconnects.
        drop(first);
        let mut third = Box::pin(send(&service, signed_request("{}")));
        assert!(poll_now(third.as_mut()).is_none(), "the third copy is handled");
    });
}

fn poll_now<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    use std::task::{Context, Poll, Waker};
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Fails to claim or to commit.
#[derive(Clone, Copy)]
struct Failing {
    claims: bool,
}

impl DeduplicationStore for Failing {
    type Error = &'static str;
    type Guard = Self;
    type ClaimFuture = Ready<Result<Claim<Self>, &'static str>>;

    fn claim(&self, _: Signature) -> Self::ClaimFuture {
        ready(if self.claims { Ok(Claim::First(*self)) } else { Err("no database") })
    }
}

impl ClaimGuard for Failing {
    type Error = &'static str;
    type CommitFuture = Ready<Result<(), &'static str>>;

    fn commit(self) -> Self::CommitFuture {
        ready(Err("no database"))
    }
}

#[test]
fn a_failed_claim_gets_503_and_the_handler_is_not_called() {
    let ([response, _], calls) = send_twice(Failing { claims: false }, StatusCode::OK);
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "10");
    assert_eq!(outcome(&response), Some(DeduplicationOutcome::ClaimFailed));
    assert_eq!(calls, 0);
}

#[test]
fn a_failed_commit_gets_503_instead_of_the_response() {
    let ([response, _], calls) = send_twice(Failing { claims: true }, StatusCode::OK);
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        (response.headers()["retry-after"].to_str().unwrap(), &**response.body()),
        ("10", "")
    );
    assert_eq!(outcome(&response), Some(DeduplicationOutcome::CommitFailed));
    assert_eq!(calls, 2, "a retry is handled again");
}

#[test]
fn unverified_requests_pass_through_and_are_not_claimed() {
    let calls = Arc::<AtomicUsize>::default();
    let layers =
        ServiceBuilder::new().layer(observe()).layer(DeduplicateLayer::new(InMemory::new()));
    let service = layers.service(handler(StatusCode::OK, Arc::clone(&calls)));
    block_on(async {
        for _ in 0..2 {
            let unverified = request(&sign(b"other"), Full::from("{}"));
            assert_eq!(send(&service, unverified).await.status(), StatusCode::OK);
        }
        let verified = send(&service, signed_request("{}")).await;
        assert_eq!(outcome(&verified), None);
    });
    assert_eq!(calls.load(Ordering::Relaxed), 3);
}

#[test]
fn without_the_signature_layer_the_response_is_500() {
    let calls = Arc::<AtomicUsize>::default();
    let inner = Arc::clone(&calls);
    let service = DeduplicateLayer::new(InMemory::new()).layer(service_fn(move |_: Requests| {
        inner.fetch_add(1, Ordering::Relaxed);
        ready(Ok::<_, Infallible>(Response::new(String::new())))
    }));
    let mut response = None;
    let log = capture_logs(|| response = Some(block_on(send(&service, signed_request("{}")))));
    let response = response.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(outcome(&response), Some(DeduplicationOutcome::MissingLayer));
    assert!(log.contains("ERROR") && log.contains("inside of it"), "{log}");
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}

#[test]
fn logs_one_event_for_each_outcome() {
    let count = |log: &str, text: &str| log.lines().filter(|line| line.contains(text)).count();
    for (log, expected) in [
        (
            capture_logs(|| drop(send_twice(InMemory::new(), StatusCode::OK))),
            ["DEBUG tower_tawk: delivery committed", "INFO tower_tawk: duplicate delivery"],
        ),
        (
            capture_logs(|| drop(send_twice(InMemory::new(), StatusCode::NOT_FOUND))),
            ["DEBUG tower_tawk: delivery not committed", "request verified"],
        ),
        (
            capture_logs(|| drop(send_twice(Failing { claims: false }, StatusCode::OK))),
            ["ERROR tower_tawk: deduplication store failed", "error=no database"],
        ),
    ] {
        let events = log.lines().filter(|line| !line.contains("request verified")).count();
        assert_eq!(events, 2, "{log}");
        assert!(expected.iter().all(|text| count(&log, text) > 0), "{log}");
    }
}

#[test]
fn responses_can_be_replaced() {
    let layer = DeduplicateLayer::new(InMemory::new()).deduplication_response(
        |outcome: DeduplicationOutcome| outcome.response(format!("{outcome:?}")),
    );
    let layers = ServiceBuilder::new().layer(enforce()).layer(layer);
    let service = layers.service(handler(StatusCode::OK, Arc::default()));
    block_on(async {
        send(&service, signed_request("{}")).await;
        assert_eq!(send(&service, signed_request("{}")).await.body(), "Duplicate");
    });
}

#[test]
fn the_instance_that_was_polled_ready_is_called() {
    let layers = ServiceBuilder::new()
        .layer(enforce())
        .layer(DeduplicateLayer::new(InMemory::new()))
        // Panics if an instance is called that was not polled ready.
        .concurrency_limit(1);
    let service = layers.service(handler(StatusCode::OK, Arc::default()));
    let response = block_on(send(&service, signed_request("{}")));
    assert_eq!(response.status(), StatusCode::OK);
}

#[test]
fn works_with_every_mount_of_axum() {
    async fn webhook() -> &'static str {
        "handled"
    }
    let layers =
        || ServiceBuilder::new().layer(enforce()).layer(DeduplicateLayer::new(InMemory::new()));
    let route = |handler| Router::<()>::new().route("/tawk-webhook", handler);
    for router in [
        route(post(webhook).route_layer(layers())),
        route(post(webhook.layer(layers()))),
        route(post(webhook).layer(layers())),
        route(post(webhook)).route_layer(layers()),
        route(post(webhook)).layer(layers()),
    ] {
        block_on(async {
            for expected in [None, Some(DeduplicationOutcome::Duplicate)] {
                let request = signed_request("{}").map(Body::new);
                let response = router.clone().oneshot(request).await.unwrap();
                assert_eq!(response.status(), StatusCode::OK);
                assert_eq!(response.extensions().get().copied(), expected);
            }
        });
    }
}

#[tokio::test]
async fn works_with_hyper() {
    let calls = Arc::<AtomicUsize>::default();
    let layers =
        ServiceBuilder::new().layer(enforce()).layer(DeduplicateLayer::new(InMemory::new()));
    let service = layers.service(handler(StatusCode::OK, Arc::clone(&calls)));
    let (mut client, server) = duplex(4096);
    let service = TowerToHyperService::new(service);
    tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(server), service));
    for expected in ["handled", ""] {
        let head = format!(
            "POST / HTTP/1.1\r\nhost: x\r\nx-tawk-signature: {}\r\ncontent-length: 2\r\n\r\n{{}}",
            sign(b"{}")
        );
        client.write_all(head.as_bytes()).await.unwrap();
        let mut received = Vec::new();
        while !received.ends_with(format!("\r\n\r\n{expected}").as_bytes()) {
            received.push(client.read_u8().await.unwrap());
        }
        assert!(received.starts_with(b"HTTP/1.1 200"));
    }
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}
