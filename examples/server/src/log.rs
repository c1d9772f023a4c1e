//! Where log records go and how they look: stdout, as text or as JSON.

mod check;
mod cloud_run;
mod escape;

pub(crate) use escape::{json_line, json_page, json_text, printable};

use std::io;

use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{ConfigError, LogFormat};

/// Begins to log.
///
/// # Errors
///
/// When `filter` is not one.
pub(crate) fn begin(filter: &str, format: LogFormat) -> Result<(), ConfigError> {
    let subscriber = fmt().with_env_filter(parse(filter)?).with_writer(io::stdout);
    match format {
        LogFormat::Text => subscriber.init(),
        LogFormat::Json => {
            subscriber.fmt_fields(JsonFields::new()).event_format(cloud_run::CloudRun).init();
        }
    }
    Ok(())
}

/// The layer's own event would be a second record of each delivery: it stays out unless the
/// filter names its target, `tower_tawk`. (The last directive for a target is the one that
/// counts.) An empty filter is one that is not set: it would log errors alone.
fn parse(filter: &str) -> Result<EnvFilter, ConfigError> {
    let filter = if filter.trim().is_empty() { "info" } else { filter };
    EnvFilter::builder().parse(format!("tower_tawk=off,{filter}")).map_err(|error| {
        ConfigError::new(format!(
            "RUST_LOG cannot be used ({error}); write a level such as info, or directives such \
             as info,tower_tawk=debug"
        ))
    })
}
