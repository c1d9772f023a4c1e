//! `tawk-listener send`: sends signed test deliveries, optionally with a fault.
//!
//! Output errors are ignored: if the reader goes away, as `head` does, the deliveries are still
//! sent, and the exit status is about them.

pub mod client;
mod payload;

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::iter;
use std::num::{NonZeroU16, NonZeroU32};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use clap::Args;
use futures_util::{Stream, StreamExt as _, stream};
use http::{Request, StatusCode, Uri};
use tower_tawk::test_util::SignedRequest;

use crate::{config, http_client};
use client::Fault;
use payload::Payload;

/// Maximum length of a body on the command line. Linux limits an argument to 128 KiB.
const MAX_BODY: usize = 100 * 1024;

// Not `Debug`, because it contains the secret. The comments are what `--help` shows.
#[derive(Args)]
#[command(after_help = "Exit status: 0 if every response was as expected (2xx, or the rejection \
                        that --fault names), 1 if one was not, 2 if nothing could be sent.")]
pub struct Arguments {
    /// Payloads to send: paths of files, events (chat:start), words of events (transcript,
    /// ticket), or prefixes of example payloads (08-transcript) [default: all twelve examples]
    #[arg(value_name = "PAYLOAD")]
    payloads: Vec<String>,

    /// URL of the webhook
    // Not a `Uri`, because clap repeats invalid values, and this one may contain a password.
    #[arg(long, default_value = "http://127.0.0.1:8000/tawk-webhook")]
    url: String,

    /// Secret to sign with, the first if there are several. Other users of this machine can see
    /// command lines, so set it in the environment or in `.env` instead
    #[arg(long, env = "TAWK_WEBHOOK_SECRET", hide_env_values = true)]
    secret: Option<String>,

    /// X-Hook-Event-Id of every delivery [default: a new one for each]
    #[arg(long, value_name = "ID", value_parser = parse_event_id)]
    event_id: Option<String>,

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
    let Arguments { event_id, concurrency, fault, .. } = arguments;
    let repeat = arguments.repeat.get() as usize;
    let url = parse_url(&arguments.url).context("invalid --url")?;
    if let Some(Fault::Truncated | Fault::Oversize | Fault::Slow) = fault {
        ensure!(!arguments.print, "curl cannot send this fault; omit --print");
        ensure!(url.scheme_str() == Some("http"), "use an http:// URL to send this fault");
    }
    // Signs with the first secret of the setting.
    let secrets = config::webhook_secrets(arguments.secret.as_deref())?;
    let secret = secrets.into_iter().next().context("webhook secret is missing")?.secret;
    let payloads = payload::select(&arguments.payloads)?;
    let sign = |payload: &Payload| {
        let event_id = event_id.clone().unwrap_or_else(|| rand::random::<u64>().to_string());
        let mut body = payload.body.to_vec();
        if fault == Some(Fault::Oversize) {
            // More than the listener's default limit of 2 MiB. Spaces are whitespace in JSON.
            body.resize(body.len().max(3 * 1024 * 1024), b' ');
        }
        let mut request = SignedRequest::new(&secret, body).uri(url.to_string()).event_id(event_id);
        if let Some(Fault::Signature(fault)) = fault {
            request = request.fault(fault);
        }
        let (head, body) = request.into_parts();
        Request::from_parts(head, body)
    };
    let copies = if fault == Some(Fault::Duplicate) { 2 } else { 1 };

    if arguments.print {
        let commands = payloads.iter().map(|payload| curl_command(&sign(payload), &payload.file));
        for command in commands.collect::<anyhow::Result<Vec<_>>>()? {
            (0..copies).for_each(|_| print(&command));
        }
        return Ok(ExitCode::SUCCESS);
    }

    let client = http_client::builder(url.scheme_str().unwrap_or_default()).no_proxy();
    let client = http_client::build(client)?;
    let deliver = async |payload| {
        let request = sign(payload);
        let mut responses = Vec::new();
        for _ in 0..copies {
            responses.push(client::send(&client, request.clone(), fault).await);
        }
        describe(&responses, fault.and_then(Fault::expected_rejection))
    };
    let deliveries = payloads.iter().flat_map(|payload| iter::repeat_n(payload, repeat));
    let outcomes = stream::iter(deliveries).map(deliver).buffered(concurrency.get().into());
    let is_expected = report(outcomes, &payloads, repeat).await;
    Ok(if is_expected { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns whether the responses to a delivery and its duplicate are as expected, and their text.
fn describe(
    responses: &[anyhow::Result<StatusCode>],
    rejection: Option<StatusCode>,
) -> (bool, String) {
    let is_expected = responses.iter().all(|response| match (response, rejection) {
        (Ok(status), Some(rejection)) => *status == rejection,
        (Ok(status), None) => status.is_success(),
        (Err(_), _) => false,
    });
    let responses = responses.iter().map(client::describe);
    let mut text = responses.collect::<Vec<_>>().join(", duplicate ");
    match rejection {
        Some(_) if is_expected => text += " as expected",
        Some(rejection) => text += &format!("; expected {}", rejection.as_str()),
        None => {}
    }
    (is_expected, text)
}

fn print(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Prints a row for each payload once its outcomes are complete, and a summary. Returns whether
/// every response was as expected.
async fn report(
    mut outcomes: impl Stream<Item = (bool, String)> + Unpin,
    payloads: &[Payload],
    repeat: usize,
) -> bool {
    let start = Instant::now();
    let mut unexpected = 0;
    print(&format!("{:35}  {:23}  status", "file", "event"));
    for Payload { file, event, .. } in payloads {
        let mut counts = BTreeMap::<_, u32>::new();
        let mut of_payload = outcomes.by_ref().take(repeat);
        while let Some((is_expected, text)) = of_payload.next().await {
            unexpected += u64::from(!is_expected);
            *counts.entry(text).or_default() += 1;
        }
        let counts = counts.into_iter().map(|(text, count)| match count {
            1 => text,
            _ => format!("{count} × {text}"),
        });
        let status = counts.collect::<Vec<_>>().join("; ");
        print(&format!("{file:35}  {event:23}  {status}"));
    }
    let count = payloads.len() * repeat;
    let noun = if count == 1 { "delivery" } else { "deliveries" };
    let elapsed = start.elapsed();
    let rate = count as f64 / elapsed.as_secs_f64();
    let result = match unexpected {
        0 => "all as expected".to_owned(),
        _ => format!("{unexpected} not as expected"),
    };
    print(&format!("\n{count} {noun} in {elapsed:.1?}, {rate:.0} per second, {result}"));
    if unexpected > 0 {
        let _ = writeln!(
            io::stderr(),
            "if there is no response, start the listener (`cargo run`) or set --url; if it is 403, \
             set TAWK_WEBHOOK_SECRET to the listener's secret"
        );
    }
    unexpected == 0
}

/// Rejects characters that are not allowed in a header or hard to see in a log.
fn parse_event_id(text: &str) -> anyhow::Result<String> {
    let is_visible = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    ensure!(is_visible, "use one or more visible ASCII characters, without spaces");
    Ok(text.to_owned())
}

/// Errors don't contain the URL, which may contain a password.
pub fn parse_url(text: &str) -> anyhow::Result<Uri> {
    let url = text.parse::<Uri>().ok();
    url.filter(|url| matches!(url.scheme_str(), Some("http" | "https")))
        .filter(|url| url.authority().is_some_and(|authority| !authority.as_str().contains('@')))
        .context(
            "use an http or https URL without credentials, such as \
             http://127.0.0.1:8000/tawk-webhook",
        )
}

/// Returns a curl command for a POSIX shell that sends one delivery, whose body is from `file`.
pub fn curl_command(request: &Request<Bytes>, file: &str) -> anyhow::Result<String> {
    let Some(body) = printable(request.body()) else {
        bail!("{file} is binary or longer than 100 KiB; omit --print");
    };
    let mut options = Vec::new();
    for (name, value) in request.headers() {
        let header = match value.to_str()? {
            // With a colon, curl would remove the header.
            "" => format!("{name};"),
            value => format!("{name}: {value}"),
        };
        options.push(format!("--header {}", quote(&header)));
    }
    // Tawk.to is not known to send `Expect: 100-continue`, as curl does before long bodies.
    options.push("--header 'expect:'".to_owned());
    // curl takes a body that starts with `@` for a file, and brackets in the URL for patterns.
    options.push(format!("--data-raw {}", quote(body)));
    options.push(format!("--globoff {}", quote(&request.uri().to_string())));
    Ok(format!(
        "curl --silent --show-error --max-time 30 --write-out ' %{{http_code}}\\n' \\\n  {}",
        options.join(" \\\n  ")
    ))
}

/// Returns the body as text, unless it is too long or contains terminal escape sequences.
fn printable(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?;
    let has_control = text.contains(|c: char| c.is_control() && !"\n\r\t".contains(c));
    (text.len() <= MAX_BODY && !has_control).then_some(text)
}

/// Quotes a text for a POSIX shell. In single quotes, only the quote itself is special.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_urls_that_deliveries_cannot_be_sent_to() {
        for url in ["", "/tawk-webhook", "127.0.0.1:8000", "ftp://example.com/", "http://a@b/"] {
            assert!(parse_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn escapes_single_quotes() {
        assert_eq!(quote("it's"), r"'it'\''s'");
    }

    #[test]
    fn prints_text_without_control_characters() {
        for text in ["{}", "{\r\n\t}\n", "¡Hola! 👋"] {
            assert_eq!(printable(text.as_bytes()), Some(text));
        }
        for bytes in [&b"a\0b"[..], b"a\x1b[2J", b"\xff", &[b'1'; MAX_BODY + 1]] {
            assert_eq!(printable(bytes), None);
        }
    }
}
