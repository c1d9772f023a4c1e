//! JSON that no serialiser would write: written out, and as strategies for properties.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::sample::select;
use serde_json::Value;

/// The text of a document, with what `extra` gives before each member of each object and at the
/// object's end: members of its own, `"key":value`, or nothing. It is told the key of the member
/// that follows.
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
            let elements: Vec<_> = list.iter().map(|one| with_extras(one, extra)).collect();
            format!("[{}]", elements.join(","))
        }
        leaf => leaf.to_string(),
    }
}

/// The text with other bytes, such as are not UTF-8, in place of each `~`.
pub(crate) fn with_bytes(text: &str, bytes: &[u8]) -> Vec<u8> {
    text.split('~').map(str::as_bytes).collect::<Vec<_>>().join(bytes)
}

/// Every key that is documented.
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

/// What a string may be made of: the insides of JSON strings.
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

/// Numbers of all sorts, and what else is no string.
const LITERALS: [&str; 9] =
    ["null", "true", "0", "-0", "7", "18446744073709551616", "0.10", "1e400", "-1E-400"];

/// The inside of a string.
pub(crate) fn any_string() -> impl Strategy<Value = String> {
    vec(select(&PIECES[..]), 0..5).prop_map(|pieces| pieces.concat())
}

/// A key that is not documented, in its quotes.
pub(crate) fn any_key() -> impl Strategy<Value = String> {
    (any_string(), select(&KEYS[..]), any_string())
        .prop_map(|(before, key, after)| format!(r#""{before}{key}{after}""#))
        .prop_filter("a documented key", |key| {
            let text = serde_json::from_str::<String>(key).unwrap_or_default();
            !KEYS.contains(&&*text)
        })
}

/// Any JSON, with the documented keys in it.
pub(crate) fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        select(&LITERALS[..]).prop_map(str::to_owned),
        any_string().prop_map(|inside| format!(r#""{inside}""#)),
        Just(r#""2024-08-15T09:12:41.307Z""#.to_owned()),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        let key = prop_oneof![
            select(&KEYS[..]).prop_map(|key| format!(r#""{key}""#)),
            any_string().prop_map(|inside| format!(r#""{inside}""#)),
        ];
        let member = (key, inner.clone()).prop_map(|(key, value)| format!("{key}:{value}"));
        prop_oneof![
            vec(inner, 0..6).prop_map(|elements| format!("[{}]", elements.join(","))),
            vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}
