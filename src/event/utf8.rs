//! Reads a body as text, whatever its bytes.

use std::borrow::Cow;

/// The body as UTF-8. Neighbouring bytes that are none become one U+FFFD together: one for each,
/// as `String::from_utf8_lossy` has it, would make the text three times as long as the body.
pub(super) fn text(body: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = str::from_utf8(body) {
        return text.into();
    }
    // Three bytes for one at most, and never twice running.
    let mut text = String::with_capacity(2 * body.len() + 1);
    for chunk in body.utf8_chunks() {
        let goes_on = chunk.valid().is_empty() && !text.is_empty();
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() && !goes_on {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_utf_8_is_not_copied() {
        assert!(matches!(text("é😀".as_bytes()), Cow::Borrowed("é😀")));
    }

    #[test]
    fn neighbouring_bytes_that_are_not_utf_8_are_one_replacement_character() {
        for (body, read) in [
            (&b"\xff"[..], "\u{fffd}"),
            (b"\xffa", "\u{fffd}a"),
            (b"a\xff", "a\u{fffd}"),
            (b"a\xff\xfe\x80b\xffc", "a\u{fffd}b\u{fffd}c"),
            // The first half of an emoji, alone, as if it were a character (a lone surrogate).
            (b"a\xed\xa0\xbdb", "a\u{fffd}b"),
            // Cut off inside a character, twice.
            (b"\xf0\x9f\x98\xc3", "\u{fffd}"),
            // One that was there before is not taken for ours.
            (b"\xef\xbf\xbd\xffa", "\u{fffd}\u{fffd}a"),
        ] {
            assert_eq!(text(body), read, "{body:x?}");
        }
    }

    #[test]
    fn no_text_is_longer_than_twice_the_body() {
        for body in [&b"\xff"[..], b"a\xff", b"\xffa", b"\xffa\xff", b"\xc3\xff"] {
            let body = body.repeat(100);
            let text = text(&body).into_owned();
            assert!(text.capacity() <= 2 * body.len() + 1, "{text:?}");
        }
    }
}
