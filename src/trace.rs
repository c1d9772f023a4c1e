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
        event_id = event_id(headers),
        "delivery verified"
    );
}

/// A request is unverified. `bytes` is 0 where the body was not kept.
#[cfg(feature = "tracing")]
pub(crate) fn unverified(reason: &Reason, headers: &HeaderMap, bytes: usize) {
    macro_rules! record {
        ($level:ident) => {
            tracing::$level!(
                verdict = "unverified",
                %reason,
                bytes,
                event_id = event_id(headers),
                "delivery not verified"
            )
        };
    }
    match reason {
        Reason::Mismatch(_) | Reason::UnknownSecret => record!(warn),
        Reason::Missing | Reason::Repeated | Reason::Malformed(_) => record!(info),
    }
}

/// There is no verdict: the body did not arrive whole and in bounds. `bytes` is what came of it.
#[cfg(feature = "tracing")]
pub(crate) fn not_received(kind: RejectionKind, headers: &HeaderMap, bytes: usize) {
    tracing::info!(
        verdict = "none",
        reason = %kind,
        bytes,
        event_id = event_id(headers),
        "delivery not received"
    );
}

/// developer.tawk.to/webhooks.
#[cfg(feature = "tracing")]
const X_HOOK_EVENT_ID: http::HeaderName = http::HeaderName::from_static("x-hook-event-id");

/// The first 128 bytes of the event id, escaped: a stranger can have written it. As a field of a
/// record it is looked up only where somebody listens.
#[cfg(feature = "tracing")]
fn event_id(headers: &HeaderMap) -> Option<impl tracing::Value> {
    let value = headers.get(X_HOOK_EVENT_ID)?.as_bytes();
    Some(tracing::field::display(value[..value.len().min(128)].escape_ascii()))
}

#[cfg(not(feature = "tracing"))]
pub(crate) const fn verified(_: &VerifiedSignature, _: &HeaderMap, _: usize) {}

#[cfg(not(feature = "tracing"))]
pub(crate) const fn unverified(_: &Reason, _: &HeaderMap, _: usize) {}

#[cfg(not(feature = "tracing"))]
pub(crate) const fn not_received(_: RejectionKind, _: &HeaderMap, _: usize) {}
