//! Stores every delivery exactly once in SQLite, and only then answers 200.
//!
//! ```text
//! TAWK_WEBHOOK_SECRET=... cargo run --example inbox
//! ```
//!
//! Prints a `curl` command that sends a signed delivery. Run it twice: the second delivery is a
//! duplicate, which is answered with 200 and changes nothing. The database is `inbox.db` unless
//! `DATABASE_PATH` is set.

use std::env;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use rusqlite::{Connection, params};
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;
use tower_tawk::{Delivery, Secret, TawkSignatureLayer};

const BODY: &str = r#"{"event":"chat:start","chatId":"1","property":{"id":"2"}}"#;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS deliveries (signature BLOB PRIMARY KEY, body BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS event_counts (event TEXT PRIMARY KEY, count INTEGER NOT NULL);
";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let secret = secret()?;
    let signature = secret.sign(BODY.as_bytes());
    let path = env::var("DATABASE_PATH").unwrap_or_else(|_| "inbox.db".into());
    let database = open(&path)
        .map_err(|error| format!("failed to open database: {error}; check DATABASE_PATH"))?;

    let listener = TcpListener::bind("127.0.0.1:8000").await?;
    let address = listener.local_addr()?;
    println!(
        "curl -i http://{address}/tawk-webhook -H 'X-Tawk-Signature: {signature}' -d '{BODY}'"
    );
    axum::serve(listener, router(secret, database)).await?;
    Ok(())
}

/// SQLite allows one writer at a time.
pub(crate) type Database = Arc<Mutex<Connection>>;

pub(crate) fn router(secret: Secret, database: Database) -> Router {
    let layer = TawkSignatureLayer::enforce(secret);
    Router::new().route("/tawk-webhook", post(webhook).route_layer(layer)).with_state(database)
}

/// Only called for verified deliveries. Tawk.to retries for up to 12 hours after a 503.
async fn webhook(State(database): State<Database>, delivery: Delivery) -> StatusCode {
    let store = spawn_blocking(move || {
        store(&mut database.lock().unwrap_or_else(PoisonError::into_inner), &delivery)
    });
    match store.await {
        Ok(Ok(())) => StatusCode::OK,
        Ok(Err(error)) => {
            tracing::error!(%error, "failed to store delivery");
            StatusCode::SERVICE_UNAVAILABLE
        }
        Err(error) => {
            tracing::error!(%error, "panicked while storing delivery");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

/// The signature is the deduplication key. It is inserted in the same transaction as everything
/// else, so that either all of it takes effect or none of it: the transaction rolls back if it is
/// dropped before `commit`.
fn store(connection: &mut Connection, delivery: &Delivery) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    let inserted = transaction.execute(
        "INSERT INTO deliveries (signature, body) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        params![delivery.signature.as_bytes(), &delivery.raw[..]],
    )?;
    if inserted == 0 {
        return Ok(()); // A duplicate.
    }
    // Replace this with your own work.
    transaction.execute(
        "INSERT INTO event_counts (event, count) VALUES (?1, 1)
         ON CONFLICT DO UPDATE SET count = count + 1",
        [delivery.event.name()],
    )?;
    transaction.commit()
}

pub(crate) fn open(path: &str) -> rusqlite::Result<Database> {
    let connection = Connection::open(path)?;
    connection.execute_batch(SCHEMA)?;
    Ok(Arc::new(Mutex::new(connection)))
}

fn secret() -> Result<Secret, String> {
    let secret = env::var("TAWK_WEBHOOK_SECRET")
        .map_err(|_| "set TAWK_WEBHOOK_SECRET to the secret from the Tawk.to dashboard")?;
    Secret::new(secret).map_err(|error| format!("TAWK_WEBHOOK_SECRET: {error}"))
}
