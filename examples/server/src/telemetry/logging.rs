//! Writes log records to stdout, as text or JSON.

use std::fmt::{self, Write};
use std::fs::File;
use std::io;
use std::panic;

use anyhow::{Context, anyhow};
use prometheus_client::metrics::counter::Counter;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber, error};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::{LookupSpan, Scope};

use super::log_writer::LogWriter;
use crate::config::LogFormat;
use crate::escape::json_text;

/// Fields of the access log that are already JSON, and are inserted without escaping.
const JSON_FIELDS: [&str; 2] = ["headers", "json"];

/// The target of the access log.
const ACCESS_LOG: &str = "tawk_listener";

/// Starts logging the records that `RUST_LOG` selects, and panics.
///
/// # Errors
///
/// If the filter is invalid, or the system cannot start a thread.
pub fn init(filter: &str, format: LogFormat, dropped: Counter) -> anyhow::Result<LogWriter> {
    let filter = parse(filter)?;
    let log = stdout().and_then(|stdout| LogWriter::start(stdout, dropped));
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

/// Returns stdout without its lock and its buffer.
fn stdout() -> io::Result<File> {
    #[cfg(unix)]
    let stdout = std::os::fd::AsFd::as_fd(&io::stdout()).try_clone_to_owned();
    #[cfg(windows)]
    let stdout = std::os::windows::io::AsHandle::as_handle(&io::stdout()).try_clone_to_owned();
    stdout.map(File::from)
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
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;

        let mut object = Map::new();
        object.insert("severity".to_owned(), severity(*event.metadata().level()).into());
        object.insert("time".to_owned(), time.into());
        object.insert("target".to_owned(), event.metadata().target().into());
        for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<JsonFields>>();
            if let Some(Ok(Value::Object(fields))) = fields.map(|f| serde_json::from_str(f)) {
                object.extend(fields);
            }
        }
        let is_record = event.metadata().target() == ACCESS_LOG;
        let mut fields = Fields { object, is_record, json: String::new() };
        event.record(&mut fields);
        let Fields { object, json, .. } = fields;
        let text = json_text(&Value::Object(object));
        writeln!(writer, "{}{json}}}", text.strip_suffix('}').unwrap_or(&text))
    }
}

const fn severity(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        Level::DEBUG | Level::TRACE => "DEBUG",
    }
}

/// Collects the fields of an event.
struct Fields {
    object: Map<String, Value>,
    is_record: bool,
    /// Fields that are JSON, each after a comma. Parsing a body again would take many times its
    /// size.
    json: String,
}

impl Fields {
    fn insert(&mut self, field: &Field, value: impl Into<Value>) {
        self.object.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.is_record && JSON_FIELDS.contains(&field.name()) {
            // Writing to a string does not fail.
            let _ = write!(self.json, ",\"{}\":{value:?}", field.name());
        } else {
            self.insert(field, format!("{value:?}"));
        }
    }
}
