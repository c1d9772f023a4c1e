//! `examples/inbox.rs`: stores every delivery exactly once, and only then answers 200.

#[allow(dead_code, reason = "`main` is not called")]
#[path = "../../../inbox.rs"]
mod inbox;

use crate::support::Directory;
use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use bytes::Bytes;
use sqlx::SqlitePool;
use tower::ServiceExt;
use tower_tawk::Secret;
use tower_tawk::test_util::{Fault, SignedRequest};

const BODY: &str = r#"{"event":"chat:start","chatId":"1","property":{"id":"2"}}"#;

struct Example {
    router: Router,
    pool: SqlitePool,
    _directory: Directory,
}

impl Example {
    async fn start() -> Self {
        let directory = Directory::new();
        let file = directory.path().join("inbox.db");
        let pool = inbox::open(&format!("sqlite:{}", file.display())).await.unwrap();
        Self { router: inbox::router(secret(), pool.clone()), pool, _directory: directory }
    }

    async fn send(&self, request: SignedRequest) -> StatusCode {
        let request = request.build().map(Body::new);
        self.router.clone().oneshot(request).await.unwrap().status()
    }

    async fn execute(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&self.pool).await.unwrap();
    }

    async fn stored_bodies(&self) -> Vec<Vec<u8>> {
        let query = sqlx::query_scalar("SELECT body FROM deliveries");
        query.fetch_all(&self.pool).await.unwrap()
    }

    async fn event_count(&self) -> i64 {
        let query = sqlx::query_scalar("SELECT coalesce(sum(count), 0) FROM event_counts");
        query.fetch_one(&self.pool).await.unwrap()
    }
}

fn secret() -> Secret {
    Secret::new(crate::support::SECRET).unwrap()
}

fn delivery(body: impl Into<Bytes>) -> SignedRequest {
    SignedRequest::new(&secret(), body)
}

#[tokio::test]
async fn stores_a_signed_delivery_and_answers_200() {
    let example = Example::start().await;
    assert_eq!(example.send(delivery(BODY)).await, StatusCode::OK);
    assert_eq!(example.stored_bodies().await, [BODY.as_bytes()]);
    assert_eq!(example.event_count().await, 1);
}

#[tokio::test]
async fn answers_200_to_a_duplicate_and_stores_it_once() {
    let example = Example::start().await;
    assert_eq!(example.send(delivery(BODY)).await, StatusCode::OK);
    assert_eq!(example.send(delivery(BODY)).await, StatusCode::OK);
    assert_eq!(example.stored_bodies().await.len(), 1);
    assert_eq!(example.event_count().await, 1);
}

#[tokio::test]
async fn stores_concurrent_duplicates_once() {
    let example = Example::start().await;
    let statuses = tokio::join!(example.send(delivery(BODY)), example.send(delivery(BODY)));
    assert_eq!(statuses, (StatusCode::OK, StatusCode::OK));
    assert_eq!(example.stored_bodies().await.len(), 1);
    assert_eq!(example.event_count().await, 1);
}

#[tokio::test]
async fn stores_a_signed_body_that_is_not_an_event() {
    let example = Example::start().await;
    assert_eq!(example.send(delivery("not JSON")).await, StatusCode::OK);
    assert_eq!(example.stored_bodies().await, [b"not JSON"]);
}

#[tokio::test]
async fn rejects_unverified_requests_with_403_and_stores_nothing() {
    let example = Example::start().await;
    for fault in [Fault::Missing, Fault::WrongSecret, Fault::Altered] {
        assert_eq!(example.send(delivery(BODY).fault(fault)).await, StatusCode::FORBIDDEN);
    }
    assert!(example.stored_bodies().await.is_empty());
    assert_eq!(example.event_count().await, 0);
}

#[tokio::test]
async fn answers_503_if_the_delivery_cannot_be_stored() {
    let example = Example::start().await;
    example.execute("ALTER TABLE deliveries RENAME TO renamed").await;
    assert_eq!(example.send(delivery(BODY)).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(example.event_count().await, 0);

    example.pool.close().await;
    assert_eq!(example.send(delivery(BODY)).await, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn rolls_back_if_the_work_fails_and_stores_the_retry() {
    let example = Example::start().await;
    example.execute("ALTER TABLE event_counts RENAME TO renamed").await;
    assert_eq!(example.send(delivery(BODY)).await, StatusCode::SERVICE_UNAVAILABLE);
    assert!(example.stored_bodies().await.is_empty());

    example.execute("ALTER TABLE renamed RENAME TO event_counts").await;
    assert_eq!(example.send(delivery(BODY)).await, StatusCode::OK);
    assert_eq!(example.stored_bodies().await, [BODY.as_bytes()]);
    assert_eq!(example.event_count().await, 1);
}

/// SQLite may roll back by itself if the disk is full. The pragma belongs to the connection, so the
/// retry succeeds only on a new one.
#[tokio::test]
async fn replaces_the_connection_after_a_full_disk() {
    let example = Example::start().await;
    example.execute("PRAGMA max_page_count = 1").await;
    let body = vec![b'x'; 1 << 20];
    assert_eq!(example.send(delivery(body.clone())).await, StatusCode::SERVICE_UNAVAILABLE);
    assert!(example.stored_bodies().await.is_empty());

    assert_eq!(example.send(delivery(body.clone())).await, StatusCode::OK);
    assert_eq!(example.stored_bodies().await, [body]);
}
