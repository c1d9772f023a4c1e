//! The layer in hyper and tonic servers, with real clients over a socket.

use crate::support::response::echo;
use crate::support::{enforce, sign, signed_request};
use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tonic::Code;
use tonic::body::Body;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};

/// The name of the service whose health is checked.
const SERVICE: &str = "deliveries";

#[tokio::test]
async fn hyper_accepts_signed_and_rejects_altered_deliveries_over_http_1() {
    let (mut sender, connection) = http1::handshake(connect_to_hyper().await).await.unwrap();
    tokio::spawn(connection);
    assert_rejects_altered_and_accepts_signed(async |request| {
        sender.ready().await?;
        sender.send_request(request).await
    })
    .await;
}

#[tokio::test]
async fn hyper_accepts_signed_and_rejects_altered_deliveries_over_http_2() {
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), connect_to_hyper().await).await.unwrap();
    tokio::spawn(connection);
    assert_rejects_altered_and_accepts_signed(async |request| sender.send_request(request).await)
        .await;
}

#[tokio::test]
async fn tonic_answers_a_signed_call() {
    let channel = connect_to_tonic().await;
    let signing = service_fn(async |call: Request<Body>| {
        let call = sign_call(call).await?;
        Ok::<_, BoxError>(channel.clone().oneshot(call).await?)
    });
    let response = HealthClient::new(signing).check(health_check()).await.unwrap();
    assert_eq!(response.into_inner().status, ServingStatus::Serving as i32);
}

#[tokio::test]
async fn tonic_clients_see_an_unsigned_call_as_permission_denied() {
    let mut client = HealthClient::new(connect_to_tonic().await);
    assert_eq!(client.check(health_check()).await.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test]
async fn tonic_clients_see_a_mismatched_signature_as_permission_denied() {
    let channel = connect_to_tonic().await;
    let mut client = HealthClient::with_interceptor(channel, |mut call: tonic::Request<()>| {
        call.metadata_mut().insert("x-tawk-signature", sign(b"another body").parse().unwrap());
        Ok(call)
    });
    assert_eq!(client.check(health_check()).await.unwrap_err().code(), Code::PermissionDenied);
}

/// Sends both deliveries over one connection, which must remain usable after the rejection.
async fn assert_rejects_altered_and_accepts_signed(
    mut send: impl AsyncFnMut(Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>>,
) {
    let rejected = send(signed_request("{}").map(|_| Full::from("[]"))).await.unwrap();
    assert_eq!(rejected.status(), 403);
    assert_eq!(rejected.into_body().collect().await.unwrap().to_bytes(), "");

    let accepted = send(signed_request("{}")).await.unwrap();
    assert_eq!(accepted.status(), 200);
    assert_eq!(accepted.into_body().collect().await.unwrap().to_bytes(), "{}");
}

/// Connects to a hyper server with the layer around an echo service.
async fn connect_to_hyper() -> TokioIo<TcpStream> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (accepted, _) = listener.accept().await.unwrap();
    let service = TowerToHyperService::new(ServiceBuilder::new().layer(enforce()).service_fn(echo));
    tokio::spawn(async move {
        auto::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(accepted), service)
            .await
    });
    TokioIo::new(stream)
}

/// Connects to a tonic server with the layer around its health service.
async fn connect_to_tonic() -> Channel {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status(SERVICE, ServingStatus::Serving).await;
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = incoming.local_addr().unwrap();
    let server =
        Server::builder().layer(enforce()).add_service(health).serve_with_incoming(incoming);
    tokio::spawn(server);
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

fn health_check() -> HealthCheckRequest {
    HealthCheckRequest { service: SERVICE.to_owned() }
}

/// Signs the body of a unary call, which is one message with its length prefix.
async fn sign_call(call: Request<Body>) -> Result<Request<Body>, BoxError> {
    let (mut parts, body) = call.into_parts();
    let message = body.collect().await?.to_bytes();
    parts.headers.insert("X-Tawk-Signature", HeaderValue::try_from(sign(&message))?);
    Ok(Request::from_parts(parts, Body::new(Full::new(message))))
}
