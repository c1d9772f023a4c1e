//! HTTPS without a reverse proxy: `TLS_CERT` and `TLS_KEY`.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rcgen::KeyPair;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::support::{
    Directory, Listener, SECRET, TLS, certified, connect, run, run_in, sign, trusting,
};

/// An HTTPS listener, and the configuration of a client that trusts it and offers `protocols`.
fn start(protocols: &[&str]) -> (Listener, Arc<ClientConfig>) {
    let (directory, certificate) = certified();
    let listener =
        Listener::start_in(directory, &[], &[&TLS[..], &[("TAWK_LOG", "summary")]].concat());
    (listener, trusting(certificate, protocols))
}

/// A delivery of the default maximum size.
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
async fn verifies_deliveries_over_http_1() {
    let (listener, config) = start(&["h2", "http/1.1"]);
    let stream = connect(&listener, config).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let answer = sender.send_request(delivery(&listener)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

#[test]
fn send_delivers_over_https_to_a_trusted_listener() {
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

/// Reads until the listener closes the connection.
fn rest(mut stream: impl Read) -> Vec<u8> {
    let mut rest = Vec::new();
    // Reset or closed, in TLS also without close_notify.
    let error = stream.read_to_end(&mut rest).err();
    assert!(!matches!(error, Some(error) if error.kind() == ErrorKind::WouldBlock), "still open");
    rest
}

#[test]
fn does_not_respond_to_plain_http() {
    let (listener, _) = start(&[]);
    let mut stream = tcp(&listener);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    // At most a TLS alert.
    assert!(!rest(stream).starts_with(b"HTTP"));
}

fn tcp(listener: &Listener) -> TcpStream {
    let stream = TcpStream::connect(listener.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// Connections that are silent before, during and after the handshake.
fn silent(listener: &Listener, config: Arc<ClientConfig>) -> [Box<dyn Read>; 3] {
    let mut started = tcp(listener);
    started.write_all(b"\x16\x03\x01").unwrap();
    let client = ClientConnection::new(config, "127.0.0.1".try_into().unwrap()).unwrap();
    let mut finished = StreamOwned::new(client, tcp(listener));
    while finished.conn.is_handshaking() {
        finished.conn.complete_io(&mut finished.sock).unwrap();
    }
    [Box::new(tcp(listener)), Box::new(started), Box::new(finished)]
}

/// Takes 10 s, which is the promise.
#[test]
fn closes_connections_whose_handshake_times_out() {
    let (listener, config) = start(&["http/1.1"]);
    let [silent, started, _finished] = silent(&listener, config);
    rest(silent);
    rest(started);
}

#[test]
fn silent_connections_do_not_delay_shutdown() {
    let (listener, config) = start(&["http/1.1"]);
    let silent = silent(&listener, config);
    let finished = listener.stop();
    assert_eq!(finished.code, Some(0));
    assert!(!finished.stdout.contains("deadline exceeded"), "{}", finished.stdout);
    drop(silent);
}

/// Returns the error about invalid settings.
fn start_error(directory: &Directory, settings: &[(&str, &str)]) -> String {
    let settings = [&[("TAWK_WEBHOOK_SECRET", SECRET), ("PORT", "0")], settings].concat();
    let finished = run_in(directory, &[], &settings);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert_eq!(finished.stdout, "");
    assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
    finished.stderr
}

#[test]
fn errors_name_the_setting_and_the_problem() {
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
        ("empty.pem", "key.pem", "TLS_CERT: no complete certificate in empty.pem; set"),
        ("key.pem", "key.pem", "TLS_CERT: no complete certificate in key.pem; set"),
        ("cut.pem", "key.pem", "TLS_CERT: no complete certificate in cut.pem; set"),
        ("odder.pem", "key.pem", "TLS_CERT: invalid first certificate in odder.pem;"),
        ("cert.pem", "empty.pem", "TLS_KEY: no private key in empty.pem; set"),
        ("cert.pem", "cert.pem", "TLS_KEY: no private key in cert.pem; set"),
        ("cert.pem", "odd.pem", "TLS_KEY: unsupported key in odd.pem; use RSA"),
        ("cert.pem", "other.pem", "TLS_KEY: other.pem is not the key of the first certificate in"),
    ] {
        let error = start_error(&directory, &[("TLS_CERT", certificate), ("TLS_KEY", key)]);
        assert!(error.contains(expected), "no {expected:?} in {error:?}");
    }
}

#[test]
fn requires_both_settings() {
    let (directory, _) = certified();
    for setting in TLS {
        let error = start_error(&directory, &[setting]);
        assert!(error.contains("only one of TLS_CERT and TLS_KEY is set"), "{error:?}");
    }
}

#[test]
fn does_not_print_a_key_that_is_set_instead_of_its_path() {
    let (directory, _) = certified();
    let key = KeyPair::generate().unwrap().serialize_pem();
    let secret = key.lines().nth(1).unwrap();
    let settings = [TLS[0], ("TLS_KEY", &*key)];
    assert!(!start_error(&directory, &settings).contains(secret));
    let help = run_in(&directory, &["--help"], &settings);
    assert_eq!(help.code, Some(0));
    assert!(!help.output().contains(secret), "{help:?}");
}
