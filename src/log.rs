//! The tracing event of a request.
//!
//! Events never contain secrets, expected signatures or body data. Missing and malformed signatures
//! are logged at INFO because scanners send plenty of them, and mismatches at WARN because they may
//! indicate a misconfigured secret.

#[cfg(feature = "deduplicate")]
use std::error::Error;

use http::HeaderMap;

#[cfg(feature = "deduplicate")]
use crate::deduplicate::DeduplicationOutcome;
use crate::rejection::Rejection;
#[cfg(feature = "tracing")]
use crate::signature::X_HOOK_EVENT_ID;
use crate::verdict::{Reason, VerifiedSignature};

#[cfg(feature = "tracing")]
const TARGET: &str = "tower_tawk";

/// Logs a verified request with a body of `bytes` bytes.
#[cfg_attr(not(feature = "tracing"), expect(unused_variables))]
pub(crate) fn verified(verified: &VerifiedSignature, headers: &HeaderMap, bytes: usize) {
    #[cfg(feature = "tracing")]
    tracing::debug!(
        target: TARGET,
        verdict = "verified",
        secret_label = verified.secret_label(),
        bytes,
        event_id = event_id(headers),
        "request verified"
    );
}

/// Logs an unverified request. `bytes` is 0 if the request is rejected by its head.
#[cfg_attr(not(feature = "tracing"), expect(unused_variables))]
pub(crate) fn unverified(reason: &Reason, headers: &HeaderMap, bytes: usize) {
    #[cfg(feature = "tracing")]
    match reason {
        Reason::Missing | Reason::MultipleSignatures | Reason::Malformed(_) => tracing::info!(
            target: TARGET,
            verdict = "unverified",
            %reason,
            bytes,
            event_id = event_id(headers),
            "request not verified"
        ),
        Reason::Mismatch(_) | Reason::UnknownSecret => tracing::warn!(
            target: TARGET,
            verdict = "unverified",
            %reason,
            bytes,
            event_id = event_id(headers),
            "request not verified"
        ),
    }
}

/// Logs a request that is rejected because of its body. `bytes` is the number of bytes received,
/// which is 0 if the declared length exceeds the limit.
#[cfg_attr(not(feature = "tracing"), expect(unused_variables))]
pub(crate) fn rejected_body(rejection: &Rejection, headers: &HeaderMap, bytes: usize) {
    #[cfg(feature = "tracing")]
    tracing::info!(
        target: TARGET,
        verdict = "none",
        reason = %rejection,
        bytes,
        event_id = event_id(headers),
        "body rejected"
    );
}

/// Logs a commit.
#[cfg(feature = "deduplicate")]
pub(crate) fn committed() {
    #[cfg(feature = "tracing")]
    tracing::debug!(target: TARGET, "delivery committed");
}

/// Logs a claim that was released because the handler did not succeed.
#[cfg(feature = "deduplicate")]
pub(crate) fn released() {
    #[cfg(feature = "tracing")]
    tracing::debug!(target: TARGET, "delivery not committed, handler failed");
}

/// Logs a response that the layer made itself. `error` is the error of the store.
#[cfg(feature = "deduplicate")]
#[cfg_attr(not(feature = "tracing"), expect(unused_variables))]
pub(crate) fn deduplicated(
    outcome: DeduplicationOutcome,
    error: Option<&(dyn Error + Send + Sync)>,
) {
    #[cfg(feature = "tracing")]
    match (outcome, error) {
        (DeduplicationOutcome::Duplicate, _) => {
            tracing::info!(target: TARGET, "duplicate delivery, already committed");
        }
        (DeduplicationOutcome::InFlight, _) => {
            tracing::info!(target: TARGET, "duplicate delivery, another copy is in flight");
        }
        (DeduplicationOutcome::MissingLayer, _) => tracing::error!(
            target: TARGET,
            "missing TawkSignatureLayer; apply DeduplicateLayer inside of it"
        ),
        (DeduplicationOutcome::ClaimFailed | DeduplicationOutcome::CommitFailed, error) => {
            tracing::error!(
                target: TARGET,
                outcome = ?outcome,
                error = error.map(tracing::field::display),
                "deduplication store failed"
            );
        }
    }
}

/// Logs that a key was evicted while Tawk.to may still retry its delivery.
#[cfg(feature = "deduplicate")]
pub(crate) fn evicted_early() {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        target: TARGET,
        "in-memory deduplication store is full, oldest key evicted early; increase its capacity"
    );
}

/// Returns the first 128 bytes of the event id, escaped, because clients can send any value.
#[cfg(feature = "tracing")]
fn event_id(headers: &HeaderMap) -> Option<impl tracing::Value> {
    let value = headers.get(X_HOOK_EVENT_ID)?.as_bytes();
    Some(tracing::field::display(value[..value.len().min(128)].escape_ascii()))
}
