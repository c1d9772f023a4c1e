//! `tawk-listener`: receives Tawk.to webhooks (`serve`, the default command), reads what has been
//! received (`inbox`), and sends test deliveries to a receiver (`send`).

#![allow(unreachable_pub, reason = "in a binary, `pub` is as private as its module")]

mod access;
mod access_log;
mod commands;
mod config;
mod dotenv;
mod error;
mod escape;
mod event_summary;
mod notify;
mod outbox;
mod redact;
mod router;
mod server;
mod state;
mod store;
mod supervise;
mod telemetry;
mod webhook;

use std::env;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use tokio::runtime::Runtime;

use commands::{Arguments, Command};

/// Exit status if the command could not start: invalid settings or arguments, address in use.
const EXIT_NOT_STARTED: u8 = 2;

fn main() -> ExitCode {
    run().unwrap_or_else(could_not_start)
}

fn run() -> anyhow::Result<ExitCode> {
    // Fails only if a provider is already installed.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    // Modifies the environment, so it comes before any thread.
    dotenv::load(&Arguments::variables())?;
    let command = match Arguments::parse_from(env::args_os()) {
        Ok(command) => command,
        Err(error) if error.use_stderr() => return Err(commands::one_line(&error)),
        Err(help) => {
            help.print()?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let runtime = Runtime::new()?;
    let finished = runtime.block_on(async {
        match command {
            Command::Serve(settings) => server::run(settings).await.map(|()| ExitCode::SUCCESS),
            Command::Send(arguments) => commands::send::run(arguments).await,
            Command::Inbox(arguments) => commands::inbox::run(arguments).await,
        }
    });
    // A hanging DNS lookup must not block the exit.
    runtime.shutdown_background();
    finished
}

/// Prints one line. If nobody reads stderr, there is still the exit status.
fn could_not_start(error: impl fmt::Display) -> ExitCode {
    let _ = writeln!(io::stderr(), "tawk-listener: {error:#}");
    ExitCode::from(EXIT_NOT_STARTED)
}
