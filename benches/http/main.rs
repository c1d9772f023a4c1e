//! Measures what verification costs a real server: requests per second, latency, and CPU time per
//! request, over loopback with 32 connections.
//!
//! The server is a separate process (this program, started again), so that its CPU time can be
//! measured on its own. It serves every mount at once, each on a separate port. The client measures
//! the mounts in turn, round by round, so that other load on the machine affects all of them. The
//! output is the median over the rounds. Ratios are medians of each round's ratio.
//!
//! Of the criterion options only `--test` is supported: one short round without output. All others
//! are ignored.

mod client;
mod report;
mod server;

use std::error::Error;
use std::time::Duration;

use client::{HttpVersion, Workload};
use report::Series;
use server::{Mount, Server};
use tower_tawk_benches::{body, signed_request};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[derive(Clone, Copy, PartialEq)]
struct Config {
    rounds: usize,
    round_duration: Duration,
}

impl Config {
    /// 20 series of five rounds: about a minute and three quarters.
    const FULL: Self = Self { rounds: 5, round_duration: Duration::from_secs(1) };
    const SMOKE_TEST: Self = Self { rounds: 1, round_duration: Duration::from_millis(20) };
}

fn main() -> Result<()> {
    if server::is_server_process() {
        return server::run();
    }
    // `cargo bench` passes `--bench`, `cargo test --benches` does not.
    let has_arg = |name| std::env::args().any(|arg| arg == name);
    let config =
        if has_arg("--bench") && !has_arg("--test") { Config::FULL } else { Config::SMOKE_TEST };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(config))?;
    if config == Config::SMOKE_TEST {
        println!("Testing http\nSuccess");
    }
    Ok(())
}

async fn run(config: Config) -> Result<()> {
    let server = Server::start()?;
    for version in [HttpVersion::Http1, HttpVersion::Http2] {
        for size in [1 << 10, 64 << 10] {
            let workloads = Mount::ALL.map(|mount| Workload {
                mount,
                version,
                request: signed_request(body(size)),
                expected_status: 200,
            });
            let title = format!("{version}, {} KiB, verified", size >> 10);
            measure(&server, config, &title, workloads).await?;
        }
    }
    missing_signature(&server, config).await
}

/// Measures rejections. A body of 64 KiB is drained before the response, so that the connection can
/// be reused.
async fn missing_signature(server: &Server, config: Config) -> Result<()> {
    let signed = signed_request(body(64 << 10));
    let mut unsigned = signed.clone();
    unsigned.headers_mut().remove("x-tawk-signature");
    let workloads = Mount::ALL.map(|mount| {
        let (request, expected_status) = match mount {
            Mount::Baseline => (signed.clone(), 200),
            Mount::HandWritten | Mount::AroundRouter | Mount::RouteLayer => (unsigned.clone(), 403),
        };
        Workload { mount, version: HttpVersion::Http1, request, expected_status }
    });
    let title = "HTTP/1.1, 64 KiB, missing signature (the baseline answers 200)";
    measure(server, config, title, workloads).await
}

/// Measures the workloads in turn. Each round starts with a different one.
async fn measure<const N: usize>(
    server: &Server,
    config: Config,
    title: &str,
    workloads: [Workload; N],
) -> Result<()> {
    let mut series =
        workloads.each_ref().map(|workload| Series { mount: workload.mount, samples: vec![] });
    for round in 0..config.rounds {
        for offset in 0..N {
            let index = (round + offset) % N;
            let sample = client::run(server, &workloads[index], config.round_duration).await?;
            series[index].samples.push(sample);
        }
    }
    if config != Config::SMOKE_TEST {
        report::print(title, &series);
    }
    Ok(())
}
