//! Prints a row for each payload and a summary on stdout, and advice on stderr.
//!
//! Output errors are ignored: if the reader goes away, as `head` does, the deliveries are still
//! sent, and the exit status is about them.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::time::Instant;

use futures_util::{Stream, StreamExt as _};
use http::StatusCode;

use super::payload::Payload;

/// The outcome of a delivery.
pub struct Outcome {
    /// The responses, such as `200` or `200; expected 403`.
    status: String,
    is_expected: bool,
}

impl Outcome {
    /// The second response is that to the duplicate. Expects 2xx if no rejection is expected.
    pub fn new(responses: &[anyhow::Result<StatusCode>], rejection: Option<StatusCode>) -> Self {
        let is_expected = responses.iter().all(|response| match (response, rejection) {
            (Ok(status), Some(rejection)) => *status == rejection,
            (Ok(status), None) => status.is_success(),
            (Err(_), _) => false,
        });
        let statuses = responses.iter().map(|response| match response {
            Ok(status) => status.as_str().to_owned(),
            // The errors around the root cause say little else.
            Err(error) => format!("no response: {}", error.root_cause()),
        });
        let mut status = statuses.collect::<Vec<_>>().join(", duplicate ");
        match rejection {
            Some(_) if is_expected => status += " as expected",
            Some(rejection) => status += &format!("; expected {}", rejection.as_str()),
            None => {}
        }
        Self { status, is_expected }
    }
}

/// Prints to stdout.
pub fn print(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Prints a row for each payload as soon as its `repeat` outcomes are complete, and then a summary.
/// Returns whether every response was as expected.
pub async fn report(
    mut outcomes: impl Stream<Item = Outcome> + Unpin,
    payloads: &[Payload],
    repeat: u32,
) -> bool {
    let start = Instant::now();
    let mut unexpected = 0_u64;
    let print_row = |file: &str, event: &str, status: &str| {
        print(&format!("{file:35}  {event:23}  {status}"));
    };
    print_row("file", "event", "status");
    for Payload { file, event, .. } in payloads {
        let mut counts = BTreeMap::<_, u32>::new();
        let mut of_payload = outcomes.by_ref().take(repeat as usize);
        while let Some(Outcome { status, is_expected }) = of_payload.next().await {
            unexpected += u64::from(!is_expected);
            *counts.entry(status).or_default() += 1;
        }
        let statuses = counts.into_iter().map(|(status, count)| match count {
            1 => status,
            _ => format!("{count} × {status}"),
        });
        print_row(file, event, &statuses.collect::<Vec<_>>().join("; "));
    }
    let count = payloads.len() as u64 * u64::from(repeat);
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
