//! What travels over an HTTP/1.1 socket when deliveries are refused, byte for byte: whether a
//! sender is asked for a body, sees the answer, and can use the connection again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::{secret, sign};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::{MethodRouter, post};
use http_body_util::BodyExt;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tower_http::map_request_body::MapRequestBodyLayer;
use tower_tawk::TawkSignatureLayer;

const KIB: usize = 1024;

#[tokio::test]
async fn no_continue_is_sent_before_a_refusal() {
    let address = serve(webhook(enforce())).await;
    for signature in ["", "X-Tawk-Signature: malformed\r\n"] {
        let mut client = Client::connect(address).await;
        client.head(&format!("{signature}Content-Length: 2\r\nExpect: 100-continue\r\n")).await;
        client.is_answered_at_last("403").await;
    }
}

#[tokio::test]
async fn continue_is_sent_for_a_well_formed_signature() {
    let mut client = Client::connect(serve(webhook(enforce())).await).await;
    let signature = sign(b"{}");
    client
        .head(&format!(
            "X-Tawk-Signature: {signature}\r\nContent-Length: 2\r\nExpect: 100-continue\r\n"
        ))
        .await;
    assert_eq!(client.answer().await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("{}").await;
    client.is_answered("200").await;
}

#[tokio::test]
async fn a_refused_body_of_60_kib_leaves_the_connection_usable() {
    let mut client = Client::connect(serve(webhook(enforce())).await).await;
    let another = format!("X-Tawk-Signature: {}\r\n", sign(b"another"));
    for signature in ["", "X-Tawk-Signature: malformed\r\n", &another] {
        client.head(&format!("{signature}Content-Length: {}\r\n", 60 * KIB)).await;
        client.send(vec![b'x'; 60 * KIB]).await;
        client.is_answered("403").await;
        client.delivers().await;
    }
}

#[tokio::test]
async fn a_refused_body_declared_beyond_64_kib_is_answered_unread() {
    let mut client = Client::connect(serve(webhook(enforce())).await).await;
    client.head(&format!("Content-Length: {}\r\n", 64 * KIB + 1)).await;
    client.is_answered_at_last("403").await;
}

#[tokio::test]
async fn an_endless_refused_body_is_read_to_64_kib_and_then_answered() {
    let read = Arc::new(AtomicUsize::new(0));
    let counter = read.clone();
    let count = MapRequestBodyLayer::new(move |body: Body| {
        let counter = counter.clone();
        Body::new(body.map_frame(move |frame| {
            counter.fetch_add(frame.data_ref().map_or(0, Bytes::len), Ordering::Relaxed);
            frame
        }))
    });
    let mut client = Client::connect(serve(webhook(enforce()).layer(count)).await).await;
    client.head("Transfer-Encoding: chunked\r\n").await;
    for _ in 0..64 {
        client.chunk(KIB).await;
    }
    client.send("1\r\nx").await;
    client.is_answered_at_last("403").await;
    assert_eq!(read.load(Ordering::Relaxed), 64 * KIB + 1);
}

#[tokio::test]
async fn a_client_that_breaks_off_leaves_the_server_to_the_next() {
    let address = serve(webhook(enforce())).await;
    let signature = format!("X-Tawk-Signature: {}\r\n", sign(b"{}"));
    for (signature, status) in [("", "403"), (&signature, "400")] {
        let mut client = Client::connect(address).await;
        client.head(&format!("{signature}Content-Length: 2\r\n")).await;
        client.send("{").await;
        client.stream.shutdown().await.unwrap();
        client.is_answered_at_last(status).await;
        Client::connect(address).await.delivers().await;
    }
}

#[tokio::test]
async fn a_signed_body_declared_beyond_the_limit_is_413_unread() {
    let mut client = Client::connect(serve(webhook(enforce().body_limit(KIB))).await).await;
    let signature = sign(b"another");
    client.head(&format!("X-Tawk-Signature: {signature}\r\nContent-Length: 1025\r\n")).await;
    client.is_answered_at_last("413").await;
}

#[tokio::test]
async fn a_signed_body_in_chunks_beyond_the_limit_is_413_and_leaves_the_connection_usable() {
    let mut client = Client::connect(serve(webhook(enforce().body_limit(KIB))).await).await;
    let signature = sign(b"another");
    client.head(&format!("X-Tawk-Signature: {signature}\r\nTransfer-Encoding: chunked\r\n")).await;
    client.chunk(KIB).await;
    client.chunk(1).await;
    client.send("0\r\n\r\n").await;
    client.is_answered("413").await;
    client.delivers().await;
}

fn enforce() -> TawkSignatureLayer {
    TawkSignatureLayer::enforce(secret())
}

fn webhook(layer: TawkSignatureLayer) -> MethodRouter {
    post(async |_: Bytes| {}).route_layer(layer)
}

async fn serve(webhook: MethodRouter) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().route("/tawk-webhook", webhook);
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// A client that sends what it is told to, right or wrong.
struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        Self { stream: BufReader::new(TcpStream::connect(address).await.unwrap()) }
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// A request's head, with these header lines.
    async fn head(&mut self, headers: &str) {
        let head = format!("POST /tawk-webhook HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        self.send(head).await;
    }

    async fn chunk(&mut self, length: usize) {
        self.send(format!("{length:x}\r\n{}\r\n", "x".repeat(length))).await;
    }

    /// The next answer; all of them are without a body.
    async fn answer(&mut self) -> String {
        let mut answer = String::new();
        while !answer.ends_with("\r\n\r\n") {
            let read = timeout(PATIENCE, self.stream.read_line(&mut answer));
            assert_ne!(read.await.expect("an answer").unwrap(), 0, "closed after {answer:?}");
        }
        answer
    }

    /// All that comes before the server closes the connection.
    async fn rest(&mut self) -> String {
        let mut rest = String::new();
        let read = timeout(PATIENCE, self.stream.read_to_string(&mut rest));
        read.await.expect("the connection's end").unwrap();
        rest
    }

    /// Receives an answer over a connection that goes on.
    async fn is_answered(&mut self, status: &str) {
        let answer = self.answer().await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(!answer.contains("connection: close"), "{answer}");
    }

    /// Receives one answer and nothing else, over a connection that then ends as announced.
    async fn is_answered_at_last(&mut self, status: &str) {
        let answer = self.rest().await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
    }

    async fn delivers(&mut self) {
        let signature = sign(b"{}");
        self.head(&format!("X-Tawk-Signature: {signature}\r\nContent-Length: 2\r\n")).await;
        self.send("{}").await;
        self.is_answered("200").await;
    }
}

/// How long a test waits for what must come before it fails rather than hang.
const PATIENCE: Duration = Duration::from_secs(20);
