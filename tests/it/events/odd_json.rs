//! JSON that serializers do not write, as text and as proptest strategies.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::sample::select;
use serde_json::Value;

/// Returns the text of a document with additional members. `extra` returns the members to insert
/// before the member with the given key, or at the end of an object: `"key":value`, or nothing.
pub(crate) fn with_extras(
    document: &Value,
    extra: &mut dyn FnMut(Option<&str>) -> String,
) -> String {
    match document {
        Value::Object(object) => {
            let mut members = Vec::new();
            for (key, value) in object {
                members.push(extra(Some(key)));
                members.push(format!("{}:{}", Value::from(&**key), with_extras(value, extra)));
            }
            members.push(extra(None));
            members.retain(|member| !member.is_empty());
            format!("{{{}}}", members.join(","))
        }
        Value::Array(list) => {
            let elements: Vec<_> = list.iter().map(|value| with_extras(value, extra)).collect();
            format!("[{}]", elements.join(","))
        }
        leaf => leaf.to_string(),
    }
}

/// Replaces each `~` in the text with `bytes`, which need not be valid UTF-8.
pub(crate) fn with_bytes(text: &str, bytes: &[u8]) -> Vec<u8> {
    text.split('~').map(str::as_bytes).collect::<Vec<_>>().join(bytes)
}

/// All documented keys.
const KEYS: [&str; 32] = [
    "event",
    "chatId",
    "time",
    "domain",
    "referrer",
    "message",
    "visitor",
    "property",
    "chat",
    "requester",
    "ticket",
    "id",
    "name",
    "email",
    "city",
    "country",
    "text",
    "type",
    "sender",
    "messages",
    "t",
    "n",
    "msg",
    "attchs",
    "content",
    "file",
    "url",
    "mimeType",
    "size",
    "extension",
    "humanId",
    "subject",
];

/// Parts of JSON strings.
const PIECES: [&str; 20] = [
    "chat:start",
    "chat:end",
    "visitor",
    "a",
    "v",
    "é",
    "😀",
    " : ",
    r"\r\n",
    r"\n",
    r#"\""#,
    r"\\",
    r"\/",
    r"\u0000",
    r"\u0065",
    r"\ud83d",
    r"\uDE00",
    r"\ud83d\ude00",
    "\u{7f}",
    "\u{feff}",
];

/// Numbers and other literals.
const LITERALS: [&str; 9] =
    ["null", "true", "0", "-0", "7", "18446744073709551616", "0.10", "1e400", "-1E-400"];

/// The contents of a JSON string.
pub(crate) fn any_string() -> impl Strategy<Value = String> {
    vec(select(&PIECES[..]), 0..5).prop_map(|pieces| pieces.concat())
}

/// A key that is not documented, in quotes.
pub(crate) fn any_key() -> impl Strategy<Value = String> {
    (any_string(), select(&KEYS[..]), any_string())
        .prop_map(|(before, key, after)| format!(r#""{before}{key}{after}""#))
        .prop_filter("a documented key", |key| {
            let text = serde_json::from_str::<String>(key).unwrap_or_default();
            !KEYS.contains(&&*text)
        })
}

/// Any JSON value. Objects have documented and other keys.
pub(crate) fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        select(&LITERALS[..]).prop_map(str::to_owned),
        any_string().prop_map(|text| format!(r#""{text}""#)),
        Just(r#""2024-08-15T09:12:41.307Z""#.to_owned()),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        let key = prop_oneof![
            select(&KEYS[..]).prop_map(|key| format!(r#""{key}""#)),
            any_string().prop_map(|text| format!(r#""{text}""#)),
        ];
        let member = (key, inner.clone()).prop_map(|(key, value)| format!("{key}:{value}"));
        prop_oneof![
            vec(inner, 0..6).prop_map(|elements| format!("[{}]", elements.join(","))),
            vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}
