//! Extractors for axum, under the feature `axum`: they hand on what is verified, and nothing else.
//!
//! [`Verified`] guards any other extractor, [`Verdict`](crate::Verdict) is one itself, and
//! [`Delivery`] (with `events` too) is the whole of what a handler wants. All read the verdict that
//! [`TawkSignatureLayer`](crate::TawkSignatureLayer) left in the request's extensions; none makes
//! one. Where it is missing, or the body is another, the one who mounted the layers is told in the
//! log, once, and the stranger is told nothing.

#[cfg(feature = "events")]
mod delivery;
#[cfg(feature = "events")]
mod event_id;
mod verdict;
mod verified;

#[cfg(feature = "events")]
pub use delivery::{BodyChanged, Delivery, DeliveryRejection};
#[cfg(feature = "events")]
pub use event_id::EventId;
pub use verdict::LayerNotMounted;
pub use verified::{Verified, VerifiedRejection};
