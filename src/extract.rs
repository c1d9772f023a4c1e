//! Extractors for axum.

#[cfg(feature = "events")]
mod delivery;
mod rejection;
mod verified;

#[cfg(feature = "events")]
pub use self::delivery::{Delivery, EventId};
#[cfg(feature = "events")]
pub use self::rejection::{BodyModified, DeliveryRejection};
pub use self::rejection::{MissingLayer, VerifiedRejection};
pub use self::verified::Verified;
