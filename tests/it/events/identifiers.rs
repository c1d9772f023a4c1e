//! A known event without one of its identifiers is an error that says which.

use serde_json::{Value, json};
use tower_tawk::event::{Event, EventErrorKind};

use super::documents::{IDENTIFIERS, decode, documents, with, without};
use super::leaves::leaves;

/// Every document, with the pointer to each of its identifiers and to what that lies in.
fn for_each_identifier(test: impl Fn(&Value, &str)) {
    let mut tested = 0;
    for document in documents() {
        for pointer in IDENTIFIERS.iter().filter(|pointer| document.pointer(pointer).is_some()) {
            test(&document, pointer);
            tested += 1;
        }
    }
    assert_eq!(tested, 8, "two in each of the four events");
}

#[track_caller]
fn assert_missing(changed: &Value, pointer: &str) {
    let error = Event::from_slice(changed.to_string().as_bytes()).unwrap_err();
    let EventErrorKind::MissingIdentifier { path } = error.kind() else { panic!("{error:?}") };
    assert_eq!(path, pointer[1..].replace('/', "."), "{changed}");
    assert_eq!(error.name(), changed["event"].as_str());
    assert!(error.to_string().contains(path), "{error}");
}

#[test]
fn a_missing_identifier_is_an_error_with_its_path() {
    for_each_identifier(|document, pointer| {
        assert_missing(&without(document, pointer).unwrap(), pointer);
    });
}

#[test]
fn an_identifier_without_a_value_or_of_another_type_is_missing() {
    for_each_identifier(|document, pointer| {
        for value in [json!(null), json!(""), json!(true), json!([]), json!(["c"]), json!({})] {
            assert_missing(&with(document, pointer, value), pointer);
        }
    });
}

#[test]
fn an_identifier_is_missing_with_the_object_that_it_lies_in() {
    for_each_identifier(|document, pointer| {
        let (parent, _) = pointer.rsplit_once('/').unwrap();
        if parent.is_empty() {
            return;
        }
        assert_missing(&without(document, parent).unwrap(), pointer);
        for value in [json!(null), json!(""), json!("c"), json!(7), json!([]), json!({})] {
            assert_missing(&with(document, parent, value), pointer);
        }
    });
}

#[test]
fn a_number_as_an_identifier_is_kept_as_its_digits() {
    for_each_identifier(|document, pointer| {
        let marked = with(document, pointer, json!("the identifier")).to_string();
        for digits in ["0", "-7", "318", "18446744073709551616", "1.50", "1e400"] {
            let body = marked.replace("\"the identifier\"", digits);
            assert_eq!(leaves(&decode(&body))[pointer], digits, "{body}");
        }
    });
}

#[test]
fn an_agents_id_may_be_a_number_too_and_may_be_missing() {
    let body = |id| {
        format!(
            r#"{{"event":"chat:transcript_created","property":{{"id":"p"}},"chat":{{"id":"c",
                "messages":[{{"sender":{{"t":"a","n":"Ingrid Vale"{id}}}}}]}}}}"#
        )
    };
    let id = "/chat/messages/0/sender/id";
    assert_eq!(leaves(&decode(body(r#","id":64"#)))[id], "64");
    for none in ["", r#","id":null"#, r#","id":"""#, r#","id":{}"#] {
        assert_eq!(leaves(&decode(body(none))).get(id), None, "{none}");
    }
}

#[test]
fn an_identifier_is_kept_as_it_was_sent() {
    for id in ["C", " c ", "not a UUID", "é😀", "\u{0}", &"c".repeat(10_000)] {
        for_each_identifier(|document, pointer| {
            let changed = with(document, pointer, json!(id));
            assert_eq!(leaves(&decode(changed.to_string()))[pointer], id);
        });
    }
}
