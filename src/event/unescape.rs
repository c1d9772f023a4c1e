//! Decodes the inside of a JSON string, whatever stands in it.
//!
//! `serde_json` refuses a surrogate that stands alone, which JavaScript writes as soon as a text is
//! cut inside of an emoji, and would hold a second copy of a long text while it decodes.

use std::borrow::Cow;

/// Decodes what stands between the quotes of a JSON string that is known to be well-formed
/// (RFC 8259, section 7). A surrogate that stands alone becomes one U+FFFD.
pub(super) fn unescape(inside: &str) -> Cow<'_, str> {
    if !inside.contains('\\') {
        return inside.into();
    }
    // No escape is shorter than what it stands for.
    let mut text = String::with_capacity(inside.len());
    let mut rest = inside;
    while let Some((before, escaped)) = rest.split_once('\\') {
        text.push_str(before);
        let (character, after) = escape(escaped);
        text.push(character);
        rest = after;
    }
    text.push_str(rest);
    text.into()
}

/// The character that is meant by what stands behind a backslash, and the rest behind that.
fn escape(escaped: &str) -> (char, &str) {
    let mut characters = escaped.chars();
    let character = match characters.next() {
        Some('u') => return unicode(characters.as_str()),
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some(itself) => itself,
        None => char::REPLACEMENT_CHARACTER,
    };
    (character, characters.as_str())
}

/// One UTF-16 code unit, or two where they are a pair.
fn unicode(digits: &str) -> (char, &str) {
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

fn code_unit(digits: &str) -> Option<(u16, &str)> {
    let (digits, rest) = digits.split_at_checked(4)?;
    Some((u16::from_str_radix(digits, 16).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_escape_of_json_is_decoded() {
        assert_eq!(unescape(r#"a\"b\\c\/d\be\ff\ng\rh\ti"#), "a\"b\\c/d\u{8}e\u{c}f\ng\rh\ti");
        assert_eq!(unescape(r"A\u00e9\u4E2d\ud83d\uDE00."), "Aé中😀.");
        assert!(matches!(unescape("no escape: é😀"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_surrogate_that_stands_alone_is_one_replacement_character() {
        for (inside, text) in [
            (r"a\ud83db", "a\u{fffd}b"),
            (r"a\ude00b", "a\u{fffd}b"),
            (r"\ud83d", "\u{fffd}"),
            (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
            (r"\ud83d\n", "\u{fffd}\n"),
            (r"\ud83d\u0041", "\u{fffd}A"),
            (r"\ude00\ud83d", "\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(unescape(inside), text, "{inside}");
        }
    }

    #[test]
    fn what_is_no_escape_does_not_panic() {
        for inside in [r"\", r"\u", r"\u12", r"\uzzzz", r"\ué€", r"\ud83d\u", r"\é"] {
            let _ = unescape(inside);
        }
    }
}
