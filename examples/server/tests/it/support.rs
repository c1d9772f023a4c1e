//! What the tests share: the program as a process of its own, and a client to talk to it.
//!
//! Every process gets an empty working directory and nothing of this one's environment, so that
//! no developer's `.env` or variables matter, and listens on a free port:
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
    reason = "each test file uses its own part"
)]

mod client;
mod database;
mod directory;
mod postgres;
mod process;
mod reserved;
mod store;

pub use client::{Answer, Connection};
pub use database::{Session, execute};
pub use directory::Directory;
pub use postgres::Postgres;
pub use process::{Finished, Listener, WATCHDOG, program, run, run_in, until};
pub use reserved::Reserved;
pub use store::Store;
pub(crate) use store::on_each_database;

use std::fs;
use std::path::Path;

use tower_tawk::Secret;

/// The invented secret under which `examples/payloads/SIGNATURES.tsv` is signed.
pub const SECRET: &str = "5e3a1c7f9024d86b5e3a1c7f9024d86b5e3a1c7f9024d86b5e3a1c7f9024d86b\
                          5e3a1c7f9024d86b5e3a1c7f9024d86b";

/// The signature of `body` under [`SECRET`], as the header has it.
pub fn sign(body: &[u8]) -> String {
    sign_with(SECRET, body)
}

pub fn sign_with(secret: &str, body: &[u8]) -> String {
    Secret::new(secret).unwrap().sign(body).to_string()
}

/// The bytes of `examples/payloads/{name}.json`.
pub fn payload(name: &str) -> Vec<u8> {
    let payloads = Path::new(env!("CARGO_MANIFEST_DIR")).join("../payloads");
    fs::read(payloads.join(name).with_extension("json")).unwrap()
}

/// The twelve of `examples/payloads`, in their order.
pub fn payloads() -> Vec<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../payloads");
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.filter_map(|name| name.into_string().ok()).collect();
    names.retain(|name| Path::new(name).extension().is_some_and(|extension| extension == "json"));
    names.sort();
    names.iter().map(|name| payload(name.trim_end_matches(".json"))).collect()
}
