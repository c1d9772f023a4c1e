//! [`Report`]: a row for each payload and a summary on stdout, advice and progress on stderr.
//!
//! Output errors are ignored: if the reader goes away, as `head` does, the deliveries are still
//! sent, and the exit status is about them.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;

use super::client::{NoResponse, Response};
use super::fault::Fault;
use super::payload::SignedPayload;

const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// Prints a line to stdout.
pub fn print(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// The response to a delivery.
pub struct Outcome {
    pub response: Response,
    /// The response to the duplicate, if one was sent.
    pub duplicate: Option<Response>,
    pub elapsed: Duration,
}

impl Outcome {
    fn is_expected(&self, fault: Option<Fault>) -> bool {
        match fault.and_then(Fault::expected_rejection) {
            Some(rejection) => matches!(self.response, Ok(status) if status == rejection),
            None => is_success(&self.response) && self.duplicate.as_ref().is_none_or(is_success),
        }
    }

    /// Formats the status, such as `200` or `200; expected 403`.
    fn status(&self, fault: Option<Fault>) -> String {
        let mut status = describe(&self.response);
        if let Some(duplicate) = &self.duplicate {
            status = format!("{status}, duplicate {}", describe(duplicate));
        }
        match fault.and_then(Fault::expected_rejection) {
            Some(_) if self.is_expected(fault) => format!("{status} as expected"),
            Some(rejection) => format!("{status}; expected {}", rejection.as_str()),
            None => status,
        }
    }
}

fn is_success(response: &Response) -> bool {
    response.as_ref().is_ok_and(StatusCode::is_success)
}

fn describe(response: &Response) -> String {
    match response {
        Ok(status) => status.as_str().to_owned(),
        Err(no_response) => no_response.to_string(),
    }
}

/// Prints the row of a payload as soon as all its deliveries and all rows above it are complete.
pub struct Report {
    payloads: Arc<[SignedPayload]>,
    repeat: u32,
    fault: Option<Fault>,
    file_width: usize,
    event_width: usize,
    /// One for each payload.
    tallies: Vec<Tally>,
    rows_printed: usize,
    unexpected: u64,
    /// A likely reason for an unexpected response.
    advice: Option<&'static str>,
    start: Instant,
    progress_shown: Instant,
}

impl Report {
    /// Prints the header of the table.
    pub fn new(payloads: Arc<[SignedPayload]>, repeat: u32, fault: Option<Fault>) -> Self {
        let now = Instant::now();
        let width = |text: fn(&SignedPayload) -> &str| {
            payloads.iter().map(|payload| text(payload).chars().count()).max().unwrap_or(0)
        };
        let report = Self {
            file_width: width(|payload| &payload.file),
            event_width: width(|payload| &payload.event),
            tallies: payloads.iter().map(|_| Tally::default()).collect(),
            payloads,
            repeat,
            fault,
            rows_printed: 0,
            unexpected: 0,
            advice: None,
            start: now,
            progress_shown: now,
        };
        let time = if repeat > 1 { "mean time" } else { "time" };
        report.print_row("file", "event", time, "status");
        report
    }

    /// Adds a delivery of the payload with this index.
    pub fn add(&mut self, payload: usize, outcome: &Outcome) {
        if !outcome.is_expected(self.fault) {
            self.unexpected += 1;
            self.advice = self.advice.or_else(|| advise(outcome, self.fault));
        }
        self.tallies[payload].add(outcome.status(self.fault), outcome.elapsed);
        while let Some(tally) = self.tallies.get(self.rows_printed)
            && tally.count == self.repeat
        {
            let SignedPayload { file, event, .. } = &self.payloads[self.rows_printed];
            let time = format_duration(tally.total_time / tally.count);
            self.clear_progress();
            self.print_row(file, event, &time, &tally.status());
            self.rows_printed += 1;
        }
        self.show_progress();
    }

    fn print_row(&self, file: &str, event: &str, time: &str, status: &str) {
        let Self { file_width, event_width, .. } = self;
        print(&format!("{file:file_width$}  {event:event_width$}  {time:>9}  {status}"));
    }

    /// Prints the summary, and returns whether every response was as expected.
    pub fn finish(&self) -> bool {
        self.clear_progress();
        let completed = self.completed();
        let noun = if completed == 1 { "delivery" } else { "deliveries" };
        let result = match self.unexpected {
            0 => "all as expected".to_owned(),
            unexpected => format!("{unexpected} not as expected"),
        };
        let elapsed = self.start.elapsed();
        #[expect(clippy::cast_precision_loss, reason = "printed without decimals")]
        let rate = completed as f64 / elapsed.as_secs_f64();
        let elapsed = format_duration(elapsed);
        print(&format!("\n{completed} {noun} in {elapsed}, {rate:.0} per second, {result}"));
        if let Some(advice) = self.advice {
            let _ = writeln!(io::stderr(), "{advice}");
        }
        self.unexpected == 0
    }

    fn completed(&self) -> u64 {
        self.tallies.iter().map(|tally| u64::from(tally.count)).sum()
    }

    /// Shows a counter on stderr, if that is a terminal.
    fn show_progress(&mut self) {
        if io::stderr().is_terminal() && self.progress_shown.elapsed() >= PROGRESS_INTERVAL {
            let _ = write!(io::stderr(), "\r{} completed", self.completed());
            self.progress_shown = Instant::now();
        }
    }

    fn clear_progress(&self) {
        if io::stderr().is_terminal() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

fn advise(outcome: &Outcome, fault: Option<Fault>) -> Option<&'static str> {
    match outcome.response {
        Err(NoResponse::ConnectionRefused) => {
            Some("connection refused; start the listener (`cargo run`) or set --url")
        }
        Ok(StatusCode::FORBIDDEN) if fault.is_none() => Some(
            "403 usually means an invalid signature; set TAWK_WEBHOOK_SECRET to the listener's \
             secret",
        ),
        _ => None,
    }
}

/// Counts the outcomes of one payload.
#[derive(Default)]
struct Tally {
    statuses: Vec<(String, u32)>,
    count: u32,
    total_time: Duration,
}

impl Tally {
    fn add(&mut self, status: String, time: Duration) {
        self.count += 1;
        self.total_time += time;
        match self.statuses.iter_mut().find(|(other, _)| *other == status) {
            Some((_, count)) => *count += 1,
            None => self.statuses.push((status, 1)),
        }
    }

    fn status(&self) -> String {
        match &self.statuses[..] {
            [(status, 1)] => status.clone(),
            statuses => {
                let counts = statuses.iter().map(|(status, count)| format!("{count} × {status}"));
                counts.collect::<Vec<_>>().join("; ")
            }
        }
    }
}

/// Formats a duration as `1.3 ms` or `2.0 s`.
fn format_duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 1.0 { format!("{:.1} ms", 1000.0 * seconds) } else { format!("{seconds:.1} s") }
}
