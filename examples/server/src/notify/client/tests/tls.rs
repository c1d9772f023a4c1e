//! The client against receivers with TLS.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::*;

/// What becomes of a notification to a receiver with a certificate for `name`.
async fn answered_with_tls(name: &str, is_trusted: bool) -> Result<(), Failure> {
    let (listener, address) = listen().await;
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([name.to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    if is_trusted {
        roots.add(cert.der().clone()).unwrap();
    }
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key);
    let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
    let receiver = async {
        let (stream, _) = listener.accept().await.unwrap();
        if let Ok(mut stream) = acceptor.accept(stream).await {
            answer(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        }
    };
    let client = Client::trusting(roots).unwrap();
    tokio::join!(client.send(notification("https", address)), receiver).0
}

#[tokio::test]
async fn a_receiver_with_a_trusted_certificate_is_told_over_tls() {
    answered_with_tls("127.0.0.1", true).await.unwrap();
}

#[tokio::test]
async fn a_receiver_with_another_certificate_is_told_nothing() {
    let unknown = why(answered_with_tls("127.0.0.1", false).await);
    assert!(
        unknown.contains("its certificate is from nobody whom this system trusts"),
        "{unknown}"
    );
    let misnamed = why(answered_with_tls("chat.example.com", true).await);
    assert!(misnamed.ends_with("its certificate is for another host"), "{misnamed}");
}

#[tokio::test]
async fn a_receiver_that_speaks_no_tls_is_a_failure() {
    let (listener, address) = listen().await;
    let receiver = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        // Until it is told that this is no TLS: hanging up earlier would reset the connection.
        stream.read_to_end(&mut Vec::new()).await
    };
    let client = client();
    let (sent, _) = tokio::join!(client.send(notification("https", address)), receiver);
    let why = why(sent);
    assert!(why.starts_with("cannot connect to the receiver: TLS: "), "{why}");
}
