//! What operators see: logs and metrics.

mod cloud_run;
pub mod logging;
pub mod metrics;
