//! The settings of `serve`, and those that other commands share.

mod secrets;

pub use secrets::{WebhookSecret, webhook_secrets};

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use bytesize::ByteSize;
use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueEnum};
use ipnet::IpNet;

use crate::forward::{self, Forwarder};
use crate::notify::Triggers;

/// The settings of `serve`. Each is a flag, an environment variable and a line of `.env`, in this
/// order of precedence. Secrets are strings, since clap's errors contain invalid values, and there
/// is no `Debug` for the same reason.
#[derive(Args)]
pub struct Settings {
    /// Webhook secret, or several separated by commas, each optionally label=secret
    #[arg(long, env, hide_env_values = true, value_name = "SECRETS")]
    pub tawk_webhook_secret: Option<String>,

    /// How unverified requests are handled
    #[arg(long, env, value_enum, default_value_t = Mode::Enforce, value_name = "MODE")]
    pub tawk_mode: Mode,

    /// Address or name to listen on; 0.0.0.0 for all addresses
    #[arg(long, env, default_value = "127.0.0.1")]
    pub host: String,

    /// Port to listen on; 0 for any free port
    #[arg(long, env, default_value_t = 8000)]
    pub port: u16,

    /// Maximum body size, e.g. 512KiB or 2MiB
    #[arg(long, env, default_value = "2MiB", value_name = "SIZE", value_parser = parse_size)]
    pub tawk_body_limit: usize,

    /// Maximum time for a complete body to arrive, e.g. 30s or 500ms
    #[arg(long, env, default_value = "30s", value_name = "TIME", value_parser = parse_duration)]
    pub tawk_body_deadline: Duration,

    #[command(flatten)]
    pub database: Database,

    #[command(flatten)]
    pub notify: Notify,

    #[command(flatten)]
    pub forward: Forward,

    /// Days to keep deliveries; 0 keeps them forever. After that, only signature and time are kept,
    /// to detect duplicates
    #[arg(long, env, default_value_t = 90, value_name = "DAYS")]
    pub tawk_retention_days: u32,

    /// Comma-separated addresses and networks that may deliver, e.g. 192.0.2.7,2001:db8::/32; any
    /// if unset. Other clients are rejected with 403
    #[arg(long, env, value_name = "NETWORKS", value_delimiter = ',', value_parser = parse_network)]
    pub tawk_allowed_ips: Option<Vec<IpNet>>,

    /// Comma-separated addresses and networks of the proxies whose X-Forwarded-For and
    /// X-Forwarded-Proto headers are trusted
    #[arg(long, env, value_name = "NETWORKS", value_delimiter = ',', value_parser = parse_network)]
    pub tawk_trusted_proxies: Vec<IpNet>,

    /// Whether deliveries over plain HTTP are rejected with 403
    #[arg(long, env, default_value = "false", action = ArgAction::Set, value_name = "BOOL")]
    #[arg(value_parser = BoolishValueParser::new())]
    pub tawk_require_https: bool,

    /// PEM file with the certificate chain to serve HTTPS with; SIGHUP reloads it
    #[arg(long, env, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// PEM file with the certificate's private key
    #[arg(long, env, hide_env_values = true, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,

    /// Maximum number of concurrent deliveries; with more, the slowest is rejected with 408, or the
    /// new one with 503
    #[arg(long, env, default_value = "256", value_name = "COUNT")]
    pub tawk_max_concurrent: NonZeroUsize,

    /// Port to serve /metrics on; without it there are no metrics
    #[arg(long, env, value_name = "PORT")]
    pub metrics_port: Option<u16>,

    /// Log filter: a level, or tracing directives, e.g. info,tower_tawk=debug to add the events of
    /// the signature layer. At warn, accepted deliveries are not logged
    #[arg(long, env, default_value = "info", value_name = "FILTER")]
    pub rust_log: String,

    /// Format of log records
    #[arg(long, env, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub log_format: LogFormat,

    /// What is logged of each delivery
    #[arg(long, env, value_enum, default_value_t = TawkLog::Payload, value_name = "LEVEL")]
    pub tawk_log: TawkLog,
}

/// The database. Its URL is a string and hidden, because it may contain a password.
#[derive(Args)]
pub struct Database {
    /// Where deliveries are stored: sqlite://FILE, or postgres://USER:PASSWORD@HOST/NAME, which
    /// several listeners can share
    #[arg(long, env, hide_env_values = true, value_name = "URL")]
    #[arg(default_value = "sqlite://tawk.db")]
    pub database_url: String,
}

/// Notifications. Its URLs are a string and hidden, because they may be secrets.
#[derive(Args)]
pub struct Notify {
    /// Comma-separated notification targets: https://HOST/PATH for Slack, Discord, Google Chat and
    /// Teams, slack+https://HOST/PATH for Mattermost and others that are compatible with Slack,
    /// tgram://TOKEN/CHAT for Telegram, smtps://USER:PASSWORD@HOST/?from=ADDRESS&to=ADDRESS for
    /// email, ntfys://HOST/TOPIC for ntfy
    #[arg(long, env, hide_env_values = true, value_name = "URLS")]
    pub notify_url: Option<String>,

    /// Comma-separated events that send a notification: agent-reply (an agent replied, known once
    /// the transcript arrives, or started a chat), chat-start, chat-end, transcript, ticket
    #[arg(long, env, default_value = Triggers::DEFAULT, value_name = "TRIGGERS")]
    pub notify_on: Triggers,
}

/// Forwarding. Both are strings and hidden, because they are or contain secrets.
#[derive(Args)]
pub struct Forward {
    /// Addresses that every delivery is forwarded to, separated by whitespace: https://HOST/PATH
    /// or nats://HOST/SUBJECT, optionally with filters, as in
    /// https://HOST/PATH#event=ticket:create,chat:end&property=ID
    #[arg(long, env, hide_env_values = true, value_name = "URLS")]
    forward_url: Option<String>,

    /// Secrets that forwarded deliveries are signed with, separated by commas; create one with
    /// `tawk-listener forward secret`
    #[arg(long, env, hide_env_values = true, value_name = "SECRETS")]
    forward_secret: Option<String>,
}

impl Forward {
    pub fn forwarders(&self) -> Result<Vec<Forwarder>> {
        forward::forwarders(self.forward_url.as_deref(), self.forward_secret.as_deref())
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Reject them with 403; Tawk.to retries for 12 hours
    Enforce,
    /// Log them, answer 200, and do nothing else: to evaluate before enforcing
    Observe,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum LogFormat {
    /// A line of text
    Text,
    /// A JSON object a line, as Google Cloud Run expects it
    Json,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TawkLog {
    /// Verdict, reason, event, ids, sizes and counts: no personal data
    Summary,
    /// Also headers (credentials redacted), body and signature
    Payload,
    /// Also the expected signature of unverified requests: a forgery ready to use
    Full,
}

/// Returns the name of a value in settings.
pub fn name(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// A limit of 0 would reject every delivery.
fn parse_size(text: &str) -> Result<usize, &'static str> {
    let size = text.parse::<ByteSize>().ok().and_then(|size| size.as_u64().try_into().ok());
    size.filter(|size| *size > 0).ok_or("write a size above 0, as in 512KiB or 2MiB")
}

fn parse_duration(text: &str) -> Result<Duration, &'static str> {
    let duration = humantime::parse_duration(text).ok();
    duration.filter(|time| !time.is_zero()).ok_or("write a time above 0, as in 30s or 500ms")
}

/// Parses an address, or a network such as `2001:db8::/32`.
pub fn parse_network(text: &str) -> Result<IpNet, &'static str> {
    let network = match text.trim().parse::<IpAddr>() {
        Ok(address) => Ok(address.to_canonical().into()),
        Err(_) => text.trim().parse(),
    };
    network.map_err(
        |_| "write addresses and networks separated by commas, as in 192.0.2.7,2001:db8::/32",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_bytes_or_have_a_unit() {
        assert_eq!(parse_size("2097152"), Ok(2 << 20));
        assert_eq!(parse_size("2MiB"), Ok(2 << 20));
        assert_eq!(parse_size("512 KiB"), Ok(512 << 10));
        for text in ["", "0", "0MiB", "MiB", "-1", "2 megabytes"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_have_a_unit() {
        assert_eq!(parse_duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        for text in ["", "30", "0s", "0", "s", "-1s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_is_a_network_of_one_address() {
        for (text, network) in [
            ("192.0.2.7", "192.0.2.7/32"),
            (" 2001:db8::1 ", "2001:db8::1/128"),
            ("::ffff:198.51.100.9", "198.51.100.9/32"),
            ("198.51.100.0/24", "198.51.100.0/24"),
        ] {
            assert_eq!(parse_network(text).unwrap().to_string(), network);
        }
    }

    #[test]
    fn rejects_invalid_networks() {
        for text in ["", " ", "192.0.2.0/33", "192.0.2", "localhost", "10.0.0.0/-1"] {
            assert!(parse_network(text).is_err(), "{text:?}");
        }
    }
}
