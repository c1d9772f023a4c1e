//! [`Admission`]: limits the number of concurrent deliveries.
//!
//! When all permits are taken, a new request gets that of the slowest one whose body has not
//! arrived: the one that has waited longest for each byte. A client that sends nothing, or a byte
//! now and then, thus never keeps others out, and loses before one on a slow link.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use parking_lot::Mutex;
use tower_tawk::{Signature, Verdict, X_TAWK_SIGNATURE};
use tracing::warn;

use super::allow_list::AllowList;
use super::connections::{Connection, Phase};
use crate::config::{Mode, Settings};
use crate::error::AppError;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::rate_limit::RateLimit;

pub struct Admission {
    allow_list: Arc<AllowList>,
    max: usize,
    /// Whether requests without a well-formed signature are rejected in any case.
    enforces: bool,
    /// The connections that hold a permit, by their ids.
    admitted: Mutex<HashMap<u64, Arc<Connection>>>,
    metrics: Metrics,
    evicted: RateLimit,
}

/// Freed on drop.
struct Permit<'a> {
    admission: &'a Admission,
    id: u64,
}

/// Rejects requests of clients that may not deliver, and those for which there is no permit. None
/// waits for one: Tawk.to retries rejected requests, and waiting ones would cost memory.
pub async fn admit(
    State(admission): State<Arc<Admission>>,
    ConnectInfo(connection): ConnectInfo<Arc<Connection>>,
    request: Request,
    next: Next,
) -> Result<Response, AppError> {
    admission.allow_list.check(connection.peer, request.headers())?;
    if admission.enforces && !is_signed(request.headers()) {
        // The signature layer rejects it without keeping its body.
        return Ok(next.run(request).await);
    }
    let _permit = admission.admit(&connection).ok_or(AppError::TooManyRequests)?;
    let response = tokio::select! {
        biased;
        () = connection.evicted.cancelled() => return Err(AppError::BodyTooSlow),
        response = next.run(request) => response,
    };
    let unverified = matches!(response.extensions().get(), Some(Verdict::Unverified(_)));
    if response.status().is_success() && !unverified {
        connection.delivered();
    }
    Ok(response)
}

/// Returns whether there is exactly one signature, and it is well-formed.
fn is_signed(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(X_TAWK_SIGNATURE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    value.to_str().is_ok_and(|value| value.parse::<Signature>().is_ok())
}

impl Admission {
    pub fn new(settings: &Settings, allow_list: Arc<AllowList>, metrics: Metrics) -> Arc<Self> {
        Arc::new(Self {
            allow_list,
            max: settings.tawk_max_concurrent.get(),
            enforces: settings.tawk_mode == Mode::Enforce,
            admitted: Mutex::default(),
            metrics,
            evicted: RateLimit::new(1),
        })
    }

    /// Returns `None` if the bodies of all admitted requests have arrived, or arrive fast.
    fn admit(&self, connection: &Arc<Connection>) -> Option<Permit<'_>> {
        let mut admitted = self.admitted.lock();
        while admitted.len() >= self.max {
            let waiting = admitted.iter().filter_map(|(id, one)| Some((*id, one.time_per_byte()?)));
            let (slowest, _) = waiting.max_by_key(|(_, time)| *time)?;
            if !admitted[&slowest].evict() {
                // Its body has just arrived.
                continue;
            }
            admitted.remove(&slowest);
            self.metrics.deliveries_in_flight.dec();
            if let Some(count) = self.evicted.count() {
                warn!(
                    count,
                    "TAWK_MAX_CONCURRENT is reached; rejecting the slowest requests with 408"
                );
            }
        }
        connection.enter(Phase::Body);
        admitted.insert(connection.id, Arc::clone(connection));
        self.metrics.deliveries_in_flight.inc();
        Some(Permit { admission: self, id: connection.id })
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.admission.admitted.lock().remove(&self.id).is_some() {
            self.admission.metrics.deliveries_in_flight.dec();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::super::connections::{Connections, Entry};
    use super::*;

    fn admission(max: usize) -> Admission {
        Admission {
            allow_list: Arc::default(),
            max,
            enforces: true,
            admitted: Mutex::default(),
            metrics: Metrics::new(),
            evicted: RateLimit::new(1),
        }
    }

    fn connections<const N: usize>() -> [Entry; N] {
        let connections = Connections::new(N, Metrics::new());
        [(); N].map(|()| connections.open([127, 0, 0, 1].into(), false, Phase::Request))
    }

    fn is_evicted(entry: &Entry) -> bool {
        entry.connection.evicted.is_cancelled()
    }

    #[tokio::test(start_paused = true)]
    async fn the_request_that_has_waited_longest_for_each_byte_loses_its_permit() {
        let admission = admission(3);
        let [slow_link, drips, silent, first, second] = connections();
        let _slow_link = admission.admit(&slow_link.connection).unwrap();
        advance(Duration::from_secs(4)).await;
        let _drips = admission.admit(&drips.connection).unwrap();
        advance(Duration::from_secs(1)).await;
        let _silent = admission.admit(&silent.connection).unwrap();
        advance(Duration::from_secs(1)).await;
        slow_link.connection.received(60_000);
        drips.connection.received(2);

        let _first = admission.admit(&first.connection).unwrap();
        assert!(is_evicted(&silent) && !is_evicted(&drips));
        let _second = admission.admit(&second.connection).unwrap();
        assert!(is_evicted(&drips) && !is_evicted(&slow_link));
        assert_eq!(admission.metrics.deliveries_in_flight.get(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_fast_request_keeps_its_permit() {
        let admission = admission(1);
        let [fast, other] = connections();
        let _permit = admission.admit(&fast.connection).unwrap();
        fast.connection.received(65_536);
        advance(Duration::from_millis(990)).await;
        assert!(admission.admit(&other.connection).is_none());
        assert!(!is_evicted(&fast));
        advance(Duration::from_millis(20)).await;
        assert!(admission.admit(&other.connection).is_some());
        assert!(is_evicted(&fast) && !fast.connection.handle());
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_no_permit_if_all_bodies_have_arrived() {
        let admission = admission(1);
        let [one, other] = connections();
        let permit = admission.admit(&one.connection).unwrap();
        advance(Duration::from_secs(1)).await;
        assert!(one.connection.handle());
        assert!(admission.admit(&other.connection).is_none());
        assert!(!is_evicted(&one));
        drop(permit);
        assert!(admission.admit(&other.connection).is_some());
    }
}
