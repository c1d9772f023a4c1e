//! Certificates, and clients that trust them.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_rustls::{TlsConnector, client::TlsStream};

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

pub async fn connect(
    listener: &Listener,
    config: Arc<ClientConfig>,
) -> TlsStream<tokio::net::TcpStream> {
    let stream = tokio::net::TcpStream::connect(listener.address).await.unwrap();
    TlsConnector::from(config).connect("127.0.0.1".try_into().unwrap(), stream).await.unwrap()
}
