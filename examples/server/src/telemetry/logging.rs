//! Writes log records to stdout, as text or JSON.

use std::io;

use anyhow::anyhow;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::{EnvFilter, fmt};

use super::cloud_run::CloudRun;
use crate::config::LogFormat;

/// Starts logging the records that `RUST_LOG` selects.
pub fn init(filter: &str, format: LogFormat) -> anyhow::Result<()> {
    let subscriber = fmt().with_env_filter(parse(filter)?).with_writer(io::stdout);
    match format {
        LogFormat::Text => subscriber.init(),
        LogFormat::Json => {
            subscriber.fmt_fields(JsonFields::new()).event_format(CloudRun).init();
        }
    }
    Ok(())
}

/// The signature layer's own event would be a second record of each request. It is off, unless the
/// filter names its target: of several directives for a target the last one counts.
fn parse(filter: &str) -> anyhow::Result<EnvFilter> {
    EnvFilter::builder().parse(format!("tower_tawk=off,{filter}")).map_err(|error| {
        anyhow!(
            "invalid RUST_LOG: {error}; write a level, e.g. info, or directives, e.g. \
             info,tower_tawk=debug"
        )
    })
}
