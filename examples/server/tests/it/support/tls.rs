//! Certificates, and clients that trust them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};

use super::{Directory, Listener};

pub const TLS: [(&str, &str); 2] = [("TLS_CERT", "cert.pem"), ("TLS_KEY", "key.pem")];

/// A directory with the two files, and the certificate.
pub fn certified() -> (Directory, CertificateDer<'static>) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let directory = Directory::new();
    directory.write("cert.pem", cert.pem()).write("key.pem", signing_key.serialize_pem());
    (directory, cert.der().clone())
}

/// The configuration of a client that trusts a certificate and offers `protocols`.
pub fn trusting(certificate: CertificateDer<'static>, protocols: &[&str]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

pub async fn connect(listener: &Listener, config: Arc<ClientConfig>) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(listener.address).await.unwrap();
    TlsConnector::from(config).connect("127.0.0.1".try_into().unwrap(), stream).await.unwrap()
}

/// Accepts TLS for a host, and forwards what is inside to a receiver, until the test process ends.
/// A client may first ask for a tunnel, as it asks a proxy. Returns the address and certificate.
pub fn terminate_tls(host: &str, receiver: SocketAddr) -> (SocketAddr, String) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([host.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key);
    let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(tunnel(stream, acceptor.clone(), receiver));
            }
        });
    });
    (address, cert.pem())
}

/// The client may disconnect at any time.
async fn tunnel(
    mut stream: TcpStream,
    acceptor: TlsAcceptor,
    receiver: SocketAddr,
) -> std::io::Result<()> {
    let mut first = [0];
    stream.peek(&mut first).await?;
    if first == *b"C" {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    }
    let mut stream = acceptor.accept(stream).await?;
    let mut receiver = TcpStream::connect(receiver).await?;
    copy_bidirectional(&mut stream, &mut receiver).await.map(drop)
}
