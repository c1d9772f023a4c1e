//! Accepts connections and serves HTTP on them, each within bounds of time, until told to stop.

use std::io::ErrorKind;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tower::ServiceExt;
use tracing::{debug, info, warn};

/// A request's header has to be here after so long, or unfinished ones pile up.
const HEADER_DEADLINE: Duration = Duration::from_secs(10);

/// How often an HTTP/2 peer is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// So long do we wait for what is in flight when told to stop.
const FINISH_DEADLINE: Duration = Duration::from_secs(10);

/// Serves until `stopped`, then finishes what is in flight.
pub(super) async fn serve(listener: TcpListener, app: Router, stopped: impl Future<Output = ()>) {
    let server = server();
    let connections = GracefulShutdown::new();
    let mut stopped = pin!(stopped);
    loop {
        tokio::select! {
            stream = accept(&listener) => {
                let connection = connection(stream, server.clone(), app.clone(), connections.watcher());
                tokio::spawn(connection);
            }
            () = &mut stopped => break,
        }
    }
    drop(listener);
    info!("stopping, once what is in flight is finished");
    if timeout(FINISH_DEADLINE, connections.shutdown()).await.is_err() {
        warn!("stopping over requests that are not finished");
    }
}

fn server() -> Builder<TokioExecutor> {
    let mut server = Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_DEADLINE);
    server.http2().timer(TokioTimer::new()).keep_alive_interval(KEEP_ALIVE);
    server
}

/// The next connection. An error is that of one connection, or a lack that passes (of file
/// descriptors, say): it must neither end the listener nor make it spin.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => match error.kind() {
                ErrorKind::ConnectionAborted
                | ErrorKind::ConnectionRefused
                | ErrorKind::ConnectionReset => debug!(%error, "a connection was not accepted"),
                _ => {
                    warn!(%error, "cannot accept connections; trying again in a second");
                    sleep(Duration::from_secs(1)).await;
                }
            },
        }
    }
}

/// Serves one connection to its end.
///
/// hyper's own deadline begins once it knows the protocol, for which it waits without one, and
/// HTTP/2 has none: until the first request is here, ours holds.
async fn connection(
    stream: TcpStream,
    server: Builder<TokioExecutor>,
    app: Router,
    watcher: Watcher,
) {
    let asked = Arc::new(AtomicBool::new(false));
    let app = app.map_request({
        let asked = asked.clone();
        move |request| {
            asked.store(true, Ordering::Relaxed);
            request
        }
    });
    let connection = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    let silence = async {
        sleep(HEADER_DEADLINE).await;
        if asked.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        served = watcher.watch(connection) => {
            if let Err(error) = served {
                debug!(error, "a connection ended early");
            }
        }
        () = silence => debug!("a connection was given up: no request came"),
    }
}
