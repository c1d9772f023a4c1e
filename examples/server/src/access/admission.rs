//! [`Admission`]: limits the number of concurrent deliveries.
//!
//! When all permits are taken, a new request gets that of the slowest one whose body has not
//! arrived: the one that has waited longest for each byte. A client that sends nothing, or a byte
//! now and then, thus never keeps others out, and loses before one on a slow link.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use http_body::{Frame, SizeHint};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tower_tawk::{Signature, Verdict, X_TAWK_SIGNATURE};
use tracing::warn;

use super::connections::{Connection, Phase};
use crate::config::{Mode, Settings};
use crate::error::AppError;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::rate_limit::RateLimit;

pub struct Admission {
    max: usize,
    /// Whether requests without a well-formed signature are rejected in any case.
    enforces: bool,
    admitted: Mutex<Admitted>,
    metrics: Metrics,
    evicted: RateLimit,
}

#[derive(Default)]
struct Admitted {
    /// `None` once the body has arrived.
    requests: HashMap<u64, Option<Receiving>>,
    next_id: u64,
}

struct Receiving {
    since: Instant,
    bytes: u32,
    evict: oneshot::Sender<()>,
}

/// Frees its place on drop.
struct Permit {
    id: u64,
    admission: Arc<Admission>,
}

/// Rejects a request if there is no permit. None waits for one: Tawk.to retries rejected requests,
/// and waiting ones would cost memory.
pub async fn admit(
    State(admission): State<Arc<Admission>>,
    Extension(connection): Extension<Arc<Connection>>,
    request: Request,
    next: Next,
) -> Result<Response, AppError> {
    if admission.enforces && !is_signed(request.headers()) {
        // The signature layer rejects it without keeping its body.
        return Ok(next.run(request).await);
    }
    let (permit, mut evicted) = admission.admit().ok_or(AppError::TooManyRequests)?;
    connection.enter(Phase::Delivery);
    let request = request.map(|body| Body::new(CountedBody::new(body, &permit)));
    let response = tokio::select! {
        biased;
        Ok(()) = &mut evicted => return Err(AppError::BodyTooSlow),
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
    pub fn new(settings: &Settings, metrics: Metrics) -> Arc<Self> {
        Arc::new(Self {
            max: settings.tawk_max_concurrent.get(),
            enforces: settings.tawk_mode == Mode::Enforce,
            admitted: Mutex::default(),
            metrics,
            evicted: RateLimit::new(1),
        })
    }

    /// Returns a permit, and a receiver that gets a message if another request gets the permit.
    /// Returns `None` if the bodies of all admitted requests have arrived.
    fn admit(self: &Arc<Self>) -> Option<(Permit, oneshot::Receiver<()>)> {
        let mut admitted = self.lock();
        if admitted.requests.len() >= self.max {
            self.evict(&mut admitted)?;
        }
        let id = admitted.next_id;
        let (evict, evicted) = oneshot::channel();
        let receiving = Receiving { since: Instant::now(), bytes: 0, evict };
        admitted.next_id += 1;
        admitted.requests.insert(id, Some(receiving));
        self.metrics.deliveries_in_flight.inc();
        Some((Permit { id, admission: Arc::clone(self) }, evicted))
    }

    /// Takes the permit of the slowest request.
    fn evict(&self, admitted: &mut Admitted) -> Option<()> {
        let requests = admitted.requests.iter();
        let receiving = requests.filter_map(|(id, receiving)| Some((id, receiving.as_ref()?)));
        let (&slowest, _) = receiving.max_by_key(|(_, receiving)| receiving.time_per_byte())?;
        let _ = admitted.requests.remove(&slowest)??.evict.send(());
        self.metrics.deliveries_in_flight.dec();
        if let Some(count) = self.evicted.count() {
            warn!(count, "TAWK_MAX_CONCURRENT is reached; rejecting the slowest requests with 408");
        }
        Some(())
    }

    fn received(&self, id: u64, bytes: usize) {
        if let Some(Some(receiving)) = self.lock().requests.get_mut(&id) {
            let bytes = bytes.try_into().unwrap_or(u32::MAX);
            receiving.bytes = receiving.bytes.saturating_add(bytes);
        }
    }

    /// Records that a body has arrived. Returns `false` if its request has lost the permit.
    fn complete(&self, id: u64) -> bool {
        self.lock().requests.get_mut(&id).map(Option::take).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Admitted> {
        self.admitted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Receiving {
    fn time_per_byte(&self) -> Duration {
        self.since.elapsed() / self.bytes.saturating_add(1)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.admission.lock().requests.remove(&self.id).is_some() {
            self.admission.metrics.deliveries_in_flight.dec();
        }
    }
}

/// Counts the bytes of a body.
struct CountedBody {
    body: Body,
    id: u64,
    admission: Arc<Admission>,
}

impl CountedBody {
    fn new(body: Body, permit: &Permit) -> Self {
        if body.is_end_stream() {
            permit.admission.complete(permit.id);
        }
        Self { body, id: permit.id, admission: Arc::clone(&permit.admission) }
    }
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            self.admission.received(self.id, frame.data_ref().map_or(0, Bytes::len));
        }
        let is_complete = frame.is_none() || self.body.is_end_stream();
        if is_complete && !self.admission.complete(self.id) {
            // `admit` has been woken, and drops this body.
            return Poll::Pending;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn admission(max: usize) -> Arc<Admission> {
        Arc::new(Admission {
            max,
            enforces: true,
            admitted: Mutex::default(),
            metrics: Metrics::new(),
            evicted: RateLimit::new(1),
        })
    }

    #[tokio::test(start_paused = true)]
    async fn the_request_that_has_waited_longest_for_each_byte_loses_its_permit() {
        let admission = admission(3);
        let (slow_link, mut slow_link_evicted) = admission.admit().unwrap();
        advance(Duration::from_secs(4)).await;
        let (drips, mut drips_evicted) = admission.admit().unwrap();
        advance(Duration::from_secs(1)).await;
        let (_silent, mut silent_evicted) = admission.admit().unwrap();
        advance(Duration::from_secs(1)).await;
        admission.received(slow_link.id, 60_000);
        admission.received(drips.id, 2);

        let _new = admission.admit().unwrap();
        assert!(silent_evicted.try_recv().is_ok());
        assert!(drips_evicted.try_recv().is_err());
        let _new = admission.admit().unwrap();
        assert!(drips_evicted.try_recv().is_ok());
        assert!(!admission.complete(drips.id));
        assert!(slow_link_evicted.try_recv().is_err());
        assert!(admission.complete(slow_link.id));
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_no_permit_if_all_bodies_have_arrived() {
        let admission = admission(1);
        let (permit, mut evicted) = admission.admit().unwrap();
        assert!(admission.complete(permit.id));
        assert!(admission.admit().is_none());
        assert!(evicted.try_recv().is_err());
        drop(permit);
        assert!(admission.admit().is_some());
    }
}
