//! Whatever the body, what is made of it is bounded, in memory and in time.

use std::hint::black_box;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use allocation_counter::measure;
use tower_tawk::event::Event;

use super::bodies::{Body, lists, nested, repeats, shapes, texts, texts_in_lists};

/// The longest body that the layer hands on, unless it is told otherwise.
const LENGTH: usize = 2 << 20;
const MOST: u64 = 16 << 20;

/// Decodes every body, and asks of the event what walks it, on a thread that is watched from
/// outside: a body that is walked once for each of its parts would take hours.
#[track_caller]
fn assert_bounded(bodies: impl IntoIterator<Item = (String, Vec<u8>)> + Send + 'static) {
    let (done, finished) = mpsc::channel();
    thread::spawn(move || {
        let used = bodies.into_iter().map(|(name, body)| (measure(|| ask(&body)).bytes_max, name));
        // Nobody listens once the time is over.
        let _ = done.send(used.max());
    });
    let most = finished.recv_timeout(Duration::from_secs(300));
    let (memory, name) = most.expect("no body takes minutes").unwrap();
    println!("{memory} bytes for {name}");
    assert!(memory < MOST, "{memory} bytes for {name}");
}

fn ask(body: &[u8]) {
    if let Ok(event) = Event::from_slice(body) {
        black_box((event.opened_by(), event.person(), event.name()));
        black_box((event.agent_replies().count(), event.pre_chat_form().count()));
    }
}

fn two_mebibytes(bodies: Vec<Body>) -> impl Iterator<Item = (String, Vec<u8>)> + Send {
    bodies.into_iter().map(|body| (body.name(), body.of_length(LENGTH)))
}

#[test]
fn two_mebibytes_of_the_smallest_messages_and_attachments_take_less_than_sixteen() {
    assert_bounded(two_mebibytes(lists()));
}

#[test]
fn two_mebibytes_of_text_take_less_than_sixteen() {
    assert_bounded(two_mebibytes(texts()));
}

#[test]
fn two_mebibytes_of_text_and_messages_take_less_than_sixteen() {
    assert_bounded(two_mebibytes(texts_in_lists()));
}

#[test]
fn two_mebibytes_of_levels_take_less_than_sixteen() {
    let bodies = nested(LENGTH).into_iter();
    assert_bounded(bodies.map(|body| (String::from_utf8_lossy(&body[..60]).into_owned(), body)));
}

#[test]
fn two_mebibytes_of_keys_digits_and_open_levels_take_less_than_sixteen() {
    assert_bounded(two_mebibytes(shapes()));
}

#[test]
fn two_mebibytes_of_repeats_take_less_than_sixteen() {
    assert_bounded(two_mebibytes(repeats()));
}

#[test]
fn a_known_event_keeps_nothing_of_what_nobody_reads() {
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
