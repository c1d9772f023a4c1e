//! [`Reporter`]: prints what happens. The table goes to stdout; waits, advice and, where that is
//! a terminal, a progress bar go to stderr.
//!
//! Whoever reads may stop reading, as `head` does. The deliveries then go on unseen, and the exit
//! status is about them.

use std::io::Write;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::answer::{Outcome, describe};
use super::summary::Summary;
use super::table::{Table, Tally, in_words};
use super::target::Target;
use super::workers::{Report, Work};

/// Prints a line to stdout, unless nobody reads.
pub(super) fn print(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Prints a line to stderr, unless nobody reads.
pub(super) fn print_to_stderr(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Prints a line for each delivery as it ends; or, where there are many, one for each payload
/// when all have ended.
pub(super) struct Reporter {
    work: Arc<Work>,
    table: Table,
    summary: Summary,
    many: Option<Many>,
}

struct Many {
    tallies: Vec<Tally>,
    bar: ProgressBar,
}

impl Reporter {
    pub(super) fn new(work: Arc<Work>, has_many: bool) -> Self {
        let table = Table::new(&work.deliveries);
        let summary = Summary::new(work.total, work.fault);
        let many = has_many.then(|| Many {
            tallies: work.deliveries.iter().map(|_| Tally::default()).collect(),
            bar: progress_bar(work.total),
        });
        if many.is_none() {
            print(&table.line("file", "event", "status", "time"));
        }
        Self { work, table, summary, many }
    }

    pub(super) fn add(&mut self, report: Report) {
        match report {
            Report::Waiting { delivery, answer, wait } => {
                let file = &self.work.deliveries[delivery].payload.file;
                let (answer, wait) = (describe(&answer), wait.as_secs());
                self.above_bar(&format!("{file}: {answer}; again in {wait} s"));
            }
            Report::Done { delivery, outcome } => self.done(delivery, &outcome),
        }
    }

    /// Where there is no bar on the screen, this prints all the same.
    fn above_bar(&self, line: &str) {
        match &self.many {
            Some(many) => many.bar.suspend(|| print_to_stderr(line)),
            None => print_to_stderr(line),
        }
    }

    fn done(&mut self, delivery: usize, outcome: &Outcome) {
        self.summary.add(outcome);
        let status = outcome.describe(self.work.fault);
        match &mut self.many {
            Some(many) => {
                many.tallies[delivery].add(status, outcome.time);
                many.bar.inc(1);
            }
            None => self.print_line(delivery, &status, &in_words(outcome.time)),
        }
    }

    fn print_line(&self, delivery: usize, status: &str, time: &str) {
        let payload = &self.work.deliveries[delivery].payload;
        print(&self.table.line(&payload.file, &payload.event, status, time));
    }

    /// Prints what is left to say, and returns whether all went as expected.
    pub(super) fn finish(self, target: &Target) -> bool {
        if let Some(many) = &self.many {
            many.bar.finish_and_clear();
            print(&self.table.line("file", "event", "status", "mean time"));
            for (delivery, tally) in many.tallies.iter().enumerate() {
                self.print_line(delivery, &tally.status(), &in_words(tally.mean_time()));
            }
        }
        print(&format!("\n{}", self.summary.line(self.many.is_some())));
        if let Some(advice) = self.summary.advice(target) {
            print_to_stderr(&advice);
        }
        self.summary.is_as_expected()
    }
}

/// Draws nothing unless stderr is a terminal.
fn progress_bar(total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len}, {per_sec}, {eta} left");
    ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr())
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
