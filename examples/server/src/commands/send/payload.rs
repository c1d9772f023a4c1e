//! [`Payload`]: the example payloads, and files.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use include_dir::{Dir, include_dir};
use serde_json::Value;

use crate::escape::printable;

static EXAMPLES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../payloads");

/// A body, and its names in the table.
#[derive(Clone)]
pub struct Payload {
    pub file: String,
    pub event: String,
    pub body: Bytes,
}

impl Payload {
    fn new(file: &str, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let json = serde_json::from_slice::<Value>(&body).unwrap_or_default();
        let event = printable(json["event"].as_str().unwrap_or("-"));
        Self { file: printable(file), event, body }
    }

    /// Returns whether `name` is a prefix of the file name, the event, or a word of the event.
    fn matches(&self, name: &str) -> bool {
        !name.is_empty()
            && (self.file.starts_with(name)
                || self.event == name
                || self.event.split([':', '_']).any(|word| word == name))
    }
}

/// Selects files and examples in the order of their names. Without names, selects all examples.
pub fn select(names: &[String]) -> anyhow::Result<Vec<Payload>> {
    let files = EXAMPLES.files().filter_map(|file| Some((file.path().to_str()?, file.contents())));
    let files = files.filter(|(name, _)| name.ends_with(".json"));
    let mut examples: Vec<_> = files.map(|(name, body)| Payload::new(name, body)).collect();
    examples.sort_by(|one, other| one.file.cmp(&other.file));
    if names.is_empty() {
        return Ok(examples);
    }
    let mut selected = Vec::new();
    for name in names {
        let count = selected.len();
        if Path::new(name).is_file() {
            let body = fs::read(name).with_context(|| format!("failed to read {name:?}"))?;
            selected.push(Payload::new(name, body));
        } else {
            selected.extend(examples.iter().filter(|payload| payload.matches(name)).cloned());
        }
        if selected.len() == count {
            let mut events: Vec<_> = examples.iter().map(|payload| &*payload.event).collect();
            events.dedup();
            let examples = examples.iter().map(|example| example.file.trim_end_matches(".json"));
            let examples: Vec<_> = examples.collect();
            bail!(
                "unknown payload {name:?}; use the path of a file, an event ({}), a word of an \
                 event (such as `transcript`), or a prefix of an example ({})",
                events.join(", "),
                examples.join(", "),
            );
        }
    }
    Ok(selected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select_numbers(names: &[&str]) -> Vec<String> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        select(&names).unwrap().into_iter().map(|payload| payload.file[..2].to_owned()).collect()
    }

    #[test]
    fn selects_by_event_word_and_prefix() {
        assert_eq!(select_numbers(&[]).len(), 12);
        assert_eq!(select_numbers(&["chat:start"]), ["01", "02", "03", "04", "05"]);
        assert_eq!(select_numbers(&["start"]), ["01", "02", "03", "04", "05"]);
        assert_eq!(select_numbers(&["end"]), ["06", "07"]);
        assert_eq!(select_numbers(&["transcript"]), ["08", "09", "10"]);
        assert_eq!(select_numbers(&["chat:transcript_created"]), ["08", "09", "10"]);
        assert_eq!(select_numbers(&["ticket"]), ["11", "12"]);
        assert_eq!(select_numbers(&["chat"]).len(), 10);
        assert_eq!(select_numbers(&["08-transcript"]), ["08"]);
        assert_eq!(select_numbers(&["08-transcript.json"]), ["08"]);
    }

    #[test]
    fn keeps_the_order_of_names() {
        assert_eq!(select_numbers(&["ticket", "08", "chat:end"]), ["11", "12", "08", "06", "07"]);
    }

    #[test]
    fn unknown_names_are_errors_that_list_known_names() {
        for name in ["message:new", "", "tick", "no/such.json"] {
            let Err(error) = select(&[name.to_owned()]) else { panic!("{name:?} is selected") };
            let error = error.to_string();
            assert!(error.contains(&format!("{name:?}")), "{error}");
            for known in ["chat:end", "ticket:create", "01-chat-start-prechat-form", "12-ticket"] {
                assert!(error.contains(known), "{error}");
            }
        }
    }
}
