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

/// The longest head of an HTTP/1 request; hyper's own limit is above 400 KiB, for every connection.
/// (HTTP/2's is 16 KiB.)
const HEAD_LIMIT: usize = 64 * 1024;

/// How many requests an HTTP/2 peer may have open at once, since each may hold a whole body;
/// hyper would allow 200.
const STREAMS_MOST: u32 = 16;

/// How often an HTTP/2 peer is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// So long do we wait for what is in flight when told to stop.
const FINISH_DEADLINE: Duration = Duration::from_secs(10);

/// Serves until `stopped`, then finishes what is in flight.
pub(super) async fn serve(
    listener: TcpListener,
    app: Router,
    body_deadline: Duration,
    stopped: impl Future<Output = ()>,
) {
    let server = server();
    let connections = GracefulShutdown::new();
    let mut stopped = pin!(stopped);
    loop {
        tokio::select! {
            stream = accept(&listener) => {
                let (server, app) = (server.clone(), app.clone());
                let watcher = connections.watcher();
                tokio::spawn(connection(stream, server, app, body_deadline, watcher));
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
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_DEADLINE)
        .max_buf_size(HEAD_LIMIT);
    server
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE)
        .max_concurrent_streams(STREAMS_MOST);
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
/// HTTP/2 has none; nor does it end a peer that only answers pings, or that never reads what it is
/// answered: ours does.
async fn connection(
    stream: TcpStream,
    server: Builder<TokioExecutor>,
    app: Router,
    body_deadline: Duration,
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
    tokio::select! {
        served = watcher.watch(connection) => {
            if let Err(error) = served {
                debug!(error, "a connection ended early");
            }
        }
        () = silence(&asked, body_deadline) => {
            debug!("a connection was given up: no request came");
        }
    }
}

/// Ends once no request has begun for too long. The first has to be here after
/// [`HEADER_DEADLINE`]; from then on the time between two looks has room for the longest request.
async fn silence(asked: &AtomicBool, body_deadline: Duration) {
    sleep(HEADER_DEADLINE).await;
    while asked.swap(false, Ordering::Relaxed) {
        sleep(body_deadline.saturating_add(HEADER_DEADLINE)).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const BODY_DEADLINE: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_a_request_is_given_up_after_10_seconds() {
        let begun = Instant::now();
        silence(&AtomicBool::new(false), BODY_DEADLINE).await;
        assert_eq!(begun.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_given_up_once_it_begins_no_more_requests_and_none_can_be_open() {
        let begun = Instant::now();
        let asked = AtomicBool::new(false);
        let requests = async {
            // One is open at each look, and the last begins right before one.
            for seconds in [9, 40, 39] {
                sleep(Duration::from_secs(seconds)).await;
                asked.store(true, Ordering::Relaxed);
            }
            begun.elapsed()
        };
        let (last, ()) = tokio::join!(requests, silence(&asked, BODY_DEADLINE));
        assert_eq!(begun.elapsed().as_secs(), 130);
        assert!(begun.elapsed() - last > BODY_DEADLINE);
    }
}
