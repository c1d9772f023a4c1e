//! Bodies that are not valid events, and known events without an identifier.

use serde_json::{Value, json};
use tower_tawk::event::{Event, EventErrorKind};

use super::documents::{IDENTIFIERS, decode, documents, leaves, with, without};
use super::odd_json::with_bytes;

#[track_caller]
fn assert_error(body: &str, kind: EventErrorKind) {
    let error = Event::from_slice(&with_bytes(body, b"\xff")).unwrap_err();
    assert_eq!(error.kind(), kind, "{body:.60}");
    assert_eq!(error.name(), None);
}

#[test]
fn invalid_json_is_an_error() {
    let end = r#"{"event":"chat:end","chatId":"c","property":{"id":"p"}}"#;
    for (before, after) in [
        ("", "x"),
        ("", "}"),
        ("", "{}"),
        ("", ","),
        ("x", ""),
        (",", ""),
        ("~", ""),
        ("", "~"),
        ("", "\0"),
    ] {
        assert_error(&format!("{before}{end}{after}"), EventErrorKind::NotJson);
    }
    for length in 0..end.len() {
        assert_error(&end[..length], EventErrorKind::NotJson);
    }
    for body in [
        "",
        " ",
        "~",
        "event=chat%3Aend",
        "{'event':'chat:end'}",
        r#"{"event":"chat:end",}"#,
        "nul",
        "+1",
        "01",
        r#"{event:"chat:end"}"#,
        r#"{"event":"\x"}"#,
        r#"{"event":"\ud8"}"#,
        "{\"event\":\"a\nb\"}",
        r#"{"event":"chat:end","x":NaN}"#,
        r#"{"event":"chat:end","x":[1,]}"#,
        r#"{"event" "chat:end"}"#,
        r#"{"event":"chat:end"} // "#,
        r#"{~:0}"#,
    ] {
        assert_error(body, EventErrorKind::NotJson);
    }
    assert_error(&"[".repeat(1_000_000), EventErrorKind::NotJson);
    assert_error(&r#"{"":"#.repeat(200_000), EventErrorKind::NotJson);
}

#[test]
fn json_that_is_not_an_object_is_an_error() {
    for body in [
        "null",
        "true",
        "7",
        "1e400",
        r#""chat:start""#,
        "[]",
        r#"["chat:start"]"#,
        r#"[{"event":"chat:start"}]"#,
        r#" "\ud83d" "#,
        r#"["event","chat:start"]"#,
        "\"~\"",
    ] {
        assert_error(body, EventErrorKind::NotAnObject);
    }
}

#[test]
fn a_missing_event_field_is_an_error() {
    for body in [
        "{}",
        r#"{"Event":"chat:end"}"#,
        r#"{"type":"chat:end"}"#,
        r#"{"event ":"chat:end"}"#,
        r#"{"x":{"event":"chat:end"}}"#,
        r#"{"event~":"chat:end"}"#,
        r#"{"event\ud83d":"chat:end"}"#,
    ] {
        assert_error(body, EventErrorKind::MissingName);
    }
}

#[test]
fn an_event_field_that_is_not_a_non_empty_string_is_an_error() {
    for event in
        ["null", r#""""#, "7", "1e400", "true", "[]", r#"["chat:end"]"#, r#"{"name":"chat:end"}"#]
    {
        let body = format!(r#"{{"event":{event},"chatId":"c","property":{{"id":"p"}}}}"#);
        assert_error(&body, EventErrorKind::InvalidName);
    }
}

#[test]
fn errors_have_a_message() {
    for (body, message) in [
        ("", "body is not valid JSON"),
        ("[]", "body is not a JSON object"),
        ("{}", "field `event` is missing"),
        (r#"{"event":7}"#, "field `event` is not a non-empty string"),
        (r#"{"event":"chat:end"}"#, "identifier `chatId` is missing"),
    ] {
        assert_eq!(Event::from_slice(body.as_bytes()).unwrap_err().to_string(), message);
    }
}

#[test]
fn an_undecodable_event_has_only_a_name() {
    for (body, name) in [("", ""), ("{}", ""), (r#"{"event":"chat:end"}"#, "chat:end")] {
        let event = Event::Undecodable(Event::from_slice(body.as_bytes()).unwrap_err());
        assert_eq!(event.name(), name);
        assert_eq!((event.chat_id(), event.property(), event.time()), (None, None, None));
        assert_eq!((event.person(), event.opened_by()), (None, None));
        assert_eq!((event.agent_replies().count(), event.pre_chat_form().count()), (0, 0));
    }
}

/// Calls `test` with every document and the pointer to each of its identifiers.
fn for_each_identifier(test: impl Fn(&Value, &str)) {
    let mut tested = 0;
    for document in documents() {
        for pointer in IDENTIFIERS.iter().filter(|pointer| document.pointer(pointer).is_some()) {
            test(&document, pointer);
            tested += 1;
        }
    }
    assert_eq!(tested, 8, "two identifiers in each event");
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
fn an_empty_identifier_or_one_of_another_type_is_missing() {
    for_each_identifier(|document, pointer| {
        for value in [json!(null), json!(""), json!(true), json!([]), json!(["c"]), json!({})] {
            assert_missing(&with(document, pointer, value), pointer);
        }
    });
}

#[test]
fn an_identifier_is_missing_if_its_object_is_missing() {
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
fn a_number_is_accepted_as_an_identifier() {
    for_each_identifier(|document, pointer| {
        let marked = with(document, pointer, json!("the identifier")).to_string();
        for digits in ["0", "-7", "318", "18446744073709551616", "1.50", "1e400"] {
            let body = marked.replace("\"the identifier\"", digits);
            assert_eq!(leaves(&decode(&body))[pointer], digits, "{body}");
        }
    });
}

#[test]
fn the_id_of_an_agent_is_optional_and_may_be_a_number() {
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
fn the_format_of_an_identifier_is_not_checked() {
    for id in ["C", " c ", "not a UUID", "é😀", "\u{0}", &"c".repeat(10_000)] {
        for_each_identifier(|document, pointer| {
            let changed = with(document, pointer, json!(id));
            assert_eq!(leaves(&decode(changed.to_string()))[pointer], id);
        });
    }
}
