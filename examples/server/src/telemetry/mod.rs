//! What operators see: logs and metrics.

pub mod log_writer;
pub mod logging;
pub mod metrics;
pub mod rate_limit;
