//! `tawk-listener healthcheck`.

use std::net::SocketAddr;

use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::support::{Directory, Finished, Listener, Reserved, run};

fn healthcheck(address: SocketAddr, settings: &[(&str, &str)]) -> Finished {
    let port = address.port().to_string();
    run(&["healthcheck"], &[settings, &[("PORT", &*port)]].concat())
}

#[track_caller]
fn assert_unhealthy(finished: &Finished, expected: &str) {
    assert_eq!((finished.code, &*finished.stdout), (Some(1), ""), "{finished:?}");
    assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
    assert!(finished.stderr.starts_with("tawk-listener: unhealthy: "), "{finished:?}");
    assert!(finished.stderr.contains(expected), "{finished:?}");
}

#[test]
fn succeeds_while_the_listener_runs() {
    let listener = Listener::start(&[]);
    // A listener on all addresses is asked over loopback, and not over the proxy.
    for host in ["", "127.0.0.1", "0.0.0.0", "localhost"] {
        let settings = [("HOST", host), ("HTTP_PROXY", "http://127.0.0.1:1")];
        let finished = healthcheck(listener.address, &settings);
        assert_eq!((finished.code, &*finished.stderr), (Some(0), ""), "{host} {finished:?}");
        assert_eq!(finished.stdout.lines().count(), 1, "{finished:?}");
    }
    let address = listener.address;
    assert_eq!(listener.stop().code, Some(0));
    assert_unhealthy(&healthcheck(address, &[]), "no response from http://127.0.0.1:");
}

/// The certificate is neither for 127.0.0.1 nor from a trusted authority.
#[test]
fn succeeds_over_https() {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["tawk.example.com".to_owned()]).unwrap();
    let directory = Directory::new();
    directory.write("cert.pem", cert.pem()).write("key.pem", signing_key.serialize_pem());
    let tls = [("TLS_CERT", "cert.pem"), ("TLS_KEY", "key.pem")];
    let listener = Listener::start_in(directory, &[], &tls);
    assert_eq!(healthcheck(listener.address, &tls).code, Some(0));
    assert_unhealthy(&healthcheck(listener.address, &[]), "no response from http://");
}

#[test]
fn fails_within_seconds_if_the_listener_does_not_respond() {
    let silent = Reserved::new().listen();
    assert_unhealthy(&healthcheck(silent.local_addr().unwrap(), &[]), "timed out");
}

#[test]
fn fails_if_the_port_is_unknown() {
    assert_unhealthy(&run(&["healthcheck"], &[("PORT", "0")]), "set PORT");
}
