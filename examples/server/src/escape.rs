//! Writes JSON and text so that they can't inject log lines, terminal escape sequences or markup.

use std::fmt::{self, Write};

use askama::filters::{Escaper, Html};
use serde::de::Error as _;
use serde_json::Value;

/// Writes `value` on one line, without characters that are invisible or control how it is shown.
/// JSON itself only escapes those below U+0020. The others are in strings, and can be escaped too.
pub fn json_text(value: &Value) -> String {
    escaped(value.to_string())
}

/// Like [`json_text`] for text that may be JSON, without a [`Value`] of seventy times the memory.
pub fn json_line(text: &[u8]) -> serde_json::Result<String> {
    let mut line = Vec::with_capacity(text.len());
    let mut json = serde_json::Deserializer::from_slice(text);
    serde_transcode::transcode(&mut json, &mut serde_json::Serializer::new(&mut line))?;
    json.end()?;
    String::from_utf8(line).map(escaped).map_err(serde_json::Error::custom)
}

/// Replaces such characters, and line breaks, in a text for a table.
pub fn printable(text: &str) -> String {
    text.replace(|c: char| c.is_control() || is_unprintable(c), "\u{fffd}")
}

/// Escapes JSON, which may be indented.
pub fn escaped(text: String) -> String {
    // ASCII is checked many bytes at once.
    let is_plain_ascii = text.is_ascii() && !text.contains('\u{7f}');
    if is_plain_ascii || !text.contains(is_unprintable) {
        return text;
    }
    let mut escaped = String::with_capacity(text.len() + 64);
    for c in text.chars() {
        if !is_unprintable(c) {
            escaped.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a string does not fail.
            let _ = write!(escaped, "\\u{unit:04x}");
        }
    }
    escaped
}

/// Control characters, line and paragraph separators, characters that change the direction of text
/// (Unicode Standard Annex 9), and those without a width except variation selectors, as in emoji.
pub const fn is_unprintable(c: char) -> bool {
    matches!(
        c,
        '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' |
        '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' |
        '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// Escapes text in a page: markup, and characters that control how the text around them is shown.
#[derive(Clone, Copy, Default)]
pub struct Visible;

impl Escaper for Visible {
    fn write_escaped_str<W: Write>(&self, mut to: W, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(index) = rest.find(is_bidi_or_control) {
            Html.write_escaped_str(&mut to, &rest[..index])?;
            let control = rest[index..].chars().next().unwrap_or_default();
            // Line breaks of HTML have none.
            if control != '\r' {
                write!(to, "\u{27e8}U+{:04X}\u{27e9}", u32::from(control))?;
            }
            rest = &rest[index + control.len_utf8()..];
        }
        Html.write_escaped_str(&mut to, rest)
    }
}

/// Control characters, and those that change the direction of text (Unicode Standard Annex 9).
/// Those that join letters are part of words and emoji.
pub fn is_bidi_or_control(c: char) -> bool {
    c.is_control() && !"\n\t".contains(c)
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' |
            '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn escapes_control_characters_and_reads_back_the_same() {
        let value = json!({ "text": "a\n\u{1b}[2J\u{9b}2J\u{7f}\u{2028}\u{202e}é👋" });
        let text = json_text(&value);
        assert_eq!(text, r#"{"text":"a\n\u001b[2J\u009b2J\u007f\u2028\u202eé👋"}"#);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn escapes_invisible_characters_and_reads_back_the_same() {
        let value = json!("\u{ad}\u{180e}\u{200b}\u{200d}\u{2060}\u{2064}\u{fff9}\u{e0041}");
        let text = json_text(&value);
        assert_eq!(text, r#""\u00ad\u180e\u200b\u200d\u2060\u2064\ufff9\udb40\udc41""#);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn joins_the_lines_of_json_and_reads_back_the_same() {
        let sent = "\n{\r\n\t\"a\": [1e2,\n \"b\\n\u{202e}\"] }\n";
        let line = json_line(sent.as_bytes()).unwrap();
        assert_eq!(line, r#"{"a":[100.0,"b\n\u202e"]}"#);
        let values = [sent, &line].map(|text| serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(values[0], values[1]);
    }

    #[test]
    fn accepts_the_same_json_as_serde_json() {
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let texts =
            [r#"{"a":[1,-1,0.5,true,null,"é\ud83d\udc4b"]}"#, r#""\ud83d""#, "1e999", "[1,]"];
        let texts =
            texts.map(str::to_owned).into_iter().chain([deep(127), deep(128), deep(100_000)]);
        for text in texts.map(String::into_bytes).chain([b"\"\xff\"".into(), b"{} x".into()]) {
            let expected =
                serde_json::from_slice::<Value>(&text).map_err(|error| error.to_string());
            let line = json_line(&text).map_err(|error| error.to_string());
            assert_eq!(line.err(), expected.err());
        }
    }
}
