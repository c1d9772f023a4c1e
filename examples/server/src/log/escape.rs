//! Writes JSON so that what strangers put into it can neither begin a line of its own nor drive
//! a terminal.

use std::fmt::Write;

use serde_json::Value;

use super::check::check;

/// `value` on one line, without a character that acts upon how the line is shown, or that hides.
///
/// JSON itself escapes only what is below U+0020 (RFC 8259, section 7). The rest of what a
/// terminal or a log viewer may act upon stands inside of strings, where it may be escaped too.
pub(crate) fn json_text(value: &Value) -> String {
    escaped(value.to_string())
}

/// The same on several lines, for people.
pub(crate) fn json_page(value: &Value) -> String {
    escaped(format!("{value:#}"))
}

/// The same for a text that may be JSON, of which no [`Value`] is made: that can take seventy
/// times the memory.
///
/// # Errors
///
/// When it is not JSON.
pub(crate) fn json_line(text: &[u8]) -> serde_json::Result<String> {
    let text = check(text)?;
    // Inside of strings there are none (RFC 8259, section 7), and between values white space is
    // white space.
    Ok(escaped(text.trim_ascii().replace(['\n', '\r', '\t'], " ")))
}

/// `text` for a table: with a mark in place of such a character, and of a line's end.
pub(crate) fn printable(text: &str) -> String {
    text.replace(|c: char| c.is_control() || is_unprintable(c), "\u{fffd}")
}

fn escaped(text: String) -> String {
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

/// Control characters, line and paragraph separators, what changes the direction of text
/// (Unicode Standard Annex 9), and what has no width: soft hyphens, joiners, marks of annotations
/// and tags. (Not variation selectors, which emoji have.)
const fn is_unprintable(c: char) -> bool {
    matches!(
        c,
        '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' |
        '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' |
        '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
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

    #[test]
    fn what_hides_is_escaped_and_reads_back_the_same() {
        let value = json!("\u{ad}\u{180e}\u{200b}\u{200d}\u{2060}\u{2064}\u{fff9}\u{e0041}");
        let text = json_text(&value);
        assert_eq!(text, r#""\u00ad\u180e\u200b\u200d\u2060\u2064\ufff9\udb40\udc41""#);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn json_of_several_lines_becomes_one_and_reads_back_the_same() {
        let sent = "\n{\r\n\t\"a\": [1e2,\n \"b\\n\u{202e}\"] }\n";
        let line = json_line(sent.as_bytes()).unwrap();
        assert_eq!(line, r#"{   "a": [1e2,  "b\n\u202e"] }"#);
        let values = [sent, &line].map(|text| serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(values[0], values[1]);
    }
}
