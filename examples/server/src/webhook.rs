//! What happens to a delivery: the handler behind the layer, the answers, and the log record of
//! those that do not get to the handler.

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, Response};
use axum::middleware::Next;
use tower_tawk::event::Event;
use tower_tawk::{Rejection, RejectionKind, Verdict};

use crate::config::TawkLog;
use crate::counts;
use crate::record::Record;

/// Takes a delivery that is verified, or that is only observed: that one goes no further than
/// the log, and whoever sent it is told the same. What is verified is answered 200 whatever it
/// says: it would say the same the next time.
pub(crate) async fn receive(
    State(level): State<TawkLog>,
    verdict: Verdict,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let record = Record::new(level, &headers);
    match verdict {
        Verdict::Verified(by) => {
            let event = Event::from_slice(&body).unwrap_or_else(Event::Undecodable);
            record.verified(&by, &event, &body, counts::count(&event));
        }
        // A stranger's bytes, which nothing here reads.
        Verdict::Unverified(reason) => record.observed(&reason, &body),
    }
    ok().await
}

pub(crate) async fn ok() -> Response<Body> {
    json(Response::new(r#"{"status":"ok"}"#.into()))
}

/// Says what sort of rejection it is and never the reason, which would teach strangers.
pub(crate) fn rejection_response(rejection: &Rejection) -> Response<Body> {
    json(rejection.response(Body::from(match rejection.kind() {
        RejectionKind::Unverified => r#"{"detail":"Invalid signature"}"#,
        RejectionKind::BodyTooLarge => r#"{"detail":"Body too large"}"#,
        RejectionKind::BodyTimeout => r#"{"detail":"Body took too long"}"#,
        RejectionKind::BodyIncomplete => r#"{"detail":"Body incomplete"}"#,
        _ => r#"{"detail":"Rejected"}"#,
    })))
}

pub(crate) fn json(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Stands outside of the layer and logs what it refuses, which the handler never sees.
pub(crate) async fn log_refused(
    State(level): State<TawkLog>,
    request: Request,
    next: Next,
) -> Response<Body> {
    // The record costs more than this copy, and most requests are not refused.
    let headers = request.headers().clone();
    let response = next.run(request).await;
    if let Some(rejection) = response.extensions().get::<Rejection>() {
        Record::new(level, &headers).refused(rejection);
    }
    response
}
