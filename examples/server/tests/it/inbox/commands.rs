//! The commands of `tawk-listener inbox`.

use serde_json::Value;
use tower_tawk::test_util::{encode, samples};

use super::deliveries::{STORED, delivery, outcome};
use crate::support::{Finished, Store, payload};

/// Stores the end of a chat, a ticket, and a body that is not an event.
fn fill(store: &Store) {
    let listener = store.listener();
    let bodies = [delivery(0), payload("12-ticket-create-by-visitor"), b"no event".to_vec()];
    for body in bodies {
        assert_eq!(outcome(&listener.deliver(&body)), (200, STORED));
    }
}

/// Asserts that the command succeeded without warnings, and returns its stdout.
fn succeeded(finished: Finished) -> String {
    assert_eq!((finished.code, &*finished.stderr), (Some(0), ""), "{finished:?}");
    finished.stdout
}

pub(crate) fn list_prints_a_heading_and_a_line_for_each_delivery(store: &Store) {
    fill(store);
    let listed = succeeded(store.inbox(&["list"]));
    let lines: Vec<_> = listed.lines().collect();
    assert_eq!(lines.len(), 1 + 3, "{listed}");
    assert!(lines[1..].iter().any(|line| line.contains("chat:end")), "{listed}");
    assert!(lines[1..].iter().any(|line| line.contains("ticket:create")), "{listed}");
}

pub(crate) fn show_prints_the_exported_delivery(store: &Store) {
    fill(store);
    for exported in store.export() {
        let shown = succeeded(store.inbox(&["show", &exported["id"].to_string()]));
        assert!(shown.contains(exported["signature"].as_str().unwrap()), "{shown}");
        if exported["ticket_id"].is_string() {
            assert!(shown.contains("Retour d’un article"), "{shown}");
        }
    }
}

pub(crate) fn replay_does_not_change_the_delivery(store: &Store) {
    fill(store);
    let before = store.export();
    let settings = [("NOTIFY_URL", "http://127.0.0.1:1/"), ("NOTIFY_ON", "chat-end,ticket")];
    for id in ["1", "2"] {
        succeeded(store.inbox_with(&["replay", id], &settings));
    }
    assert_eq!(store.export(), before);
}

pub(crate) fn reports_a_missing_delivery_in_one_line(store: &Store) {
    fill(store);
    for command in ["show", "replay"] {
        for id in ["4", "0", "9223372036854775807"] {
            let finished = store.inbox(&[command, id]);
            assert_eq!((finished.code, &*finished.stdout), (Some(1), ""), "{finished:?}");
            assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
            assert!(finished.stderr.contains(id), "{finished:?}");
        }
    }
}

pub(crate) fn prints_no_terminal_escape_sequences(store: &Store) {
    const HOSTILE: &str = "chat:\u{1b}[2J\u{9b}2J\u{202e}\u{2028}\r\n\t";
    let listener = store.listener();
    let odd_event = encode(&samples::unknown(HOSTILE));
    let odd_ids = format!(
        r#"{{"event":"chat:end","chatId":{0},"property":{{"id":{0}}}}}"#,
        Value::from(HOSTILE)
    );
    for body in [&*odd_event, odd_ids.as_bytes()] {
        assert_eq!(outcome(&listener.deliver(body)), (200, STORED));
    }
    for arguments in [&["list"][..], &["show", "1"], &["show", "2"], &["export"]] {
        let printed = succeeded(store.inbox(arguments));
        let commands = |c: char| c != '\n' && (c.is_control() || "\u{2028}\u{202e}".contains(c));
        assert!(!printed.contains(commands), "{arguments:?}: {printed:?}");
    }
    assert_eq!(store.inbox(&["list"]).stdout.lines().count(), 1 + 2);
    // The escaped JSON decodes to the original text.
    assert!(store.export()[1]["body"] == odd_ids);
}
