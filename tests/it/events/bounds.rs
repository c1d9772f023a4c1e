//! Of a transcript 10,000 messages and as many attachments are typed, the first ones, and the rest
//! is counted.

use serde_json::json;
use tower_tawk::event::{Event, TranscriptCreated};

use super::documents::decode;

const MOST: usize = 10_000;

fn transcript(messages: &[String]) -> TranscriptCreated {
    let messages = messages.join(",");
    let body = format!(
        r#"{{"event":"chat:transcript_created","chat":{{"messages":[{messages}],"id":"c"}},
            "property":{{"id":"p"}},"domain":"shop.example.com"}}"#
    );
    let Event::TranscriptCreated(transcript) = decode(body) else { panic!("not a transcript") };
    // What stands behind the messages is read.
    assert_eq!(transcript.domain.as_deref(), Some("shop.example.com"));
    transcript
}

/// A message with attachments of the sizes.
fn with_attachments(sizes: impl Iterator<Item = usize>) -> String {
    let attachments = sizes.map(|size| json!({"content": {"file": {"size": size}}}));
    json!({"attchs": attachments.collect::<Vec<_>>()}).to_string()
}

#[test]
fn the_first_ten_thousand_messages_are_typed_in_order_and_the_rest_is_counted() {
    for (sent, more) in [(0, 0), (MOST, 0), (MOST + 1, 1), (2 * MOST, MOST)] {
        let messages: Vec<_> = (0..sent).map(|at| format!(r#"{{"msg":"{at}"}}"#)).collect();
        let chat = transcript(&messages).chat;
        assert_eq!((chat.messages.len(), chat.omitted_messages), (sent - more, more));
        for (at, message) in chat.messages.iter().enumerate() {
            assert_eq!(message.text, Some(at.to_string()));
        }
    }
}

#[test]
fn the_first_ten_thousand_attachments_of_a_message_are_typed_and_the_rest_is_counted() {
    for (sent, more) in [(0, 0), (MOST, 0), (MOST + 17, 17)] {
        let chat = transcript(&[with_attachments(0..sent)]).chat;
        let message = &chat.messages[0];
        assert_eq!((message.attachments.len(), message.omitted_attachments), (sent - more, more));
        for (at, attachment) in message.attachments.iter().enumerate() {
            assert_eq!(attachment.size, Some(at as u64));
        }
    }
}

#[test]
fn attachments_are_counted_over_the_whole_transcript() {
    // Three to each of 4,000 messages: they are used up with the first of the 3,334th.
    let messages: Vec<_> = (0..4_000).map(|at| with_attachments(3 * at..3 * at + 3)).collect();
    let chat = transcript(&messages).chat;
    assert_eq!((chat.messages.len(), chat.omitted_messages), (4_000, 0));
    let typed: Vec<_> = chat.messages.iter().flat_map(|message| &message.attachments).collect();
    assert_eq!(typed.len(), MOST);
    for (at, attachment) in typed.iter().enumerate() {
        assert_eq!(attachment.size, Some(at as u64));
    }
    let counts =
        |at: usize| (chat.messages[at].attachments.len(), chat.messages[at].omitted_attachments);
    assert_eq!([counts(3_332), counts(3_333), counts(3_334)], [(3, 0), (1, 2), (0, 3)]);
    let more: usize = chat.messages.iter().map(|message| message.omitted_attachments).sum();
    assert_eq!(more, 2_000);
}

#[test]
fn attachments_of_a_message_that_is_counted_are_in_the_raw_body_alone() {
    let mut messages = vec!["{}".to_owned(); MOST];
    messages.push(with_attachments(0..1));
    let chat = transcript(&messages).chat;
    assert_eq!(chat.omitted_messages, 1);
    assert!(chat.messages.iter().all(|message| message.attachments.is_empty()));
}

#[test]
fn what_is_counted_is_not_serialized() {
    let chat = transcript(&vec!["{}".to_owned(); MOST + 1]).chat;
    let shape = serde_json::to_value(&chat).unwrap();
    assert_eq!(shape["messages"].as_array().unwrap().len(), MOST);
    assert_eq!(shape.as_object().unwrap().len(), 2);
}
