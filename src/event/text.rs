//! Decoding of bytes and JSON strings that are not valid Unicode.

use std::borrow::Cow;

/// Decodes a body as UTF-8. Each run of invalid bytes becomes one U+FFFD.
///
/// `String::from_utf8_lossy` can insert one for each invalid byte, which makes the text three times
/// as long as the body. Here it is at most twice as long.
pub(super) fn from_utf8_lossy(body: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = str::from_utf8(body) {
        return text.into();
    }
    // The worst case alternates one invalid byte, which becomes three, and one valid byte.
    let mut text = String::with_capacity(2 * body.len() + 1);
    for chunk in body.utf8_chunks() {
        // A chunk that has no valid bytes continues the run of the chunk before.
        let continues_run = chunk.valid().is_empty() && !text.is_empty();
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() && !continues_run {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    text.into()
}

/// Decodes the contents of a valid JSON string, without its quotes. Each lone surrogate becomes one
/// U+FFFD.
///
/// JavaScript writes a lone surrogate when a text is cut inside an emoji. `serde_json` rejects lone
/// surrogates in strings. It accepts them in byte strings, but then it decodes the text into a
/// growing buffer before it can be copied, which exceeds the memory limit of
/// [`Event::from_slice`](super::Event::from_slice).
pub(super) fn unescape(contents: &str) -> Cow<'_, str> {
    if !contents.contains('\\') {
        return contents.into();
    }
    // An escape is never shorter than the character that it encodes.
    let mut text = String::with_capacity(contents.len());
    let mut rest = contents;
    while let Some((before, escape)) = rest.split_once('\\') {
        text.push_str(before);
        let (character, after) = decode_escape(escape);
        text.push(character);
        rest = after;
    }
    text.push_str(rest);
    text.into()
}

/// Decodes an escape, without its backslash. Returns the character and the text after the escape.
fn decode_escape(escape: &str) -> (char, &str) {
    let mut characters = escape.chars();
    let character = match characters.next() {
        Some('u') => return decode_unicode_escape(characters.as_str()),
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some(literal) => literal,
        None => char::REPLACEMENT_CHARACTER,
    };
    (character, characters.as_str())
}

/// Decodes the digits of a `\u` escape, and those of the next one if the two are a surrogate pair.
fn decode_unicode_escape(digits: &str) -> (char, &str) {
    let Some((unit, rest)) = code_unit(digits) else {
        return (char::REPLACEMENT_CHARACTER, "");
    };
    if let Some(Ok(character)) = char::decode_utf16([unit]).next() {
        return (character, rest);
    }
    if let Some((low, after)) = rest.strip_prefix("\\u").and_then(code_unit)
        && let Some(Ok(character)) = char::decode_utf16([unit, low]).next()
    {
        return (character, after);
    }
    (char::REPLACEMENT_CHARACTER, rest)
}

/// Parses the four hex digits of a UTF-16 code unit.
fn code_unit(digits: &str) -> Option<(u16, &str)> {
    let (digits, rest) = digits.split_at_checked(4)?;
    Some((u16::from_str_radix(digits, 16).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_utf8_is_not_copied() {
        assert!(matches!(from_utf8_lossy("é😀".as_bytes()), Cow::Borrowed("é😀")));
    }

    #[test]
    fn a_run_of_invalid_bytes_becomes_one_replacement_character() {
        for (body, text) in [
            (&b"\xff"[..], "\u{fffd}"),
            (b"\xffa", "\u{fffd}a"),
            (b"a\xff", "a\u{fffd}"),
            (b"a\xff\xfe\x80b\xffc", "a\u{fffd}b\u{fffd}c"),
            // A surrogate, encoded like a character.
            (b"a\xed\xa0\xbdb", "a\u{fffd}b"),
            // Two truncated characters.
            (b"\xf0\x9f\x98\xc3", "\u{fffd}"),
            // A U+FFFD that the body contains is not part of the run.
            (b"\xef\xbf\xbd\xffa", "\u{fffd}\u{fffd}a"),
        ] {
            assert_eq!(from_utf8_lossy(body), text, "{body:x?}");
        }
    }

    #[test]
    fn text_is_at_most_twice_as_long_as_the_body() {
        for body in [&b"\xff"[..], b"a\xff", b"\xffa", b"\xffa\xff", b"\xc3\xff"] {
            let body = body.repeat(100);
            let text = from_utf8_lossy(&body).into_owned();
            assert!(text.capacity() <= 2 * body.len() + 1, "{text:?}");
        }
    }

    #[test]
    fn decodes_every_json_escape() {
        assert_eq!(unescape(r#"a\"b\\c\/d\be\ff\ng\rh\ti"#), "a\"b\\c/d\u{8}e\u{c}f\ng\rh\ti");
        assert_eq!(unescape(r"A\u00e9\u4E2d\ud83d\uDE00."), "Aé中😀.");
        assert!(matches!(unescape("no escape: é😀"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_lone_surrogate_becomes_one_replacement_character() {
        for (contents, text) in [
            (r"a\ud83db", "a\u{fffd}b"),
            (r"a\ude00b", "a\u{fffd}b"),
            (r"\ud83d", "\u{fffd}"),
            (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
            (r"\ud83d\n", "\u{fffd}\n"),
            (r"\ud83d\u0041", "\u{fffd}A"),
            (r"\ude00\ud83d", "\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(unescape(contents), text, "{contents}");
        }
    }

    #[test]
    fn invalid_escapes_do_not_panic() {
        for contents in [r"\", r"\u", r"\u12", r"\uzzzz", r"\ué€", r"\ud83d\u", r"\é"] {
            let _ = unescape(contents);
        }
    }
}
