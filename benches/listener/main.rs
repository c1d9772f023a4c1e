//! Measures what a delivery costs the `tawk-listener`: deliveries per second, CPU time per
//! delivery and peak memory, over loopback with 1 and 32 connections.
//!
//! The listener runs as shipped: it verifies, logs and stores each delivery in SQLite before it
//! responds. It is compared with the same listener whose store is a stub, and with an axum handler
//! that only verifies. All are separate processes, so that their CPU time can be measured on its
//! own. If `taskset` is installed, the servers run on the first core and the client on the second.
//!
//! Deliveries are distinct and have 1 KiB. They are signed before a round starts. Servers are
//! measured in turn, round by round. The output is the median over the rounds. Ratios are medians
//! of each round's ratio.
//!
//! Of the criterion options only `--test` is supported: one short round without output. All others
//! are ignored.

mod client;
mod server;

use std::error::Error;
use std::time::Duration;

use client::Client;
use server::Server;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const CORE_OF_SERVERS: usize = 0;
const CORE_OF_CLIENT: usize = 1;

#[derive(Clone, Copy, PartialEq)]
struct Config {
    rounds: usize,
    /// Deliveries of each connection in a round, by number of connections.
    deliveries: [(usize, usize); 2],
}

impl Config {
    /// About half a minute, after the listener is built.
    const FULL: Self = Self { rounds: 7, deliveries: [(1, 4000), (32, 1000)] };
    const SMOKE_TEST: Self = Self { rounds: 1, deliveries: [(1, 10), (32, 2)] };
}

/// The measurement of one server in one round.
struct Sample {
    deliveries: usize,
    elapsed: Duration,
    /// CPU time used by the server.
    cpu_time: Option<Duration>,
}

fn main() -> Result<()> {
    if server::is_plain_server_process() {
        return server::run_plain_server();
    }
    // `cargo bench` passes `--bench`, `cargo test --benches` does not.
    let has_arg = |name| std::env::args().any(|arg| arg == name);
    let config =
        if has_arg("--bench") && !has_arg("--test") { Config::FULL } else { Config::SMOKE_TEST };
    let stub = server::build_listener(false)?;
    let listener = server::build_listener(true)?;
    server::pin_this_process(CORE_OF_CLIENT);
    let servers = [
        ("verifies only", Server::start_plain(CORE_OF_SERVERS)?),
        ("without store", Server::start_listener(CORE_OF_SERVERS, stub)?),
        ("listener", Server::start_listener(CORE_OF_SERVERS, listener)?),
    ];
    let mut client = Client::default();
    for (connections, deliveries) in config.deliveries {
        let mut samples = servers.each_ref().map(|_| vec![]);
        for _ in 0..config.rounds {
            for ((_, server), samples) in servers.iter().zip(&mut samples) {
                samples.push(client.run(server, connections, deliveries)?);
            }
        }
        if config != Config::SMOKE_TEST {
            print(connections, servers.each_ref().map(|(name, _)| *name), &samples);
        }
    }
    if config == Config::SMOKE_TEST {
        println!("Testing listener\nSuccess");
        return Ok(());
    }
    println!("\npeak memory");
    for (name, server) in &servers {
        let bytes = server.peak_memory().map_or(f64::NAN, |bytes| bytes as f64);
        println!("{name:<16}{:>10.1} MiB", bytes / f64::from(1 << 20));
    }
    Ok(())
}

/// Prints a table. Ratios belong to the column on their left.
fn print(connections: usize, names: [&str; 3], samples: &[Vec<Sample>; 3]) {
    let plural = if connections == 1 { "" } else { "s" };
    println!("\n{connections} connection{plural}");
    println!(
        "{:<16}{:>14}{:>17}{:>14}{:>17}",
        "", "deliveries/s", "/ verifies only", "CPU/delivery", "/ verifies only"
    );
    for (name, row) in names.iter().zip(samples) {
        println!(
            "{name:<16}{:>14.0}{:>17.2}{:>11.1} µs{:>17.2}",
            median(row.iter().map(deliveries_per_second)),
            ratio(row, &samples[0], deliveries_per_second),
            median(row.iter().map(cpu_micros_per_delivery)),
            ratio(row, &samples[0], cpu_micros_per_delivery),
        );
    }
}

fn deliveries_per_second(sample: &Sample) -> f64 {
    sample.deliveries as f64 / sample.elapsed.as_secs_f64()
}

fn cpu_micros_per_delivery(sample: &Sample) -> f64 {
    let micros = sample.cpu_time.map_or(f64::NAN, |cpu_time| 1e6 * cpu_time.as_secs_f64());
    micros / sample.deliveries as f64
}

/// Returns the median of the ratios between samples of the same round.
fn ratio(samples: &[Sample], others: &[Sample], metric: fn(&Sample) -> f64) -> f64 {
    let pairs = samples.iter().zip(others);
    median(pairs.map(|(sample, other)| metric(sample) / metric(other)))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
