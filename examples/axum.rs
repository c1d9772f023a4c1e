//! The layer on one route of an axum router.
//!
//! ```text
//! TAWK_WEBHOOK_SECRET=... cargo run --example axum
//! ```
//!
//! Prints the `curl` command that delivers to it. Change a byte of the body, or leave the
//! signature out, and the answer is 403; the log says why.

use std::env;
use std::error::Error;

use axum::body::Bytes;
use axum::routing::post;
use axum::{Extension, Router};
use tokio::net::TcpListener;
use tower_tawk::{Secret, TawkSignatureLayer, Verdict};

const BODY: &str = r#"{"event":"chat:start"}"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let secret = secret()?;
    let signature = secret.sign(BODY.as_bytes());

    let layer = TawkSignatureLayer::enforce(secret);
    let app = Router::new().route("/tawk-webhook", post(handler).route_layer(layer));

    let listener = TcpListener::bind("127.0.0.1:8000").await?;
    let address = listener.local_addr()?;
    println!(
        "curl -i http://{address}/tawk-webhook -H 'X-Tawk-Signature: {signature}' -d '{BODY}'"
    );
    axum::serve(listener, app).await?;
    Ok(())
}

/// Is called for verified deliveries only. A signature is the key to recognise a repeat by.
async fn handler(Extension(verdict): Extension<Verdict>, body: Bytes) {
    if let Verdict::Verified(by) = verdict {
        let (label, signature) = (by.secret_label(), by.signature());
        println!("{} bytes, signed with the secret `{label}`: {signature:?}", body.len());
    }
}

fn secret() -> Result<Secret, String> {
    let text = env::var("TAWK_WEBHOOK_SECRET").map_err(|_| {
        "set TAWK_WEBHOOK_SECRET to the secret that the Tawk.to dashboard shows for the webhook"
    })?;
    Secret::new(text).map_err(|error| format!("TAWK_WEBHOOK_SECRET: {error}"))
}
