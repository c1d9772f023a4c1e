//! Limits on the memory and time that decoding takes, and on decoded messages and attachments.

use std::hint::black_box;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use allocation_counter::measure;
use serde_json::json;
use tower_tawk::event::{Event, TranscriptCreated};

use super::bodies::{
    Body, duplicates, few_escapes, lists, long_texts, long_texts_in_lists, many_members, nested,
};
use super::documents;

/// Default body limit of the layer.
const BODY_LIMIT: usize = 2 << 20;

/// Maximum number of bytes that decoding may allocate at a time.
const MAX_MEMORY: u64 = 16 << 20;

/// Timeout for decoding all bodies of a test. A body that is read once for each of its members
/// would take hours.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Maximum number of decoded messages, and of decoded attachments in all messages.
const MAX_DECODED: usize = 10_000;

/// Decodes every body on another thread, and asserts that memory use stays below [`MAX_MEMORY`].
#[track_caller]
fn assert_bounded(bodies: impl IntoIterator<Item = (String, Vec<u8>)> + Send + 'static) {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let peaks =
            bodies.into_iter().map(|(name, body)| (measure(|| decode(&body)).bytes_max, name));
        // The receiver is dropped after a timeout.
        let _ = sender.send(peaks.max());
    });
    let peak = receiver.recv_timeout(TIMEOUT).expect("bodies are decoded before the timeout");
    let (memory, name) = peak.expect("there is at least one body");
    println!("{memory} bytes for {name}");
    assert!(memory < MAX_MEMORY, "{memory} bytes for {name}");
}

fn decode(body: &[u8]) {
    if let Ok(event) = Event::from_slice(body) {
        black_box((event.opened_by(), event.person(), event.name()));
        black_box((event.agent_replies().count(), event.pre_chat_form().count()));
    }
}

fn at_body_limit(bodies: Vec<Body>) -> impl Iterator<Item = (String, Vec<u8>)> + Send {
    bodies.into_iter().map(|body| (body.name(), body.of_length(BODY_LIMIT)))
}

#[test]
fn small_messages_and_attachments_use_bounded_memory() {
    assert_bounded(at_body_limit(lists()));
}

#[test]
fn long_texts_use_bounded_memory() {
    assert_bounded(at_body_limit(long_texts()));
}

#[test]
fn long_texts_with_many_messages_use_bounded_memory() {
    assert_bounded(at_body_limit(long_texts_in_lists()));
}

/// A buffer that doubles as it grows would take twice the length of this text.
#[test]
fn a_long_text_with_few_escapes_uses_bounded_memory() {
    assert_bounded([("few escapes".to_owned(), few_escapes(BODY_LIMIT))]);
}

#[test]
fn deeply_nested_values_use_bounded_memory() {
    let bodies = nested(BODY_LIMIT).into_iter();
    assert_bounded(bodies.map(|body| (String::from_utf8_lossy(&body[..60]).into_owned(), body)));
}

#[test]
fn many_members_and_digits_use_bounded_memory() {
    assert_bounded(at_body_limit(many_members()));
}

#[test]
fn duplicates_use_bounded_memory() {
    assert_bounded(at_body_limit(duplicates()));
}

#[test]
fn unused_fields_are_not_kept() {
    let body = format!(
        r#"{{"event":"chat:end","chatId":"c","property":{{"id":"p"}},"x":"{}","y":[{}0]}}"#,
        "\\n".repeat(100_000),
        "{},".repeat(100_000)
    );
    let memory = measure(|| {
        assert!(Event::from_slice(body.as_bytes()).is_ok());
    });
    assert!(memory.bytes_max < 1024, "{memory:?}");
}

fn transcript(messages: &[String]) -> TranscriptCreated {
    let messages = messages.join(",");
    let body = format!(
        r#"{{"event":"chat:transcript_created","chat":{{"messages":[{messages}],"id":"c"}},
            "property":{{"id":"p"}},"domain":"shop.example.com"}}"#
    );
    let Event::TranscriptCreated(transcript) = documents::decode(body) else {
        panic!("not a transcript")
    };
    // Fields after the messages are decoded.
    assert_eq!(transcript.domain.as_deref(), Some("shop.example.com"));
    transcript
}

/// Returns a message with attachments of the sizes.
fn with_attachments(sizes: impl Iterator<Item = usize>) -> String {
    let attachments = sizes.map(|size| json!({"content": {"file": {"size": size}}}));
    json!({"attchs": attachments.collect::<Vec<_>>()}).to_string()
}

#[test]
fn ten_thousand_messages_are_decoded_and_the_rest_are_counted() {
    for (sent, omitted) in
        [(0, 0), (MAX_DECODED, 0), (MAX_DECODED + 1, 1), (2 * MAX_DECODED, MAX_DECODED)]
    {
        let messages: Vec<_> = (0..sent).map(|index| format!(r#"{{"msg":"{index}"}}"#)).collect();
        let chat = transcript(&messages).chat;
        assert_eq!((chat.messages.len(), chat.omitted_messages), (sent - omitted, omitted));
        for (index, message) in chat.messages.iter().enumerate() {
            assert_eq!(message.text, Some(index.to_string()));
        }
    }
}

#[test]
fn ten_thousand_attachments_are_decoded_and_the_rest_are_counted() {
    for (sent, omitted) in [(0, 0), (MAX_DECODED, 0), (MAX_DECODED + 17, 17)] {
        let chat = transcript(&[with_attachments(0..sent)]).chat;
        let message = &chat.messages[0];
        assert_eq!(
            (message.attachments.len(), message.omitted_attachments),
            (sent - omitted, omitted)
        );
        for (index, attachment) in message.attachments.iter().enumerate() {
            assert_eq!(attachment.size, Some(index as u64));
        }
    }
}

#[test]
fn the_limit_on_attachments_applies_to_the_whole_transcript() {
    // 4,000 messages with three attachments each: the 3,334th reaches the limit.
    let messages: Vec<_> =
        (0..4_000).map(|index| with_attachments(3 * index..3 * index + 3)).collect();
    let chat = transcript(&messages).chat;
    assert_eq!((chat.messages.len(), chat.omitted_messages), (4_000, 0));
    let decoded: Vec<_> = chat.messages.iter().flat_map(|message| &message.attachments).collect();
    assert_eq!(decoded.len(), MAX_DECODED);
    for (index, attachment) in decoded.iter().enumerate() {
        assert_eq!(attachment.size, Some(index as u64));
    }
    let counts = |index: usize| {
        (chat.messages[index].attachments.len(), chat.messages[index].omitted_attachments)
    };
    assert_eq!([counts(3_332), counts(3_333), counts(3_334)], [(3, 0), (1, 2), (0, 3)]);
    let omitted: usize = chat.messages.iter().map(|message| message.omitted_attachments).sum();
    assert_eq!(omitted, 2_000);
}

#[test]
fn attachments_of_omitted_messages_are_not_decoded() {
    let mut messages = vec!["{}".to_owned(); MAX_DECODED];
    messages.push(with_attachments(0..1));
    let chat = transcript(&messages).chat;
    assert_eq!(chat.omitted_messages, 1);
    assert!(chat.messages.iter().all(|message| message.attachments.is_empty()));
}

#[test]
fn omitted_messages_are_not_serialized() {
    let chat = transcript(&vec!["{}".to_owned(); MAX_DECODED + 1]).chat;
    let shape = serde_json::to_value(&chat).unwrap();
    assert_eq!(shape["messages"].as_array().unwrap().len(), MAX_DECODED);
    assert_eq!(shape.as_object().unwrap().len(), 2);
}
