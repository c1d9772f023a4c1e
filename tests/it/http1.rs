//! Rejected deliveries on an HTTP/1.1 socket: whether the client is asked for a body, receives the
//! response, and can reuse the connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::{enforce, sign};
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

/// Timeout for a read from the socket, so that a missing response fails the test.
const READ_TIMEOUT: Duration = Duration::from_secs(20);

#[tokio::test]
async fn rejects_expect_continue_without_sending_100_continue() {
    let address = serve(webhook(enforce())).await;
    for signature in ["", "X-Tawk-Signature: malformed\r\n"] {
        let mut client = Client::connect(address).await;
        let headers = format!("{signature}Content-Length: 2\r\nExpect: 100-continue\r\n");
        client.send_head(&headers).await;
        client.expect_final_response("403").await;
    }
}

#[tokio::test]
async fn sends_100_continue_for_a_well_formed_signature() {
    let mut client = Client::connect(serve(webhook(enforce())).await).await;
    let signature = sign(b"{}");
    client
        .send_head(&format!(
            "X-Tawk-Signature: {signature}\r\nContent-Length: 2\r\nExpect: 100-continue\r\n"
        ))
        .await;
    assert_eq!(client.read_head().await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("{}").await;
    client.expect_response("200").await;
}

#[tokio::test]
async fn keeps_the_connection_usable_after_a_rejected_body_of_60_kib() {
    let mut client = Client::connect(serve(webhook(enforce())).await).await;
    let mismatch = format!("X-Tawk-Signature: {}\r\n", sign(b"another body"));
    for signature in ["", "X-Tawk-Signature: malformed\r\n", &mismatch] {
        client.send_head(&format!("{signature}Content-Length: {}\r\n", 60 * KIB)).await;
        client.send(vec![b'x'; 60 * KIB]).await;
        client.expect_response("403").await;
        client.deliver().await;
    }
}

#[tokio::test]
async fn does_not_read_a_rejected_body_declared_over_64_kib() {
    let mut client = Client::connect(serve(webhook(enforce())).await).await;
    client.send_head(&format!("Content-Length: {}\r\n", 64 * KIB + 1)).await;
    client.expect_final_response("403").await;
}

#[tokio::test]
async fn drains_an_endless_rejected_body_up_to_64_kib() {
    let bytes_read = Arc::new(AtomicUsize::new(0));
    let counter = bytes_read.clone();
    let count_bytes = MapRequestBodyLayer::new(move |body: Body| {
        let counter = counter.clone();
        Body::new(body.map_frame(move |frame| {
            counter.fetch_add(frame.data_ref().map_or(0, Bytes::len), Ordering::Relaxed);
            frame
        }))
    });
    let mut client = Client::connect(serve(webhook(enforce()).layer(count_bytes)).await).await;
    client.send_head("Transfer-Encoding: chunked\r\n").await;
    for _ in 0..64 {
        client.send_chunk(KIB).await;
    }
    client.send("1\r\nx").await;
    client.expect_final_response("403").await;
    assert_eq!(bytes_read.load(Ordering::Relaxed), 64 * KIB + 1);
}

/// Regression: a client that disconnected during the body made the handler panic.
#[tokio::test]
async fn responds_to_a_truncated_body_and_keeps_serving() {
    let address = serve(webhook(enforce())).await;
    let signature = format!("X-Tawk-Signature: {}\r\n", sign(b"{}"));
    for (signature, status) in [("", "403"), (&signature, "400")] {
        let mut client = Client::connect(address).await;
        client.send_head(&format!("{signature}Content-Length: 2\r\n")).await;
        client.send("{").await;
        client.stream.shutdown().await.unwrap();
        client.expect_final_response(status).await;
        Client::connect(address).await.deliver().await;
    }
}

#[tokio::test]
async fn does_not_read_a_signed_body_declared_over_the_limit() {
    let mut client = Client::connect(serve(webhook(enforce().body_limit(KIB))).await).await;
    let signature = sign(b"another body");
    let headers = format!("X-Tawk-Signature: {signature}\r\nContent-Length: 1025\r\n");
    client.send_head(&headers).await;
    client.expect_final_response("413").await;
}

/// Regression: a body over the limit made the handler panic.
#[tokio::test]
async fn keeps_the_connection_usable_after_a_chunked_body_over_the_limit() {
    let mut client = Client::connect(serve(webhook(enforce().body_limit(KIB))).await).await;
    let signature = sign(b"another body");
    let headers = format!("X-Tawk-Signature: {signature}\r\nTransfer-Encoding: chunked\r\n");
    client.send_head(&headers).await;
    client.send_chunk(KIB).await;
    client.send_chunk(1).await;
    client.send("0\r\n\r\n").await;
    client.expect_response("413").await;
    client.deliver().await;
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

/// A client that writes requests byte for byte, valid or not.
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

    /// Sends the head of a request with these header lines.
    async fn send_head(&mut self, headers: &str) {
        let head = format!("POST /tawk-webhook HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        self.send(head).await;
    }

    async fn send_chunk(&mut self, length: usize) {
        self.send(format!("{length:x}\r\n{}\r\n", "x".repeat(length))).await;
    }

    /// Sends a valid delivery and expects it to be accepted.
    async fn deliver(&mut self) {
        let signature = sign(b"{}");
        self.send_head(&format!("X-Tawk-Signature: {signature}\r\nContent-Length: 2\r\n")).await;
        self.send("{}").await;
        self.expect_response("200").await;
    }

    /// Reads the head of the next response. No response has a body.
    async fn read_head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = timeout(READ_TIMEOUT, self.stream.read_line(&mut head));
            assert_ne!(read.await.expect("a response").unwrap(), 0, "closed after {head:?}");
        }
        head
    }

    /// Expects a response that leaves the connection open.
    async fn expect_response(&mut self, status: &str) {
        let head = self.read_head().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        assert!(!head.contains("connection: close"), "{head}");
    }

    /// Expects one response, which announces that the server closes the connection, and then the
    /// end of the stream.
    async fn expect_final_response(&mut self, status: &str) {
        let mut response = String::new();
        let read = timeout(READ_TIMEOUT, self.stream.read_to_string(&mut response));
        read.await.expect("the server closes the connection").unwrap();
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{response}");
        assert!(response.contains("\r\nconnection: close\r\n"), "{response}");
        assert_eq!(response.matches("HTTP/1.1").count(), 1, "{response}");
    }
}
