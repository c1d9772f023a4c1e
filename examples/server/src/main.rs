//! `tawk-listener`: receives Tawk.to webhooks (`serve`, the default command), shows what has been
//! received (`desk`, `inbox`), sends test deliveries and test notifications (`send`, `notify`), and
//! checks the settings (`check`) and the listener (`healthcheck`).

#![allow(unreachable_pub, reason = "in a binary, `pub` is as private as its module")]
#![allow(clippy::doc_markdown, reason = "`--help` shows the comments on commands and settings")]

mod access;
mod access_log;
mod commands;
mod config;
mod desk;
mod dotenv;
mod error;
mod escape;
mod event_summary;
mod forward;
mod http_client;
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

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Error;
use tokio::runtime::Runtime;

use commands::{Command, Forward};

/// Exit status if the command could not start: invalid settings or arguments, address in use.
const EXIT_NOT_STARTED: u8 = 2;

fn main() -> ExitCode {
    run().unwrap_or_else(|error| {
        print_error(&error);
        ExitCode::from(EXIT_NOT_STARTED)
    })
}

fn run() -> anyhow::Result<ExitCode> {
    // Fails only if a provider is already installed.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    // Modifies the environment, so it comes before any thread.
    let (command, invalid) = commands::parse()?;
    let runtime = Runtime::new()?;
    let finished = runtime.block_on(async {
        match command {
            Command::Serve(settings) => server::run(settings).await,
            Command::Check(settings) => commands::check::run(settings, invalid).await,
            Command::Healthcheck(settings) => Ok(commands::check::healthcheck(&settings).await),
            Command::Send(arguments) => commands::send::run(arguments).await,
            Command::Desk(settings) => desk::run(settings).await,
            Command::Inbox(arguments) => commands::inbox::run(arguments).await,
            Command::Notify(command) => commands::notify::run(command).await,
            Command::Forward(Forward::Secret) => {
                writeln!(io::stdout(), "{}", forward::new_secret())?;
                Ok(ExitCode::SUCCESS)
            }
        }
    });
    // A hanging DNS lookup must not block the exit.
    runtime.shutdown_background();
    finished
}

/// Prints one line. If nobody reads stderr, there is still the exit status.
fn print_error(error: &Error) {
    let _ = writeln!(io::stderr(), "tawk-listener: {error:#}");
}
