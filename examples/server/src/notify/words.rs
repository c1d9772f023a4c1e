//! What strangers are called and have written, made fit to be told: on one line, without e-mail
//! addresses, and cut.

use super::e_mail::without_addresses;

/// Characters of a name: of a person, of a property, or an id.
const NAME_LENGTH_MOST: usize = 60;

/// So many characters of a text are looked at, which may be a megabyte.
const READ_MOST: usize = 2_000;

const ELLIPSIS: char = '…';

/// A text of `most` characters, the last of them an ellipsis where it went on.
pub(super) fn line(text: &str, most: usize) -> String {
    cut(&without_addresses(&on_one_line(text)), most)
}

/// None where there is nothing to call somebody by: no name, or an e-mail address in its place.
pub(super) fn name(text: &str) -> Option<String> {
    let name = line(text, NAME_LENGTH_MOST);
    let without_brackets = name.trim_matches(['<', '>', '(', ')', '"', '\'', ' ']);
    (!matches!(without_brackets, "" | "[e-mail]")).then_some(name)
}

/// The beginning of what somebody wrote, in quotes; none where there is nothing.
pub(super) fn quote(text: &str, most: usize) -> Option<String> {
    let line = line(text, most);
    (!line.is_empty()).then(|| format!("“{line}”"))
}

/// `Ingrid Vale`, `Ingrid Vale and Wren Okafor`, `Ingrid Vale, Wren Okafor and 2 more`.
pub(super) fn list(names: &[String], more: usize) -> String {
    let more = (more > 0).then(|| format!("{more} more"));
    let names: Vec<_> = names.iter().map(String::as_str).chain(more.as_deref()).collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// Cuts between characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().nth(most).is_none() {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most - 1).collect();
    format!("{}{ELLIPSIS}", kept.trim_end())
}

/// White space and control characters of every kind become one space, and what hides or turns
/// text around is left out.
fn on_one_line(text: &str) -> String {
    let mut line = String::new();
    let mut length = 0;
    for c in text.chars().filter(|&c| !hides(c)) {
        if !c.is_whitespace() && !c.is_control() {
            line.push(c);
        } else if line.is_empty() || line.ends_with(' ') {
            continue;
        } else {
            line.push(' ');
        }
        length += 1;
        if length == READ_MOST {
            break;
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// What changes the direction of text (Unicode Standard Annex 9), and what has no width. Not the
/// two joiners: Persian is spelt with them, and emoji are made of them.
const fn hides(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' |
        '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' |
        '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_one_line() {
        assert_eq!(
            line(" \r\n Bonjour,\n\n\tc\u{2028}d\u{0}e\u{1b}[2J ", 60),
            "Bonjour, c d e [2J"
        );
        assert_eq!(line("a\u{202e}b\u{2066}c\u{200b}d\u{feff}e", 60), "abcde");
        assert_eq!(line("👩\u{200d}🚀 می\u{200c}خواهم", 60), "👩\u{200d}🚀 می\u{200c}خواهم");
    }

    #[test]
    fn hidden_characters_do_not_hide_an_address() {
        for text in ["a\u{200b}@b", "a@\u{2060}b", "a\u{200d}@\u{200c}b", "a\u{0}@\u{0}b.example"] {
            assert_eq!(line(text, 60), "[e-mail]", "{text:?}");
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_says_so() {
        assert_eq!(cut("ééé", 3), "ééé");
        assert_eq!(cut("éééé", 3), "éé…");
        assert_eq!(cut("é é é", 3), "é…");
        let long = line(&"👋é ".repeat(1_000_000), 60);
        assert_eq!(long.chars().count(), 60);
        assert!(long.ends_with(ELLIPSIS));
    }

    #[test]
    fn an_address_is_no_name() {
        for text in
            ["", " \n", "a@b.example", "<a@b.example>", "(a@b)", "a @ b.example", "\u{202e}"]
        {
            assert_eq!(name(text), None, "{text:?}");
        }
        assert_eq!(name("Nadia <a@b.example>").unwrap(), "Nadia <[e-mail]>");
        assert_eq!(name("Nadia\r\nOkafor").unwrap(), "Nadia Okafor");
        assert_eq!(name(&"é".repeat(61)).unwrap().chars().count(), 60);
    }

    #[test]
    fn names_are_listed_as_people_say_them() {
        let names = ["A", "B", "C"].map(str::to_owned);
        assert_eq!(list(&names[..1], 0), "A");
        assert_eq!(list(&names[..2], 0), "A and B");
        assert_eq!(list(&names, 0), "A, B and C");
        assert_eq!(list(&names, 2), "A, B, C and 2 more");
    }
}
