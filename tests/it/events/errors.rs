//! A body that is no event is an error whose kind says why.

use tower_tawk::event::{Event, EventErrorKind};

use super::odd_json::with_bytes;

#[track_caller]
fn assert_error(body: &str, kind: EventErrorKind) {
    let error = Event::from_slice(&with_bytes(body, b"\xff")).unwrap_err();
    assert_eq!(error.kind(), kind, "{body:.60}");
    assert_eq!(error.name(), None);
}

#[test]
fn what_is_not_json_is_no_event() {
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
fn json_that_is_no_object_is_no_event() {
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
fn an_object_without_a_field_event_is_no_event() {
    for body in [
        "{}",
        r#"{"Event":"chat:end"}"#,
        r#"{"type":"chat:end"}"#,
        r#"{"event ":"chat:end"}"#,
        r#"{"x":{"event":"chat:end"}}"#,
        r#"{"event~":"chat:end"}"#,
        r#"{"event\ud83d":"chat:end"}"#,
    ] {
        assert_error(body, EventErrorKind::NoEvent);
    }
}

#[test]
fn an_event_that_is_no_name_is_no_event() {
    for event in
        ["null", r#""""#, "7", "1e400", "true", "[]", r#"["chat:end"]"#, r#"{"name":"chat:end"}"#]
    {
        let body = format!(r#"{{"event":{event},"chatId":"c","property":{{"id":"p"}}}}"#);
        assert_error(&body, EventErrorKind::NoName);
    }
}

#[test]
fn each_kind_of_error_says_what_is_wrong() {
    for (body, says) in [
        ("", "body is not valid JSON"),
        ("[]", "body is not a JSON object"),
        ("{}", "field `event` is missing"),
        (r#"{"event":7}"#, "field `event` is not a non-empty string"),
        (r#"{"event":"chat:end"}"#, "identifier `chatId` is missing"),
    ] {
        assert_eq!(Event::from_slice(body.as_bytes()).unwrap_err().to_string(), says);
    }
}

#[test]
fn an_undecodable_event_has_the_name_that_the_body_has_and_nothing_else() {
    for (body, name) in [("", ""), ("{}", ""), (r#"{"event":"chat:end"}"#, "chat:end")] {
        let event = Event::Undecodable(Event::from_slice(body.as_bytes()).unwrap_err());
        assert_eq!(event.name(), name);
        assert_eq!((event.chat_id(), event.property(), event.time()), (None, None, None));
        assert_eq!((event.person(), event.opened_by()), (None, None));
        assert_eq!((event.agent_replies().count(), event.pre_chat_form().count()), (0, 0));
    }
}
