//! Accepts connections, and serves each in a task.

use std::io::{self, ErrorKind};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error, info, warn};

use crate::access::allow_list::AllowList;
use crate::access::connections::{Connections, Phase};
use crate::supervise::panic_once;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::rate_limit::RateLimit;

/// Pause after the listener ran out of file descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// Grace period for in-flight requests.
const REQUESTS_TIMEOUT: Duration = Duration::from_secs(5);

const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// What is served on a listening socket: HTTPS if there is an acceptor, else HTTP.
pub struct Endpoint {
    pub tls: Option<watch::Receiver<TlsAcceptor>>,
    pub router: Router,
    pub allow_list: Option<Arc<AllowList>>,
    pub connections: Arc<Connections>,
    /// Limits the records about clients that cannot send requests.
    pub failures: RateLimit,
    pub shutdown: CancellationToken,
}

/// Waits for the requests in flight.
pub async fn finish(tasks: &TaskTracker) {
    tasks.close();
    if timeout(REQUESTS_TIMEOUT, tasks.wait()).await.is_err() {
        warn!("shutdown deadline exceeded; dropping in-flight requests");
    }
}

/// Accepts connections until shutdown, and serves them in `tasks`.
pub async fn serve(
    endpoints: Vec<(TcpListener, Endpoint)>,
    tasks: &TaskTracker,
    shutdown: &CancellationToken,
) -> ExitCode {
    let mut accepting = JoinSet::new();
    for (socket, endpoint) in endpoints {
        accepting.spawn(Arc::new(endpoint).accept_all(socket, tasks.clone()));
    }
    supervise(accepting, shutdown).await
}

/// Waits for shutdown, and stops all tasks. If one ends before, which only a panic can cause, the
/// listener shuts down, so that its supervisor restarts it.
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
    /// Creates an endpoint that serves HTTP to all clients.
    pub fn new(
        router: Router,
        max_connections: usize,
        metrics: Metrics,
        shutdown: &CancellationToken,
    ) -> Self {
        Self {
            router,
            tls: None,
            allow_list: None,
            connections: Connections::new(max_connections, metrics),
            failures: RateLimit::new(1),
            shutdown: shutdown.clone(),
        }
    }

    /// Closes the socket at shutdown.
    async fn accept_all(self: Arc<Self>, socket: TcpListener, tasks: TaskTracker) {
        let mut checks = interval(CHECK_INTERVAL);
        let failures = RateLimit::new(1);
        loop {
            panic_once("accept");
            let accepted = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => break,
                _ = checks.tick() => {
                    self.connections.close_timed_out();
                    continue;
                }
                accepted = socket.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    self.recover(&error, &failures).await;
                    continue;
                }
            };
            let peer = peer.ip();
            let is_outsider = self.allow_list.as_ref().is_some_and(|list| !list.contains(peer));
            let phase = if self.tls.is_some() { Phase::Silent } else { Phase::Idle };
            let entry = self.connections.open(peer, is_outsider, phase);
            let endpoint = Arc::clone(&self);
            tasks.spawn(async move { endpoint.serve(stream, &entry.connection).await });
        }
    }

    /// Handles an error that concerns one connection, or passes, such as a lack of file
    /// descriptors: it must neither stop the listener nor make it spin.
    async fn recover(&self, error: &io::Error, failures: &RateLimit) {
        if let ErrorKind::ConnectionAborted
        | ErrorKind::ConnectionRefused
        | ErrorKind::ConnectionReset = error.kind()
        {
            return debug!(%error, "connection not accepted");
        }
        if let Some(count) = failures.count() {
            warn!(count, %error, "cannot accept connections; closing idle ones and retrying");
        }
        self.connections.close_one();
        sleep(ACCEPT_RETRY_DELAY).await;
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
