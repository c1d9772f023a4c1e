//! The table: a line for each payload, in columns. Lines are padded ahead of what is in them, so
//! that each can be printed as soon as it is known.

use std::time::Duration;

use super::delivery::Delivery;

/// How wide the columns are, in characters.
pub(super) struct Table {
    file: usize,
    event: usize,
    status: usize,
}

impl Table {
    pub(super) fn new(deliveries: &[Delivery]) -> Self {
        let widest = |text: fn(&Delivery) -> &str, heading: &str| {
            let widths = deliveries.iter().map(|delivery| text(delivery).chars().count());
            widths.max().unwrap_or(0).max(heading.len())
        };
        let is_refused = |delivery: &Delivery| delivery.fault.is_some();
        Self {
            file: widest(|delivery| &delivery.payload.file, "file"),
            event: widest(|delivery| &delivery.payload.event, "event"),
            status: if deliveries.iter().any(is_refused) {
                "403 refused, as expected".len()
            } else {
                "status".len()
            },
        }
    }

    /// A line, or with the columns' names the heading.
    pub(super) fn line(&self, file: &str, event: &str, status: &str, time: &str) -> String {
        let Self { file: file_width, event: event_width, status: status_width } = self;
        format!("{file:file_width$}  {event:event_width$}  {status:status_width$}  {time}")
    }
}

/// One payload's line where it is sent many times: the counts of what came back, and the mean
/// time.
#[derive(Default)]
pub(super) struct Tally {
    statuses: Vec<(String, u32)>,
    time: Duration,
}

impl Tally {
    pub(super) fn add(&mut self, status: String, time: Duration) {
        self.time += time;
        match self.statuses.iter_mut().find(|(other, _)| *other == status) {
            Some((_, count)) => *count += 1,
            None => self.statuses.push((status, 1)),
        }
    }

    pub(super) fn status(&self) -> String {
        let counts = self.statuses.iter().map(|(status, count)| format!("{count} × {status}"));
        counts.collect::<Vec<_>>().join("; ")
    }

    pub(super) fn mean_time(&self) -> Duration {
        let count = self.statuses.iter().map(|(_, count)| count).sum::<u32>();
        self.time / count.max(1)
    }
}

/// `1.3 ms`, or `2.0 s`.
pub(super) fn in_words(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 1.0 { format!("{:.1} ms", 1000.0 * seconds) } else { format!("{seconds:.1} s") }
}
