//! Verifies webhooks on one route of an axum router.
//!
//! ```text
//! TAWK_WEBHOOK_SECRET=... cargo run --example axum
//! ```
//!
//! Prints a `curl` command that sends a signed delivery. Change a byte of the body, or omit the
//! signature, and the request is rejected with 403. The log contains the reason.

use std::env;
use std::error::Error;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use tokio::net::TcpListener;
use tower_tawk::event::Event;
use tower_tawk::{Delivery, Secret, TawkSignatureLayer};

const BODY: &str = r#"{"event":"chat:start","chatId":"1","property":{"id":"2"}}"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let secret = secret()?;
    let signature = secret.sign(BODY.as_bytes());

    let layer = TawkSignatureLayer::enforce(secret);
    let app = Router::new().route("/tawk-webhook", post(webhook).route_layer(layer));

    let listener = TcpListener::bind("127.0.0.1:8000").await?;
    let address = listener.local_addr()?;
    println!(
        "curl -i http://{address}/tawk-webhook -H 'X-Tawk-Signature: {signature}' -d '{BODY}'"
    );
    axum::serve(listener, app).await?;
    Ok(())
}

/// Only called for verified deliveries. Use `delivery.signature` as a deduplication key.
async fn webhook(delivery: Delivery) -> StatusCode {
    match &delivery.event {
        Event::ChatStart(start) => println!("chat {} started", start.chat_id),
        Event::TranscriptCreated(transcript) => println!(
            "chat {} has {} agent replies",
            transcript.chat.id,
            delivery.event.agent_replies().count()
        ),
        // Respond with 2xx to every other event too: Tawk.to would retry for 12 hours.
        other => println!("ignored event {:?}", other.name()),
    }
    StatusCode::OK
}

fn secret() -> Result<Secret, String> {
    let secret = env::var("TAWK_WEBHOOK_SECRET")
        .map_err(|_| "set TAWK_WEBHOOK_SECRET to the secret from the Tawk.to dashboard")?;
    Secret::new(secret).map_err(|error| format!("TAWK_WEBHOOK_SECRET: {error}"))
}
