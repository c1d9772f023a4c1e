//! The layer under hyper alone, over a socket: HTTP/1.1 and HTTP/2.

use crate::support::{inner, secret, signed};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceBuilder;
use tower_tawk::TawkSignatureLayer;

#[tokio::test]
async fn over_http_1_a_delivery_is_taken_and_another_refused() {
    let (mut sender, connection) = http1::handshake(connect().await).await.unwrap();
    tokio::spawn(connection);
    takes_a_delivery_and_refuses_another(async |request| {
        sender.ready().await?;
        sender.send_request(request).await
    })
    .await;
}

#[tokio::test]
async fn over_http_2_a_delivery_is_taken_and_another_refused() {
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), connect().await).await.unwrap();
    tokio::spawn(connection);
    takes_a_delivery_and_refuses_another(async |request| sender.send_request(request).await).await;
}

/// Sends over one connection: the accepted delivery comes second, over what the refusal left.
async fn takes_a_delivery_and_refuses_another(
    mut send: impl AsyncFnMut(Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>>,
) {
    let refused = send(signed("{}").map(|_| Full::from("[]"))).await.unwrap();
    assert_eq!(refused.status(), 403);
    assert_eq!(refused.into_body().collect().await.unwrap().to_bytes(), "");

    let accepted = send(signed("{}")).await.unwrap();
    assert_eq!(accepted.status(), 200);
    assert_eq!(accepted.into_body().collect().await.unwrap().to_bytes(), "{}");
}

/// A connection to a server that has the layer over a service that echoes.
async fn connect() -> TokioIo<TcpStream> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (accepted, _) = listener.accept().await.unwrap();
    let service = TowerToHyperService::new(
        ServiceBuilder::new().layer(TawkSignatureLayer::enforce(secret())).service_fn(inner::echo),
    );
    tokio::spawn(async move {
        auto::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(accepted), service)
            .await
    });
    TokioIo::new(stream)
}
