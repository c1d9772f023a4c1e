//! What operators see: logs and metrics.

mod log_writer;
pub mod logging;
pub mod metrics;
pub mod rate_limit;
