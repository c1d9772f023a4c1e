//! Roles and sorts of messages are open: what is not known is kept, and can be read.

use serde_json::json;
use tower_tawk::event::{Event, MessageKind, Role};

use super::documents::{chat_start, decode, ticket_create, transcript_created, with};

const UNKNOWN: [&str; 5] = ["bot", "Visitor", " visitor", "é😀", "\u{0}"];

#[test]
fn roles_are_read_by_their_names_and_in_transcripts_by_their_letters() {
    for (name, letter, role) in [
        ("visitor", "v", Role::Visitor),
        ("agent", "a", Role::Agent),
        ("system", "s", Role::System),
    ] {
        assert_eq!(first_sender(name), Some(role.clone()));
        assert_eq!(requester(name), Some(role.clone()));
        assert_eq!(sender_in_transcript(letter), Some(role.clone()));
        assert_eq!(role.as_str(), name);
    }
}

#[test]
fn an_unknown_role_is_kept() {
    for name in UNKNOWN {
        for role in [first_sender(name), requester(name), sender_in_transcript(name)] {
            let role = role.unwrap();
            assert_eq!(role, Role::Other(name.to_owned()));
            assert_eq!(role.as_str(), name);
        }
    }
}

#[test]
fn sorts_of_messages_are_read_and_an_unknown_one_is_kept() {
    let other = |name: &str| MessageKind::Other(name.to_owned());
    let known = [
        ("msg", MessageKind::Text),
        ("file", MessageKind::File),
        ("webrtc-call", MessageKind::WebrtcCall),
    ];
    for (name, kind) in known.into_iter().chain(UNKNOWN.map(|name| (name, other(name)))) {
        assert_eq!(kind.as_str(), name);
        for read in kinds(name) {
            assert_eq!(read, Some(kind.clone()));
        }
    }
}

fn first_sender(name: &str) -> Option<Role> {
    let changed = with(&chat_start(), "/message/sender/type", json!(name));
    let event = decode(changed.to_string());
    assert_eq!(event.person().unwrap().name(), Some("Nadia Okafor-Lind"));
    event.opened_by().cloned()
}

fn requester(name: &str) -> Option<Role> {
    let changed = with(&ticket_create(), "/requester/type", json!(name));
    let event = decode(changed.to_string());
    assert_eq!(event.person().unwrap().name(), Some("Ruth Abenov"));
    event.opened_by().cloned()
}

fn sender_in_transcript(letter: &str) -> Option<Role> {
    let changed = with(&transcript_created(), "/chat/messages/1/sender/t", json!(letter));
    let Event::TranscriptCreated(transcript) = decode(changed.to_string()) else {
        panic!("{changed}")
    };
    let sender = transcript.chat.messages[1].sender.clone().unwrap();
    assert_eq!(sender.name.as_deref(), Some("Ingrid Vale"));
    sender.role
}

fn kinds(name: &str) -> [Option<MessageKind>; 2] {
    let changed = with(&chat_start(), "/message/type", json!(name));
    let Event::ChatStart(start) = decode(changed.to_string()) else { panic!("{changed}") };
    let changed = with(&transcript_created(), "/chat/messages/0/type", json!(name));
    let Event::TranscriptCreated(transcript) = decode(changed.to_string()) else {
        panic!("{changed}")
    };
    [start.message.unwrap().kind, transcript.chat.messages[0].kind.clone()]
}
