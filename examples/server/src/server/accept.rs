//! Accepts connections, at most [`MAX_CONNECTIONS`], and serves HTTP/1.1 on each until it is idle
//! or the listener shuts down.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::pin;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tracing::{debug, info, warn};

/// Maximum number of connections of an endpoint. More wait in the kernel's queue. A usual limit of
/// 1,024 file descriptors is reached before: [`accept`] then waits.
const MAX_CONNECTIONS: usize = 4096;

/// Maximum size of a request head. hyper's default exceeds 400 KiB.
const MAX_HEAD_SIZE: usize = 64 * 1024;

/// Timeout for a request head, from the time at which the connection becomes idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);

const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Grace period for in-flight requests.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// Pause after the listener ran out of file descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_secs(1);

/// A listening socket, and what is served on it: HTTPS if there is an acceptor, else HTTP.
pub struct Endpoint {
    pub socket: TcpListener,
    pub tls: Option<TlsAcceptor>,
    pub router: Router,
}

/// Serves until shutdown, then finishes in-flight requests.
pub async fn serve(endpoints: Vec<Endpoint>, shutdown: &CancellationToken) {
    let connections = TaskTracker::new();
    for endpoint in endpoints {
        connections.spawn(endpoint.run(MAX_CONNECTIONS, connections.clone(), shutdown.clone()));
    }
    shutdown.cancelled().await;
    info!("shutting down; waiting for in-flight requests");
    connections.close();
    if timeout(SHUTDOWN_TIMEOUT, connections.wait()).await.is_err() {
        warn!("shutdown deadline exceeded; dropping in-flight requests");
    }
}

impl Endpoint {
    async fn run(
        self,
        max_connections: usize,
        connections: TaskTracker,
        shutdown: CancellationToken,
    ) {
        let permits = Arc::new(Semaphore::new(max_connections));
        let accept = async || {
            let permit = Arc::clone(&permits).acquire_owned().await.ok()?;
            let (stream, address) = accept(&self.socket).await;
            Some((permit, stream, address))
        };
        while let Some(Some((permit, stream, address))) =
            shutdown.run_until_cancelled(accept()).await
        {
            let (tls, router) = (self.tls.clone(), self.router.clone());
            let shutdown = shutdown.clone();
            connections.spawn(async move {
                match tls {
                    Some(tls) => serve_tls(tls, stream, router, address, shutdown).await,
                    None => serve_http(stream, router, address, shutdown).await,
                }
                drop(permit);
            });
        }
    }
}

/// Accepts the next connection. Errors concern one connection or pass, such as a lack of file
/// descriptors: they must neither stop the listener nor make it spin.
async fn accept(socket: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match socket.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => match error.kind() {
                ErrorKind::ConnectionAborted
                | ErrorKind::ConnectionRefused
                | ErrorKind::ConnectionReset => debug!(%error, "connection not accepted"),
                _ => {
                    warn!(%error, "cannot accept connections; retrying in a second");
                    sleep(ACCEPT_RETRY_DELAY).await;
                }
            },
        }
    }
}

async fn serve_tls(
    tls: TlsAcceptor,
    stream: TcpStream,
    router: Router,
    address: SocketAddr,
    shutdown: CancellationToken,
) {
    let handshake = timeout(TLS_HANDSHAKE_TIMEOUT, tls.accept(stream));
    match shutdown.run_until_cancelled(handshake).await {
        Some(Ok(Ok(stream))) => serve_http(stream, router, address, shutdown).await,
        Some(Ok(Err(error))) => debug!(%error, "TLS handshake failed"),
        Some(Err(_)) => debug!("TLS handshake timed out"),
        None => {}
    }
}

async fn serve_http(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    address: SocketAddr,
    shutdown: CancellationToken,
) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(address));
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_SIZE)
        .serve_connection(TokioIo::new(stream), service);
    pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        debug!(%error, "connection failed");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::extract::State;
    use axum::http::Uri;
    use axum::routing::{any, get};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::Instant;

    use super::*;

    type Requested = Arc<Mutex<Vec<String>>>;

    async fn remember(State(requested): State<Requested>, uri: Uri) {
        requested.lock().unwrap().push(uri.path().to_owned());
    }

    async fn send(stream: &mut TcpStream, path: &str) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
    }

    /// Reads a response without a body.
    async fn receive(stream: &mut TcpStream) {
        let mut response = Vec::new();
        while !response.ends_with(b"\r\n\r\n") {
            response.push(stream.read_u8().await.unwrap());
        }
        assert!(response.starts_with(b"HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn a_connection_above_the_limit_waits_until_another_ends() {
        let requested = Requested::default();
        let router = Router::new().fallback(any(remember)).with_state(Arc::clone(&requested));
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let endpoint = Endpoint { socket, tls: None, router };
        tokio::spawn(endpoint.run(1, TaskTracker::new(), CancellationToken::new()));

        let mut first = TcpStream::connect(address).await.unwrap();
        send(&mut first, "/first").await;
        receive(&mut first).await;
        let mut second = TcpStream::connect(address).await.unwrap();
        send(&mut second, "/second").await;
        for _ in 0..100 {
            send(&mut first, "/first").await;
            receive(&mut first).await;
        }
        assert!(!requested.lock().unwrap().contains(&"/second".to_owned()));
        drop(first);
        receive(&mut second).await;
    }

    #[tokio::test(start_paused = true)]
    async fn idle_connections_are_closed_after_75_seconds() {
        let slow = async |ConnectInfo(address): ConnectInfo<SocketAddr>| {
            sleep(Duration::from_secs(100)).await;
            address.to_string()
        };
        let router = Router::new().fallback(get(slow));
        let (mut stream, theirs) = duplex(64 * 1024);
        let address = SocketAddr::from(([192, 0, 2, 7], 80));
        tokio::spawn(serve_http(theirs, router, address, CancellationToken::new()));

        let start = Instant::now();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n").await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        assert!(response.ends_with("192.0.2.7:80"), "{response}");
        assert_eq!(start.elapsed().as_secs(), 175);
    }
}
