//! [`CloudRun`]: log records as Google Cloud Run reads them from stdout, one JSON object a line,
//! with `severity`, `time` and `message`
//! (<https://cloud.google.com/logging/docs/structured-logging>).

use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::{LookupSpan, Scope};

use super::json_text;

/// Fields whose text is JSON already, and becomes part of the object.
const JSON_FIELDS: [&str; 5] = ["headers", "json", "person", "pre_chat_form", "replies"];

pub(super) struct CloudRun;

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
        event.record(&mut Fields(&mut object));
        writeln!(writer, "{}", json_text(&Value::Object(object)))
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

/// Puts an event's fields into the object.
struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn insert(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields<'_> {
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
        let text = format!("{value:?}");
        let json =
            JSON_FIELDS.contains(&field.name()).then(|| serde_json::from_str::<Value>(&text));
        match json {
            Some(Ok(json)) => self.insert(field, json),
            _ => self.insert(field, text),
        }
    }
}
