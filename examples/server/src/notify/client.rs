//! [`Client`]: sends one notification over HTTP or HTTPS, within bounds of time and memory.
//!
//! Each gets a connection of its own: they are rare, and a kept one may be dead when it is needed.
//! Whether and when one that failed is tried again is not decided here: [`Failure`] says what is
//! needed for that.

mod failure;
mod quote;
#[cfg(test)]
mod tests;

pub(crate) use failure::Failure;

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::rustls::RootCertStore;
use tower::BoxError;
use tower::timeout::Timeout;
use tower::util::BoxCloneSyncService;

use crate::config::ConfigError;
use crate::trust;

/// For the name's look-up, TCP and TLS.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// For the whole exchange, from the connection to what is read of the answer.
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(10);

/// The longest head of an answer; hyper's own limit is above 400 KiB.
const HEAD_LIMIT: usize = 16 * 1024;

/// So much is read of what a receiver says about a failure, to quote the beginning. (One frame may
/// go beyond it, and is no longer than [`HEAD_LIMIT`].)
const BODY_LIMIT: usize = 4 * 1024;

type Connector = BoxCloneSyncService<Uri, MaybeHttpsStream<TokioIo<TcpStream>>, BoxError>;

/// Follows no redirects: what is said about a visitor is for the address that the operator named.
#[derive(Clone)]
pub(crate) struct Client {
    http: legacy::Client<Connector, Full<Bytes>>,
}

impl Client {
    /// # Errors
    ///
    /// When the system has no certificates to check a receiver's with.
    pub(crate) fn new() -> Result<Self, ConfigError> {
        trust::native_roots()
            .and_then(Self::trusting)
            .map_err(|error| ConfigError::new(format!("NOTIFY_URL cannot be used: {error}")))
    }

    fn trusting(roots: RootCertStore) -> io::Result<Self> {
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(trust::client_config(roots)?)
            .https_or_http()
            .enable_http1()
            .build();
        let connector = BoxCloneSyncService::new(Timeout::new(https, CONNECT_LIMIT));
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .http1_max_buf_size(HEAD_LIMIT)
            .build(connector);
        Ok(Self { http })
    }

    /// Sends a notification; `Ok` when the receiver took it (2xx).
    pub(crate) async fn send(&self, request: Request<Bytes>) -> Result<(), Failure> {
        let deadline = Instant::now() + TIME_LIMIT;
        let exchange = self.http.request(request.clone().map(Full::new));
        let response = timeout_at(deadline, exchange)
            .await
            .map_err(|_| Failure::late(TIME_LIMIT))?
            .map_err(|error| Failure::broken(&error))?;
        let (head, body) = response.into_parts();
        if head.status.is_success() {
            return Ok(());
        }
        let answer = beginning(body, deadline).await;
        Err(Failure::refused(head.status, &head.headers, &quote::quote(&answer, &request)))
    }
}

/// What has come of a body until it ends, breaks off, is too long or too late.
async fn beginning(mut body: Incoming, deadline: Instant) -> Vec<u8> {
    let mut beginning = Vec::new();
    while beginning.len() < BODY_LIMIT
        && let Ok(Some(Ok(frame))) = timeout_at(deadline, body.frame()).await
    {
        // Trailers say nothing.
        beginning.extend(frame.into_data().unwrap_or_default());
    }
    beginning
}
