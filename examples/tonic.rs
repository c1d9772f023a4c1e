//! Verifies requests in front of a tonic server, here with the gRPC health service.
//!
//! ```text
//! TAWK_WEBHOOK_SECRET=... cargo run --example tonic
//! ```
//!
//! Prints a `curl` command that sends a signed request. Omit the signature, and the request is
//! rejected with 403, which gRPC clients report as `PermissionDenied`. The log contains the reason.

use std::env;
use std::error::Error;

use tonic::transport::Server;
use tower_tawk::{Secret, TawkSignatureLayer};

/// An empty message in gRPC framing. The signature covers the framed body.
const BODY: &[u8] = &[0; 5];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let secret = secret()?;
    let signature = secret.sign(BODY);
    let (_reporter, health) = tonic_health::server::health_reporter();

    let address = "127.0.0.1:50051";
    println!(
        r"printf '\0\0\0\0\0' | curl -i --http2-prior-knowledge \
    http://{address}/grpc.health.v1.Health/Check \
    -H 'Content-Type: application/grpc' -H 'TE: trailers' \
    -H 'X-Tawk-Signature: {signature}' --data-binary @- --output -"
    );
    Server::builder()
        .layer(TawkSignatureLayer::enforce(secret))
        .add_service(health)
        .serve(address.parse()?)
        .await?;
    Ok(())
}

fn secret() -> Result<Secret, String> {
    let secret = env::var("TAWK_WEBHOOK_SECRET")
        .map_err(|_| "set TAWK_WEBHOOK_SECRET to the secret from the Tawk.to dashboard")?;
    Secret::new(secret).map_err(|error| format!("TAWK_WEBHOOK_SECRET: {error}"))
}
