//! What does verification cost a real server? Requests a second, latency, and the server's CPU
//! time for a request, over loopback, with 32 connections kept busy.
//!
//! The server is a process of its own (this program again), so that its CPU time is its own too.
//! It serves every mount at once, each on its port, and the client goes round them in turn: what
//! else the machine does falls on all alike. Figures are medians over the rounds, ratios medians
//! of each round's ratio.
//!
//! Of criterion's options it knows `--test`, which is one short round without figures; the
//! others it ignores.

// A bench is the root of a crate: its modules would be looked for beside it.
#[path = "http/client.rs"]
mod client;
#[path = "http/mounts.rs"]
mod mounts;
#[path = "http/server.rs"]
mod server;
#[path = "http/table.rs"]
mod table;

use std::error::Error;
use std::time::Duration;

use client::{Load, Version};
use mounts::Mount;
use server::Server;
use table::Series;
use tower_tawk_benches::{body, signed};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// How long a run is.
#[derive(Clone, Copy, PartialEq)]
struct Plan {
    rounds: usize,
    round: Duration,
}

impl Plan {
    /// 18 cells in five rounds: a minute and three quarters.
    const WHOLE: Self = Self { rounds: 5, round: Duration::from_secs(1) };
    const SHORT: Self = Self { rounds: 1, round: Duration::from_millis(20) };
}

fn main() -> Outcome<()> {
    if server::is_asked_for() {
        return server::serve();
    }
    // `cargo bench` says `--bench`; `cargo test --benches` does not.
    let says = |option| std::env::args().any(|argument| argument == option);
    let plan = if says("--bench") && !says("--test") { Plan::WHOLE } else { Plan::SHORT };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(client(plan))?;
    if plan == Plan::SHORT {
        println!("Testing http\nSuccess");
    }
    Ok(())
}

async fn client(plan: Plan) -> Outcome<()> {
    let server = Server::start()?;
    for version in [Version::Http1, Version::Http2] {
        for length in [1 << 10, 64 << 10] {
            let load = |mount| Load { mount, version, request: signed(body(length)), status: 200 };
            let title = format!("{version}, {} KiB, verified", length >> 10);
            measure(&server, plan, &title, Mount::ALL.map(load)).await?;
        }
    }
    refused(&server, plan).await
}

/// A request that is refused for its header is read to its end, so that its connection can be
/// used again.
async fn refused(server: &Server, plan: Plan) -> Outcome<()> {
    let accepted = signed(body(64 << 10));
    let mut unsigned = accepted.clone();
    unsigned.headers_mut().remove("x-tawk-signature");
    let load = |mount, request, status| Load { mount, version: Version::Http1, request, status };
    let loads = [
        load(Mount::Floor, accepted, 200),
        load(Mount::HandWritten, unsigned.clone(), 403),
        load(Mount::AroundRouter, unsigned.clone(), 403),
        load(Mount::OnRoute, unsigned, 403),
    ];
    measure(server, plan, "HTTP/1.1, 64 KiB, no signature (the floor accepts)", loads).await
}

/// Goes round the loads, beginning with another one each time.
async fn measure<const N: usize>(
    server: &Server,
    plan: Plan,
    title: &str,
    loads: [Load; N],
) -> Outcome<()> {
    let mut series =
        loads.each_ref().map(|load| Series { name: load.mount.name(), samples: vec![] });
    for round in 0..plan.rounds {
        for turn in 0..N {
            let at = (round + turn) % N;
            let sample = client::run(server, &loads[at], plan.round).await?;
            series[at].samples.push(sample);
        }
    }
    if plan != Plan::SHORT {
        table::print(title, &series);
    }
    Ok(())
}
