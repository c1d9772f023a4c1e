//! axum extractors that only yield verified requests.

#[cfg(feature = "events")]
mod delivery;
mod verdict;
mod verified;

#[cfg(feature = "events")]
pub use self::delivery::{BodyModified, Delivery, DeliveryRejection, EventId};
pub use self::verdict::MissingLayer;
pub use self::verified::{Verified, VerifiedRejection};
