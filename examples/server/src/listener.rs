//! [`Listener`]: what the handlers share.

use crate::config::{Occasions, TawkLog};
use crate::inbox::Inbox;
use crate::metrics::Metrics;

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Listener {
    pub(crate) level: TawkLog,
    pub(crate) inbox: Inbox,
    /// What somebody is told of.
    pub(crate) notify_on: Occasions,
    pub(crate) metrics: Metrics,
}
