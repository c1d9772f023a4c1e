//! Settings of notifications.

use clap::Args;

use crate::notify::Triggers;

/// Settings of notifications. The URLs may be secrets, so they are a plain string here and their
/// values are not shown by `--help`.
#[derive(Args)]
pub struct Notify {
    /// Comma-separated notification targets: https://HOST/PATH for Slack and compatible services,
    /// ntfys://HOST/TOPIC for ntfy (http:// and ntfy:// without TLS)
    #[arg(
        long,
        env,
        hide_env_values = true,
        default_value = "",
        hide_default_value = true,
        value_name = "URLS"
    )]
    pub notify_url: String,

    /// Comma-separated events that send a notification: agent-reply (an agent replied, known once
    /// the transcript arrives, or started a chat), chat-start, chat-end, transcript, ticket
    #[arg(long, env, default_value = Triggers::DEFAULT, value_name = "TRIGGERS")]
    pub notify_on: Triggers,
}
