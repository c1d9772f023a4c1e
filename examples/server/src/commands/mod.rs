//! The command line, errors about it, and the commands other than `serve`.

pub mod check;
pub mod healthcheck;
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
    /// Report everything that is wrong with the settings, the database and the certificate, without
    /// changing or sending anything
    #[command(after_help = "Exit status: 0 if nothing is wrong, 2 otherwise.")]
    Check(Settings),
    /// Request /healthz of the listener on this machine that has the same settings
    #[command(after_help = "Exit status: 0 if the listener responds with 200 within 5 s, else 1.")]
    Healthcheck(Settings),
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
    ///
    /// For `check`, variables with invalid values are moved to `invalid` and treated as unset.
    pub fn parse_from(
        arguments: &[OsString],
        invalid: &mut Vec<Error>,
    ) -> Result<Command, clap::Error> {
        let is_check = arguments.get(1).is_some_and(|command| command == "check");
        let mut command = config::blank_is_unset(Self::command());
        let matches = loop {
            match command.clone().try_get_matches_from(arguments) {
                Ok(matches) => break matches,
                Err(error) => match invalid_variable(&error) {
                    Some(name) if is_check => {
                        invalid.push(one_line(&error));
                        command = config::unset(command, &name);
                    }
                    _ => return Err(error),
                },
            }
        };
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
        && Arguments::command().find_subcommand(word).is_none()
    {
        return anyhow!("unexpected argument (not shown, as it may be a secret); see --help");
    }
    let text = error.to_string();
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let paragraph = paragraph.strip_prefix("error: ").unwrap_or(paragraph);
    let line = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    match (error.get(ContextKind::InvalidArg), invalid_variable(error)) {
        (Some(flag), Some(name)) => Error::msg(line.replace(&format!("'{flag}'"), &name)),
        _ => Error::msg(line),
    }
}

/// Returns the environment variable that an error is about, unless it is about its flag, such as
/// `--port <PORT>`, or an argument.
fn invalid_variable(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return None };
    let long = flag.split([' ', '=']).next().unwrap_or_default();
    let is_used = env::args().any(|argument| argument.split('=').next() == Some(long));
    let command = Arguments::command();
    let mut arguments = command.get_arguments();
    let argument = arguments.find(|argument| argument.get_long() == long.strip_prefix("--"));
    let name = argument.and_then(Arg::get_env).and_then(OsStr::to_str);
    name.filter(|_| !is_used).map(str::to_owned)
}
