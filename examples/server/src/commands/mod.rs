//! The command line, errors about it, and the commands other than `serve`.

pub mod check;
pub mod inbox;
pub mod notify;
pub mod send;

use std::collections::BTreeSet;
use std::env;

use anyhow::{Error, Result, anyhow};
use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::Settings;
use crate::{desk, dotenv};

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
    /// Serve a page on which people read the stored chats and tickets
    Desk(desk::Settings),
    /// Read, export and erase the stored deliveries
    Inbox(inbox::Arguments),
    /// Check the notification targets
    #[command(subcommand, arg_required_else_help = false)]
    Notify(notify::Command),
    /// Set up forwarding
    #[command(subcommand, arg_required_else_help = false)]
    Forward(Forward),
}

#[derive(Subcommand)]
pub enum Forward {
    /// Print a new secret that forwarded deliveries are signed with
    Secret,
}

/// Completes the environment, and parses it and the command line. Prints help and the version, and
/// exits. For `check`, errors about variables are returned too, and the variables treated as unset.
pub fn parse() -> Result<(Command, Vec<Error>)> {
    let command = Arguments::command();
    let desk = command.find_subcommand("desk").into_iter();
    let arguments = command.get_arguments().chain(desk.flat_map(clap::Command::get_arguments));
    let mut set = dotenv::load(arguments.filter_map(|argument| argument.get_env()?.to_str()))?;
    let is_check = env::args_os().nth(1).is_some_and(|command| command == "check");
    let mut invalid = Vec::new();
    loop {
        let matches = ignore_blank(Arguments::command(), &set).try_get_matches();
        let error = match matches.and_then(|matches| Arguments::from_arg_matches(&matches)) {
            Ok(Arguments { command, settings }) => {
                return Ok((command.unwrap_or(Command::Serve(settings)), invalid));
            }
            Err(error) => error,
        };
        if !error.use_stderr() {
            error.exit();
        }
        let variable = invalid_variable(&error, &set);
        let line = one_line(&error, variable.as_deref());
        match variable {
            Some(name) if is_check && set.remove(&name) => invalid.push(line),
            _ => return Err(line),
        }
    }
}

/// Ignores blank variables, which are not in `set`, and the case of named values.
fn ignore_blank(command: clap::Command, set: &BTreeSet<String>) -> clap::Command {
    command.mut_subcommands(|command| ignore_blank(command, set)).mut_args(|argument| {
        let Some(name) = argument.get_env() else { return argument };
        let is_blank =
            name.to_str().is_some_and(|name| env::var(name).is_ok() && !set.contains(name));
        let argument = argument.ignore_case(true);
        if is_blank { argument.env(Resettable::Reset) } else { argument }
    })
}

/// Converts an error into one line without secrets that names the variable instead of its flag.
fn one_line(error: &clap::Error, variable: Option<&str>) -> Error {
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
    match (error.get(ContextKind::InvalidArg), variable) {
        (Some(flag), Some(name)) => Error::msg(line.replace(&format!("'{flag}'"), name)),
        _ => Error::msg(line),
    }
}

/// Returns the variable that an error is about, unless its flag, such as `--port <PORT>`, was used.
fn invalid_variable(error: &clap::Error, set: &BTreeSet<String>) -> Option<String> {
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return None };
    let flag = flag.split([' ', '=']).next()?;
    let is_used = env::args_os().any(|it| it.to_string_lossy().split('=').next() == Some(flag));
    let name = flag.trim_start_matches('-').replace('-', "_").to_uppercase();
    (!is_used && set.contains(&name)).then_some(name)
}
