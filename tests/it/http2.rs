//! One HTTP/2 connection carries many senders' deliveries, behind a proxy, say. Refusing some of
//! them must not cost the others their connection.

use crate::support::{inner, request, secret, sign};
use bytes::{Bytes, BytesMut};
use h2::client::{self, SendRequest};
use h2::{Ping, PingPong, RecvStream};
use http::{HeaderValue, Request};
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceBuilder;
use tower_tawk::TawkSignatureLayer;

/// More than the resets for which h2 closes a connection.
const REFUSALS: usize = 5_000;

/// Fewer than hyper allows at one time.
const AT_ONCE: usize = 50;

#[tokio::test]
async fn thousands_of_refusals_leave_a_delivery_on_their_connection_alone() {
    leaves_a_delivery_alone(&request("", ()), 403).await;
}

/// hyper sends no `100 Continue` over HTTP/2, so there is nothing to be saved by not reading.
#[tokio::test]
async fn thousands_of_refusals_that_expect_a_continue_leave_a_delivery_alone() {
    let mut head = request("", ());
    head.headers_mut().insert("expect", HeaderValue::from_static("100-continue"));
    leaves_a_delivery_alone(&head, 403).await;
}

#[tokio::test]
async fn thousands_of_long_refused_bodies_leave_a_delivery_alone() {
    let mut head = request("", ());
    head.headers_mut().insert("content-length", HeaderValue::from_static("65537"));
    leaves_a_delivery_alone(&head, 403).await;
}

#[tokio::test]
async fn thousands_of_bodies_beyond_the_limit_leave_a_delivery_alone() {
    let mut head = request(&sign(b"another"), ());
    head.headers_mut().insert("content-length", HeaderValue::from_static("65537"));
    leaves_a_delivery_alone(&head, 413).await;
}

/// A body that is left unread when its refusal is sent makes hyper reset the stream; what still
/// comes for it then makes h2 close the connection, once that has happened often enough. So each
/// body here is held back in part until the server has the rest.
async fn leaves_a_delivery_alone(refused_head: &Request<()>, status: u16) {
    let declared = refused_head.headers().get("content-length");
    let declared = declared.map_or(2, |length| length.to_str().unwrap().parse().unwrap());
    let (mut client, mut pings) = connect().await;

    let delivery = request(&sign(b"first half, second half"), ());
    let (answer, mut body) = client.send_request(delivery, false).unwrap();
    body.send_data("first half, ".into(), false).unwrap();

    for _ in 0..REFUSALS / AT_ONCE {
        let mut refused = Vec::new();
        for _ in 0..AT_ONCE {
            client = client.ready().await.unwrap();
            let (answer, mut body) = client.send_request(refused_head.clone(), false).unwrap();
            body.send_data("x".into(), false).unwrap();
            refused.push((answer, body));
        }
        pings.ping(Ping::opaque()).await.unwrap();
        for (_, body) in &mut refused {
            // Fails on a stream that was reset; what that leads to shows below.
            let _ = body.send_data(vec![b'x'; declared - 1].into(), true);
        }
        for (answer, _) in refused {
            assert_eq!(answer.await.unwrap().status(), status);
        }
    }

    body.send_data("second half".into(), true).unwrap();
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(collect(answer.into_body()).await, "first half, second half");
}

/// A connection to a server that has the layer over a service that echoes.
async fn connect() -> (SendRequest<Bytes>, PingPong) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (accepted, _) = listener.accept().await.unwrap();
    let service = ServiceBuilder::new()
        .layer(TawkSignatureLayer::enforce(secret()).body_limit(64 * 1024))
        .service_fn(inner::echo);
    tokio::spawn(
        http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(accepted), TowerToHyperService::new(service)),
    );
    let (client, mut connection) = client::handshake(stream).await.unwrap();
    let pings = connection.ping_pong().unwrap();
    tokio::spawn(connection);
    (client, pings)
}

async fn collect(mut body: RecvStream) -> BytesMut {
    let mut bytes = BytesMut::new();
    while let Some(data) = body.data().await {
        bytes.extend(data.unwrap());
    }
    bytes
}
