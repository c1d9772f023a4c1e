//! The settings of `serve`, and those that other commands use too: the webhook secrets (`send`)
//! and the database (`inbox`).

#![allow(clippy::doc_markdown, reason = "the comments on settings are what `--help` shows")]

mod networks;
mod notify;
mod secrets;
mod units;

pub(crate) use networks::Networks;
pub(crate) use notify::Notify;
pub(crate) use secrets::{read, webhook_secrets};

use std::error::Error;
use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};

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

    #[command(flatten)]
    pub(crate) database: Database,

    #[command(flatten)]
    pub(crate) notify: Notify,

    /// For how many days deliveries are kept; 0 keeps them for ever. After that no more than the
    /// signature and the time is left, to recognise a repeat by
    #[arg(long, env, default_value_t = 90, value_name = "DAYS")]
    pub(crate) tawk_retention_days: u32,

    /// Whose deliveries are taken: addresses and networks as in 192.0.2.7,2001:db8::/32. Everybody
    /// else is answered 403. Unset, everybody's are
    #[arg(long, env, default_value = "", hide_default_value = true, value_name = "NETWORKS")]
    pub(crate) tawk_allowed_ips: Networks,

    /// The proxies that are believed what they say of a client: its address in X-Forwarded-For or
    /// Forwarded, its scheme in X-Forwarded-Proto
    #[arg(long, env, default_value = "", hide_default_value = true, value_name = "NETWORKS")]
    pub(crate) tawk_trusted_proxies: Networks,

    /// Whether a delivery over plain HTTP is answered 403
    #[arg(long, env, default_value_t = false, action = ArgAction::Set, value_name = "BOOL")]
    pub(crate) tawk_require_https: bool,

    /// The certificate to serve HTTPS with, and those between it and the root: a PEM file
    #[arg(long, env, requires = "tls_key", value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The certificate's private key: a PEM file
    #[arg(long, env, hide_env_values = true, requires = "tls_cert", value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,

    /// How many deliveries may be in work at once; others are answered 503
    #[arg(long, env, default_value = "256", value_name = "COUNT")]
    pub(crate) tawk_max_concurrent: NonZeroUsize,

    /// A port of its own for /metrics, which is else answered to this machine alone
    #[arg(long, env, value_name = "PORT")]
    pub(crate) metrics_port: Option<u16>,

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

/// Where deliveries are stored. A plain string, and not shown, since there may be a password in it.
#[derive(Args)]
pub(crate) struct Database {
    /// Where deliveries are stored: sqlite://FILE, or postgres://USER:PASSWORD@HOST/NAME, which
    /// several listeners may share
    #[arg(
        long,
        env,
        hide_env_values = true,
        default_value = "sqlite://tawk.db",
        value_name = "URL"
    )]
    pub(crate) database_url: String,
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
