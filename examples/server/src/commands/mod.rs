//! The command line, errors about it, and the commands other than `serve`.

pub mod inbox;
pub mod notify;
pub mod send;

use std::env;
use std::ffi::{OsStr, OsString};

use anyhow::{Error, anyhow};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::{self, Settings};

/// Receives Tawk.to webhooks, verifies and stores them, and sends notifications.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Subcommand)]
pub enum Command {
    /// Listen for deliveries; the default command
    Serve(Settings),
    /// Send signed test deliveries to a listener
    Send(send::Arguments),
    /// Read the stored deliveries
    Inbox(inbox::Arguments),
    /// Send test notifications
    Notify(notify::Arguments),
}

impl Arguments {
    /// Returns the environment variables of all settings.
    pub fn variables() -> Vec<String> {
        let names = Self::command();
        let names = names.get_arguments().filter_map(|argument| argument.get_env()?.to_str());
        names.map(str::to_owned).collect()
    }

    /// Parses the command line, or returns the text to print for `--help` and `--version`.
    pub fn parse_from(arguments: impl Iterator<Item = OsString>) -> Result<Command, clap::Error> {
        let command = config::blank_is_unset(Self::command());
        let matches = command.try_get_matches_from(arguments)?;
        let Self { command, settings } = Self::from_arg_matches(&matches)?;
        Ok(command.unwrap_or(Command::Serve(settings)))
    }
}

/// Converts an error of clap into one line without secrets.
pub fn one_line(error: &clap::Error) -> Error {
    // A space too many can turn a secret into an argument or the name of a subcommand. clap's own
    // notation begins with `-`, `<` or `[`. If a subcommand is missing, `word` is its parent.
    let word = error.get(ContextKind::InvalidArg).or(error.get(ContextKind::InvalidSubcommand));
    if let Some(ContextValue::String(word)) = word
        && error.kind() != ErrorKind::MissingSubcommand
        && !word.starts_with(['-', '<', '['])
        && !["serve", "send", "inbox", "notify"].contains(&&**word)
    {
        return anyhow!("unexpected argument (not shown, as it may be a secret); see --help");
    }
    let text = error.to_string();
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let paragraph = paragraph.strip_prefix("error: ").unwrap_or(paragraph);
    let line = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(flag)) => Error::msg(name_variable(&line, flag)),
        _ => Error::msg(line),
    }
}

/// Replaces a flag, such as `--port <PORT>`, with its environment variable, unless the flag was
/// used.
fn name_variable(line: &str, flag: &str) -> String {
    let long = flag.split([' ', '=']).next().unwrap_or_default();
    let is_used = env::args().any(|argument| argument.split('=').next() == Some(long));
    let command = Arguments::command();
    let mut arguments = command.get_arguments();
    let argument = arguments.find(|argument| argument.get_long() == long.strip_prefix("--"));
    match argument.and_then(Arg::get_env).and_then(OsStr::to_str) {
        Some(name) if !is_used => line.replace(&format!("'{flag}'"), name),
        _ => line.to_owned(),
    }
}
