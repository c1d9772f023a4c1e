//! Puts names and messages on one line, without control characters and email addresses.

use linkify::{LinkFinder, LinkKind};

use crate::escape::is_unprintable;

const MAX_NAME_CHARS: usize = 60;

/// Maximum characters of a text that are read. A text may have a megabyte.
const MAX_READ_CHARS: usize = 2_000;

const EMAIL: &str = "[email]";

/// Other spellings of `@`: full-width, small, percent-encoded, as HTML, and written out.
const AT_SIGNS: [&str; 8] =
    ["\u{ff20}", "\u{fe6b}", "%40", "&#64;", "&#x40;", "&commat;", "(at)", "[at]"];

/// Returns a text on one line, without email addresses and of at most `max` characters.
pub fn line(text: &str, max: usize) -> String {
    truncate(&without_emails(&on_one_line(text)), max)
}

/// Returns a name or an id. `None` if it is empty or an email address.
pub fn name(text: &str) -> Option<String> {
    let name = line(text, MAX_NAME_CHARS);
    let without_brackets = name.trim_matches(['<', '>', '(', ')', '"', '\'', ' ']);
    (!matches!(without_brackets, "" | EMAIL)).then_some(name)
}

/// Returns the start of a text in quotation marks. `None` if the text is empty.
pub fn quote(text: &str, max: usize) -> Option<String> {
    let line = line(text, max);
    (!line.is_empty()).then(|| format!("“{line}”"))
}

fn truncate(text: &str, max: usize) -> String {
    if text.chars().nth(max).is_none() {
        return text.to_owned();
    }
    let kept: String = text.chars().take(max - 1).collect();
    format!("{}…", kept.trim_end())
}

/// Replaces runs of whitespace and control characters with one space.
fn on_one_line(text: &str) -> String {
    let visible = text.chars().filter(|&c| !is_hidden(c)).take(MAX_READ_CHARS);
    let text: String = visible.map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns whether a character has no width or changes the direction of text. The two joiners are
/// not hidden: Persian and emoji need them.
fn is_hidden(c: char) -> bool {
    is_unprintable(c) && !c.is_control() && !c.is_whitespace() && !"\u{200c}\u{200d}".contains(c)
}

/// Replaces email addresses in a line with `[email]`. Errs on the side of removing too much.
fn without_emails(line: &str) -> String {
    let mut line = line.to_owned();
    for sign in AT_SIGNS {
        line = line.replace(sign, "@");
    }
    let mut emails = LinkFinder::new();
    emails.kinds(&[LinkKind::Email]).email_domain_must_have_dot(false);
    let spans = emails.spans(&line);
    let replaced: String =
        spans.map(|span| if span.kind().is_some() { EMAIL } else { span.as_str() }).collect();
    let words = replaced.split(' ').map(|word| if is_address(word) { EMAIL } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// Returns whether a word still contains an address, in a form that linkify does not find, such as
/// `"a"@example.com` or `@a@example.com`. A mention, such as `@here`, is not an address.
fn is_address(word: &str) -> bool {
    let (Some((_, domain)), Some((local, _))) = (word.split_once('@'), word.rsplit_once('@'))
    else {
        return false;
    };
    local.contains(char::is_alphanumeric) && domain.contains(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn puts_a_text_on_one_line_without_control_and_hidden_characters() {
        assert_eq!(
            line(" \r\n Bonjour,\n\n\tc\u{2028}d\u{0}e\u{1b}[2J ", 60),
            "Bonjour, c d e [2J"
        );
        assert_eq!(line("a\u{202e}b\u{2066}c\u{200b}d\u{feff}e", 60), "abcde");
        assert_eq!(line("👩\u{200d}🚀 می\u{200c}خواهم", 60), "👩\u{200d}🚀 می\u{200c}خواهم");
    }

    #[test]
    fn replaces_email_addresses() {
        for (text, expected) in [
            ("a@b", "[email]"),
            ("Nadia <nadia.okafor@example.com>", "Nadia <[email]>"),
            ("mail (a+b@mail.example.co.uk).", "mail ([email])."),
            ("a@b.example,c@d.example;e@f.example", "[email],[email];[email]"),
            ("用户@例子.中国", "[email]"),
            ("a@[192.0.2.1]", "[email]"),
            ("\"a b\"@c.example", "\"a [email]"),
            ("a(b)@c.example", "[email]"),
            ("a@b@c", "[email]"),
            ("@a@b.example", "[email]"),
            ("https://a@b.example/", "https:[email]/"),
            ("https://x.example/?mail=a%40b.example&page=2", "https:[email]&page=2"),
            ("https://x.example/@y", "https:[email]"),
            ("a\u{ff20}b.example or a\u{fe6b}b", "[email] or [email]"),
            ("a&#64;b.example", "[email]"),
            ("a(at)b.example, a[at]b", "[email], [email]"),
            ("a\u{200b}@b", "[email]"),
            ("a@\u{2060}b", "[email]"),
            ("Name : a@b.example Phone : 1", "Name : [email] Phone : 1"),
        ] {
            assert_eq!(line(text, 100), expected, "{text}");
        }
    }

    #[test]
    fn keeps_mentions_and_single_at_signs() {
        for text in [
            "",
            "@",
            "@here",
            "<@U123> (@all) \"@everyone\"",
            "me @ 5",
            "2 @ $4.99",
            "@ @ @",
            "100%",
        ] {
            assert_eq!(line(text, 100), text);
        }
    }

    /// Regression: it took minutes when each at sign searched all that followed.
    #[test]
    fn reads_a_megabyte_of_at_signs() {
        for text in ["@", "a@", "@ ", "a @ ", "a@!", "!@", "%40", "(at)"] {
            assert!(line(&text.repeat(250_000), 60).chars().count() <= 60);
        }
    }

    #[test]
    fn truncates_at_a_character_boundary_with_an_ellipsis() {
        assert_eq!(truncate("ééé", 3), "ééé");
        assert_eq!(truncate("éééé", 3), "éé…");
        assert_eq!(truncate("é é é", 3), "é…");
        let long = line(&"👋é ".repeat(1_000_000), 60);
        assert_eq!(long.chars().count(), 60);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn an_email_address_is_not_a_name() {
        for text in ["", " \n", "a@b.example", "<a@b.example>", "(a@b)", "\u{202e}"] {
            assert_eq!(name(text), None, "{text:?}");
        }
        assert_eq!(name("Nadia <a@b.example>").unwrap(), "Nadia <[email]>");
        assert_eq!(name("Nadia\r\nOkafor").unwrap(), "Nadia Okafor");
        assert_eq!(name(&"é".repeat(61)).unwrap().chars().count(), 60);
    }
}
