//! `tawk-listener send`: sends signed test deliveries, optionally with a fault.
//!
//! [`payload`] and [`fault`] say what to send, [`client`] sends it, [`report`] prints the
//! responses, and [`curl`] prints commands instead.

mod client;
mod curl;
mod fault;
mod partial_body;
mod payload;
mod report;

use std::num::{NonZeroU16, NonZeroU32};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, bail};
use clap::Args;
use http::HeaderValue;
use reqwest::Url;
use tokio::task::JoinSet;
use tower_tawk::Secret;

use client::Client;
use fault::Fault;
use payload::SignedPayload;
use report::{Outcome, Report};

// Not `Debug`, because it contains the secret. The comments are what `--help` shows.
/// Send signed test deliveries to a listener
#[derive(Args)]
#[command(after_help = "Exit status: 0 if every response was as expected (2xx, or the rejection \
                        that --fault names), 1 if one was not, 2 if nothing could be sent.")]
pub struct Arguments {
    /// Payloads to send: paths of files, events (chat:start), words of events (transcript,
    /// ticket), or prefixes of example payloads (08-transcript) [default: all twelve examples]
    #[arg(value_name = "PAYLOAD")]
    payloads: Vec<String>,

    /// URL of the webhook
    // Not a `Url`, because clap repeats invalid values, and this one may contain a password.
    #[arg(long, default_value = "http://127.0.0.1:8000/tawk-webhook")]
    url: String,

    /// Secret to sign with, the first if there are several. Other users of this machine can see
    /// command lines, so set it in the environment or in `.env` instead
    #[arg(long, env = "TAWK_WEBHOOK_SECRET", hide_env_values = true)]
    secret: Option<String>,

    /// X-Hook-Event-Id of every delivery [default: a new one for each]
    #[arg(long, value_name = "ID", value_parser = parse_event_id)]
    event_id: Option<HeaderValue>,

    /// Number of times to send each payload
    #[arg(long, value_name = "N", default_value = "1")]
    repeat: NonZeroU32,

    /// Number of deliveries to send at the same time
    #[arg(long, value_name = "N", default_value = "1")]
    concurrency: NonZeroU16,

    /// Fault to inject into every delivery. The rejection is then the expected response
    #[arg(long, value_name = "NAME", value_parser = Fault::parser())]
    fault: Option<Fault>,

    /// Print the equivalent curl commands instead of sending
    #[arg(long, conflicts_with_all = ["repeat", "concurrency"])]
    print: bool,
}

/// Sends or prints the deliveries, and returns the exit status.
pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let url = parse_url(&arguments.url)?;
    let secret = secret(arguments.secret.as_deref())?;
    let payloads: Vec<_> = payload::select(&arguments.payloads)?
        .into_iter()
        .map(|payload| SignedPayload::new(payload, &secret, arguments.fault))
        .collect();
    if arguments.print {
        print(&url, &payloads, &arguments)?;
        return Ok(ExitCode::SUCCESS);
    }
    let is_expected = send(url, payloads, arguments).await?;
    Ok(if is_expected { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(url: &Url, payloads: &[SignedPayload], arguments: &Arguments) -> anyhow::Result<()> {
    let mut commands = Vec::new();
    for payload in payloads {
        let event_id = arguments.event_id.clone().unwrap_or_else(new_event_id);
        let command = curl::command(url, payload, &event_id)?;
        if payload.fault == Some(Fault::Duplicate) {
            commands.push(command.clone());
        }
        commands.push(command);
    }
    report::print(&commands.join("\n"));
    Ok(())
}

/// Sends the deliveries, and returns whether every response was as expected.
async fn send(
    url: Url,
    payloads: Vec<SignedPayload>,
    arguments: Arguments,
) -> anyhow::Result<bool> {
    let Arguments { event_id, repeat, concurrency, fault, .. } = arguments;
    let payloads: Arc<[_]> = payloads.into();
    let total = u64::from(repeat.get()) * payloads.len() as u64;
    let sender =
        Arc::new(Sender { client: Client::new(url)?, payloads: Arc::clone(&payloads), event_id });
    let mut report = Report::new(payloads, repeat.get(), fault);

    let mut numbers = 0..total;
    let mut in_flight = JoinSet::new();
    loop {
        while in_flight.len() < concurrency.get().into()
            && let Some(number) = numbers.next()
        {
            in_flight.spawn(Arc::clone(&sender).deliver(number));
        }
        let Some(delivered) = in_flight.join_next().await else { break };
        let (payload, outcome) = delivered.context("failed to send a delivery")?;
        report.add(payload, &outcome);
    }
    Ok(report.finish())
}

struct Sender {
    client: Client,
    payloads: Arc<[SignedPayload]>,
    event_id: Option<HeaderValue>,
}

impl Sender {
    /// Sends the delivery with this number, and returns the index of its payload. The payloads
    /// take turns.
    async fn deliver(self: Arc<Self>, number: u64) -> (usize, Outcome) {
        let index = number % self.payloads.len() as u64;
        let index = usize::try_from(index).expect("remainder is less than the length");
        let payload = &self.payloads[index];
        let event_id = self.event_id.clone().unwrap_or_else(new_event_id);
        let start = Instant::now();
        let response = self.client.send(payload, &event_id).await;
        let duplicate = match payload.fault {
            Some(Fault::Duplicate) => Some(self.client.send(payload, &event_id).await),
            _ => None,
        };
        (index, Outcome { response, duplicate, elapsed: start.elapsed() })
    }
}

fn new_event_id() -> HeaderValue {
    rand::random::<u64>().into()
}

/// Rejects characters that are not allowed in a header or hard to see in a log.
fn parse_event_id(text: &str) -> anyhow::Result<HeaderValue> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        bail!("use one or more visible ASCII characters, without spaces");
    }
    Ok(text.parse()?)
}

/// Errors don't contain the URL, which may contain a password.
fn parse_url(text: &str) -> anyhow::Result<Url> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let Some(url) = url else {
        bail!(
            "invalid --url: not an http or https URL; use one such as \
             http://127.0.0.1:8000/tawk-webhook"
        );
    };
    if !url.username().is_empty() || url.password().is_some() {
        bail!("invalid --url: it contains credentials; remove them, the signature is sufficient");
    }
    Ok(url)
}

/// Returns the first secret of the setting.
fn secret(setting: Option<&str>) -> anyhow::Result<Secret> {
    let secrets = crate::config::webhook_secrets(setting)?;
    Ok(secrets.into_iter().next().context("webhook secret is missing")?.secret)
}

#[cfg(test)]
mod tests {
    use super::parse_url;

    #[test]
    fn rejects_urls_that_deliveries_cannot_be_sent_to() {
        for url in ["", "/tawk-webhook", "127.0.0.1:8000", "ftp://example.com/", "http://a@b/"] {
            assert!(parse_url(url).is_err(), "{url}");
        }
    }
}
