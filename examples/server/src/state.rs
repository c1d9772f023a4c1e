//! [`AppState`], shared by handlers and middleware.

use crate::config::{Occasions, TawkLog};
use crate::store::Store;
use crate::telemetry::metrics::Metrics;

/// Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    pub log_level: TawkLog,
    pub store: Store,
    /// The events that trigger notifications.
    pub notify_on: Occasions,
    pub metrics: Metrics,
}
