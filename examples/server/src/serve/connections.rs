//! Accepts connections, bounded in number, and serves them until told to stop.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, info, warn};

use super::connection::{Connection, http};
use crate::guard::Peer;

/// How many connections an endpoint has at once, so that a flood of them is bounded in memory;
/// others wait in the kernel's queue until one ends. Far more than Tawk.to and proxies keep, and
/// more than a usual limit of 1,024 file descriptors allows: where that is reached first,
/// [`accept`] waits.
const CONNECTIONS_MOST: usize = 4096;

/// So long do we wait for what is in flight when told to stop.
const FINISH_DEADLINE: Duration = Duration::from_secs(10);

/// Where it listens, and what answers there.
pub(super) struct Endpoint {
    pub(super) socket: TcpListener,
    /// Without it, plain HTTP is spoken.
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) app: Router,
}

/// Serves until `stopped`, then finishes what is in flight.
pub(super) async fn serve(endpoints: Vec<Endpoint>, stopped: impl Future<Output = ()>) {
    let stop = watch::Sender::new(());
    let mut listening = JoinSet::new();
    for endpoint in endpoints {
        listening.spawn(endpoint.listen(CONNECTIONS_MOST, stop.subscribe()));
    }
    stopped.await;
    listening.shutdown().await;
    info!("stopping, once what is in flight is finished");
    stop.send_replace(());
    // Every connection holds a receiver to its end.
    if timeout(FINISH_DEADLINE, stop.closed()).await.is_err() {
        warn!("stopping over requests that are not finished");
    }
}

impl Endpoint {
    async fn listen(self, connections_most: usize, stop: watch::Receiver<()>) {
        let http = http();
        let room = Arc::new(Semaphore::new(connections_most));
        while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
            let (stream, address) = accept(&self.socket).await;
            let connection = Connection {
                http: http.clone(),
                tls: self.tls.clone(),
                app: self.app.clone(),
                // An IPv4 peer of an IPv6 socket is an IPv4 peer.
                peer: Peer { address: address.ip().to_canonical(), is_https: self.tls.is_some() },
                stop: stop.clone(),
            };
            tokio::spawn(async move {
                connection.serve(stream).await;
                drop(permit);
            });
        }
    }
}

/// The next connection. An error is that of one connection, or a lack that passes (of file
/// descriptors, say): it must neither end the listener nor make it spin.
async fn accept(socket: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match socket.accept().await {
            Ok(accepted) => return accepted,
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::extract::State;
    use axum::http::Uri;
    use axum::routing::any;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    type Asked = Arc<Mutex<Vec<String>>>;

    async fn remember(State(asked): State<Asked>, uri: Uri) {
        asked.lock().unwrap().push(uri.path().to_owned());
    }

    async fn ask(stream: &mut TcpStream, path: &str) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
    }

    /// Waits for an answer, which has no body.
    async fn answered(stream: &mut TcpStream) {
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.unwrap());
        }
        assert!(answer.starts_with(b"HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn a_connection_above_the_bound_waits_until_another_ends() {
        let asked = Asked::default();
        let app = Router::new().fallback(any(remember)).with_state(Arc::clone(&asked));
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let stop = watch::Sender::new(());
        tokio::spawn(Endpoint { socket, tls: None, app }.listen(1, stop.subscribe()));

        let mut first = TcpStream::connect(address).await.unwrap();
        ask(&mut first, "/first").await;
        answered(&mut first).await;
        let mut second = TcpStream::connect(address).await.unwrap();
        ask(&mut second, "/second").await;
        for _ in 0..100 {
            ask(&mut first, "/first").await;
            answered(&mut first).await;
        }
        assert!(!asked.lock().unwrap().contains(&"/second".to_owned()));
        drop(first);
        answered(&mut second).await;
    }
}
