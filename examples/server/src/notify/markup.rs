//! Takes the markup out of a ticket's message, which may be HTML (a ticket may have come as mail).
//!
//! What is left is to be read at a glance, not to be trusted: it is escaped like any other text.

use std::borrow::Cow;

/// `text` without tags and entities where it is HTML; else as it is.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    if next_tag(text).is_none() {
        return text.into();
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = next_tag(rest) {
        push_decoded(&mut plain, before);
        plain.push(' ');
        rest = behind;
    }
    push_decoded(&mut plain, rest);
    plain.into()
}

/// What stands before and behind the next tag. `<` alone is none, nor is `<3`.
fn next_tag(text: &str) -> Option<(&str, &str)> {
    let begins_tag =
        |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
    let (start, _) = text.match_indices('<').find(|(at, _)| begins_tag(&text[at + 1..]))?;
    let length = text[start..].find('>')?;
    Some((&text[..start], &text[start + length + 1..]))
}

fn push_decoded(plain: &mut String, text: &str) {
    let mut parts = text.split('&');
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        match part.split_once(';').and_then(|(name, behind)| Some((entity(name)?, behind))) {
            Some((c, behind)) => {
                plain.push(c);
                plain.push_str(behind);
            }
            None => {
                plain.push('&');
                plain.push_str(part);
            }
        }
    }
}

/// The entities that every writer of HTML must use, and any by its number.
fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "commat" => Some('@'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_entities_of_html_are_taken_out() {
        for (html, text) in [
            ("<p>Bonjour,</p><p>Je souhaite</p>", " Bonjour,  Je souhaite "),
            ("<!-- x -->a<br/>b", " a b"),
            ("<b>Tom &amp; Jo&#x27;s &#9749;&nbsp;&lt;3</b>", " Tom & Jo's ☕ <3 "),
            ("<b>&unknown; &; & &#x110000;</b>", " &unknown; &; & &#x110000; "),
            ("<a href=\"mailto:a@b.example\">a&#64;b</a>", " a@b "),
        ] {
            assert_eq!(plain(html), text);
        }
    }

    #[test]
    fn what_is_not_html_stays() {
        for text in ["", "a < b > c", "I <3 it &amp; you", "1 &lt; 2", "<", "<a", "< b>"] {
            assert!(matches!(plain(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }
}
