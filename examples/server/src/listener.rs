//! [`Listener`]: what the handlers share.

use crate::config::TawkLog;
use crate::inbox::Inbox;
use crate::metrics::Metrics;
use crate::notify::Triggers;

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Listener {
    pub(crate) level: TawkLog,
    pub(crate) inbox: Inbox,
    /// The events that send a notification.
    pub(crate) notify_on: Triggers,
    pub(crate) metrics: Metrics,
}
