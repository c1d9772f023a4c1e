//! A receiver of notifications that sends scripted responses and records the requests.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::WATCHDOG;

/// What a receiver does after it has read a request.
pub(crate) enum Reply {
    /// Responds with a status, headers and a body.
    Response(&'static str, Vec<String>, &'static str),
    /// Responds with 200 after a delay.
    Delayed(Duration),
    /// Responds with 200, or with 400 if the JSON has other fields, as strict services do.
    Strict(&'static [&'static str]),
    /// Does not respond.
    Silence,
    /// Responds with a status and a body of 1 GiB, of which it sends 64 MiB: far more than the
    /// buffers of both sockets.
    Gigabyte(&'static str),
}

pub(crate) const fn status(status: &'static str) -> Reply {
    Reply::Response(status, Vec::new(), "")
}

/// Asks for a pause that is longer than a test runs.
pub(crate) fn unavailable() -> Reply {
    Reply::Response(
        "503 Service Unavailable",
        vec!["retry-after: 3600\r\n".to_owned()],
        "out_of_order",
    )
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// Request line and headers.
    pub(crate) head: String,
    pub(crate) bytes: Vec<u8>,
    /// Null if it is not JSON.
    pub(crate) body: Value,
}

impl Received {
    pub(crate) fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    /// Returns the value of a header that occurs once.
    pub(crate) fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let values: Vec<_> = lines
            .filter(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect();
        let [value] = values[..] else { panic!("expected one {name} in {}", self.head) };
        value
    }

    /// Returns the key by which a receiver recognizes a duplicate.
    pub(crate) fn key(&self) -> &str {
        self.header("idempotency-key")
    }
}

/// Removes duplicates by their keys, as a receiver does.
pub(crate) fn distinct(received: &[Received]) -> HashMap<&str, &Received> {
    received.iter().rev().map(|received| (received.key(), received)).collect()
}

/// Listens until the test process ends.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    connections: usize,
    received: Vec<Received>,
    /// Clients that disconnected before the end of the response.
    disconnected: usize,
}

impl Receiver {
    /// Sends one reply after the other, and repeats the last one.
    pub(crate) fn start(replies: impl Into<Vec<Reply>>) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").unwrap(), replies)
    }

    /// Serves the connections of a listener, including those already waiting.
    pub(crate) fn listen(listener: TcpListener, replies: impl Into<Vec<Reply>>) -> Self {
        let address = listener.local_addr().unwrap();
        let (seen, replies) = (Arc::<Seen>::default(), Arc::new(replies.into()));
        let shared = seen.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, replies) = (shared.clone(), replies.clone());
                seen.change(|state| state.connections += 1);
                thread::spawn(move || seen.serve(stream.unwrap(), &replies));
            }
        });
        Self { address, seen }
    }

    /// Returns its URL as a Slack webhook.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Returns its URL as an ntfy topic.
    pub(crate) fn ntfy_url(&self) -> String {
        format!("ntfy://{}/shop", self.address)
    }

    /// Returns the requests so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.seen.state.lock().unwrap().received.clone()
    }

    /// Waits for a number of requests.
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Received> {
        self.wait_until(|state| state.received.len() >= count);
        self.received()
    }

    /// Waits until a client disconnects before the end of the response.
    pub(crate) fn wait_for_disconnect(&self) {
        self.wait_until(|state| state.disconnected > 0);
    }

    pub(crate) fn disconnected(&self) -> usize {
        self.seen.state.lock().unwrap().disconnected
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.state.lock().unwrap().connections
    }

    fn wait_until(&self, is: impl Fn(&State) -> bool) {
        let state = self.seen.state.lock().unwrap();
        let waited = self.seen.changed.wait_timeout_while(state, WATCHDOG, |state| !is(state));
        let (state, waited) = waited.unwrap();
        assert!(!waited.timed_out(), "timed out waiting: {:#?}", state.received);
    }
}

impl Seen {
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state.lock().unwrap());
        self.changed.notify_all();
        changed
    }

    /// Serves one request. The client may disconnect at any time.
    fn serve(&self, stream: TcpStream, replies: &[Reply]) {
        let mut stream = BufReader::new(stream);
        let Some(received) = read(&mut stream) else { return };
        let body = received.body.clone();
        let number = self.change(|state| {
            state.received.push(received);
            state.received.len()
        });
        let mut reply = replies.get(number - 1).or(replies.last()).unwrap();
        let (accepted, rejected) = (status("200 OK"), status("400 Bad Request"));
        if let Reply::Strict(fields) = reply {
            let is_known = |field: &String| fields.contains(&&**field);
            let is_valid = body.as_object().is_some_and(|body| body.keys().all(is_known));
            reply = if is_valid { &accepted } else { &rejected };
        }
        if !respond(stream.into_inner(), reply) {
            self.change(|state| state.disconnected += 1);
        }
    }
}

fn read(stream: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let mut received = Received { head, bytes: Vec::new(), body: Value::Null };
    let mut body = vec![0; received.header("content-length").parse().unwrap()];
    stream.read_exact(&mut body).ok()?;
    received.body = serde_json::from_slice(&body).unwrap_or_default();
    received.bytes = body;
    Some(received)
}

/// Returns whether the client read the response.
fn respond(mut stream: TcpStream, reply: &Reply) -> bool {
    static MEGABYTE: [u8; 1 << 20] = [b'x'; 1 << 20];
    match reply {
        Reply::Response(status, headers, body) => {
            let headers = headers.concat();
            let length = body.len();
            write!(stream, "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}")
                .is_ok()
        }
        Reply::Delayed(time) => {
            thread::sleep(*time);
            respond(stream, &status("200 OK"))
        }
        Reply::Strict(_) => unreachable!("`serve` has chosen a response"),
        Reply::Silence => !matches!(stream.read(&mut [0]), Ok(0) | Err(_)),
        Reply::Gigabyte(status) => {
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", 1 << 30);
            stream.write_all(head.as_bytes()).is_ok()
                && (0..64).all(|_| stream.write_all(&MEGABYTE).is_ok())
        }
    }
}
