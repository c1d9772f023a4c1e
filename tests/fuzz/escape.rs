//! Fuzzes how the listener escapes text for pages, logs and tables: no markup, no characters that
//! control how text is shown, and nothing is lost.

#![no_main]

#[path = "../../examples/server/src/escape.rs"]
mod escape;

use askama::filters::Escaper;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

use escape::{Visible, escaped, is_unprintable, json_line, json_text, printable};

fuzz_target!(|input: &[u8]| {
    let text = str::from_utf8(input);
    if let Ok(text) = text {
        check_page(text);
        check_table(text);
    }
    // `serde_json` uses this key internally, and its `Value` then differs from the text.
    if input.windows(11).any(|part| part == b"$serde_json") {
        return;
    }
    check_json_line(input);
    if let Ok(text) = text {
        check_json(&json!([text, { text: text }]));
    }
});

fn check_page(text: &str) {
    let mut page = String::new();
    Visible.write_escaped_str(&mut page, text).expect("a string can be written");
    assert!(!page.contains(['<', '>', '"', '\'']), "{page:?}");
    assert!(!page.contains(|c| changes_display(c) && c != '\n' && c != '\t'), "{page:?}");
    // Texts that contain a marker themselves are ambiguous.
    if !text.contains('\u{27e8}') {
        assert_eq!(read_page(&page), text.replace('\r', ""));
    }
}

/// Returns the text of a page. Panics at an unknown entity.
fn read_page(page: &str) -> String {
    let mut text = String::new();
    let mut rest = page;
    while let Some(index) = rest.find(['&', '\u{27e8}']) {
        text.push_str(&rest[..index]);
        let end = if rest[index..].starts_with('&') { ';' } else { '\u{27e9}' };
        let (code, after) = rest[index..].split_once(end).expect("the end of an escape");
        let number = code.strip_prefix("&#").map(str::parse);
        let number = number.unwrap_or_else(|| {
            u32::from_str_radix(code.strip_prefix("\u{27e8}U+").expect("an escape"), 16)
        });
        text.push(char::from_u32(number.expect("a number")).expect("a character"));
        rest = after;
    }
    text + rest
}

fn check_table(text: &str) {
    let cell = printable(text);
    assert!(!cell.contains(is_forbidden_on_a_line), "{cell:?}");
    assert_eq!(cell.chars().count(), text.chars().count());
    for (written, sent) in cell.chars().zip(text.chars()) {
        assert!(written == sent || written == '\u{fffd}' && is_forbidden_on_a_line(sent));
    }
}

fn check_json(value: &Value) {
    let line = json_text(value);
    assert!(!line.contains(is_forbidden_on_a_line), "{line:?}");
    assert_same(&line, value);
    let indented = escaped(serde_json::to_string_pretty(value).expect("a value is JSON"));
    assert!(!indented.contains(|c| is_forbidden_on_a_line(c) && c != '\n'), "{indented:?}");
    assert_same(&indented, value);
}

fn check_json_line(text: &[u8]) {
    let value = serde_json::from_slice::<Value>(text);
    let line = json_line(text);
    assert_eq!(line.is_ok(), value.is_ok(), "{line:?} for {value:?}");
    if let (Ok(line), Ok(value)) = (line, value) {
        assert!(!line.contains(is_forbidden_on_a_line), "{line:?}");
        assert_same(&line, &value);
        check_json(&value);
    }
}

fn assert_same(written: &str, value: &Value) {
    let read: Value = serde_json::from_str(written).expect("what is written is JSON");
    assert_eq!(read, *value);
}

fn is_forbidden_on_a_line(c: char) -> bool {
    changes_display(c) || is_unprintable(c)
}

/// Control characters, separators of lines, and the property `Bidi_Control` of Unicode.
fn changes_display(c: char) -> bool {
    let is_bidi_control = matches!(
        u32::from(c),
        0x61c | 0x200e | 0x200f | 0x202a..=0x202e | 0x2066..=0x2069
    );
    c.is_control() || is_bidi_control
}
