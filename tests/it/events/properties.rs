//! Properties of random bytes and random JSON.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{ProptestConfig, Strategy, any, proptest};
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use tower_tawk::event::{Event, Timestamp};

use super::documents::{
    IDENTIFIERS, decode, documents, leaves, leaves_of_json, pointers, with, without,
};
use super::odd_json::{any_json, any_key, any_string, with_extras};

fn any_document() -> impl Strategy<Value = Value> {
    select(documents().to_vec())
}

/// Calls every method of a decoded event, and decodes it again after serialization.
fn use_all(body: &[u8]) {
    let Ok(event) = Event::from_slice(body) else { return };
    let _ = format!("{event:?} {:?} {:?}", event.name(), event.chat_id());
    let _ = (event.ticket_id(), event.message_count(), event.property());
    let _ = event.person().map(|person| person.has_placeholder_name());
    let _ = event.time().map(Timestamp::to_system_time);
    let _ = (event.opened_by(), event.agent_replies().count(), event.pre_chat_form().count());
    assert!(decode(serde_json::to_vec(&event).unwrap()) == event, "{event:?}");
}

/// Replaces values of the document with values of the same type or with null.
fn changed_leaves(document: &Value, changes: &[Option<String>], number: u64) -> Value {
    let mut changed = document.clone();
    let mut changes = changes.iter().cycle();
    for pointer in pointers(document) {
        if pointer == "/event" {
            continue;
        }
        let is_identifier = IDENTIFIERS.contains(&&*pointer);
        let value = match (document.pointer(&pointer).unwrap(), changes.next().unwrap()) {
            (Value::String(_), Some(text)) if !text.is_empty() || !is_identifier => json!(text),
            (Value::String(_), None) if !is_identifier => json!(null),
            (Value::Number(_), Some(_)) => json!(number),
            (Value::Number(_), None) => json!(null),
            _ => continue,
        };
        changed = with(&changed, &pointer, value);
    }
    changed
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..300)) {
        use_all(&bytes);
    }

    #[test]
    fn random_bytes_in_a_known_event_never_panic(
        document in any_document(),
        bytes in vec(any::<u8>(), 0..10),
        place: Index,
        end: Index,
    ) {
        let body = document.to_string().into_bytes();
        let place = place.index(body.len());
        let end = place + end.index(body.len() - place);
        use_all(&[&body[..place], &bytes, &body[end..]].concat());
    }

    #[test]
    fn random_json_never_panics(json in any_json()) {
        use_all(json.as_bytes());
    }

    #[test]
    fn random_json_in_any_field_never_panics(
        document in any_document(),
        places in vec((any::<Index>(), any_json()), 1..4),
    ) {
        let mut text = document.to_string();
        for (place, json) in places {
            // A value that is inside an earlier replacement is not found, and not replaced.
            let pointers = pointers(&document);
            let inside = document.pointer(&pointers[place.index(pointers.len())]).unwrap();
            text = text.replacen(&inside.to_string(), &json, 1);
        }
        use_all(text.as_bytes());
    }

    #[test]
    fn random_unknown_fields_are_ignored(
        document in any_document(),
        extras in vec(option::of((any_key(), any_json())), 1..12),
    ) {
        let mut extras = extras.iter().cycle();
        let odd = with_extras(&document, &mut |_| match extras.next().unwrap() {
            Some((key, json)) => format!("{key}:{json}"),
            None => String::new(),
        });
        assert!(decode(&odd) == decode(document.to_string()), "{odd}");
    }

    #[test]
    fn random_earlier_duplicates_are_ignored(
        document in any_document(),
        earlier in vec(any_json(), 1..12),
    ) {
        let mut earlier = earlier.iter().cycle();
        let duplicated = with_extras(&document, &mut |key| match key {
            Some(key) => format!("{}:{}", json!(key), earlier.next().unwrap()),
            None => String::new(),
        });
        assert!(decode(&duplicated) == decode(document.to_string()), "{duplicated}");
    }

    #[test]
    fn random_values_are_decoded_and_survive_a_round_trip(
        document in any_document(),
        changes in vec(option::of(any::<String>()), 1..30),
        number: u64,
        removed: Index,
    ) {
        let mut document = changed_leaves(&document, &changes, number);
        let pointers = pointers(&document);
        let pointer = &pointers[removed.index(pointers.len())];
        let contains = |identifier: &&str| identifier.starts_with(&**pointer);
        if pointer != "/event" && !IDENTIFIERS.iter().any(contains) {
            document = without(&document, pointer).unwrap_or(document);
        }

        let event = decode(document.to_string());
        assert_eq!(leaves(&event), leaves_of_json(&document));
        let serialized = serde_json::to_vec(&event).unwrap();
        assert!(decode(&serialized) == event);
        let json: Value = serde_json::from_slice(&serialized).unwrap();
        assert_eq!(leaves_of_json(&json), leaves_of_json(&document));
    }

    #[test]
    fn an_unknown_event_keeps_its_text(
        name in any_string(),
        extras in vec((any_key(), any_json()), 0..5),
    ) {
        let extras: String = extras.iter().map(|(key, json)| format!("{key}: {json} ,")).collect();
        let text = format!(r#"{{{extras}"event":"x{name}"}}"#);
        let event = decode(format!(" {text}\n"));
        let Event::Unknown(unknown) = &event else { panic!("{event:?}") };
        assert_eq!(unknown.json(), text);
        assert_eq!(serde_json::to_string(&event).unwrap(), text);
    }
}
