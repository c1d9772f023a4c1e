//! Taking turns: every case runs once in each round, so that what drifts, drifts for all.

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Instant;

use http::Request;
use tower::Service;
use tower_tawk_benches::finish;

const ROUNDS: usize = 41;

/// One thing to measure: runs it so many times, and returns the nanoseconds that each took.
pub(crate) type Case<'a> = Box<dyn FnMut(usize) -> f64 + 'a>;

/// A service, over requests that are made before the clock starts.
pub(crate) fn case<'a, S, B>(mut service: S, make: impl Fn() -> Request<B> + 'a) -> Case<'a>
where
    S: Service<Request<B>, Error = Infallible> + 'a,
{
    Box::new(move |times| {
        let requests: Vec<_> = (0..times).map(|_| make()).collect();
        let start = Instant::now();
        for request in requests {
            let _ = black_box(finish(service.call(request)));
        }
        start.elapsed().as_nanos() as f64 / times as f64
    })
}

/// Every round's figures, the cases in turn.
pub(crate) fn rounds(mut cases: Vec<Case<'_>>, times: usize) -> Vec<Vec<f64>> {
    let mut turn = || cases.iter_mut().map(|case| case(times)).collect::<Vec<_>>();
    turn();
    (0..ROUNDS).map(|_| turn()).collect()
}

pub(crate) fn median(rounds: &[Vec<f64>], of: impl Fn(&[f64]) -> f64) -> f64 {
    let mut figures: Vec<f64> = rounds.iter().map(|round| of(round)).collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

pub(crate) fn line(what: &str, figure: f64, unit: &str) {
    println!("{what:<78}{figure:>9.2} {unit}");
}
