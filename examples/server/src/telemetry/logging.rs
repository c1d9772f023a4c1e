//! Writes log records to stdout, as text or JSON.

use std::fmt::{self, Write};
use std::io;
use std::os::fd::AsFd;
use std::panic;
use std::time::SystemTime;

use anyhow::{Context, anyhow};
use humantime::format_rfc3339_micros;
use prometheus_client::metrics::counter::Counter;
use serde_json::{Map, Value};
use tracing::{Event, Level, Subscriber, error};
use tracing_serde::fields::AsMap;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::{LookupSpan, Scope};

use super::log_writer::LogWriter;
use crate::config::LogFormat;
use crate::escape::json_text;

/// Fields of the access log that are already JSON, and are inserted without escaping.
const JSON_FIELDS: [&str; 2] = ["headers", "json"];

const ACCESS_LOG: &str = "tawk_listener";

/// Starts logging the records that `RUST_LOG` selects, and panics.
pub fn init(filter: &str, format: LogFormat, dropped: Counter) -> anyhow::Result<LogWriter> {
    let filter = parse(filter)?;
    // Without the lock and the buffer of stdout.
    let stdout = io::stdout().as_fd().try_clone_to_owned();
    let log = stdout.and_then(|stdout| LogWriter::start(stdout.into(), dropped));
    let log = log.context("cannot write the log to stdout")?;
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .log_internal_errors(false)
        .with_writer(move || writer.clone());
    match format {
        LogFormat::Text => subscriber.init(),
        LogFormat::Json => {
            subscriber.fmt_fields(JsonFields::new()).event_format(CloudRun).init();
        }
    }
    panic::set_hook(Box::new(|panic| {
        error!(
            location = panic.location().map(tracing::field::display),
            cause = panic.payload_as_str(),
            "panicked"
        );
    }));
    Ok(log)
}

/// The signature layer's own event would be a second record of each request. It is off, unless the
/// filter names its target: of several directives for a target the last one counts.
pub fn parse(filter: &str) -> anyhow::Result<EnvFilter> {
    let filter = if filter.trim().is_empty() { "info" } else { filter };
    EnvFilter::builder().parse(format!("tower_tawk=off,{filter}")).map_err(|error| {
        anyhow!(
            "invalid RUST_LOG: {error}; write a level, e.g. info, or directives, e.g. \
             info,tower_tawk=debug"
        )
    })
}

/// Formats log records for Google Cloud Run, as one JSON object a line with `severity`, `time` and
/// `message` (<https://cloud.google.com/logging/docs/structured-logging>).
struct CloudRun;

impl<S> FormatEvent<S, JsonFields> for CloudRun
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut object = Map::new();
        let severity = match *event.metadata().level() {
            Level::ERROR => "ERROR",
            Level::WARN => "WARNING",
            Level::INFO => "INFO",
            Level::DEBUG | Level::TRACE => "DEBUG",
        };
        object.insert("severity".to_owned(), severity.into());
        object
            .insert("time".to_owned(), format_rfc3339_micros(SystemTime::now()).to_string().into());
        object.insert("target".to_owned(), event.metadata().target().into());
        for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<JsonFields>>();
            if let Some(Ok(Value::Object(fields))) = fields.map(|f| serde_json::from_str(f)) {
                object.extend(fields);
            }
        }
        if let Ok(Value::Object(fields)) = serde_json::to_value(event.field_map()) {
            object.extend(fields);
        }
        let mut json = String::new();
        if event.metadata().target() == ACCESS_LOG {
            for name in JSON_FIELDS {
                if let Some(Value::String(value)) = object.shift_remove(name) {
                    write!(json, ",\"{name}\":{value}")?;
                }
            }
        }
        let text = json_text(&Value::Object(object));
        writeln!(writer, "{}{json}}}", text.strip_suffix('}').unwrap_or(&text))
    }
}
