//! [`AppState`], shared by handlers and middleware.

use tokio_util::task::TaskTracker;

use crate::config::TawkLog;
use crate::notify::Triggers;
use crate::store::Store;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::rate_limit::RateLimit;

pub struct AppState {
    pub log_level: TawkLog,
    pub store: Store,
    pub notify_on: Triggers,
    pub metrics: Metrics,
    /// Limits the records of requests to unknown paths.
    pub unknown_paths: RateLimit,
    /// Connections and requests, which are finished at shutdown.
    pub tasks: TaskTracker,
}
