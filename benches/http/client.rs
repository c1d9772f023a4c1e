//! The client: sends the same request over and over on every connection, and measures each.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Result;
use crate::server::{Mount, Server};

const CONNECTIONS: usize = 32;

#[derive(Clone, Copy)]
pub(crate) enum HttpVersion {
    Http1,
    Http2,
}

impl fmt::Display for HttpVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http1 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        })
    }
}

/// A request, the mount to send it to, and the expected response.
pub(crate) struct Workload {
    pub(crate) mount: Mount,
    pub(crate) version: HttpVersion,
    pub(crate) request: Request<Full<Bytes>>,
    pub(crate) expected_status: u16,
}

/// The measurement of one round.
pub(crate) struct Sample {
    pub(crate) elapsed: Duration,
    /// Latencies of all answered requests, in ascending order.
    pub(crate) latencies: Vec<Duration>,
    /// Number of requests sent, with or without a response.
    pub(crate) sent: usize,
    /// Number of requests after which the connection was closed.
    pub(crate) closed: usize,
    /// CPU time used by the server.
    pub(crate) cpu_time: Option<Duration>,
}

/// Sends requests on all connections for `duration`, one at a time on each. The first request on
/// each connection is not measured.
pub(crate) async fn run(
    server: &Server,
    workload: &Workload,
    duration: Duration,
) -> Result<Sample> {
    let mut connections = vec![];
    for _ in 0..CONNECTIONS {
        let mut connection = Connection::new(server.address(workload.mount), workload).await?;
        connection.send().await?;
        connections.push(connection);
    }
    let (cpu_before, start) = (server.cpu_time(), Instant::now());
    let tasks: JoinSet<_> =
        connections.into_iter().map(|connection| connection.run_until(start + duration)).collect();
    let results = tasks.join_all().await;
    let elapsed = start.elapsed();
    let cpu_time = server.cpu_time().zip(cpu_before).map(|(after, before)| after - before);

    let mut sample = Sample { elapsed, latencies: vec![], sent: 0, closed: 0, cpu_time };
    for result in results {
        let stats = result?;
        sample.latencies.extend(stats.latencies);
        sample.sent += stats.sent;
        sample.closed += stats.closed;
    }
    sample.latencies.sort_unstable();
    Ok(sample)
}

/// The measurement of one connection in one round.
#[derive(Default)]
struct ConnectionStats {
    latencies: Vec<Duration>,
    sent: usize,
    closed: usize,
}

/// A connection that reconnects when the server closes it.
struct Connection {
    address: SocketAddr,
    version: HttpVersion,
    request: Request<Full<Bytes>>,
    expected_status: u16,
    sender: Sender,
}

impl Connection {
    async fn new(address: SocketAddr, workload: &Workload) -> Result<Self> {
        let mut request = workload.request.clone();
        match workload.version {
            HttpVersion::Http1 => {
                let host = HeaderValue::try_from(address.to_string())?;
                request.headers_mut().insert(HOST, host);
            }
            // hyper takes `:scheme` and `:authority` from the URI.
            HttpVersion::Http2 => {
                *request.uri_mut() = format!("http://{address}{}", request.uri()).parse()?;
            }
        }
        let sender = Sender::connect(workload.version, address).await?;
        Ok(Self {
            address,
            version: workload.version,
            request,
            expected_status: workload.expected_status,
            sender,
        })
    }

    async fn run_until(mut self, deadline: Instant) -> Result<ConnectionStats> {
        let mut stats = ConnectionStats::default();
        while Instant::now() < deadline {
            let start = Instant::now();
            let completed = self.send().await?;
            stats.sent += 1;
            if completed {
                stats.latencies.push(start.elapsed());
            }
            if !completed || self.sender.ready().await.is_err() {
                stats.closed += 1;
                self.sender = Sender::connect(self.version, self.address).await?;
            }
        }
        Ok(stats)
    }

    /// Sends the request and reads the whole response. Returns `false` if the connection failed.
    ///
    /// # Errors
    ///
    /// Returns an error if the status is not the expected one.
    async fn send(&mut self) -> Result<bool> {
        let Ok(response) = self.sender.send(self.request.clone()).await else { return Ok(false) };
        if response.status() != self.expected_status {
            let (status, expected) = (response.status(), self.expected_status);
            return Err(format!("unexpected status {status}, expected {expected}").into());
        }
        Ok(response.into_body().collect().await.is_ok())
    }
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Sender {
    async fn connect(version: HttpVersion, address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let stream = TokioIo::new(stream);
        Ok(match version {
            HttpVersion::Http1 => {
                let (sender, connection) = http1::handshake(stream).await?;
                tokio::spawn(connection);
                Self::Http1(sender)
            }
            HttpVersion::Http2 => {
                let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
                tokio::spawn(connection);
                Self::Http2(sender)
            }
        })
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::Http1(sender) => sender.send_request(request).await,
            Self::Http2(sender) => sender.send_request(request).await,
        }
    }

    /// Waits until the connection accepts another request. Fails if it was closed.
    async fn ready(&mut self) -> hyper::Result<()> {
        match self {
            Self::Http1(sender) => sender.ready().await,
            Self::Http2(sender) => sender.ready().await,
        }
    }
}
