//! Of a repeated key the last counts, and an escaped key is a key, as in every JavaScript receiver.

use tower_tawk::event::{Event, EventErrorKind};

use super::documents::{decode, documents};
use super::odd_json::with_extras;

const END: &str = r#""event":"chat:end","chatId":"c","property":{"id":"p","name":"Shop"}"#;

#[test]
fn of_every_repeated_key_the_last_counts() {
    for document in documents() {
        for earlier in ["null", r#""x""#, "7", "1e400", "[]", "{}", r#"{"id":"x","name":"x"}"#] {
            let mut repeat = |key: Option<&str>| {
                key.map(|key| format!(r#""{key}":{earlier}"#)).unwrap_or_default()
            };
            let repeated = with_extras(&document, &mut repeat);
            assert!(decode(&repeated) == decode(document.to_string()), "{repeated}");
        }
    }
}

#[test]
fn the_last_event_decides_which_event_it_is() {
    let event = decode(format!(r#"{{"event":"ticket:create",{END}}}"#));
    assert_eq!(event.name(), "chat:end");
    let event = decode(format!(r#"{{{END},"event":"contact:merge"}}"#));
    assert!(matches!(&event, Event::Unknown(unknown) if unknown.name() == "contact:merge"));
    let error = Event::from_slice(format!(r#"{{{END},"event":null}}"#).as_bytes()).unwrap_err();
    assert_eq!(error.kind(), EventErrorKind::NoName);
}

#[test]
fn a_repeated_object_counts_as_a_whole() {
    let event = decode(format!(r#"{{{END},"property":{{"id":"q"}}}}"#));
    let property = event.property().unwrap();
    assert_eq!((&*property.id, property.name.as_deref()), ("q", None));

    let error = Event::from_slice(format!(r#"{{{END},"property":null}}"#).as_bytes()).unwrap_err();
    let missing = EventErrorKind::MissingIdentifier { path: "property.id" };
    assert_eq!(error.kind(), missing);
}

#[test]
fn a_last_field_without_a_value_is_none() {
    for last in ["null", r#""""#, "7", "{}"] {
        let event = decode(format!(r#"{{"time":"2024-08-15T09:12:41.307Z",{END},"time":{last}}}"#));
        assert_eq!(event.time(), None, "{last}");
    }
}

#[test]
fn an_escaped_key_counts() {
    for document in documents() {
        let text = document.to_string();
        let escaped: String = text
            .split_inclusive("\":")
            .map(|part| {
                // The first character of each key.
                let at = part[..part.len() - 2].rfind('"').map_or(0, |quote| quote + 1);
                let (before, key) = part.split_at(at);
                let first = key.chars().next().unwrap_or('"');
                if part.ends_with("\":") {
                    format!("{before}\\u{:04x}{}", u32::from(first), &key[1..])
                } else {
                    part.to_owned()
                }
            })
            .collect();
        assert!(escaped.contains(r#""\u0065vent":"#), "{escaped}");
        assert_eq!(decode(escaped), decode(text));
    }
}

#[test]
fn an_escaped_key_and_a_plain_one_are_the_same_key() {
    let event = decode(format!(r#"{{{END},"chat\u0049d":"d"}}"#));
    assert_eq!(event.chat_id(), Some("d"));
    let event = decode(format!(r#"{{"\u0063hatId":"d",{END}}}"#));
    assert_eq!(event.chat_id(), Some("c"));
}
