//! The settings of `serve`, and the webhook secrets, which `send` uses too.

mod secrets;
mod units;

pub(crate) use secrets::{read, webhook_secrets};

use std::error::Error;
use std::fmt;
use std::time::Duration;

use clap::{Args, ValueEnum};

/// Each is a flag, an environment variable and a line of `.env`, and counts in that order.
///
/// Secrets are a plain string here and are parsed by us, since clap repeats the values that it
/// refuses. There is no `Debug`, for the same reason.
#[derive(Args)]
pub(crate) struct Settings {
    /// The webhook's secret, or several separated by commas, each optionally label=secret
    #[arg(long, env, hide_env_values = true, value_name = "SECRETS")]
    pub(crate) tawk_webhook_secret: Option<String>,

    /// What becomes of a delivery that is not verified
    #[arg(long, env, value_enum, default_value_t = Mode::Enforce, value_name = "MODE")]
    pub(crate) tawk_mode: Mode,

    /// The address or name to listen on; 0.0.0.0 for all of this machine's
    #[arg(long, env, default_value = "127.0.0.1")]
    pub(crate) host: String,

    /// The port to listen on; 0 for any that is free
    #[arg(long, env, default_value_t = 8000)]
    pub(crate) port: u16,

    /// The longest body that is taken, in bytes or as in 512KiB or 2MiB
    #[arg(long, env, default_value = "2MiB", value_name = "SIZE", value_parser = units::bytes)]
    pub(crate) tawk_body_limit: usize,

    /// The time that a whole body may take to arrive, as in 30s or 500ms
    #[arg(long, env, default_value = "30s", value_name = "TIME", value_parser = units::duration)]
    pub(crate) tawk_body_deadline: Duration,

    /// Which records are logged: a level, or tracing directives. Those of deliveries too (their
    /// target is `tawk_listener`): at `warn` accepted ones are not. `info,tower_tawk=debug` adds
    /// the layer's own events
    #[arg(long, env, default_value = "info", value_name = "FILTER")]
    pub(crate) rust_log: String,

    /// How log records are written to stdout
    #[arg(long, env, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub(crate) log_format: LogFormat,

    /// What is logged of each delivery
    #[arg(long, env, value_enum, default_value_t = TawkLog::Payload, value_name = "LEVEL")]
    pub(crate) tawk_log: TawkLog,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// It is answered 403, and Tawk.to tries again for 12 hours
    Enforce,
    /// It is logged, answered 200, and goes no further: to look before enforcing
    Observe,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum LogFormat {
    /// A line for people
    Text,
    /// A JSON object on a line, as Google Cloud Run reads it
    Json,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TawkLog {
    /// Verdict, reason, event, ids, sizes and counts: no personal data
    Summary,
    /// Also who said what, the headers (sensitive ones redacted), the body and the signature
    Payload,
    /// Also the right signature of what is not verified: a forgery ready to use
    Full,
}

/// The name that a value goes by in settings.
pub(crate) fn name(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// A setting that cannot be used: one line that says what to do. Never holds a secret.
#[derive(Debug)]
pub(crate) struct ConfigError(String);

impl ConfigError {
    pub(crate) const fn new(message: String) -> Self {
        Self(message)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for ConfigError {}
