//! Verifies webhooks in front of a hyper service, over HTTP/1.1 and HTTP/2.
//!
//! ```text
//! TAWK_WEBHOOK_SECRET=... cargo run --example hyper
//! ```
//!
//! Prints a `curl` command that sends a signed delivery. Every path is served. Change a byte of the
//! body, or omit the signature, and the request is rejected with 403. The log contains the reason.

use std::convert::Infallible;
use std::env;
use std::error::Error;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::ServiceBuilder;
use tower_tawk::{BufferedBody, Secret, TawkSignatureLayer, Verdict};

const BODY: &str = r#"{"event":"chat:start"}"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let secret = secret()?;
    let signature = secret.sign(BODY.as_bytes());

    let layer = TawkSignatureLayer::enforce(secret);
    let service = ServiceBuilder::new().layer(layer).service_fn(webhook);
    let service = TowerToHyperService::new(service);

    let listener = TcpListener::bind("127.0.0.1:8000").await?;
    let address = listener.local_addr()?;
    println!("curl -i http://{address}/ -H 'X-Tawk-Signature: {signature}' -d '{BODY}'");
    loop {
        let (stream, _) = listener.accept().await?;
        let service = service.clone();
        tokio::spawn(async move {
            let mut server = auto::Builder::new(TokioExecutor::new());
            // Without a timer, hyper waits for a request's headers without a timeout.
            server.http1().timer(TokioTimer::new());
            if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
                eprintln!("connection failed: {error}");
            }
        });
    }
}

/// Only called for verified deliveries. Use the signature as a deduplication key.
async fn webhook(request: Request<BufferedBody>) -> Result<Response<Empty<Bytes>>, Infallible> {
    let verdict = request.extensions().get().cloned();
    let body = request.into_body().into_bytes();
    if let Some(Verdict::Verified(verified)) = verdict {
        let (label, signature) = (verified.secret_label(), verified.signature());
        println!("{} bytes, signed with the secret `{label}`: {signature:?}", body.len());
    }
    Ok(Response::default())
}

fn secret() -> Result<Secret, String> {
    let secret = env::var("TAWK_WEBHOOK_SECRET")
        .map_err(|_| "set TAWK_WEBHOOK_SECRET to the secret from the Tawk.to dashboard")?;
    Secret::new(secret).map_err(|error| format!("TAWK_WEBHOOK_SECRET: {error}"))
}
