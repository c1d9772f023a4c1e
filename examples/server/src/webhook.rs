//! What happens to a delivery: the handler behind the layers, the answers, and what is logged and
//! counted of those that do not get to the handler.

use std::panic;
use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, Response};
use axum::middleware::Next;
use tower_tawk::event::Event;
use tower_tawk::{Rejection, Verdict, VerifiedSignature};
use tracing::{Instrument, warn};

use crate::answer::{json, ok, unavailable};
use crate::delivery::Delivery;
use crate::guard::{Place, Refused};
use crate::inbox::{Stored, Unavailable};
use crate::listener::Listener;
use crate::record::{self, Record};

/// When a request's head was there.
#[derive(Clone, Copy)]
pub(crate) struct Begun(Instant);

/// Stores a delivery that is verified. One that is only observed goes no further than the log, and
/// whoever sent it is told the same.
pub(crate) async fn receive(
    State(listener): State<Listener>,
    Extension(Begun(begun)): Extension<Begun>,
    Extension(place): Extension<Place>,
    verdict: Verdict,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    listener.metrics.verification(begun.elapsed());
    match verdict {
        Verdict::Verified(by) => {
            // Whoever sent it may go while it is stored: it is logged and counted all the same, and
            // has its place until then.
            let store = async move {
                let stored = store(&listener, &by, &headers, body).await;
                drop(place);
                stored
            };
            match tokio::spawn(store.in_current_span()).await {
                Ok(stored) => answer(&stored),
                Err(error) => panic::resume_unwind(error.into_panic()),
            }
        }
        // A stranger's bytes, which nothing here reads.
        Verdict::Unverified(reason) => {
            listener.metrics.observed(&reason);
            Record::new(listener.level, &headers).observed(&reason, &body);
            ok()
        }
    }
}

/// Stores it whatever it says: it would say the same the next time.
async fn store(
    Listener { level, inbox, notify_on, metrics }: &Listener,
    by: &VerifiedSignature,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Stored, Unavailable> {
    metrics.verified(body.len());
    let event = Event::from_slice(&body).unwrap_or_else(Event::Undecodable);
    let delivery = Arc::new(Delivery::new(by, headers, &event, body));
    let is_told = notify_on.find(&event).is_some();
    let stored = inbox.store(Arc::clone(&delivery), is_told).await;
    match stored {
        Ok(Stored::New { .. }) => {}
        Ok(Stored::Repeat) => metrics.duplicate(),
        Err(_) => metrics.unavailable(),
    }
    record::verified(*level, &delivery, &event, metrics.event(&event), &stored);
    if let Ok(Stored::New { id, is_odd: true }) = stored {
        // Either Tawk.to gives the same id to two events, or somebody has the secret.
        warn!(
            delivery = id,
            event_id = delivery.event_id,
            "odd: another delivery has the same event id"
        );
    }
    stored
}

/// 200 for what is on disk, and for nothing else.
fn answer(stored: &Result<Stored, Unavailable>) -> Response<Body> {
    match stored {
        Ok(Stored::New { .. }) => ok(),
        Ok(Stored::Repeat) => json(Response::new(r#"{"status":"ok","duplicate":true}"#.into())),
        Err(_) => unavailable(r#"{"detail":"Not stored; send it again"}"#),
    }
}

/// Says what sort of rejection it is and never the reason, which would teach strangers.
pub(crate) fn rejection_response(rejection: &Rejection) -> Response<Body> {
    json(rejection.response(Body::from(match rejection {
        Rejection::Unverified(_) => r#"{"detail":"Invalid signature"}"#,
        Rejection::BodyTooLarge => r#"{"detail":"Body too large"}"#,
        Rejection::BodyTimeout => r#"{"detail":"Body took too long"}"#,
        Rejection::BodyIncomplete => r#"{"detail":"Body incomplete"}"#,
        _ => r#"{"detail":"Rejected"}"#,
    })))
}

/// Stands outside of the guards and of the signature layer, and logs and counts what they refuse,
/// which the handler never sees.
pub(crate) async fn watch(
    State(Listener { level, metrics, .. }): State<Listener>,
    mut request: Request,
    next: Next,
) -> Response<Body> {
    let begun = Instant::now();
    request.extensions_mut().insert(Begun(begun));
    // The record costs more than this copy, and most requests are not refused.
    let headers = request.headers().clone();
    let response = next.run(request).await;
    if let Some(rejection) = response.extensions().get::<Rejection>() {
        metrics.verification(begun.elapsed());
        metrics.rejected(rejection);
        Record::new(level, &headers).refused(rejection);
    } else if let Some(refused) = response.extensions().get::<Refused>() {
        metrics.refused(*refused);
        Record::new(level, &headers).guarded(*refused);
    }
    response
}
