//! One connection: TLS where that is spoken, then HTTP, for as long as requests come.

use std::error::Error;
use std::pin::pin;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;
use tracing::debug;

use super::idle::Requests;
use crate::guard::Peer;

type BoxError = Box<dyn Error + Send + Sync>;

/// The longest head of an HTTP/1 request; hyper's own limit is above 400 KiB, for every connection.
/// (HTTP/2's is 16 KiB.)
const HEAD_LIMIT: usize = 64 * 1024;

/// How many requests an HTTP/2 peer may have open at once, since each may hold a whole body;
/// hyper would allow 200.
const STREAMS_MOST: u32 = 16;

/// How much of its bodies an HTTP/2 peer may send before we have read it; hyper would hold 1 MiB.
const WINDOW: u32 = 256 * 1024;

/// What a connection runs over: TCP, TLS over that, or memory in tests.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// HTTP/1.1 or HTTP/2, whichever the peer begins with. hyper's own timers are off, since
/// [`Requests::idle`] is stricter than all of them.
pub(super) fn http() -> Builder<TokioExecutor> {
    let mut http = Builder::new(TokioExecutor::new());
    http.http1().header_read_timeout(None).max_buf_size(HEAD_LIMIT);
    http.http2()
        .max_concurrent_streams(STREAMS_MOST)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW);
    http
}

pub(super) struct Connection {
    pub(super) http: Builder<TokioExecutor>,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) app: Router,
    pub(super) peer: Peer,
    /// Changes when it is to end once its requests are answered.
    pub(super) stop: watch::Receiver<()>,
}

impl Connection {
    /// Serves it to its end, or until it is idle for too long.
    pub(super) async fn serve(self, stream: impl Stream) {
        let requests = Requests::new();
        tokio::select! {
            served = self.secure(stream, &requests) => {
                if let Err(error) = served {
                    debug!(error, "a connection ended early");
                }
            }
            () = requests.idle() => debug!("a connection was given up: no request came"),
        }
    }

    async fn secure(mut self, stream: impl Stream, requests: &Requests) -> Result<(), BoxError> {
        let Some(tls) = self.tls.take() else { return self.talk(stream, requests).await };
        tokio::select! {
            stream = tls.accept(stream) => self.talk(stream?, requests).await,
            _ = self.stop.changed() => Ok(()),
        }
    }

    async fn talk(mut self, stream: impl Stream, requests: &Requests) -> Result<(), BoxError> {
        let answer = |mut request: Request<Incoming>| {
            request.extensions_mut().insert(self.peer);
            let (open, answer) = (requests.open(), self.app.clone().oneshot(request));
            async move {
                let answer = answer.await;
                drop(open);
                answer
            }
        };
        let connection = self.http.serve_connection(TokioIo::new(stream), service_fn(answer));
        let mut connection = pin!(connection);
        tokio::select! {
            served = connection.as_mut() => return served,
            _ = self.stop.changed() => connection.as_mut().graceful_shutdown(),
        }
        connection.await
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use axum::Extension;
    use axum::routing::get;
    use bytes::Bytes;
    use http_body_util::{BodyExt, Empty};
    use hyper::client::conn::http2;
    use hyper_util::rt::TokioTimer;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::{Instant, sleep};

    use super::*;

    /// The other end of a connection on which each request is answered after 100 s.
    fn slow() -> (DuplexStream, watch::Sender<()>) {
        let answer = async |Extension(peer): Extension<Peer>| {
            sleep(Duration::from_secs(100)).await;
            format!("{} {}", peer.address, peer.is_https)
        };
        let app = Router::new().fallback(get(answer));
        let peer = Peer { address: Ipv4Addr::new(192, 0, 2, 7).into(), is_https: false };
        let (stop, stopped) = watch::channel(());
        let connection = Connection { http: http(), tls: None, app, peer, stop: stopped };
        let (ours, theirs) = duplex(64 * 1024);
        tokio::spawn(connection.serve(theirs));
        (ours, stop)
    }

    #[tokio::test(start_paused = true)]
    async fn over_http_1_a_request_is_waited_for_and_the_next_for_75_seconds() {
        let begun = Instant::now();
        let (mut stream, _stop) = slow();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("192.0.2.7 false"), "{answer}");
        assert_eq!(begun.elapsed().as_secs(), 175);
    }

    #[tokio::test(start_paused = true)]
    async fn over_http_2_a_request_is_waited_for_and_the_next_for_75_seconds_whatever_pings() {
        let begun = Instant::now();
        let (stream, _stop) = slow();
        let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(Duration::from_secs(5))
            .keep_alive_while_idle(true)
            .handshake(TokioIo::new(stream))
            .await
            .unwrap();
        let connection = tokio::spawn(connection);
        let request = Request::get("http://x/").body(Empty::<Bytes>::new()).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        let answer = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(answer, "192.0.2.7 false");
        let _ = connection.await.unwrap();
        assert_eq!(begun.elapsed().as_secs(), 175);
    }
}
