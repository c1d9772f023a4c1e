//! Serves HTTP/1.1 on one connection, until it is closed or the listener shuts down.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::pin;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tracing::{debug, warn};

use super::linger::LingeringStream;
use crate::access::connections::{Connection, Phase};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::rate_limit::RateLimit;

/// Maximum size of a request head. hyper's default exceeds 400 KiB.
const MAX_HEAD_SIZE: usize = 64 * 1024;

/// What the connections of an endpoint have in common. Cheap to clone.
#[derive(Clone)]
pub struct Server {
    pub router: Router,
    pub metrics: Metrics,
    pub failures: Arc<RateLimit>,
    pub shutdown: CancellationToken,
}

impl Server {
    pub async fn serve(
        self,
        stream: TcpStream,
        tls: Option<TlsAcceptor>,
        peer: SocketAddr,
        connection: Arc<Connection>,
    ) {
        let serve = async {
            let shutdown = self.shutdown.clone();
            let stream = LingeringStream::new(stream, Arc::clone(&connection), shutdown);
            match tls {
                Some(tls) => self.serve_tls(stream, tls, peer, &connection).await,
                None => self.serve_http(stream, peer, &connection).await,
            }
        };
        tokio::select! {
            () = serve => {}
            () = connection.closing() => self.closed(peer, &connection),
        }
    }

    fn closed(&self, peer: SocketAddr, connection: &Connection) {
        debug!(%peer, phase = ?connection.phase(), "connection closed");
    }

    async fn serve_tls(
        &self,
        stream: LingeringStream<TcpStream>,
        tls: TlsAcceptor,
        peer: SocketAddr,
        connection: &Arc<Connection>,
    ) {
        match self.shutdown.run_until_cancelled(tls.accept(stream)).await {
            Some(Ok(stream)) => {
                connection.enter(Phase::Idle);
                self.serve_http(stream, peer, connection).await;
            }
            // Health checks of load balancers send nothing.
            Some(Err(error)) if connection.phase() != Phase::Silent => {
                self.failed(peer, "TLS handshake failed", &error);
            }
            _ => {}
        }
    }

    async fn serve_http(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: SocketAddr,
        connection: &Arc<Connection>,
    ) {
        let service = service_fn(|mut request: Request<Incoming>| {
            connection.enter(Phase::Request);
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(Arc::clone(connection));
            let response = self.router.clone().oneshot(request);
            async move {
                let response = response.await;
                connection.enter(Phase::Idle);
                response
            }
        });
        let served = http1::Builder::new()
            // `Connections` has the timeouts: hyper's would be the same for idle connections.
            .header_read_timeout(None::<Duration>)
            .max_buf_size(MAX_HEAD_SIZE)
            .serve_connection(TokioIo::new(stream), service);
        pin!(served);
        let result = tokio::select! {
            result = served.as_mut() => result,
            () = self.shutdown.cancelled() => {
                served.as_mut().graceful_shutdown();
                served.await
            }
        };
        match result {
            Err(error) if error.is_parse() => self.failed(peer, "malformed HTTP request", &error),
            Err(error) => debug!(%error, "connection failed"),
            Ok(()) => {}
        }
    }

    /// Counts a client that cannot send requests. It sees a reason, and we would not.
    fn failed(&self, peer: SocketAddr, reason: &str, error: &dyn std::error::Error) {
        self.metrics.failed_connections.inc();
        if let Some(count) = self.failures.count() {
            warn!(count, peer = %peer.ip(), reason, %error, "connection failed before a request");
        }
    }
}
