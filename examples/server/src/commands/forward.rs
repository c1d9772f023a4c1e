//! `tawk-listener forward`: sets up forwarding.

#![allow(clippy::doc_markdown, reason = "`--help` shows the comments on commands")]

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::forward::new_secret;

#[derive(Subcommand)]
pub enum Command {
    /// Print a new secret for FORWARD_SECRET
    Secret,
}

pub fn run(Command::Secret: &Command) -> Result<ExitCode> {
    writeln!(io::stdout(), "{}", new_secret())?;
    Ok(ExitCode::SUCCESS)
}
