//! The tracing event of a request.
//!
//! Events never contain secrets, expected signatures or body data. Missing and malformed signatures
//! are logged at INFO because scanners send plenty of them, and mismatches at WARN because they may
//! indicate a misconfigured secret.

use http::HeaderMap;

use crate::rejection::Rejection;
#[cfg(feature = "tracing")]
use crate::signature::X_HOOK_EVENT_ID;
use crate::verdict::{Reason, VerifiedSignature};

/// Logs a verified request with a body of `bytes` bytes.
#[cfg_attr(not(feature = "tracing"), expect(unused_variables))]
pub(crate) fn verified(verified: &VerifiedSignature, headers: &HeaderMap, bytes: usize) {
    #[cfg(feature = "tracing")]
    tracing::debug!(
        verdict = "verified",
        secret = verified.secret_label(),
        bytes,
        event_id = event_id(headers),
        "delivery verified"
    );
}

/// Logs an unverified request. `bytes` is 0 if the body was not read.
#[cfg_attr(not(feature = "tracing"), expect(unused_variables))]
pub(crate) fn unverified(reason: &Reason, headers: &HeaderMap, bytes: usize) {
    #[cfg(feature = "tracing")]
    match reason {
        Reason::Missing | Reason::MultipleSignatures | Reason::Malformed(_) => tracing::info!(
            verdict = "unverified",
            %reason,
            bytes,
            event_id = event_id(headers),
            "delivery not verified"
        ),
        Reason::Mismatch(_) | Reason::UnknownSecret => tracing::warn!(
            verdict = "unverified",
            %reason,
            bytes,
            event_id = event_id(headers),
            "delivery not verified"
        ),
    }
}

/// Logs a request that was rejected because of its body, after `bytes` of it were received.
#[cfg_attr(not(feature = "tracing"), expect(unused_variables))]
pub(crate) fn rejected_body(rejection: &Rejection, headers: &HeaderMap, bytes: usize) {
    #[cfg(feature = "tracing")]
    tracing::info!(
        verdict = "none",
        reason = %rejection,
        bytes,
        event_id = event_id(headers),
        "delivery not received"
    );
}

/// Returns the first 128 bytes of the event id, escaped, because clients can send any value.
#[cfg(feature = "tracing")]
fn event_id(headers: &HeaderMap) -> Option<impl tracing::Value> {
    let value = headers.get(X_HOOK_EVENT_ID)?.as_bytes();
    Some(tracing::field::display(value[..value.len().min(128)].escape_ascii()))
}
