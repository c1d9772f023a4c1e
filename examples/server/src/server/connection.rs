//! Serves HTTP/1.1 on one connection, until it is closed or the listener shuts down.

use std::error::Error;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request};
use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, sink};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::io::InspectReader;
use tower::ServiceExt;
use tracing::{debug, warn};

use super::accept::Endpoint;
use crate::access::connections::{Connection, Phase};

/// Maximum size of a request head, which may be exceeded by as much if it arrives at once. hyper's
/// default exceeds 400 KiB.
const MAX_HEAD_SIZE: usize = 64 * 1024;

/// Maximum number of bytes that are read and dropped after the last response.
const MAX_LINGER: u64 = 16 << 20;

/// Timeout for the end of a connection to be sent, and for that of the client to arrive.
const LINGER_TIMEOUT: Duration = Duration::from_secs(2);

impl Endpoint {
    pub async fn serve(&self, stream: TcpStream, connection: &Arc<Connection>) {
        tokio::select! {
            () = self.serve_stream(stream, connection) => {}
            () = connection.closing.cancelled() => {
                debug!(peer = %connection.peer, phase = ?connection.phase(), "connection closed");
            }
        }
    }

    async fn serve_stream(&self, stream: TcpStream, connection: &Arc<Connection>) {
        let received = |bytes: &[u8]| connection.received(bytes.len());
        let stream = InspectReader::new(stream, received);
        let Some(tls) = &self.tls else {
            let stream = self.serve_http(stream, connection).await;
            return self.linger(stream, connection).await;
        };
        let acceptor = tls.borrow().clone();
        match self.shutdown.run_until_cancelled(acceptor.accept(stream)).await {
            Some(Ok(stream)) => {
                connection.enter(Phase::Idle);
                let stream = self.serve_http(stream, connection).await;
                // TLS can't be read once it is shut down.
                self.linger(stream.into_inner().0, connection).await;
            }
            // Health checks of load balancers send nothing.
            Some(Err(error)) if connection.phase() != Phase::Silent => {
                self.failed("TLS handshake failed", connection, &error);
            }
            _ => {}
        }
    }

    /// Returns the stream after it has been shut down.
    async fn serve_http<S>(&self, stream: S, connection: &Arc<Connection>) -> S
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let service = service_fn(|mut request: Request<Incoming>| {
            connection.enter(Phase::Request);
            request.extensions_mut().insert(ConnectInfo(Arc::clone(connection)));
            self.router.clone().oneshot(request).inspect(|_| connection.enter(Phase::Idle))
        });
        let mut http = http1::Builder::new()
            // `Connections` has the timeouts: hyper's would be the same for idle connections.
            .header_read_timeout(None::<Duration>)
            .max_buf_size(MAX_HEAD_SIZE)
            .half_close(true)
            .serve_connection(TokioIo::new(stream), service);
        let result = tokio::select! {
            result = poll_fn(|cx| http.poll_without_shutdown(cx)) => result,
            () = self.shutdown.cancelled() => {
                Pin::new(&mut http).graceful_shutdown();
                poll_fn(|cx| http.poll_without_shutdown(cx)).await
            }
        };
        match result {
            Err(error) if error.is_parse() => {
                self.failed("malformed HTTP request", connection, &error);
            }
            Err(error) => debug!(%error, "connection failed"),
            Ok(()) => {}
        }
        let mut stream = http.into_parts().io.into_inner();
        let _ = timeout(LINGER_TIMEOUT, stream.shutdown()).await;
        stream
    }

    /// Reads what the client still sends. Closing a socket with unread bytes resets the connection,
    /// and the client, or a proxy before it, loses the response.
    async fn linger(&self, stream: impl AsyncRead + Unpin, connection: &Connection) {
        connection.enter(Phase::Lingering);
        let (mut rest, mut dropped) = (stream.take(MAX_LINGER), sink());
        let read = timeout(LINGER_TIMEOUT, copy(&mut rest, &mut dropped));
        let _ = self.shutdown.run_until_cancelled(read).await;
    }

    /// Counts a client that cannot send requests. It sees a reason, and we would not.
    fn failed(&self, reason: &str, connection: &Connection, error: &dyn Error) {
        self.connections.metrics.failed_connections.inc();
        if let Some(count) = self.failures.count() {
            let peer = connection.peer;
            warn!(count, %peer, reason, %error, "connection failed before a request");
        }
    }
}
