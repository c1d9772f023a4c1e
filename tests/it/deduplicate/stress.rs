//! Copies of many deliveries on several threads.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tower_tawk::BufferedBody;
use tower_tawk::deduplicate::{DeduplicateLayer, InMemory};

use crate::support::{block_on, enforce, signed_request};

const DELIVERIES: usize = 64;
const THREADS: usize = 4;

/// Each thread sends every delivery until it gets a 2xx response, as Tawk.to does. Every third call
/// of the handler fails.
#[test]
fn each_delivery_is_handled_successfully_once() {
    let store = InMemory::new();
    let calls = AtomicUsize::new(0);
    let successes = [(); DELIVERIES].map(|()| AtomicUsize::new(0));
    let handle = |request: Request<BufferedBody>| {
        let fails = calls.fetch_add(1, Ordering::Relaxed).is_multiple_of(3);
        let successes = &successes;
        async move {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let number: usize = str::from_utf8(&body).unwrap().parse().unwrap();
            tokio::task::yield_now().await;
            let mut response = Response::new(String::new());
            if fails {
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            } else {
                successes[number].fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, Infallible>(response)
        }
    };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            let layers =
                ServiceBuilder::new().layer(enforce()).layer(DeduplicateLayer::new(store.clone()));
            let service = layers.service(service_fn(handle));
            scope.spawn(|| {
                block_on(async move {
                    for number in 0..DELIVERIES {
                        loop {
                            let request = signed_request(number.to_string());
                            let response = service.clone().oneshot(request).await.unwrap();
                            if response.status().is_success() {
                                break;
                            }
                        }
                    }
                });
            });
        }
    });
    let successes = successes.map(AtomicUsize::into_inner);
    assert_eq!(successes, [1; DELIVERIES]);
}
