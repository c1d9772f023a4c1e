//! One tracing event for each request that is answered or handed on, under the feature `tracing`.
//!
//! It explains and does not leak: never a secret, a digest, or anything of the body. What is not
//! signed at all stands at INFO, since the internet is full of it; what may be a secret that is
//! set wrong, at WARN.

use http::HeaderMap;

use crate::rejection::RejectionKind;
use crate::verdict::{Reason, VerifiedSignature};

/// A body of so many bytes was verified.
#[cfg(feature = "tracing")]
pub(crate) fn verified(by: &VerifiedSignature, headers: &HeaderMap, bytes: usize) {
    tracing::debug!(
        verdict = "verified",
        secret = by.secret_label(),
        bytes,
        // Looked up only where somebody records it, as everything in here.
        event_id = event_id(headers),
        "delivery verified"
    );
}

/// A request is unverified. `bytes` is 0 where the body was not kept.
#[cfg(feature = "tracing")]
pub(crate) fn unverified(reason: &Reason, headers: &HeaderMap, bytes: usize) {
    const VERDICT: &str = "unverified";
    let event_id = event_id(headers);
    match reason {
        Reason::Mismatch(_) | Reason::UnknownSecret => {
            tracing::warn!(verdict = VERDICT, %reason, bytes, event_id, "delivery not verified");
        }
        Reason::Missing | Reason::Repeated | Reason::Malformed(_) => {
            tracing::info!(verdict = VERDICT, %reason, bytes, event_id, "delivery not verified");
        }
    }
}

/// There is no verdict: the body did not arrive whole and in bounds. `bytes` is what came of it.
#[cfg(feature = "tracing")]
pub(crate) fn not_received(kind: RejectionKind, headers: &HeaderMap, bytes: usize) {
    let event_id = event_id(headers);
    tracing::info!(verdict = "none", reason = %kind, bytes, event_id, "delivery not received");
}

/// The first 128 bytes of `X-Hook-Event-Id` (developer.tawk.to/webhooks), escaped: a stranger can
/// have written it.
#[cfg(feature = "tracing")]
fn event_id(headers: &HeaderMap) -> Option<impl tracing::Value> {
    let value = headers.get("x-hook-event-id")?.as_bytes();
    Some(tracing::field::display(value[..value.len().min(128)].escape_ascii()))
}

#[cfg(not(feature = "tracing"))]
pub(crate) const fn verified(_: &VerifiedSignature, _: &HeaderMap, _: usize) {}

#[cfg(not(feature = "tracing"))]
pub(crate) const fn unverified(_: &Reason, _: &HeaderMap, _: usize) {}

#[cfg(not(feature = "tracing"))]
pub(crate) const fn not_received(_: RejectionKind, _: &HeaderMap, _: usize) {}
