//! The layer in front of a tonic server, asked by a real client over a socket.
//!
//! What is signed is the body as it travels: for a gRPC call, the message with its length in
//! front.

use crate::support::{secret, sign};
use http::{HeaderValue, Request};
use http_body_util::{BodyExt, Full};
use tonic::Code;
use tonic::body::Body;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tower::{BoxError, ServiceExt, service_fn};
use tower_tawk::TawkSignatureLayer;

const SERVICE: &str = "deliveries";

#[tokio::test]
async fn a_signed_call_is_answered() {
    let channel = serve().await;
    let signing = service_fn(async |call: Request<Body>| {
        let call = signed(call).await?;
        Ok::<_, BoxError>(channel.clone().oneshot(call).await?)
    });
    let answer = HealthClient::new(signing).check(question()).await.unwrap();
    assert_eq!(answer.into_inner().status, ServingStatus::Serving as i32);
}

#[tokio::test]
async fn an_unsigned_call_reaches_its_client_as_permission_denied() {
    let refused = HealthClient::new(serve().await).check(question()).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}

/// The signature of another message than the one that is sent.
#[tokio::test]
async fn a_call_with_a_wrong_signature_reaches_its_client_as_permission_denied() {
    let channel = serve().await;
    let mut client = HealthClient::with_interceptor(channel, |mut call: tonic::Request<()>| {
        call.metadata_mut().insert("x-tawk-signature", sign(b"another").parse().unwrap());
        Ok(call)
    });
    assert_eq!(client.check(question()).await.unwrap_err().code(), Code::PermissionDenied);
}

/// Starts a server with the layer, and connects to it.
async fn serve() -> Channel {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status(SERVICE, ServingStatus::Serving).await;
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = incoming.local_addr().unwrap();
    let server = Server::builder()
        .layer(TawkSignatureLayer::enforce(secret()))
        .add_service(health)
        .serve_with_incoming(incoming);
    tokio::spawn(server);
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

fn question() -> HealthCheckRequest {
    HealthCheckRequest { service: SERVICE.to_owned() }
}

/// A unary call is one frame that can be collected, signed, and sent on.
async fn signed(call: Request<Body>) -> Result<Request<Body>, BoxError> {
    let (mut parts, body) = call.into_parts();
    let message = body.collect().await?.to_bytes();
    parts.headers.insert("X-Tawk-Signature", HeaderValue::try_from(sign(&message))?);
    Ok(Request::from_parts(parts, Body::new(Full::new(message))))
}
