//! Helpers shared by the tests: the program as a process, and a client for it.
//!
//! Every process gets an empty working directory and an empty environment, so that no `.env` or
//! variables of a developer matter, and listens on a free port:
//!
//! ```
//! mod support;
//!
//! use crate::support::{Listener, payload, run};
//!
//! let listener = Listener::start(&[("TAWK_LOG", "summary")]);
//! assert_eq!(listener.deliver(&payload("06-chat-end")).status, 200);
//! let record = listener.line("delivery verified");
//! let finished = listener.stop();
//! assert_eq!(finished.code, Some(0));
//!
//! let finished = run(&["send", "--url", "http://127.0.0.1:1"], &[("TAWK_WEBHOOK_SECRET", "x")]);
//! assert_eq!(finished.code, Some(1));
//! ```

#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    unused_macros,
    reason = "not every module uses all helpers"
)]

mod browser;
mod client;
mod database;
mod desk;
mod directory;
mod postgres;
mod process;
mod reserved;
mod skip;
mod store;
mod tls;

pub use browser::Browser;
pub use client::{Answer, Connection};
pub use database::{Session, execute};
pub use desk::{Desk, TOKEN, Terminal};
pub use directory::Directory;
pub use postgres::{Postgres, free_port};
#[cfg(unix)]
pub use process::run_unprivileged;
pub use process::{Finished, Listener, WATCHDOG, program, run, run_in, until};
pub use reserved::Reserved;
pub use skip::skip;
pub use store::Store;
pub(crate) use store::on_each_database;
pub use tls::{TLS, certified, connect, terminate_tls, trusting};

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use tower_tawk::Secret;

/// The invented secret of the signatures in `examples/payloads/SIGNATURES.tsv`.
pub const SECRET: &str = "5e3a1c7f9024d86b5e3a1c7f9024d86b5e3a1c7f9024d86b5e3a1c7f9024d86b\
                          5e3a1c7f9024d86b5e3a1c7f9024d86b";

/// Signs `body` with [`SECRET`].
pub fn sign(body: &[u8]) -> String {
    sign_with(SECRET, body)
}

pub fn sign_with(secret: &str, body: &[u8]) -> String {
    Secret::new(secret).unwrap().sign(body).to_string()
}

/// Reads `examples/payloads/{name}.json`.
pub fn payload(name: &str) -> Vec<u8> {
    let payloads = Path::new(env!("CARGO_MANIFEST_DIR")).join("../payloads");
    fs::read(payloads.join(name).with_extension("json")).unwrap()
}

/// Reads the twelve payloads of `examples/payloads`, in order.
pub fn payloads() -> Vec<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../payloads");
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.filter_map(|name| name.into_string().ok()).collect();
    names.retain(|name| Path::new(name).extension().is_some_and(|extension| extension == "json"));
    names.sort();
    names.iter().map(|name| payload(name.trim_end_matches(".json"))).collect()
}

/// Makes a listener serve `/metrics` on a free port.
pub const METRICS: (&str, &str) = ("METRICS_PORT", "0");

/// Returns the address of a listener with [`METRICS`].
pub fn metrics_address(listener: &Listener) -> SocketAddr {
    let line = listener.line("metrics on http://");
    let (_, address) = line.split_once("metrics on http://").unwrap();
    let (address, _) = address.split_once("/metrics").unwrap();
    address.parse().unwrap()
}

/// Returns the metrics of a listener with [`METRICS`].
pub fn metrics(listener: &Listener) -> String {
    let answer = Connection::open(metrics_address(listener)).request("GET", "/metrics");
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

/// Starts a request of which the listener has received the head: it asked for the body.
pub fn in_flight(listener: &Listener) -> Connection {
    let mut connection = listener.connect();
    let headers = [("X-Tawk-Signature", &*sign(b"{}")), ("Expect", "100-continue")];
    connection.begin(&headers, 2);
    assert_eq!(connection.receive().status, 100);
    connection
}
