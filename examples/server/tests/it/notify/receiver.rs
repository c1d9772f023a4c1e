//! A receiver of notifications that answers as it is told, and remembers what it was sent.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::WATCHDOG;

/// What it does once it has read a request.
pub(crate) enum Reply {
    /// Answers: the status, headers of its own, and the body.
    Answer(&'static str, Vec<String>, &'static str),
    /// Answers 200 after this time.
    Late(Duration),
    /// Answers nothing.
    Silence,
    /// Answers with this status and a body of a gigabyte, of which it sends 64 MiB: far more than
    /// the system keeps for somebody who does not read.
    Gigabyte(&'static str),
}

pub(crate) const fn status(status: &'static str) -> Reply {
    Reply::Answer(status, Vec::new(), "")
}

/// A notification as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// Request line and headers.
    pub(crate) head: String,
    pub(crate) body: Value,
}

impl Received {
    pub(crate) fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    /// The value of a header that is there once.
    pub(crate) fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let values: Vec<_> = lines
            .filter(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect();
        let [value] = values[..] else { panic!("not one {name} in {}", self.head) };
        value
    }

    /// By which a receiver recognises what it has got already.
    pub(crate) fn key(&self) -> &str {
        self.header("idempotency-key")
    }
}

/// What a receiver makes of it that drops what it has got already.
pub(crate) fn distinct(received: &[Received]) -> HashMap<&str, &Received> {
    received.iter().rev().map(|received| (received.key(), received)).collect()
}

/// Listens for as long as the tests run.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    so_far: Mutex<SoFar>,
    changed: Condvar,
}

#[derive(Default)]
struct SoFar {
    connections: usize,
    received: Vec<Received>,
    /// How many hung up before they had their answer.
    hung_up: usize,
}

impl Receiver {
    /// Answers with one after the other, and always with the last from then on.
    pub(crate) fn start(replies: impl Into<Vec<Reply>>) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").unwrap(), replies)
    }

    /// Takes who has connected and who will.
    pub(crate) fn listen(listener: TcpListener, replies: impl Into<Vec<Reply>>) -> Self {
        let address = listener.local_addr().unwrap();
        let (seen, replies) = (Arc::<Seen>::default(), Arc::new(replies.into()));
        let shared = seen.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, replies) = (shared.clone(), replies.clone());
                seen.change(|so_far| so_far.connections += 1);
                thread::spawn(move || seen.serve(stream.unwrap(), &replies));
            }
        });
        Self { address, seen }
    }

    /// Its address for JSON.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Its address as that of an ntfy.
    pub(crate) fn ntfy_url(&self) -> String {
        format!("ntfy://{}/shop", self.address)
    }

    /// What it has received so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.seen.so_far.lock().unwrap().received.clone()
    }

    /// What it has received once that are so many.
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Received> {
        self.wait_until(|so_far| so_far.received.len() >= count);
        self.received()
    }

    /// Waits until somebody has hung up before having an answer.
    pub(crate) fn wait_for_hanging_up(&self) {
        self.wait_until(|so_far| so_far.hung_up > 0);
    }

    pub(crate) fn hung_up(&self) -> usize {
        self.seen.so_far.lock().unwrap().hung_up
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.so_far.lock().unwrap().connections
    }

    fn wait_until(&self, is: impl Fn(&SoFar) -> bool) {
        let so_far = self.seen.so_far.lock().unwrap();
        let waited = self.seen.changed.wait_timeout_while(so_far, WATCHDOG, |so_far| !is(so_far));
        let (so_far, waited) = waited.unwrap();
        assert!(!waited.timed_out(), "no more comes: {:#?}", so_far.received);
    }
}

impl Seen {
    fn change<T>(&self, change: impl FnOnce(&mut SoFar) -> T) -> T {
        let changed = change(&mut self.so_far.lock().unwrap());
        self.changed.notify_all();
        changed
    }

    /// One request; its sender may end at any moment.
    fn serve(&self, stream: TcpStream, replies: &[Reply]) {
        let mut stream = BufReader::new(stream);
        let Some(received) = read(&mut stream) else { return };
        let number = self.change(|so_far| {
            so_far.received.push(received);
            so_far.received.len()
        });
        let reply = replies.get(number - 1).or(replies.last()).unwrap();
        if !answer(stream.into_inner(), reply) {
            self.change(|so_far| so_far.hung_up += 1);
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
    let mut received = Received { head, body: Value::Null };
    let mut body = vec![0; received.header("content-length").parse().unwrap()];
    stream.read_exact(&mut body).ok()?;
    received.body = serde_json::from_slice(&body).unwrap();
    Some(received)
}

/// Whether the sender has stayed for the answer.
fn answer(mut stream: TcpStream, reply: &Reply) -> bool {
    static MEGABYTE: [u8; 1 << 20] = [b'x'; 1 << 20];
    match reply {
        Reply::Answer(status, headers, body) => {
            let headers = headers.concat();
            let length = body.len();
            write!(stream, "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}")
                .is_ok()
        }
        Reply::Late(time) => {
            thread::sleep(*time);
            answer(stream, &status("200 OK"))
        }
        Reply::Silence => !matches!(stream.read(&mut [0]), Ok(0) | Err(_)),
        Reply::Gigabyte(status) => {
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", 1 << 30);
            stream.write_all(head.as_bytes()).is_ok()
                && (0..64).all(|_| stream.write_all(&MEGABYTE).is_ok())
        }
    }
}
