//! Unused fields, odd JSON and duplicate keys.

use serde_json::{Value, json};
use tower_tawk::event::{Event, EventErrorKind};

use super::documents::{chat_end, decode, documents, leaves, pointers, with};
use super::odd_json::{with_bytes, with_extras};

/// Asserts that every document decodes the same with these members before, between and after the
/// members of each object.
#[track_caller]
fn assert_ignored(members: &str) {
    for document in documents() {
        let odd = with_extras(&document, &mut |_| members.to_owned());
        assert!(decode(with_bytes(&odd, b"\xff")) == decode(document.to_string()), "{members:.60}");
    }
}

#[test]
fn odd_values_of_unknown_keys_are_ignored() {
    for value in [
        r#""\ud83d""#,
        r#""\ude00\ud83d""#,
        r#""\u0000""#,
        "1e400",
        "-1E+400",
        "123456789012345678901234567890.5",
        r#"{"event":"ticket:create","id":"","name":null}"#,
        r#"["event","chatId"]"#,
        "\"~\"",
        "\"\\n~\"",
    ] {
        assert_ignored(&format!(r#""x":{value}"#));
    }
}

#[test]
fn odd_keys_are_ignored() {
    for key in [
        r"\ud83d",
        r"\ud83devent",
        r"id\ude00",
        r"\u0000",
        r"\u006Event",
        r#"\"id\""#,
        "",
        "Id",
        "ID",
        "id ",
        "$serde_json::private::RawValue",
        "~",
        "\\n~",
        "id~",
        "~name",
    ] {
        assert_ignored(&format!(r#""{key}":"x""#));
        assert_ignored(&format!(r#""{key}":{{"{key}":1e400}}"#));
    }
    assert_ignored(&format!(r#""{}":0"#, "x".repeat(1_000)));
    assert_ignored(&format!(r#""{}":0"#, r"\u0078".repeat(1_000)));
}

#[test]
fn deeply_nested_values_are_ignored() {
    for levels in [200, 5_000] {
        assert_ignored(&format!(r#""x":{}{}"#, "[".repeat(levels), "]".repeat(levels)));
        assert_ignored(&format!(r#""x":{}0{}"#, r#"{"":"#.repeat(levels), "}".repeat(levels)));
    }
}

#[test]
fn a_hundred_thousand_unknown_keys_are_ignored() {
    let keys = |count| (0..count).map(|at| format!(r#""x{at}":0"#)).collect::<Vec<_>>().join(",");
    for document in documents() {
        let text = document.to_string();
        let at_the_top = format!("{{{},{}", keys(100_000), &text[1..]);
        assert!(decode(at_the_top) == decode(&text));

        let is_object = |pointer: &String| document.pointer(pointer).is_some_and(Value::is_object);
        let objects = 1 + pointers(&document).into_iter().filter(is_object).count();
        let in_each = keys(100_000 / objects);
        let everywhere = with_extras(&document, &mut |next| match next {
            Some(_) => String::new(),
            None => in_each.clone(),
        });
        assert!(decode(everywhere) == decode(&text));
    }
}

#[test]
fn a_lone_surrogate_is_decoded_as_one_replacement_character() {
    for document in documents() {
        for pointer in pointers(&document) {
            if pointer == "/event" || !document.pointer(&pointer).is_some_and(Value::is_string) {
                continue;
            }
            let marked = with(&document, &pointer, json!("the text")).to_string();
            for (text, decoded) in [
                (r"a\ud83db", "a\u{fffd}b"),
                (r"a\uDE00b", "a\u{fffd}b"),
                (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
            ] {
                let body = marked.replace("the text", text);
                assert_eq!(leaves(&decode(body))[&pointer], decoded);
            }
        }
    }
}

#[test]
fn invalid_utf8_is_decoded_as_one_replacement_character() {
    for (bytes, decoded) in [
        (&b"\xff"[..], "a\u{fffd}b"),
        (b"\xff\xfe\x80", "a\u{fffd}b"),
        (b"\xed\xa0\xbd", "a\u{fffd}b"),
        (b"\xc3", "a\u{fffd}b"),
        (b"\xffx\xff", "a\u{fffd}x\u{fffd}b"),
        (b"\\n\xff", "a\n\u{fffd}b"),
    ] {
        let marked = with(&chat_end(), "/visitor/name", json!("a~b")).to_string();
        let event = decode(with_bytes(&marked, bytes));
        assert_eq!(event.person().unwrap().name(), Some(decoded));
        assert_eq!(event.person().unwrap().email(), Some("nadia.okafor@example.com"));
    }
}

#[test]
fn a_byte_order_mark_is_skipped() {
    for document in documents() {
        let marked = format!("\u{feff}{document}");
        assert_eq!(decode(marked), decode(document.to_string()));
    }
    for not_json in ["\u{feff}\u{feff}{}", "\u{feff}", " \u{feff}{}", "{}\u{feff}"] {
        let error = Event::from_slice(not_json.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), EventErrorKind::NotJson, "{not_json:?}");
    }
}

#[test]
fn whitespace_is_ignored() {
    for document in documents() {
        let spaced = format!("\r\n\t {} \n\n", serde_json::to_string_pretty(&document).unwrap());
        assert_eq!(decode(&spaced), decode(document.to_string()));
        assert_eq!(decode(format!("\u{feff}{spaced}")), decode(document.to_string()));
    }
}

const END: &str = r#""event":"chat:end","chatId":"c","property":{"id":"p","name":"Shop"}"#;

#[test]
fn the_last_of_duplicate_keys_is_decoded() {
    for document in documents() {
        for earlier in ["null", r#""x""#, "7", "1e400", "[]", "{}", r#"{"id":"x","name":"x"}"#] {
            let mut duplicate = |key: Option<&str>| {
                key.map(|key| format!(r#""{key}":{earlier}"#)).unwrap_or_default()
            };
            let duplicated = with_extras(&document, &mut duplicate);
            assert!(decode(&duplicated) == decode(document.to_string()), "{duplicated}");
        }
    }
}

/// An object with more than 16 members is read in another way.
#[test]
fn the_number_of_members_does_not_matter() {
    for document in documents() {
        let text = document.to_string();
        for count in 0..20 {
            let unknown = r#""x":0,"#.repeat(count);
            let odd = with_extras(&document, &mut |key| match key {
                Some(key) => format!(r#"{unknown}"{key}":"earlier""#),
                None => format!(r#"{unknown}"x":0"#),
            });
            assert!(decode(&odd) == decode(&text), "{odd}");
        }
    }
}

#[test]
fn the_last_event_field_selects_the_event() {
    let event = decode(format!(r#"{{"event":"ticket:create",{END}}}"#));
    assert_eq!(event.name(), "chat:end");
    let event = decode(format!(r#"{{{END},"event":"contact:merge"}}"#));
    assert!(matches!(&event, Event::Unknown(unknown) if unknown.name() == "contact:merge"));
    let error = Event::from_slice(format!(r#"{{{END},"event":null}}"#).as_bytes()).unwrap_err();
    assert_eq!(error.kind(), EventErrorKind::InvalidName);
}

#[test]
fn duplicate_objects_are_not_merged() {
    let event = decode(format!(r#"{{{END},"property":{{"id":"q"}}}}"#));
    let property = event.property().unwrap();
    assert_eq!((&*property.id, property.name.as_deref()), ("q", None));

    let error = Event::from_slice(format!(r#"{{{END},"property":null}}"#).as_bytes()).unwrap_err();
    let missing = EventErrorKind::MissingIdentifier { path: "property.id" };
    assert_eq!(error.kind(), missing);
}

#[test]
fn an_empty_last_duplicate_is_none() {
    for last in ["null", r#""""#, "7", "{}"] {
        let event = decode(format!(r#"{{"time":"2024-08-15T09:12:41.307Z",{END},"time":{last}}}"#));
        assert_eq!(event.time(), None, "{last}");
    }
}

#[test]
fn escaped_keys_are_decoded() {
    for document in documents() {
        let text = document.to_string();
        let escaped: String = text
            .split_inclusive("\":")
            .map(|part| {
                // Escape the first character of the key.
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
fn an_escaped_key_is_a_duplicate_of_a_plain_one() {
    let event = decode(format!(r#"{{{END},"chat\u0049d":"d"}}"#));
    assert_eq!(event.chat_id(), Some("d"));
    let event = decode(format!(r#"{{"\u0063hatId":"d",{END}}}"#));
    assert_eq!(event.chat_id(), Some("c"));
}
