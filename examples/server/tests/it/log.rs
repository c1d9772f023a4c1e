//! The log: a reader that is slow, stuck or gone does not affect deliveries.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, pipe};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::{Value, json};

use crate::support::{Connection, Directory, SECRET, program, sign, skip, until};

/// A listener with the same output for stdout and stderr. Killed on drop.
struct Logging {
    process: Child,
    address: SocketAddr,
    metrics: SocketAddr,
    _directory: Directory,
}

impl Logging {
    /// Returns once the listener answers. Its addresses are not read from its log.
    fn start(output: impl Into<OwnedFd>) -> Self {
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (address, metrics) = (free(), free());
        let settings = [
            ("TAWK_WEBHOOK_SECRET", SECRET),
            ("LOG_FORMAT", "json"),
            ("PORT", &*address.port().to_string()),
            ("METRICS_PORT", &*metrics.port().to_string()),
        ];
        let directory = Directory::new();
        let stdout = output.into();
        let stderr = stdout.try_clone().unwrap();
        let mut command = program(&directory, &settings);
        let process = command.stdout(stdout).stderr(Stdio::from(stderr)).spawn().unwrap();
        until(|| TcpStream::connect(address).ok());
        Self { process, address, metrics, _directory: directory }
    }

    /// Delivers a body of this length, with the number in it.
    fn deliver(&self, number: usize, length: usize) {
        let body = json!({ "event": "log:test", "number": number, "x": "x".repeat(length) });
        let body = body.to_string().into_bytes();
        let signature = sign(&body);
        let answer =
            Connection::open(self.address).post(&[("X-Tawk-Signature", &signature)], &body);
        assert_eq!(answer.status, 200);
    }

    fn dropped(&self) -> u64 {
        let metrics = Connection::open(self.metrics).request("GET", "/metrics").body;
        let (_, rest) = metrics.split_once("\ntawk_dropped_log_records_total ").unwrap();
        rest.lines().next().unwrap().parse().unwrap()
    }

    fn stop(mut self) {
        let status = Command::new("kill").arg(self.process.id().to_string()).status();
        assert!(status.unwrap().success());
        let status = until(|| self.process.try_wait().unwrap());
        assert_eq!(status.code(), Some(0));
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The numbers of the deliveries in a log, each line of which is a whole record.
fn logged(log: &str) -> Vec<u64> {
    let records = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    records.filter_map(|record| record["json"]["number"].as_u64()).collect()
}

/// Reads lines up to one with this text.
fn read_until(reader: &mut impl BufRead, text: &str) -> String {
    let mut lines = String::new();
    loop {
        let start = lines.len();
        assert_ne!(reader.read_line(&mut lines).unwrap(), 0, "the log ended before {text}");
        if lines[start..].contains(text) {
            return lines;
        }
    }
}

#[test]
fn deliveries_are_stored_when_the_reader_of_the_log_has_exited() {
    let (reader, writer) = pipe().unwrap();
    let listener = Logging::start(writer);
    drop(reader);
    for number in 0..3 {
        listener.deliver(number, 0);
    }
    until(|| (listener.dropped() >= 3).then_some(()));
    let mut connection = Connection::open(listener.address);
    assert_eq!(connection.request("GET", "/readyz").status, 200);
    listener.stop();
}

#[test]
fn deliveries_are_stored_when_the_disk_of_the_log_is_full() {
    let Ok(full) = OpenOptions::new().write(true).open("/dev/full") else {
        return skip("this system has no /dev/full");
    };
    let listener = Logging::start(full);
    listener.deliver(0, 0);
    until(|| (listener.dropped() > 0).then_some(()));
    listener.stop();
}

/// More is logged than the pipe and the queue hold.
#[test]
fn deliveries_are_stored_while_nobody_reads_the_log_and_later_records_are_whole() {
    let (reader, writer) = pipe().unwrap();
    let listener = Logging::start(writer);
    for number in 0..200 {
        listener.deliver(number, 30_000);
    }
    let dropped = listener.dropped();
    assert!(dropped > 0 && dropped < 200, "{dropped}");

    let mut reader = BufReader::new(reader);
    let mut log = read_until(&mut reader, r#""number":0,"#);
    let rest = thread::spawn(move || read_until(&mut reader, r#""x":"""#));
    // The queue has room again. A duplicate would be logged without its body.
    let mut numbers = 200..;
    let last = until(|| {
        let (before, number) = (listener.dropped(), numbers.next()?);
        listener.deliver(number, 0);
        (listener.dropped() == before).then_some(number)
    });
    // At shutdown, what is not read within a second is lost.
    log.push_str(&rest.join().unwrap());
    listener.stop();
    let numbers = logged(&log);
    assert!(numbers.is_sorted(), "{numbers:?}");
    assert_eq!(*numbers.last().unwrap(), last as u64);
    assert_eq!(numbers.iter().filter(|number| **number < 200).count() as u64, 200 - dropped);
}

#[test]
fn a_listener_whose_log_nobody_reads_stops_on_sigterm() {
    let (_reader, writer) = pipe().unwrap();
    let listener = Logging::start(writer);
    for number in 0..10 {
        listener.deliver(number, 30_000);
    }
    listener.stop();
}

#[test]
fn a_non_blocking_pipe_that_is_full_for_a_moment_loses_no_record() {
    let (mut reader, writer) = UnixStream::pair().unwrap();
    writer.set_nonblocking(true).unwrap();
    let listener = Logging::start(writer);
    for number in 0..50 {
        listener.deliver(number, 30_000);
    }
    let rest = thread::spawn(move || {
        let mut rest = String::new();
        reader.read_to_string(&mut rest).unwrap();
        rest
    });
    assert_eq!(listener.dropped(), 0);
    listener.stop();
    assert_eq!(logged(&rest.join().unwrap()), Vec::from_iter(0..50));
}
