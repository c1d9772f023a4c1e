//! The table that people read: one line for each mount, medians over the rounds, of the kept
//! connections the worst.

use crate::client::Sample;

/// A mount's rounds. In a table, the first is the floor and the second the hand-written handler.
pub(crate) struct Series {
    pub(crate) name: &'static str,
    pub(crate) samples: Vec<Sample>,
}

impl Series {
    fn median(&self, figure: Figure) -> f64 {
        median(self.samples.iter().map(figure))
    }

    fn least(&self, figure: Figure) -> f64 {
        self.samples.iter().map(figure).fold(f64::INFINITY, f64::min)
    }

    /// Each round against the same round of the other, so that what slows down one slows both.
    fn ratio(&self, other: &Self, figure: Figure) -> f64 {
        let pairs = self.samples.iter().zip(&other.samples);
        median(pairs.map(|(mine, other)| figure(mine) / figure(other)))
    }
}

type Figure = fn(&Sample) -> f64;

fn requests_a_second(sample: &Sample) -> f64 {
    sample.latencies.len() as f64 / sample.elapsed.as_secs_f64()
}

/// In milliseconds: half of all requests took no longer.
fn half(sample: &Sample) -> f64 {
    quantile(sample, 50)
}

/// In milliseconds: all but one in a hundred took no longer.
fn all_but_a_hundredth(sample: &Sample) -> f64 {
    quantile(sample, 99)
}

fn quantile(sample: &Sample, percent: usize) -> f64 {
    let at = sample.latencies.len() * percent / 100;
    sample.latencies.get(at).map_or(f64::NAN, |latency| 1e3 * latency.as_secs_f64())
}

/// In microseconds a request.
fn cpu(sample: &Sample) -> f64 {
    let micros = sample.cpu.map_or(f64::NAN, |cpu| 1e6 * cpu.as_secs_f64());
    micros / sample.latencies.len() as f64
}

/// The requests after which the connection could be used again, in percent.
fn kept(sample: &Sample) -> f64 {
    100.0 * (1.0 - sample.lost as f64 / sample.sent as f64)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The ratios are of what stands to their left: of requests a second more is better, of CPU time
/// less is.
pub(crate) fn print(title: &str, series: &[Series]) {
    let [floor, hand_written, ..] = series else { return };
    println!("\n{title}");
    println!(
        "{:<24}{:>11}{:>9}{:>15}{:>10}{:>10}{:>14}{:>9}{:>15}{:>9}",
        "",
        "requests/s",
        "/ floor",
        "/ hand-written",
        "p50",
        "p99",
        "CPU/request",
        "/ floor",
        "/ hand-written",
        "kept",
    );
    for one in series {
        println!(
            "{:<24}{:>11.0}{:>9.2}{:>15.2}{:>7.2} ms{:>7.2} ms{:>11.1} µs{:>9.2}{:>15.2}{:>7.1} %",
            one.name,
            one.median(requests_a_second),
            one.ratio(floor, requests_a_second),
            one.ratio(hand_written, requests_a_second),
            one.median(half),
            one.median(all_but_a_hundredth),
            one.median(cpu),
            one.ratio(floor, cpu),
            one.ratio(hand_written, cpu),
            one.least(kept),
        );
    }
}
