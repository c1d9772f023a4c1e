//! HTTPS of the listener's own: `TLS_CERT` and `TLS_KEY`.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::support::{Directory, Listener, SECRET, run, run_in, sign};

const TLS: [(&str, &str); 2] = [("TLS_CERT", "cert.pem"), ("TLS_KEY", "key.pem")];

/// A directory with the two files, and the certificate.
fn certified() -> (Directory, CertificateDer<'static>) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let directory = Directory::new();
    directory.write("cert.pem", cert.pem()).write("key.pem", signing_key.serialize_pem());
    (directory, cert.der().clone())
}

/// A listener over HTTPS, and what a client needs that trusts it and speaks `protocols`.
fn start(protocols: &[&str]) -> (Listener, Arc<ClientConfig>) {
    let (directory, certificate) = certified();
    let listener =
        Listener::start_in(directory, &[], &[&TLS[..], &[("TAWK_LOG", "summary")]].concat());
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    (listener, Arc::new(config))
}

async fn connect(
    listener: &Listener,
    config: Arc<ClientConfig>,
) -> TlsStream<tokio::net::TcpStream> {
    let stream = tokio::net::TcpStream::connect(listener.address).await.unwrap();
    TlsConnector::from(config).connect("127.0.0.1".try_into().unwrap(), stream).await.unwrap()
}

/// The longest that is taken by default.
fn delivery(listener: &Listener) -> Request<Full<Bytes>> {
    let body = format!("{{\"event\":\"long\",\"pad\":\"{}\"}}", "x".repeat(2 * 1024 * 1024 - 25));
    assert_eq!(body.len(), 2 * 1024 * 1024);
    Request::post(listener.url())
        .header("Host", "127.0.0.1")
        .header("X-Tawk-Signature", sign(body.as_bytes()))
        .body(Full::new(Bytes::from(body)))
        .unwrap()
}

#[tokio::test]
async fn a_delivery_over_http_2_is_verified() {
    let (listener, config) = start(&["h2", "http/1.1"]);
    let stream = connect(&listener, config).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let answer = sender.send_request(delivery(&listener)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_delivery_over_http_1_is_verified() {
    let (listener, config) = start(&["http/1.1"]);
    let stream = connect(&listener, config).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let answer = sender.send_request(delivery(&listener)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

#[test]
fn send_delivers_over_https_to_a_listener_that_it_trusts() {
    let (directory, _) = certified();
    let trusted = directory.path().join("cert.pem");
    let trusted = trusted.to_str().unwrap().to_owned();
    let listener = Listener::start_in(directory, &[], &TLS);
    let settings = [("TAWK_WEBHOOK_SECRET", SECRET), ("SSL_CERT_FILE", &*trusted)];
    let sent = run(&["send", "--url", &listener.url()], &settings);
    assert!(listener.url().starts_with("https://"));
    assert_eq!(sent.code, Some(0), "{sent:?}");
    listener.line("delivery verified");
}

/// Reads whatever comes until the other side ends the connection.
fn rest(mut stream: impl Read) -> Vec<u8> {
    let mut rest = Vec::new();
    // Reset or closed, and in TLS without a last word: what counts is that it is ended.
    let error = stream.read_to_end(&mut rest).err();
    assert!(!matches!(error, Some(error) if error.kind() == ErrorKind::WouldBlock), "it goes on");
    rest
}

#[test]
fn plain_http_is_not_answered() {
    let (listener, _) = start(&[]);
    let mut stream = tcp(&listener);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    // An alert at most.
    assert!(!rest(stream).starts_with(b"HTTP"));
}

fn tcp(listener: &Listener) -> TcpStream {
    let stream = TcpStream::connect(listener.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// Connections that are silent before, in and after the handshake.
fn silent(listener: &Listener, config: Arc<ClientConfig>) -> [Box<dyn Read>; 3] {
    let mut begun = tcp(listener);
    begun.write_all(b"\x16\x03\x01").unwrap();
    let client = ClientConnection::new(config, "127.0.0.1".try_into().unwrap()).unwrap();
    let mut done = StreamOwned::new(client, tcp(listener));
    while done.conn.is_handshaking() {
        done.conn.complete_io(&mut done.sock).unwrap();
    }
    [Box::new(tcp(listener)), Box::new(begun), Box::new(done)]
}

/// Takes 10 s, which is the promise.
#[test]
fn connections_whose_handshake_or_first_request_does_not_come_are_ended() {
    let (listener, config) = start(&["h2"]);
    for stream in silent(&listener, config) {
        rest(stream);
    }
}

#[test]
fn silent_connections_do_not_hold_up_the_end() {
    let (listener, config) = start(&["http/1.1"]);
    let silent = silent(&listener, config);
    let finished = listener.stop();
    assert_eq!(finished.code, Some(0));
    assert!(!finished.stdout.contains("not finished"), "{}", finished.stdout);
    drop(silent);
}

/// What it says of settings with which it does not start.
fn refused(directory: &Directory, settings: &[(&str, &str)]) -> String {
    let settings = [&[("TAWK_WEBHOOK_SECRET", SECRET), ("PORT", "0")], settings].concat();
    let finished = run_in(directory, &[], &settings);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert_eq!(finished.stdout, "");
    assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
    finished.stderr
}

#[test]
fn settings_that_cannot_be_used_are_refused_with_the_reason() {
    let (directory, _) = certified();
    let other = KeyPair::generate().unwrap().serialize_pem();
    directory
        .write("other.pem", other)
        .write("empty.pem", "")
        .write("cut.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n")
        .write("odd.pem", "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n")
        .write("odder.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    for (certificate, key, expected) in [
        ("none.pem", "key.pem", "TLS_CERT: cannot read the file: No such file"),
        ("cert.pem", "none.pem", "TLS_KEY: cannot read the file: No such file"),
        ("empty.pem", "key.pem", "TLS_CERT: there is no whole certificate in empty.pem; name"),
        ("key.pem", "key.pem", "TLS_CERT: there is no whole certificate in key.pem; name"),
        ("cut.pem", "key.pem", "TLS_CERT: there is no whole certificate in cut.pem; name"),
        ("odder.pem", "key.pem", "TLS_CERT: the first certificate in odder.pem cannot be read;"),
        ("cert.pem", "empty.pem", "TLS_KEY: there is no private key in empty.pem; name"),
        ("cert.pem", "cert.pem", "TLS_KEY: there is no private key in cert.pem; name"),
        ("cert.pem", "odd.pem", "TLS_KEY: the key in odd.pem cannot be used; it has to be"),
        ("cert.pem", "other.pem", "TLS_KEY: other.pem is not the key of the first certificate in"),
    ] {
        let said = refused(&directory, &[("TLS_CERT", certificate), ("TLS_KEY", key)]);
        assert!(said.contains(expected), "no {expected:?} in {said:?}");
    }
}

#[test]
fn one_of_the_two_settings_is_not_enough() {
    let (directory, _) = certified();
    for (setting, other) in [(TLS[0], "--tls-key"), (TLS[1], "--tls-cert")] {
        let said = refused(&directory, &[setting]);
        assert!(said.contains(other), "{said:?}");
    }
}

#[test]
fn a_key_that_is_set_in_place_of_its_file_is_not_printed() {
    let (directory, _) = certified();
    let key = KeyPair::generate().unwrap().serialize_pem();
    let secret = key.lines().nth(1).unwrap();
    let settings = [TLS[0], ("TLS_KEY", &*key)];
    assert!(!refused(&directory, &settings).contains(secret));
    let help = run_in(&directory, &["--help"], &settings);
    assert_eq!(help.code, Some(0));
    assert!(!help.output().contains(secret), "{help:?}");
}
