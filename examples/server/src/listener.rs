//! [`Listener`]: what the handlers share.

use std::sync::Arc;

use crate::config::{Occasion, TawkLog};
use crate::inbox::Inbox;
use crate::metrics::Metrics;

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Listener {
    pub(crate) level: TawkLog,
    pub(crate) inbox: Inbox,
    /// What somebody is told of.
    pub(crate) notify_on: Arc<[Occasion]>,
    pub(crate) metrics: Metrics,
}
