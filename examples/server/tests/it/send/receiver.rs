//! A receiver that answers as it is told, and remembers what it was sent: over HTTP, or over TLS
//! with a certificate of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::net::TcpSocket;
use tokio::runtime::Runtime;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A delivery as it arrived.
pub(crate) struct Received {
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).first().copied()
    }

    /// Every value of a header.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .filter(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect()
    }
}

/// Runs until it has given all its answers, each on a connection of its own.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    thread: JoinHandle<Vec<Received>>,
}

impl Receiver {
    /// Answers with these statuses, one after the other.
    pub(crate) fn start(statuses: &'static [u16]) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").unwrap(), statuses)
    }

    pub(crate) fn listen(listener: TcpListener, statuses: &'static [u16]) -> Self {
        Self::run(listener, statuses, |stream| stream)
    }

    /// The same over TLS; also returns the certificate, in PEM.
    pub(crate) fn start_with_tls(statuses: &'static [u16]) -> (Self, String) {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![cert.der().clone()],
                PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap(),
            );
        let config = Arc::new(config.unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let receiver = Self::run(listener, statuses, move |stream| {
            StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream)
        });
        (receiver, cert.pem())
    }

    fn run<S: Read + Write>(
        listener: TcpListener,
        statuses: &'static [u16],
        wrap: impl Fn(TcpStream) -> S + Send + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let serve = move || {
            let connections = statuses.iter().map(|status| (status, listener.accept().unwrap().0));
            connections.map(|(status, stream)| answer(*status, wrap(stream))).collect()
        };
        Self { address, thread: thread::spawn(serve) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/tawk-webhook", self.address)
    }

    /// Waits until all answers are given.
    pub(crate) fn received(self) -> Vec<Received> {
        self.thread.join().unwrap()
    }
}

/// An address of ours where nobody listens, so far.
pub(crate) struct Reserved(TcpSocket);

impl Reserved {
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        Self(socket)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/tawk-webhook", self.0.local_addr().unwrap())
    }

    pub(crate) fn listen(self) -> TcpListener {
        let runtime = Runtime::new().unwrap();
        let _guard = runtime.enter();
        let listener = self.0.listen(16).unwrap().into_std().unwrap();
        listener.set_nonblocking(false).unwrap();
        listener
    }
}

fn answer(status: u16, stream: impl Read + Write) -> Received {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(stream.read_line(&mut head).unwrap(), 0, "it hung up: {head:?}");
    }
    let mut received = Received { head, body: Vec::new() };
    let length = received.header("content-length").unwrap().parse().unwrap();
    received.body.resize(length, 0);
    stream.read_exact(&mut received.body).unwrap();
    let answer =
        format!("HTTP/1.1 {status} Said\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.get_mut().write_all(answer.as_bytes()).unwrap();
    received
}
