//! Deliveries to store, and helpers that send them concurrently.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tower_tawk::test_util::{encode, samples};

use crate::support::{Answer, Connection, sign};

/// The response bodies for a new delivery, and for a duplicate.
pub(crate) const STORED: &str = r#"{"status":"ok"}"#;
pub(crate) const DUPLICATE: &str = r#"{"status":"ok","duplicate":true}"#;

/// Returns a different delivery for each number.
pub(crate) fn delivery(number: usize) -> Vec<u8> {
    encode(&samples::chat_end(&format!("Visitor {number}"))).to_vec()
}

/// Returns the status and the body of a response.
pub(crate) fn outcome(answer: &Answer) -> (u16, &str) {
    (answer.status, &answer.body)
}

/// Asserts that the response is a 503 with `Retry-After`.
pub(crate) fn assert_unavailable(answer: &Answer) {
    assert_eq!(answer.status, 503, "{answer:?}");
    let seconds = answer.header("retry-after").map(str::parse::<u32>);
    assert!(matches!(seconds, Some(Ok(1..))), "{answer:?}");
}

/// Sends the deliveries with these numbers over 32 connections.
pub(crate) fn deliver_all(address: SocketAddr, numbers: &[usize]) -> Vec<Answer> {
    let next = AtomicUsize::new(0);
    let deliver = || {
        let mut connection = Connection::open(address);
        let numbers = std::iter::from_fn(|| numbers.get(next.fetch_add(1, Ordering::Relaxed)));
        numbers.map(|number| post(&mut connection, &delivery(*number))).collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let senders: Vec<_> = (0..32).map(|_| scope.spawn(deliver)).collect();
        senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
    })
}

fn post(connection: &mut Connection, body: &[u8]) -> Answer {
    connection.post(&[("X-Tawk-Signature", &sign(body))], body)
}
