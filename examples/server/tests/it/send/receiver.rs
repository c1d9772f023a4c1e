//! [`Receiver`]: an HTTP or HTTPS server that records requests and responds with given statuses.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A received request.
pub(crate) struct Received {
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).first().copied()
    }

    /// Returns all values of a header.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines
            .filter(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect()
    }
}

/// Serves one request per connection, until all statuses are used.
pub(crate) struct Receiver {
    address: SocketAddr,
    thread: JoinHandle<Vec<Received>>,
}

impl Receiver {
    pub(crate) fn start(statuses: &'static [u16]) -> Self {
        Self::run(statuses, |stream| stream)
    }

    /// Starts a receiver with TLS, and returns its self-signed certificate in PEM.
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
        let receiver = Self::run(statuses, move |stream| {
            StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream)
        });
        (receiver, cert.pem())
    }

    fn run<S: Read + Write>(
        statuses: &'static [u16],
        wrap: impl Fn(TcpStream) -> S + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let serve = move || {
            let connections = statuses.iter().map(|status| (status, listener.accept().unwrap().0));
            connections.filter_map(|(status, stream)| respond(*status, wrap(stream)).ok()).collect()
        };
        Self { address, thread: thread::spawn(serve) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/tawk-webhook", self.address)
    }

    /// Waits until all statuses are used, and returns the requests.
    pub(crate) fn received(self) -> Vec<Received> {
        self.thread.join().unwrap()
    }
}

fn respond(status: u16, stream: impl Read + Write) -> io::Result<Received> {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
    let mut received = Received { head, body: Vec::new() };
    let length = received.header("content-length").unwrap().parse().unwrap();
    received.body.resize(length, 0);
    stream.read_exact(&mut received.body)?;
    let response = format!(
        "HTTP/1.1 {status} Status\r\nlocation: /other\r\ncontent-length: 0\r\n\
         connection: close\r\n\r\n"
    );
    stream.get_mut().write_all(response.as_bytes())?;
    Ok(received)
}
