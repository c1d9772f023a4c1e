//! The printed table: one row per mount, medians over the rounds.

use crate::client::Sample;
use crate::server::Mount;

/// The samples of one mount, one per round.
pub(crate) struct Series {
    pub(crate) mount: Mount,
    pub(crate) samples: Vec<Sample>,
}

type Metric = fn(&Sample) -> f64;

impl Series {
    fn median(&self, metric: Metric) -> f64 {
        median(self.samples.iter().map(metric))
    }

    fn min(&self, metric: Metric) -> f64 {
        self.samples.iter().map(metric).fold(f64::INFINITY, f64::min)
    }

    /// Returns the median of the ratios between samples of the same round.
    fn ratio(&self, other: &Self, metric: Metric) -> f64 {
        let pairs = self.samples.iter().zip(&other.samples);
        median(pairs.map(|(sample, other)| metric(sample) / metric(other)))
    }
}

fn requests_per_second(sample: &Sample) -> f64 {
    sample.latencies.len() as f64 / sample.elapsed.as_secs_f64()
}

fn p50_millis(sample: &Sample) -> f64 {
    percentile_millis(sample, 50)
}

fn p99_millis(sample: &Sample) -> f64 {
    percentile_millis(sample, 99)
}

fn percentile_millis(sample: &Sample, percent: usize) -> f64 {
    let index = sample.latencies.len() * percent / 100;
    sample.latencies.get(index).map_or(f64::NAN, |latency| 1e3 * latency.as_secs_f64())
}

fn cpu_micros_per_request(sample: &Sample) -> f64 {
    let micros = sample.cpu_time.map_or(f64::NAN, |cpu_time| 1e6 * cpu_time.as_secs_f64());
    micros / sample.latencies.len() as f64
}

fn keep_alive_percent(sample: &Sample) -> f64 {
    100.0 * (1.0 - sample.closed as f64 / sample.sent as f64)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Prints a table. The first two series are the baseline and the hand-written handler. Ratios
/// belong to the column on their left. The percentage of connections kept alive is that of the
/// worst round.
pub(crate) fn print(title: &str, series: &[Series]) {
    let [baseline, hand_written, ..] = series else { return };
    println!("\n{title}");
    println!(
        "{:<24}{:>11}{:>11}{:>15}{:>10}{:>10}{:>14}{:>11}{:>15}{:>12}",
        "",
        "requests/s",
        "/ baseline",
        "/ hand-written",
        "p50",
        "p99",
        "CPU/request",
        "/ baseline",
        "/ hand-written",
        "keep-alive",
    );
    for row in series {
        print!(
            "{:<24}{:>11.0}{:>11.2}{:>15.2}{:>7.2} ms{:>7.2} ms",
            row.mount.name(),
            row.median(requests_per_second),
            row.ratio(baseline, requests_per_second),
            row.ratio(hand_written, requests_per_second),
            row.median(p50_millis),
            row.median(p99_millis),
        );
        println!(
            "{:>11.1} µs{:>11.2}{:>15.2}{:>10.1} %",
            row.median(cpu_micros_per_request),
            row.ratio(baseline, cpu_micros_per_request),
            row.ratio(hand_written, cpu_micros_per_request),
            row.min(keep_alive_percent),
        );
    }
}
