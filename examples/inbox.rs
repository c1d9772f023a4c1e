//! Stores every delivery exactly once in SQLite, and only then answers 200.
//!
//! ```text
//! TAWK_WEBHOOK_SECRET=... cargo run --example inbox
//! ```
//!
//! Prints a `curl` command that sends a signed delivery. Run it twice: the second delivery is a
//! duplicate, which is answered with 200 and changes nothing. The database is `inbox.db` unless
//! `DATABASE_URL` is set.

use std::env;
use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{Connection, SqliteConnection, SqlitePool};
use tokio::net::TcpListener;
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
    let url = env::var("DATABASE_URL").unwrap_or_else(|_| "sqlite:inbox.db".into());
    let pool = open(&url)
        .await
        .map_err(|error| format!("failed to open database: {error}; check DATABASE_URL"))?;

    let listener = TcpListener::bind("127.0.0.1:8000").await?;
    let address = listener.local_addr()?;
    println!(
        "curl -i http://{address}/tawk-webhook -H 'X-Tawk-Signature: {signature}' -d '{BODY}'"
    );
    axum::serve(listener, router(secret, pool)).await?;
    Ok(())
}

pub(crate) fn router(secret: Secret, pool: SqlitePool) -> Router {
    let layer = TawkSignatureLayer::enforce(secret);
    Router::new().route("/tawk-webhook", post(webhook).route_layer(layer)).with_state(pool)
}

/// Only called for verified deliveries. Tawk.to retries for up to 12 hours after a 503.
async fn webhook(State(pool): State<SqlitePool>, delivery: Delivery) -> StatusCode {
    match store(&pool, &delivery).await {
        Ok(()) => StatusCode::OK,
        Err(error) => {
            tracing::error!(%error, "failed to store delivery");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

async fn store(pool: &SqlitePool, delivery: &Delivery) -> sqlx::Result<()> {
    let mut connection = pool.acquire().await?;
    let result = store_once(&mut connection, delivery).await;
    if result.is_err() {
        // SQLite rolls back by itself after some errors, such as a full disk, and sqlx does not
        // notice. Don't reuse the connection.
        connection.close_on_drop();
    }
    result
}

/// The signature is the deduplication key. It is inserted in the same transaction as everything
/// else, so that either all of it takes effect or none of it.
async fn store_once(connection: &mut SqliteConnection, delivery: &Delivery) -> sqlx::Result<()> {
    let mut transaction = connection.begin().await?;
    let inserted = sqlx::query(
        "INSERT INTO deliveries (signature, body) VALUES (?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(&delivery.signature.as_bytes()[..])
    .bind(&delivery.raw[..])
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    if inserted == 0 {
        return Ok(()); // A duplicate.
    }
    // Replace this with your own work.
    sqlx::query(
        "INSERT INTO event_counts (event, count) VALUES (?, 1)
         ON CONFLICT DO UPDATE SET count = count + 1",
    )
    .bind(delivery.event.name())
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await
}

pub(crate) async fn open(url: &str) -> sqlx::Result<SqlitePool> {
    let options = url.parse::<SqliteConnectOptions>()?.create_if_missing(true);
    let pool = SqlitePoolOptions::new()
        .max_connections(1) // SQLite allows one writer at a time.
        .acquire_timeout(Duration::from_secs(10)) // Tawk.to waits 30 s for the response.
        .connect_with(options)
        .await?;
    sqlx::raw_sql(SCHEMA).execute(&pool).await?;
    Ok(pool)
}

fn secret() -> Result<Secret, String> {
    let secret = env::var("TAWK_WEBHOOK_SECRET")
        .map_err(|_| "set TAWK_WEBHOOK_SECRET to the secret from the Tawk.to dashboard")?;
    Secret::new(secret).map_err(|error| format!("TAWK_WEBHOOK_SECRET: {error}"))
}
