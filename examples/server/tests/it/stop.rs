//! Signals, and a lack of file descriptors.

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{Directory, Listener, SECRET, Store, in_flight, payload, program, sign};

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

/// Regression: it took 17 s, and Docker and Cloud Run wait for 10 s.
#[test]
fn stops_in_less_than_9_seconds_whatever_is_pending() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let notify_url = format!("http://{}/", silent.local_addr().unwrap());
    let store = Store::sqlite();
    let listener = store.listener_with(&[("NOTIFY_URL", &notify_url), ("NOTIFY_ON", "chat-end")]);
    assert_eq!(listener.deliver(&payload("06-chat-end")).status, 200);
    let _notification = silent.accept().unwrap();
    let mut lock = store.session();
    lock.execute("BEGIN IMMEDIATE");
    let mut waits_for_database = listener.connect();
    waits_for_database.begin(&[("X-Tawk-Signature", &sign(b"{}"))], 2);
    waits_for_database.send(b"{}");
    let _waits_for_body = in_flight(&listener);

    listener.terminate();
    let start = Instant::now();
    let finished = listener.wait();
    assert_eq!(finished.code, Some(0));
    assert!(finished.stdout.contains("stopped"));
    // Generous.
    assert!(start.elapsed() < Duration::from_secs(12), "{:?}", start.elapsed());
}

/// So that its supervisor restarts it.
#[test]
fn exits_with_an_error_if_it_no_longer_accepts_connections() {
    if cfg!(not(debug_assertions)) {
        return;
    }
    let listener = Listener::start(&[("TAWK_PANIC_ONCE", "accept")]);
    let finished = listener.wait();
    assert_eq!(finished.code, Some(1));
    assert!(finished.stdout.contains("stopped accepting connections unexpectedly"));
}

/// Regression: SIGTERM was only handled after the database had timed out.
#[test]
fn sigterm_ends_the_process_during_startup_and_sighup_does_not() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let database_url = format!("postgres://tawk@{}/tawk", silent.local_addr().unwrap());
    let settings =
        [("TAWK_WEBHOOK_SECRET", SECRET), ("PORT", "0"), ("DATABASE_URL", &database_url)];
    let mut process = program(&Directory::new(), &settings).spawn().unwrap();
    let _connection = silent.accept().unwrap();
    let start = Instant::now();
    for signal in ["HUP", "TERM"] {
        let id = process.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
    }
    assert_eq!(process.wait().unwrap().code(), Some(0));
    // Generous: the database times out after 5 s, and it is tried more than once.
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

#[test]
fn sighup_interrupts_nothing() {
    let listener = Listener::start(&[]);
    let mut connection = in_flight(&listener);
    listener.signal("HUP");
    assert_eq!(listener.connect().request("GET", "/healthz").status, 200);
    connection.send(b"{}");
    assert_eq!(connection.receive().status, 200);
    assert_eq!(listener.stop().code, Some(0));
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
