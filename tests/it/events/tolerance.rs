//! What nobody reads does no harm, whatever it is and wherever it stands.

use serde_json::{Value, json};
use tower_tawk::event::{Event, EventErrorKind};

use super::documents::{chat_end, decode, documents, pointers, with};
use super::leaves::leaves;
use super::odd_json::{with_bytes, with_extras};

/// Every object of every document gets these members, before and after its own.
#[track_caller]
fn assert_harmless(members: &str) {
    for document in documents() {
        let odd = with_extras(&document, &mut |_| members.to_owned());
        assert!(decode(with_bytes(&odd, b"\xff")) == decode(document.to_string()), "{members:.60}");
    }
}

#[test]
fn odd_values_that_nobody_reads_do_no_harm() {
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
        assert_harmless(&format!(r#""x":{value}"#));
    }
}

#[test]
fn odd_keys_do_no_harm() {
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
        assert_harmless(&format!(r#""{key}":"x""#));
        assert_harmless(&format!(r#""{key}":{{"{key}":1e400}}"#));
    }
    assert_harmless(&format!(r#""{}":0"#, "x".repeat(1_000)));
    assert_harmless(&format!(r#""{}":0"#, r"\u0078".repeat(1_000)));
}

#[test]
fn two_hundred_levels_of_nesting_do_no_harm() {
    for levels in [200, 5_000] {
        assert_harmless(&format!(r#""x":{}{}"#, "[".repeat(levels), "]".repeat(levels)));
        assert_harmless(&format!(r#""x":{}0{}"#, r#"{"":"#.repeat(levels), "}".repeat(levels)));
    }
}

#[test]
fn a_hundred_thousand_unknown_keys_do_no_harm() {
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
fn a_lone_surrogate_in_a_field_that_is_read_is_one_replacement_character() {
    for document in documents() {
        for pointer in pointers(&document) {
            if pointer == "/event" || !document.pointer(&pointer).is_some_and(Value::is_string) {
                continue;
            }
            let marked = with(&document, &pointer, json!("the text")).to_string();
            for (text, read) in [
                (r"a\ud83db", "a\u{fffd}b"),
                (r"a\uDE00b", "a\u{fffd}b"),
                (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
            ] {
                let body = marked.replace("the text", text);
                assert_eq!(leaves(&decode(body))[&pointer], read);
            }
        }
    }
}

#[test]
fn what_is_not_utf_8_in_a_field_that_is_read_is_one_replacement_character() {
    for (bytes, read) in [
        (&b"\xff"[..], "a\u{fffd}b"),
        (b"\xff\xfe\x80", "a\u{fffd}b"),
        (b"\xed\xa0\xbd", "a\u{fffd}b"),
        (b"\xc3", "a\u{fffd}b"),
        (b"\xffx\xff", "a\u{fffd}x\u{fffd}b"),
        (b"\\n\xff", "a\n\u{fffd}b"),
    ] {
        let marked = with(&chat_end(), "/visitor/name", json!("a~b")).to_string();
        let event = decode(with_bytes(&marked, bytes));
        assert_eq!(event.person().unwrap().name(), Some(read));
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
fn white_space_around_and_between_does_no_harm() {
    for document in documents() {
        let spaced = format!("\r\n\t {} \n\n", serde_json::to_string_pretty(&document).unwrap());
        assert_eq!(decode(&spaced), decode(document.to_string()));
        assert_eq!(decode(format!("\u{feff}{spaced}")), decode(document.to_string()));
    }
}
