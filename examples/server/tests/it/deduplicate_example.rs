//! `examples/deduplicate.rs`: a store in SQLite with leases.

#[allow(dead_code, reason = "`main` is not called")]
#[path = "../../../deduplicate.rs"]
mod deduplicate;

use std::time::Duration;

use axum::body::Body;
use deduplicate::{LEASE, SqliteStore};
use tower::ServiceExt;
use tower_tawk::Secret;
use tower_tawk::deduplicate::{Claim, ClaimGuard, DeduplicationOutcome, DeduplicationStore};
use tower_tawk::test_util::{deduplication_contract, signed_request};

use crate::support::Directory;

/// Opens a database twice, as two processes do.
fn stores(directory: &Directory, lease: Duration) -> [SqliteStore; 2] {
    let path = directory.path().join("deduplicate.db");
    [(); 2].map(|()| SqliteStore::open(path.to_str().unwrap(), lease).unwrap())
}

#[tokio::test]
async fn fulfills_the_contract() {
    let directory = Directory::new();
    let [store, _] = stores(&directory, Duration::from_millis(500));
    deduplication_contract(store, Duration::from_secs(2)).await;
}

#[tokio::test]
async fn a_duplicate_is_recognized_after_a_restart_and_by_another_process() {
    let directory = Directory::new();
    let secret = Secret::new(crate::support::SECRET).unwrap();
    let mut outcomes = Vec::new();
    for store in stores(&directory, LEASE).into_iter().chain(stores(&directory, LEASE)) {
        let router = deduplicate::router(secret.clone(), store);
        let request = signed_request(&secret, "{}").map(Body::new);
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        outcomes.push(response.extensions().get().copied());
    }
    let duplicate = Some(DeduplicationOutcome::Duplicate);
    assert_eq!(outcomes, [None, duplicate, duplicate, duplicate]);
}

#[tokio::test]
async fn a_claim_that_expired_cannot_be_committed() {
    let directory = Directory::new();
    let [one, other] = stores(&directory, Duration::ZERO);
    let key = Secret::new("an invented secret").unwrap().sign(b"{}");
    let Claim::First(expired) = one.claim(key).await.unwrap() else { panic!("it is free") };
    let second = loop {
        // Leases have a resolution of one millisecond.
        if let Claim::First(second) = other.claim(key).await.unwrap() {
            break second;
        }
    };
    assert_eq!(expired.commit().await.unwrap_err().to_string(), "the lease has expired");
    second.commit().await.unwrap();
    assert!(matches!(one.claim(key).await.unwrap(), Claim::Committed));
}
