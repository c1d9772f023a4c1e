//! Deduplicates deliveries with a store in SQLite, which survives restarts and can be shared by
//! several processes.
//!
//! ```text
//! TAWK_WEBHOOK_SECRET=... cargo run --example deduplicate
//! ```
//!
//! Prints a `curl` command that sends a signed delivery. Run it twice: the second request is a
//! duplicate, which gets 200 and is not handled. The database is `deduplicate.db` unless
//! `DATABASE_PATH` is set.

use std::env;
use std::error::Error;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use rusqlite::{Connection, OptionalExtension, Params, params};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tower::ServiceBuilder;
use tower_http::timeout::TimeoutLayer;
use tower_tawk::deduplicate::{Claim, ClaimGuard, DeduplicateLayer, DeduplicationStore};
use tower_tawk::{Delivery, Secret, Signature, TawkSignatureLayer};

const BODY: &str = r#"{"event":"chat:start","chatId":"1","property":{"id":"2"}}"#;

/// Less than the 30 s after which Tawk.to retries.
const HANDLER_TIMEOUT: Duration = Duration::from_secs(25);

/// Longer than the handler and a commit take. After a crash, a delivery is in flight until then.
pub(crate) const LEASE: Duration = Duration::from_secs(60);

/// Twice the 12 hours for which Tawk.to retries.
const TIME_TO_LIVE: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let secret = env::var("TAWK_WEBHOOK_SECRET")
        .map_err(|_| "set TAWK_WEBHOOK_SECRET to the secret from the Tawk.to dashboard")?;
    let secret = Secret::new(secret)?;
    let signature = secret.sign(BODY.as_bytes());
    let path = env::var("DATABASE_PATH").unwrap_or_else(|_| "deduplicate.db".into());
    let store = SqliteStore::open(&path, LEASE)
        .map_err(|error| format!("failed to open database: {error}; check DATABASE_PATH"))?;

    let listener = TcpListener::bind("127.0.0.1:8000").await?;
    let address = listener.local_addr()?;
    println!(
        "curl -i http://{address}/tawk-webhook -H 'X-Tawk-Signature: {signature}' -d '{BODY}'"
    );
    axum::serve(listener, router(secret, store)).await?;
    Ok(())
}

pub(crate) fn router(secret: Secret, store: SqliteStore) -> Router {
    let layers = ServiceBuilder::new()
        .layer(TawkSignatureLayer::enforce(secret))
        .layer(DeduplicateLayer::new(store))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, HANDLER_TIMEOUT));
    Router::new().route("/tawk-webhook", post(webhook).route_layer(layers))
}

/// Called for the first copy of a delivery, and again for a retry if it fails.
async fn webhook(delivery: Delivery) -> StatusCode {
    // Handle the delivery here.
    tracing::info!(event = delivery.event.name(), "delivery handled");
    StatusCode::OK
}

/// A claim is a row with a token and an expiry (a lease). A committed row has no token.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS claims (key BLOB PRIMARY KEY, token INTEGER, expires_at INTEGER);
    CREATE INDEX IF NOT EXISTS claims_expiry ON claims (expires_at);
";

#[derive(Clone)]
pub(crate) struct SqliteStore {
    connection: Arc<Mutex<Connection>>,
    lease: Duration,
}

impl SqliteStore {
    pub(crate) fn open(path: &str, lease: Duration) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)), lease })
    }

    /// Executes a statement in a separate transaction. None is open while the handler runs.
    fn execute(&self, sql: &str, parameters: impl Params) -> rusqlite::Result<usize> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).execute(sql, parameters)
    }

    fn claim_blocking(self, key: Signature) -> rusqlite::Result<Claim<Lease>> {
        self.execute("DELETE FROM claims WHERE expires_at < ?1", [millis(Duration::ZERO)])?;
        let token: i64 = rand::random();
        let claimed = self.execute(
            "INSERT INTO claims VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            params![key.as_bytes(), token, millis(self.lease)],
        )?;
        if claimed == 1 {
            return Ok(Claim::First(Lease { store: self, key, token }));
        }
        let is_committed =
            self.connection.lock().unwrap_or_else(PoisonError::into_inner).query_row(
                "SELECT token IS NULL FROM claims WHERE key = ?1",
                [key.as_bytes()],
                |row| row.get(0),
            );
        // The row is missing if the claim has been released in the meantime.
        match is_committed.optional()? {
            Some(true) => Ok(Claim::Committed),
            Some(false) | None => Ok(Claim::InFlight),
        }
    }
}

impl DeduplicationStore for SqliteStore {
    type Error = Box<dyn Error + Send + Sync>;
    type Guard = Lease;
    type ClaimFuture = Blocking<Claim<Lease>>;

    /// If the future is dropped, the output of the blocking task is dropped, which releases the
    /// claim.
    fn claim(&self, key: Signature) -> Self::ClaimFuture {
        let store = self.clone();
        blocking(move || Ok(store.claim_blocking(key)?))
    }
}

pub(crate) struct Lease {
    store: SqliteStore,
    key: Signature,
    token: i64,
}

impl ClaimGuard for Lease {
    type Error = Box<dyn Error + Send + Sync>;
    type CommitFuture = Blocking<()>;

    fn commit(self) -> Self::CommitFuture {
        blocking(move || {
            let committed = self.store.execute(
                "UPDATE claims SET token = NULL, expires_at = ?1 WHERE key = ?2 AND token = ?3",
                params![millis(TIME_TO_LIVE), self.key.as_bytes(), self.token],
            )?;
            if committed == 1 { Ok(()) } else { Err("the lease has expired".into()) }
        })
    }
}

impl Drop for Lease {
    /// Releases the claim. Has no effect after a commit, which removes the token.
    fn drop(&mut self) {
        let (store, key, token) = (self.store.clone(), self.key, self.token);
        let release = move || {
            let delete = "DELETE FROM claims WHERE key = ?1 AND token = ?2";
            if let Err(error) = store.execute(delete, params![key.as_bytes(), token]) {
                tracing::warn!(%error, "failed to release claim; it expires with its lease");
            }
        };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(release)),
            Err(_) => release(),
        }
    }
}

type Blocking<T> = Pin<Box<dyn Future<Output = Result<T, Box<dyn Error + Send + Sync>>> + Send>>;

fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Box<dyn Error + Send + Sync>> + Send + 'static,
) -> Blocking<T> {
    Box::pin(async move { spawn_blocking(work).await? })
}

/// Returns the current time plus a duration, in milliseconds since the Unix epoch.
fn millis(duration: Duration) -> i64 {
    let time = SystemTime::now() + duration;
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
