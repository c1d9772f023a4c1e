//! [`Payload`]: the example payloads and files, and [`SignedPayload`], ready to be sent.

use std::path::Path;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use serde_json::Value;
use tower_tawk::Secret;
use tower_tawk::test_util::SignedRequest;

use super::fault::{BodyFault, Fault};

/// Length of an oversize body. The listener's limit defaults to 2 MiB.
const OVERSIZE: usize = 3 * 1024 * 1024;

/// The events that Tawk.to documents (developer.tawk.to/webhooks).
const EVENTS: [&str; 4] = ["chat:start", "chat:end", "chat:transcript_created", "ticket:create"];

macro_rules! include_payloads {
    ($($file:literal)*) => {
        [$(($file, include_bytes!(concat!("../../../../payloads/", $file)))),*]
    };
}

const EXAMPLES: [(&str, &[u8]); 12] = include_payloads![
    "01-chat-start-prechat-form.json"
    "02-chat-start-anonymous.json"
    "03-chat-start-documented-order.json"
    "04-chat-start-by-agent.json"
    "05-chat-start-file-message.json"
    "06-chat-end.json"
    "07-chat-end-anonymous.json"
    "08-transcript.json"
    "09-transcript-attachments.json"
    "10-transcript-anonymous.json"
    "11-ticket-create-by-agent.json"
    "12-ticket-create-by-visitor.json"
];

/// A body, and its names in the table.
#[derive(Clone)]
pub struct Payload {
    file: String,
    event: String,
    body: Bytes,
}

impl Payload {
    fn new(file: impl Into<String>, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let event = serde_json::from_slice::<Value>(&body)
            .ok()
            .and_then(|json| Some(replace_control(json.get("event")?.as_str()?)));
        Self { file: file.into(), event: event.unwrap_or_else(|| "-".to_owned()), body }
    }

    fn read(path: &Path) -> anyhow::Result<Self> {
        let file = replace_control(&path.to_string_lossy());
        let body = std::fs::read(path).with_context(|| format!("failed to read {file}"))?;
        if body.is_empty() {
            bail!("{file} is empty; Tawk.to sends a JSON object in every delivery");
        }
        Ok(Self::new(file, body))
    }

    /// Returns whether `name` is a prefix of the file name, the event, or a word of the event such
    /// as `transcript`.
    fn matches(&self, name: &str) -> bool {
        !name.is_empty()
            && (self.file.starts_with(name)
                || self.event == name
                || self.event.split([':', '_']).any(|word| word == name))
    }
}

/// Replaces control characters, which could change the terminal.
fn replace_control(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

/// Selects payloads by name, in the order of the names and each once. Files take precedence over
/// examples. Selects all examples if there are no names.
pub fn select(names: &[String]) -> anyhow::Result<Vec<Payload>> {
    let examples = EXAMPLES.map(|(file, body)| Payload::new(file, body));
    if names.is_empty() {
        return Ok(examples.into());
    }
    let mut selected: Vec<Payload> = Vec::new();
    for name in names {
        let found = if Path::new(name).is_file() {
            vec![Payload::read(Path::new(name))?]
        } else {
            examples.iter().filter(|payload| payload.matches(name)).cloned().collect()
        };
        if found.is_empty() {
            let examples = EXAMPLES.map(|(file, _)| file.trim_end_matches(".json"));
            bail!(
                "unknown payload {name:?}; use the path of a file, an event ({}), a word of an \
                 event (such as `transcript`), or a prefix of an example ({})",
                EVENTS.join(", "),
                examples.join(", "),
            );
        }
        for payload in found {
            if !selected.iter().any(|other| other.file == payload.file) {
                selected.push(payload);
            }
        }
    }
    Ok(selected)
}

/// A payload with the headers that Tawk.to sends, and possibly a fault.
pub struct SignedPayload {
    pub file: String,
    pub event: String,
    pub body: Bytes,
    pub fault: Option<Fault>,
    headers: HeaderMap,
}

impl SignedPayload {
    pub fn new(payload: Payload, secret: &Secret, fault: Option<Fault>) -> Self {
        let Payload { file, event, body } = payload;
        let request = match fault {
            Some(Fault::Body(BodyFault::Oversize)) => SignedRequest::new(secret, pad(&body)),
            Some(Fault::Signature(fault)) => SignedRequest::new(secret, body).fault(fault),
            _ => SignedRequest::new(secret, body),
        };
        let (head, body) = request.into_parts();
        Self { file, event, body, fault, headers: head.headers }
    }

    pub fn headers(&self, event_id: &HeaderValue) -> HeaderMap {
        let mut headers = self.headers.clone();
        headers.insert("x-hook-event-id", event_id.clone());
        headers
    }
}

/// Appends spaces, which are whitespace in JSON, up to [`OVERSIZE`].
fn pad(body: &[u8]) -> Bytes {
    let mut padded = body.to_vec();
    padded.resize(OVERSIZE.max(body.len()), b' ');
    padded.into()
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
    fn keeps_the_order_of_names_and_selects_each_payload_once() {
        assert_eq!(select_numbers(&["ticket", "08", "transcript"]), ["11", "12", "08", "09", "10"]);
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

    #[test]
    fn every_documented_event_has_an_example() {
        for event in EVENTS {
            assert!(!select(&[event.to_owned()]).unwrap().is_empty(), "{event}");
        }
    }
}
