//! The webhook handler: stores verified deliveries, then responds.

use std::mem;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, FromRequest, Request, State};
use axum::response;
use serde_json::{Value, json};
use tower_tawk::{Delivery, Verdict};

use crate::access::connections::Connection;
use crate::access_log;
use crate::error::AppError;
use crate::event_summary::EventSummary;
use crate::state::AppState;
use crate::store::{Stored, VerifiedDelivery};

/// Responds with 200 to stored deliveries, whatever they contain: a retry would be identical. In
/// observe mode, unverified requests get the same response but are only logged.
pub async fn receive(
    State(state): State<Arc<AppState>>,
    ConnectInfo(connection): ConnectInfo<Arc<Connection>>,
    verdict: Verdict,
    mut request: Request,
) -> response::Result<Json<Value>> {
    if !connection.handle() {
        return Err(AppError::BodyTooSlow.into());
    }
    let headers = mem::take(request.headers_mut());
    let verified = match verdict {
        Verdict::Verified(verified) => verified,
        Verdict::Unverified(reason) => {
            let body = Bytes::from_request(request, &()).await?;
            state.metrics.unverified(&reason);
            access_log::log_unverified(state.log_level, &headers, &reason, Some(&body));
            return Ok(Json(json!({ "status": "ok" })));
        }
    };
    let delivery = Delivery::from_request(request, &()).await?;
    state.metrics.verified(&delivery);

    let Delivery { event, raw, .. } = delivery;
    let summary = EventSummary::new(&event);
    let new = Arc::new(VerifiedDelivery::new(&verified, &headers, &summary, raw));
    let recipients = state.recipients(&new, &event);
    let stored = state.store.store(Arc::clone(&new), &event, recipients).await;
    access_log::log_verified(state.log_level, &new, &event, summary, &stored);
    match stored {
        Ok(Stored::New { .. }) => Ok(Json(json!({ "status": "ok" }))),
        Ok(Stored::Duplicate) => {
            state.metrics.duplicates.inc();
            Ok(Json(json!({ "status": "ok", "duplicate": true })))
        }
        Err(_) => {
            state.metrics.not_stored.inc();
            Err(AppError::NotStored.into())
        }
    }
}
