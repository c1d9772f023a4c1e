//! The client: keeps every connection busy with the same request, and takes the time of each.

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

use crate::Outcome;
use crate::mounts::Mount;
use crate::server::Server;

const CONNECTIONS: usize = 32;

#[derive(Clone, Copy)]
pub(crate) enum Version {
    Http1,
    Http2,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http1 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        })
    }
}

/// One cell: what is sent where, and the status that must come back.
pub(crate) struct Load {
    pub(crate) mount: Mount,
    pub(crate) version: Version,
    pub(crate) request: Request<Full<Bytes>>,
    pub(crate) status: u16,
}

/// What came of one round.
pub(crate) struct Sample {
    pub(crate) elapsed: Duration,
    /// Of every request, in ascending order.
    pub(crate) latencies: Vec<Duration>,
    /// Requests sent, answered or not.
    pub(crate) sent: usize,
    /// Requests after which the connection could not be used again.
    pub(crate) lost: usize,
    /// The server's CPU time.
    pub(crate) cpu: Option<Duration>,
}

/// Sends for so long, on all connections, one request at a time on each.
pub(crate) async fn run(server: &Server, load: &Load, time: Duration) -> Outcome<Sample> {
    let mut connections = vec![];
    for _ in 0..CONNECTIONS {
        let mut connection = Connection::new(server.address(load.mount), load).await?;
        connection.exchange().await?;
        connections.push(connection);
    }
    let (cpu, start) = (server.cpu(), Instant::now());
    let tasks: JoinSet<_> =
        connections.into_iter().map(|connection| connection.keep_busy(start + time)).collect();
    let results = tasks.join_all().await;
    let elapsed = start.elapsed();
    let cpu = server.cpu().zip(cpu).map(|(after, before)| after - before);

    let mut sample = Sample { elapsed, latencies: vec![], sent: 0, lost: 0, cpu };
    for result in results {
        let of_one = result?;
        sample.latencies.extend(of_one.latencies);
        sample.sent += of_one.sent;
        sample.lost += of_one.lost;
    }
    sample.latencies.sort_unstable();
    Ok(sample)
}

/// What came of one connection.
#[derive(Default)]
struct Count {
    latencies: Vec<Duration>,
    sent: usize,
    lost: usize,
}

/// A connection and what to send on it.
struct Connection {
    address: SocketAddr,
    version: Version,
    request: Request<Full<Bytes>>,
    status: u16,
    sender: Sender,
}

impl Connection {
    async fn new(address: SocketAddr, load: &Load) -> Outcome<Self> {
        let mut request = load.request.clone();
        match load.version {
            // RFC 9112, section 3.2.
            Version::Http1 => {
                let host = HeaderValue::try_from(address.to_string())?;
                request.headers_mut().insert(HOST, host);
            }
            // RFC 9113, section 8.3.1: `:scheme` and `:authority`, which hyper takes from the URI.
            Version::Http2 => {
                *request.uri_mut() = format!("http://{address}{}", request.uri()).parse()?;
            }
        }
        let sender = Sender::connect(load.version, address).await?;
        Ok(Self { address, version: load.version, request, status: load.status, sender })
    }

    /// Sends until the end; a lost connection is made anew.
    async fn keep_busy(mut self, end: Instant) -> Outcome<Count> {
        let mut count = Count::default();
        while Instant::now() < end {
            let start = Instant::now();
            let answered = self.exchange().await?;
            count.sent += 1;
            if answered {
                count.latencies.push(start.elapsed());
            }
            if !answered || self.sender.ready().await.is_err() {
                count.lost += 1;
                self.sender = Sender::connect(self.version, self.address).await?;
            }
        }
        Ok(count)
    }

    /// Whether there was an answer, read to its end.
    async fn exchange(&mut self) -> Outcome<bool> {
        let Ok(response) = self.sender.send(self.request.clone()).await else { return Ok(false) };
        if response.status() != self.status {
            let expected = self.status;
            return Err(format!("{} in place of {expected}", response.status()).into());
        }
        Ok(response.into_body().collect().await.is_ok())
    }
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Sender {
    async fn connect(version: Version, address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let stream = TokioIo::new(stream);
        Ok(match version {
            Version::Http1 => {
                let (sender, connection) = http1::handshake(stream).await?;
                tokio::spawn(connection);
                Self::Http1(sender)
            }
            Version::Http2 => {
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

    /// Fails when the connection has ended.
    async fn ready(&mut self) -> hyper::Result<()> {
        match self {
            Self::Http1(sender) => sender.ready().await,
            Self::Http2(sender) => sender.ready().await,
        }
    }
}
