//! Stopping, and going on: signals, connections that hang, a lack of file descriptors.

use std::io::ErrorKind;
use std::net::TcpStream;

use crate::support::{Connection, Directory, Listener, SECRET, sign};

const GAVE_UP: &str = "stopping over requests that are not finished";

/// A request that the listener has for certain: it asked for the body (RFC 9110, section
/// 10.1.1).
fn in_flight(listener: &Listener) -> Connection {
    let mut connection = listener.connect();
    let headers = [("X-Tawk-Signature", &*sign(b"{}")), ("Expect", "100-continue")];
    connection.begin(&headers, 2);
    assert_eq!(connection.receive().status, 100);
    connection
}

#[test]
fn sigterm_stops_accepting_finishes_what_is_in_flight_and_exits_0() {
    let listener = Listener::start(&[]);
    let mut connection = in_flight(&listener);
    listener.terminate();
    listener.line("stopping");
    let refused = TcpStream::connect(listener.address).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

    connection.send(b"{}");
    assert_eq!(connection.receive().status, 200);
    assert!(connection.is_ended());
    let finished = listener.wait();
    assert_eq!(finished.code, Some(0));
    assert!(finished.stdout.contains("delivery verified"));
    assert!(!finished.stdout.contains(GAVE_UP));
}

#[test]
fn ctrl_c_stops_it_as_well_and_idle_connections_do_not_hold_it_up() {
    let listener = Listener::start(&[]);
    let mut idle = listener.connect();
    assert_eq!(idle.request("GET", "/healthz").status, 200);
    let silent = listener.connect();
    listener.signal("INT");
    let finished = listener.wait();
    assert_eq!(finished.code, Some(0));
    assert!(!finished.stdout.contains(GAVE_UP), "{}", finished.stdout);
    drop(silent);
}

/// Takes 10 s, which is the promise.
#[test]
fn a_request_that_does_not_end_holds_up_the_end_for_no_more_than_10_seconds() {
    let listener = Listener::start(&[]);
    let connection = in_flight(&listener);
    listener.terminate();
    let finished = listener.wait();
    assert_eq!(finished.code, Some(0));
    assert!(finished.stdout.contains(GAVE_UP), "{}", finished.stdout);
    drop(connection);
}

/// Takes 10 s, which is the promise.
#[test]
fn connections_whose_first_request_does_not_come_are_ended_and_others_are_not() {
    let listener = Listener::start(&[("TAWK_BODY_DEADLINE", "20s")]);
    let mut unfinished: Vec<_> = [
        &b""[..],
        b"P",
        b"POST /tawk-webhook HTTP/1.1\r\nHost: x\r\nX-Tawk",
        b"PRI * HTTP/2.0\r\n\r\nSM",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
    ]
    .iter()
    .map(|sent| {
        let mut connection = listener.connect();
        connection.send(sent);
        connection
    })
    .collect();
    // The second request of a connection has longer.
    let mut second = listener.connect();
    assert_eq!(second.request("GET", "/healthz").status, 200);
    second.send(b"GET /healthz HTTP/1.1\r\n");
    let mut slow_body = in_flight(&listener);
    for connection in &mut unfinished {
        connection.read_to_end();
    }
    second.send(b"Host: localhost\r\n\r\n");
    assert_eq!(second.receive().status, 200);
    // Were that later than its own deadline, this would be a 408.
    slow_body.send(b"{}");
    assert_eq!(slow_body.receive().status, 200);
}

#[test]
fn a_lack_of_file_descriptors_passes() {
    let settings = [("TAWK_WEBHOOK_SECRET", SECRET), ("PORT", "0")];
    let listener = Listener::start_limited(Directory::new(), 24, &settings);
    let mut accepted = listener.connect();
    assert_eq!(accepted.request("GET", "/healthz").status, 200);
    let many: Vec<_> = (0..32).map(|_| listener.connect()).collect();
    listener.line("cannot accept connections");
    for _ in 0..200 {
        assert_eq!(accepted.request("GET", "/healthz").status, 200);
    }
    drop(many);
    assert_eq!(listener.deliver(b"{}").status, 200);
    let finished = listener.stop();
    assert_eq!(finished.code, Some(0));
    assert!(finished.stdout.matches("cannot accept").count() < 10, "it does not spin");
}
