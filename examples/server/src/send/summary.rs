//! [`Summary`]: what all deliveries together came to, and what to do where they failed.

use std::fmt::Write;
use std::time::Instant;

use http::StatusCode;

use super::answer::{NoAnswer, Outcome};
use super::fault::Fault;
use super::table::in_words;
use super::target::Target;

/// Counts outcomes.
pub(super) struct Summary {
    fault: Option<Fault>,
    start: Instant,
    total: u64,
    done: u64,
    expected: u64,
    forbidden: u64,
    not_listening: u64,
}

impl Summary {
    pub(super) fn new(total: u64, fault: Option<Fault>) -> Self {
        let start = Instant::now();
        Self { fault, start, total, done: 0, expected: 0, forbidden: 0, not_listening: 0 }
    }

    pub(super) fn add(&mut self, outcome: &Outcome) {
        self.done += 1;
        self.expected += u64::from(outcome.is_expected(self.fault));
        self.forbidden += u64::from(matches!(outcome.answer, Ok(StatusCode::FORBIDDEN)));
        self.not_listening += u64::from(matches!(outcome.answer, Err(NoAnswer::NotListening)));
    }

    pub(super) const fn is_as_expected(&self) -> bool {
        self.expected == self.total
    }

    /// `12 deliveries, all answered 2xx`, and how fast.
    pub(super) fn line(&self, with_rate: bool) -> String {
        let wanted = match self.fault.and_then(Fault::refusal) {
            Some(_) => "refused as expected",
            None => "answered 2xx",
        };
        let mut line = match self.total {
            1 => "1 delivery, ".to_owned(),
            total => format!("{total} deliveries, "),
        };
        // Writing to a `String` does not fail.
        let _ = match self.total - self.expected {
            0 if self.total == 1 => write!(line, "{wanted}"),
            0 => write!(line, "all {wanted}"),
            unexpected => write!(line, "{unexpected} not {wanted}"),
        };
        if with_rate {
            let time = self.start.elapsed();
            #[expect(clippy::cast_precision_loss, reason = "for people to read")]
            let rate = self.done as f64 / time.as_secs_f64();
            let _ = write!(line, "; {rate:.0} a second, {} in all", in_words(time));
        }
        line
    }

    /// What to look at first.
    pub(super) fn advice(&self, target: &Target) -> Option<String> {
        if self.is_as_expected() {
            None
        } else if self.done > 0 && self.not_listening == self.done {
            Some(format!(
                "nobody listens at {target}; start the listener (`cargo run`), or say with --url \
                 where it is"
            ))
        } else if self.fault.is_none() && self.forbidden > 0 {
            Some("403 says that the signature is wrong; give the listener's secret".to_owned())
        } else {
            None
        }
    }
}
