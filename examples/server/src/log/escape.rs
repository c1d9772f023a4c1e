//! Writes JSON so that what strangers put into it can neither begin a line of its own nor drive
//! a terminal.

use std::fmt::Write;

use serde_json::Value;

/// `value` on one line, in which every character is visible.
///
/// JSON itself escapes only what is below U+0020 (RFC 8259, section 7). The rest of what a
/// terminal or a log viewer may act upon stands inside of strings, where it may be escaped too.
pub(crate) fn json_text(value: &Value) -> String {
    let text = value.to_string();
    if !text.contains(is_unprintable) {
        return text;
    }
    let mut escaped = String::with_capacity(text.len() + 64);
    for c in text.chars() {
        if is_unprintable(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string does not fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// Control characters, line and paragraph separators, and what changes the direction of text
/// (Unicode Standard Annex 9).
const fn is_unprintable(c: char) -> bool {
    matches!(
        c,
        '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' |
        '\u{2066}'..='\u{2069}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_drives_terminals_is_escaped_and_reads_back_the_same() {
        let value = json!({ "text": "a\n\u{1b}[2J\u{9b}2J\u{7f}\u{2028}\u{202e}é👋" });
        let text = json_text(&value);
        assert_eq!(text, r#"{"text":"a\n\u001b[2J\u009b2J\u007f\u2028\u202eé👋"}"#);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
