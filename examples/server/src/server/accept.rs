//! Accepts connections, and serves each in a task.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error, info, warn};

use super::connection::Server;
use crate::access::allow_list::AllowList;
use crate::access::connections::{Connections, Phase};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::rate_limit::RateLimit;

/// Grace period for in-flight requests.
const REQUESTS_TIMEOUT: Duration = Duration::from_secs(5);

/// Pause after the listener ran out of file descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// How often connections are checked for timeouts.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// A listening socket, and what is served on it: HTTPS if there is an acceptor, else HTTP.
pub struct Endpoint {
    pub socket: TcpListener,
    pub tls: Option<watch::Receiver<TlsAcceptor>>,
    pub router: Router,
    pub allow_list: Option<Arc<AllowList>>,
    pub max_connections: usize,
}

/// Serves until shutdown, then finishes in-flight requests. If an endpoint stops before, which only
/// a panic can cause, the listener shuts down, so that its supervisor restarts it.
pub async fn serve(
    endpoints: Vec<Endpoint>,
    metrics: &Metrics,
    shutdown: &CancellationToken,
) -> ExitCode {
    let connections = TaskTracker::new();
    let mut accepting = JoinSet::new();
    for endpoint in endpoints {
        let (metrics, shutdown) = (metrics.clone(), shutdown.clone());
        accepting.spawn(endpoint.run(metrics, connections.clone(), shutdown));
    }
    let code = supervise(accepting, shutdown).await;
    connections.close();
    if timeout(REQUESTS_TIMEOUT, connections.wait()).await.is_err() {
        warn!("shutdown deadline exceeded; dropping in-flight requests");
    }
    code
}

/// Waits for shutdown, and starts it if a task ends before. Stops all tasks.
async fn supervise(mut accepting: JoinSet<()>, shutdown: &CancellationToken) -> ExitCode {
    tokio::select! {
        biased;
        () = shutdown.cancelled() => {
            info!("shutting down; waiting for in-flight requests");
            ExitCode::SUCCESS
        }
        _ = accepting.join_next() => {
            error!("stopped accepting connections unexpectedly; shutting down");
            shutdown.cancel();
            ExitCode::FAILURE
        }
    }
}

impl Endpoint {
    async fn run(self, metrics: Metrics, tasks: TaskTracker, shutdown: CancellationToken) {
        let connections = Connections::new(self.max_connections, metrics.clone());
        let failures = Arc::new(RateLimit::new(1));
        let server =
            Server { router: self.router.clone(), metrics, failures, shutdown: shutdown.clone() };
        let mut checks = interval(CHECK_INTERVAL);
        let accept_failures = RateLimit::new(1);
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                _ = checks.tick() => connections.close_timed_out(),
                accepted = self.socket.accept() => match accepted {
                    Ok((stream, peer)) => self.spawn(&server, &connections, &tasks, stream, peer),
                    Err(error) => recover(&error, &connections, &accept_failures).await,
                },
            }
        }
    }

    fn spawn(
        &self,
        server: &Server,
        connections: &Arc<Connections>,
        tasks: &TaskTracker,
        stream: TcpStream,
        peer: SocketAddr,
    ) {
        let is_outsider = self.allow_list.as_ref().is_some_and(|list| !list.contains(peer.ip()));
        let phase = if self.tls.is_some() { Phase::Silent } else { Phase::Idle };
        let entry = connections.open(is_outsider, phase);
        let tls = self.tls.as_ref().map(|tls| tls.borrow().clone());
        let server = server.clone();
        tasks.spawn(async move {
            server.serve(stream, tls, peer, Arc::clone(&entry.connection)).await;
            drop(entry);
        });
    }
}

/// Handles an error that concerns one connection, or passes, such as a lack of file descriptors: it
/// must neither stop the listener nor make it spin.
async fn recover(error: &io::Error, connections: &Connections, failures: &RateLimit) {
    match error.kind() {
        ErrorKind::ConnectionAborted
        | ErrorKind::ConnectionRefused
        | ErrorKind::ConnectionReset => {
            debug!(%error, "connection not accepted");
        }
        _ => {
            if let Some(count) = failures.count() {
                warn!(count, %error, "cannot accept connections; closing idle ones and retrying");
            }
            connections.close_one();
            sleep(ACCEPT_RETRY_DELAY).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn shuts_down_with_an_error_if_a_socket_is_no_longer_accepted_from() {
        let (mut accepting, shutdown) = (JoinSet::new(), CancellationToken::new());
        accepting.spawn(async { panic!("invented") });
        accepting.spawn(std::future::pending());
        assert_eq!(supervise(accepting, &shutdown).await, ExitCode::FAILURE);
        assert!(shutdown.is_cancelled());
    }
}
