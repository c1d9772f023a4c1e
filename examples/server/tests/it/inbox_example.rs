//! `examples/inbox.rs`: stores every delivery exactly once, and then responds with 200.

#[allow(dead_code, reason = "`main` is not called")]
#[path = "../../../inbox.rs"]
mod inbox;

use crate::support::Directory;
use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use bytes::Bytes;
use tower::ServiceExt;
use tower_tawk::Secret;
use tower_tawk::test_util::{Fault, SignedRequest};

const BODY: &str = r#"{"event":"chat:start","chatId":"1","property":{"id":"2"}}"#;

struct Example {
    router: Router,
    database: inbox::Database,
    _directory: Directory,
}

impl Example {
    fn start() -> Self {
        let directory = Directory::new();
        let file = directory.path().join("inbox.db");
        let database = inbox::open(file.to_str().unwrap()).unwrap();
        let router = inbox::router(secret(), database.clone());
        Self { router, database, _directory: directory }
    }

    async fn send(&self, request: SignedRequest) -> StatusCode {
        let request = request.build().map(Body::new);
        self.router.clone().oneshot(request).await.unwrap().status()
    }

    fn execute(&self, sql: &str) {
        self.database.lock().unwrap().execute_batch(sql).unwrap();
    }

    fn stored_bodies(&self) -> Vec<Vec<u8>> {
        let database = self.database.lock().unwrap();
        let mut query = database.prepare("SELECT body FROM deliveries").unwrap();
        query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    fn event_count(&self) -> i64 {
        let query = "SELECT coalesce(sum(count), 0) FROM event_counts";
        self.database.lock().unwrap().query_row(query, [], |row| row.get(0)).unwrap()
    }
}

fn secret() -> Secret {
    Secret::new(crate::support::SECRET).unwrap()
}

fn delivery(body: impl Into<Bytes>) -> SignedRequest {
    SignedRequest::new(&secret(), body)
}

#[tokio::test]
async fn stores_a_signed_delivery_and_responds_with_200() {
    let example = Example::start();
    assert_eq!(example.send(delivery(BODY)).await, StatusCode::OK);
    assert_eq!(example.stored_bodies(), [BODY.as_bytes()]);
    assert_eq!(example.event_count(), 1);
}

#[tokio::test]
async fn responds_with_200_to_a_duplicate_and_stores_it_once() {
    let example = Example::start();
    assert_eq!(example.send(delivery(BODY)).await, StatusCode::OK);
    assert_eq!(example.send(delivery(BODY)).await, StatusCode::OK);
    assert_eq!(example.stored_bodies().len(), 1);
    assert_eq!(example.event_count(), 1);
}

#[tokio::test]
async fn stores_concurrent_duplicates_once() {
    let example = Example::start();
    let statuses = tokio::join!(example.send(delivery(BODY)), example.send(delivery(BODY)));
    assert_eq!(statuses, (StatusCode::OK, StatusCode::OK));
    assert_eq!(example.stored_bodies().len(), 1);
    assert_eq!(example.event_count(), 1);
}

#[tokio::test]
async fn stores_a_signed_body_that_is_not_an_event() {
    let example = Example::start();
    assert_eq!(example.send(delivery("not JSON")).await, StatusCode::OK);
    assert_eq!(example.stored_bodies(), [b"not JSON"]);
}

#[tokio::test]
async fn rejects_unverified_requests_with_403_and_stores_nothing() {
    let example = Example::start();
    for fault in [Fault::Missing, Fault::WrongSecret, Fault::Altered] {
        assert_eq!(example.send(delivery(BODY).fault(fault)).await, StatusCode::FORBIDDEN);
    }
    assert!(example.stored_bodies().is_empty());
    assert_eq!(example.event_count(), 0);
}

#[tokio::test]
async fn responds_with_503_if_the_delivery_cannot_be_stored() {
    let example = Example::start();
    example.execute("ALTER TABLE deliveries RENAME TO renamed");
    assert_eq!(example.send(delivery(BODY)).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(example.event_count(), 0);
}

#[tokio::test]
async fn rolls_back_if_the_work_fails_and_stores_the_retry() {
    let example = Example::start();
    example.execute("ALTER TABLE event_counts RENAME TO renamed");
    assert_eq!(example.send(delivery(BODY)).await, StatusCode::SERVICE_UNAVAILABLE);
    assert!(example.stored_bodies().is_empty());

    example.execute("ALTER TABLE renamed RENAME TO event_counts");
    assert_eq!(example.send(delivery(BODY)).await, StatusCode::OK);
    assert_eq!(example.stored_bodies(), [BODY.as_bytes()]);
    assert_eq!(example.event_count(), 1);
}

/// SQLite rolls back by itself if the disk is full. Limiting the number of pages has the same
/// effect.
#[tokio::test]
async fn rolls_back_if_the_disk_is_full_and_stores_the_retry() {
    let example = Example::start();
    example.execute("PRAGMA max_page_count = 1");
    let body = vec![b'x'; 1 << 20];
    assert_eq!(example.send(delivery(body.clone())).await, StatusCode::SERVICE_UNAVAILABLE);
    assert!(example.stored_bodies().is_empty());

    example.execute("PRAGMA max_page_count = 1000000");
    assert_eq!(example.send(delivery(body.clone())).await, StatusCode::OK);
    assert_eq!(example.stored_bodies(), [body]);
    assert_eq!(example.event_count(), 1);
}
