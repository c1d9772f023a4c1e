//! Shutdown, idle connections, and a lack of file descriptors.

use std::io::ErrorKind;
use std::net::TcpStream;

use crate::support::{Directory, Listener, SECRET, in_flight, payload, sign};

const DEADLINE_EXCEEDED: &str = "shutdown deadline exceeded";

#[test]
fn sigterm_finishes_in_flight_requests_and_exits_with_0() {
    let listener = Listener::start(&[]);
    let mut connection = in_flight(&listener);
    listener.terminate();
    listener.line("shutting down");
    // The socket closes right after.
    let error = loop {
        match TcpStream::connect(listener.address) {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);

    connection.send(b"{}");
    assert_eq!(connection.receive().status, 200);
    assert!(connection.is_ended());
    let finished = listener.wait();
    assert_eq!(finished.code, Some(0));
    assert!(finished.stdout.contains("delivery verified"));
    assert!(!finished.stdout.contains(DEADLINE_EXCEEDED));
}

#[test]
fn ctrl_c_shuts_down_without_waiting_for_idle_connections() {
    let listener = Listener::start(&[]);
    let mut idle = listener.connect();
    assert_eq!(idle.request("GET", "/healthz").status, 200);
    let silent = listener.connect();
    listener.signal("INT");
    let finished = listener.wait();
    assert_eq!(finished.code, Some(0));
    assert!(!finished.stdout.contains(DEADLINE_EXCEEDED), "{}", finished.stdout);
    drop(silent);
}

/// Takes 5 s, which is the promise.
#[test]
fn drops_in_flight_requests_5_seconds_after_sigterm() {
    let listener = Listener::start(&[]);
    let connection = in_flight(&listener);
    listener.terminate();
    let finished = listener.wait();
    assert_eq!(finished.code, Some(0));
    assert!(finished.stdout.contains(DEADLINE_EXCEEDED), "{}", finished.stdout);
    drop(connection);
}

#[test]
fn accepts_deliveries_when_other_connections_have_taken_all_file_descriptors() {
    let settings = [("TAWK_WEBHOOK_SECRET", SECRET), ("PORT", "0")];
    let listener = Listener::start_limited(Directory::new(), 24, &settings);
    let mut accepted = listener.connect();
    let body = payload("06-chat-end");
    let signature = sign(&body);
    let mut deliver = || accepted.post(&[("X-Tawk-Signature", &signature)], &body).status;
    assert_eq!(deliver(), 200);
    let many: Vec<_> = (0..32).map(|_| listener.connect()).collect();
    assert_eq!(listener.deliver(b"{}").status, 200);
    listener.line("cannot accept connections");
    assert_eq!(deliver(), 200);
    drop(many);
    let finished = listener.stop();
    assert_eq!(finished.code, Some(0));
    assert_eq!(finished.stdout.matches("cannot accept").count(), 1);
}
