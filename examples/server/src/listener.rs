//! [`Listener`]: what the handlers share.

use crate::config::{Occasions, TawkLog};
use crate::metrics::Metrics;
use crate::store::Store;

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Listener {
    pub(crate) level: TawkLog,
    pub(crate) store: Store,
    /// What somebody is told of.
    pub(crate) notify_on: Occasions,
    pub(crate) metrics: Metrics,
}
