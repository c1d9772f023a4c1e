//! What can be sent: the payloads of `examples/payloads/`, compiled in, and files of one's own.

use std::fmt;
use std::path::Path;

use bytes::Bytes;
use serde_json::Value;

/// The bytes of one body, and what the table calls them.
#[derive(Clone)]
pub(super) struct Payload {
    pub(super) file: String,
    pub(super) event: String,
    pub(super) body: Bytes,
}

macro_rules! compiled_in {
    ($($file:literal)*) => {
        [$(($file, include_bytes!(concat!("../../../payloads/", $file)))),*]
    };
}

/// <https://developer.tawk.to/webhooks/> documents these four, and no others.
const EVENTS: [&str; 4] = ["chat:start", "chat:end", "chat:transcript_created", "ticket:create"];

const COMPILED_IN: [(&str, &[u8]); 12] = compiled_in![
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

impl Payload {
    fn new(file: impl Into<String>, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let event = serde_json::from_slice::<Value>(&body)
            .ok()
            .and_then(|json| Some(visible(json.get("event")?.as_str()?)));
        Self { file: file.into(), event: event.unwrap_or_else(|| "-".to_owned()), body }
    }

    fn read(path: &Path) -> Result<Self, NotFound> {
        let file = visible(&path.to_string_lossy());
        match std::fs::read(path) {
            Ok(body) if body.is_empty() => Err(NotFound::Empty { file }),
            Ok(body) => Ok(Self::new(file, body)),
            Err(error) => Err(NotFound::Unreadable { file, error }),
        }
    }

    /// Whether `name` means this payload: the beginning of its file's name, its event, or one of
    /// the event's words, as `transcript` is.
    fn is_called(&self, name: &str) -> bool {
        !name.is_empty()
            && (self.file.starts_with(name)
                || self.event == name
                || self.event.split([':', '_']).any(|word| word == name))
    }
}

/// Keeps a file from writing over the terminal.
fn visible(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

/// What the names mean, in their order and each payload once; all that is compiled in when there
/// are none. A file that exists wins over a payload with a name like it.
pub(super) fn select(names: &[String]) -> Result<Vec<Payload>, NotFound> {
    let compiled_in = COMPILED_IN.map(|(file, body)| Payload::new(file, body));
    if names.is_empty() {
        return Ok(compiled_in.into());
    }
    let mut selected: Vec<Payload> = Vec::new();
    for name in names {
        let found = if Path::new(name).is_file() {
            vec![Payload::read(Path::new(name))?]
        } else {
            compiled_in.iter().filter(|payload| payload.is_called(name)).cloned().collect()
        };
        if found.is_empty() {
            return Err(NotFound::Unknown { name: name.clone() });
        }
        for payload in found {
            if !selected.iter().any(|other| other.file == payload.file) {
                selected.push(payload);
            }
        }
    }
    Ok(selected)
}

/// Why a name means nothing that could be sent.
#[derive(Debug)]
pub(super) enum NotFound {
    Unknown { name: String },
    Unreadable { file: String, error: std::io::Error },
    Empty { file: String },
}

impl std::error::Error for NotFound {}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name } => {
                let payloads: Vec<_> =
                    COMPILED_IN.iter().map(|(file, _)| file.trim_end_matches(".json")).collect();
                write!(
                    f,
                    "there is no file and no payload {name:?}; give the path of a file, an event \
                     ({}), a word of one (as `transcript`), or the beginning of a payload's name \
                     ({})",
                    EVENTS.join(", "),
                    payloads.join(", "),
                )
            }
            Self::Unreadable { file, error } => write!(f, "cannot read {file}: {error}"),
            Self::Empty { file } => {
                write!(f, "{file} is empty; Tawk.to sends a JSON object in every delivery")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[&str]) -> Vec<String> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        select(&names).unwrap().into_iter().map(|payload| payload.file[..2].to_owned()).collect()
    }

    #[test]
    fn events_their_words_and_the_beginnings_of_names_select_payloads() {
        assert_eq!(files(&[]).len(), 12);
        assert_eq!(files(&["chat:start"]), ["01", "02", "03", "04", "05"]);
        assert_eq!(files(&["start"]), ["01", "02", "03", "04", "05"]);
        assert_eq!(files(&["end"]), ["06", "07"]);
        assert_eq!(files(&["transcript"]), ["08", "09", "10"]);
        assert_eq!(files(&["chat:transcript_created"]), ["08", "09", "10"]);
        assert_eq!(files(&["ticket"]), ["11", "12"]);
        assert_eq!(files(&["chat"]).len(), 10);
        assert_eq!(files(&["08-transcript"]), ["08"]);
        assert_eq!(files(&["08-transcript.json"]), ["08"]);
    }

    #[test]
    fn names_keep_their_order_and_a_payload_is_sent_once() {
        assert_eq!(files(&["ticket", "08", "transcript"]), ["11", "12", "08", "09", "10"]);
    }

    #[test]
    fn an_unknown_name_is_answered_with_what_there_is() {
        for name in ["message:new", "", "tick", "no/such.json"] {
            let Err(error) = select(&[name.to_owned()]) else { panic!("{name:?} selects") };
            let error = error.to_string();
            assert!(error.contains(&format!("{name:?}")), "{error}");
            for known in ["chat:end", "ticket:create", "01-chat-start-prechat-form", "12-ticket"] {
                assert!(error.contains(known), "{error}");
            }
        }
    }

    #[test]
    fn every_documented_event_is_among_the_payloads() {
        for event in EVENTS {
            assert!(!select(&[event.to_owned()]).unwrap().is_empty(), "{event}");
        }
    }
}
