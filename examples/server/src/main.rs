//! `tawk-listener`: receives Tawk.to's webhooks (`serve`, which is what it does when no command
//! is given), reads what has been received (`inbox`), and plays Tawk.to against a receiver (`send`).
//!
//! This file picks the command; each command is a module of its own.

#![allow(unreachable_pub, reason = "nothing outside the binary uses its modules")]

mod answer;
mod app;
mod commands;
mod config;
mod delivery;
mod dotenv;
mod guard;
mod inbox;
mod inbox_command;
mod listener;
mod log;
mod metrics;
mod notify;
mod operations;
mod record;
mod serve;
mod trust;
mod webhook;

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, Subcommand};

use commands::send;
use config::Settings;

/// Every failure before the work begins: a setting, an argument, the address.
const COULD_NOT_START: u8 = 2;

/// Receives Tawk.to's webhooks, verifies and stores them, and tells somebody.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Subcommand)]
enum Command {
    /// Listen for deliveries; this is what happens without a command, too
    Serve(Settings),
    /// Play Tawk.to: send signed deliveries to a listener
    Send(send::Arguments),
    /// Read the inbox: what has been received
    Inbox(inbox_command::Arguments),
}

/// Reads `.env` before there are threads, since that changes the environment of the process.
fn main() -> ExitCode {
    // Fails only if there is one already.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    if let Err(error) = dotenv::load() {
        return could_not_start(error);
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return could_not_start(error),
    };
    let status = runtime.block_on(run(arguments));
    // A look-up of a name that hangs must not hold up the end.
    runtime.shutdown_background();
    status
}

async fn run(Arguments { command, settings }: Arguments) -> ExitCode {
    let settings = match command {
        Some(Command::Send(arguments)) => {
            return send::run(arguments)
                .await
                .unwrap_or_else(|error| could_not_start(format_args!("{error:#}")));
        }
        Some(Command::Inbox(arguments)) => return inbox_command::run(arguments).await,
        Some(Command::Serve(settings)) => settings,
        None => settings,
    };
    match serve::run(settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => could_not_start(error),
    }
}

/// One line that says why. Where nobody reads stderr there is still the exit status.
fn could_not_start(why: impl fmt::Display) -> ExitCode {
    let _ = writeln!(io::stderr(), "tawk-listener: {why}");
    ExitCode::from(COULD_NOT_START)
}

/// Help, the version, or an error about the arguments.
fn refuse(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    if repeats_a_stray_word(error) {
        return could_not_start(
            "there is a word that is neither a command (serve, send, inbox) nor the value of an option; \
             it is not repeated here, since it may be a secret (see --help)",
        );
    }
    could_not_start(first_paragraph(error))
}

/// What is wrong, on one line: the rest of what clap says is in `--help`.
fn first_paragraph(error: &clap::Error) -> String {
    let text = error.to_string();
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let paragraph = paragraph.strip_prefix("error: ").unwrap_or(paragraph);
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}

const COMMANDS: [&str; 3] = ["serve", "send", "inbox"];

/// Whether clap would print a word that stands where no word belongs, which is where a secret
/// lands by a space too many. (clap's own notation begins with `-`, `<` or `[`.)
fn repeats_a_stray_word(error: &clap::Error) -> bool {
    if error.kind() == ErrorKind::MissingSubcommand {
        return false; // there is no word
    }
    [ContextKind::InvalidArg, ContextKind::InvalidSubcommand].into_iter().any(|kind| {
        let Some(ContextValue::String(word)) = error.get(kind) else { return false };
        !word.starts_with(['-', '<', '[']) && !COMMANDS.contains(&&**word)
    })
}
