//! Certificates that are replaced, and clients that do not accept them.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::CertificateDer;

use crate::support::{
    Directory, Listener, METRICS, TLS, certified, connect, metrics, sign, trusting,
};

/// A directory with a leaf and its key, and the certificate of its issuer.
fn issued(not_after: i32) -> (Directory, rcgen::Certificate) {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "invented issuer");
    let issuer_key = KeyPair::generate().unwrap();
    let issuer_certificate = params.self_signed(&issuer_key).unwrap();
    let issuer = Issuer::new(params, issuer_key);
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    params.not_after = date_time_ymd(not_after, 1, 1);
    let key = KeyPair::generate().unwrap();
    let leaf = params.signed_by(&key, &issuer).unwrap();
    let directory = Directory::new();
    directory.write("cert.pem", leaf.pem()).write("key.pem", key.serialize_pem());
    (directory, issuer_certificate)
}

async fn is_accepted(listener: &Listener, config: &Arc<ClientConfig>) -> bool {
    let stream = TcpStream::connect(listener.address).await.unwrap();
    let connector = TlsConnector::from(Arc::clone(config));
    connector.connect("127.0.0.1".try_into().unwrap(), stream).await.is_ok()
}

fn trusts(certificate: &CertificateDer<'static>) -> Arc<ClientConfig> {
    trusting(certificate.clone(), &["http/1.1"])
}

#[tokio::test]
async fn sighup_reloads_the_certificate_and_interrupts_nothing() {
    let (directory, first) = certified();
    let listener = Listener::start_in(directory.clone(), &[], &TLS);
    let mut in_flight = connect(&listener, trusts(&first)).await;
    let head = format!(
        "POST /tawk-webhook HTTP/1.1\r\nHost: x\r\nX-Tawk-Signature: {}\r\n\
         Expect: 100-continue\r\nContent-Length: 2\r\n\r\n",
        sign(b"{}")
    );
    in_flight.write_all(head.as_bytes()).await.unwrap();
    let mut response = [0; 25];
    in_flight.read_exact(&mut response).await.unwrap();
    assert!(response.starts_with(b"HTTP/1.1 100"));

    let (renewed, second) = certified();
    let copy = |name| directory.write(name, std::fs::read(renewed.path().join(name)).unwrap());
    copy("cert.pem");
    listener.signal("HUP");
    assert!(listener.line("failed to reload").contains("is not the key of the first certificate"));
    assert!(is_accepted(&listener, &trusts(&first)).await);
    copy("key.pem");
    listener.signal("HUP");
    listener.line("reloaded the certificate");
    assert!(is_accepted(&listener, &trusts(&second)).await);
    assert!(!is_accepted(&listener, &trusts(&first)).await);

    in_flight.write_all(b"{}").await.unwrap();
    in_flight.read_exact(&mut response[..12]).await.unwrap();
    assert!(response.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn warns_about_an_incomplete_chain_and_logs_the_clients_that_reject_it() {
    let (directory, issuer) = issued(2099);
    let settings = [&TLS[..], &[METRICS]].concat();
    let listener = Listener::start_in(directory, &[], &settings);
    let warning = listener.line("clients may reject the certificate");
    assert!(warning.contains("certificate 1 has an unknown issuer"), "{warning}");

    let (_, other) = certified();
    for _ in 0..3 {
        assert!(!is_accepted(&listener, &trusts(&other)).await);
    }
    let record = listener.line("connection failed before a request");
    assert!(record.contains(r#"reason="TLS handshake failed""#), "{record}");
    assert!(record.contains("count=1") && record.contains("peer=127.0.0.1"), "{record}");
    // This one sends nothing, as health checks of load balancers do.
    drop(TcpStream::connect(listener.address).await.unwrap());
    assert!(is_accepted(&listener, &trusts(issuer.der())).await);
    assert!(metrics(&listener).contains("\ntawk_failed_connections_total 3\n"));
    let output = listener.stop().stdout;
    assert_eq!(output.matches("connection failed before a request").count(), 1, "{output}");
}

#[test]
fn warns_about_an_expired_certificate_but_not_about_a_complete_chain() {
    let (directory, issuer) = issued(2001);
    let leaf = std::fs::read_to_string(directory.path().join("cert.pem")).unwrap();
    directory.write("cert.pem", leaf + &issuer.pem());
    let listener = Listener::start_in(directory, &[], &TLS);
    let warning = listener.line("clients may reject the certificate");
    assert!(warning.contains("certificate 1 expires at 2001-01-01T00:00:00Z"), "{warning}");
    assert!(!listener.stop().stdout.contains("unknown issuer"));
}

#[test]
fn malformed_http_is_logged_and_counted() {
    let listener = Listener::start(&[METRICS]);
    let mut connection = listener.connect();
    // How a TLS handshake begins.
    connection.send(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00");
    connection.end();
    connection.read_to_end();
    let record = listener.line("connection failed before a request");
    assert!(record.contains(r#"reason="malformed HTTP request""#), "{record}");
    assert!(metrics(&listener).contains("\ntawk_failed_connections_total 1\n"));
}
