//! `tawk-listener notify`: checks that notifications arrive, without a delivery or a database.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Subcommand;
use tower_tawk::event::Role;
use tower_tawk::test_util::samples;

use crate::config::Notify;
use crate::notify::{self, Message, SendError, Trigger, sha256_hex};

#[derive(Subcommand)]
pub enum Command {
    /// Send a test notification to each URL of NOTIFY_URL, and print whether it was accepted
    Test {
        #[command(flatten)]
        notify: Notify,
    },
}

/// Runs the command. Exits with 1 if a notification was not accepted.
pub async fn run(Command::Test { notify }: Command) -> Result<ExitCode> {
    let notifiers = notify::notifiers(notify.notify_url.as_deref())?;
    ensure!(!notifiers.is_empty(), "NOTIFY_URL is not set");
    // Invented, with all fields, so that a receiver that rejects one is found.
    let messages = [(Role::Agent, "This is a test. The chat does not exist.")];
    let event = samples::transcript("Test Visitor", &messages);
    let mut message = Message::new(&event, Trigger::AgentReply);
    message.title = format!("Test of tawk-listener: {}", message.title);
    let mut exit_code = ExitCode::SUCCESS;
    for (position, notifier) in (1..).zip(notifiers) {
        // Another key each time. A receiver would drop a duplicate.
        let key = sha256_hex(&[&rand::random::<[u8; 32]>()]);
        let outcome = match notifier.send(&message, &key).await {
            Ok(_) => "sent".to_owned(),
            Err(SendError::Permanent(reason) | SendError::Transient { reason, .. }) => {
                exit_code = ExitCode::FAILURE;
                format!("not sent: {reason}")
            }
        };
        writeln!(io::stdout(), "URL {position} ({}): {outcome}", notifier.host)?;
    }
    Ok(exit_code)
}
