//! Sanitizes names and messages for notifications: one line, without control characters, email
//! addresses and HTML, truncated.

use html5gum::{DefaultEmitter, Token, Tokenizer};
use linkify::{LinkFinder, LinkKind};

const MAX_NAME_CHARS: usize = 60;

/// Maximum characters of a text that are read. A text may have a megabyte.
const MAX_READ_CHARS: usize = 2_000;

/// Maximum bytes of HTML that are read.
const MAX_HTML_LEN: usize = 256 * 1024;

/// Elements whose content is not for reading.
const HIDDEN: [&[u8]; 3] = [b"script", b"style", b"title"];

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

/// Truncates at a character boundary.
fn truncate(text: &str, max: usize) -> String {
    if text.chars().nth(max).is_none() {
        return text.to_owned();
    }
    let kept: String = text.chars().take(max - 1).collect();
    format!("{}…", kept.trim_end())
}

/// Replaces runs of whitespace and control characters with one space, and removes hidden
/// characters.
fn on_one_line(text: &str) -> String {
    let mut line = String::new();
    for c in text.chars().filter(|&c| !is_hidden(c)).take(MAX_READ_CHARS) {
        if !c.is_whitespace() && !c.is_control() {
            line.push(c);
        } else if !line.is_empty() && !line.ends_with(' ') {
            line.push(' ');
        }
    }
    line.trim_end().to_owned()
}

/// Returns whether a character changes the direction of text (Unicode Standard Annex 9) or has no
/// width. The two joiners are kept: Persian and emoji need them.
const fn is_hidden(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' |
        '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' |
        '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// Replaces email addresses in a line with `[email]`. Errs on the side of removing too much.
fn without_emails(line: &str) -> String {
    let mut line = line.to_owned();
    for sign in AT_SIGNS {
        line = line.replace(sign, "@");
    }
    let mut emails = LinkFinder::new();
    emails.kinds(&[LinkKind::Email]).email_domain_must_have_dot(false);
    let replaced: String = emails
        .spans(&line)
        .map(|span| if span.kind().is_some() { EMAIL } else { span.as_str() })
        .collect();
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

/// Returns the text of HTML, as the message of a ticket that came by email may be. A text without
/// tags is returned as it is. The result is for reading, and still untrusted.
pub fn html_to_text(html: &str) -> String {
    let html = &html[..html.floor_char_boundary(MAX_HTML_LEN)];
    let mut emitter = DefaultEmitter::default();
    // Otherwise the content of a hidden element is read as HTML.
    emitter.naively_switch_states(true);
    let mut text = String::new();
    let (mut is_html, mut is_hidden) = (false, false);
    for Ok(token) in Tokenizer::new_with_emitter(html, emitter) {
        match token {
            Token::String(part) if !is_hidden => text.push_str(&String::from_utf8_lossy(&part)),
            Token::String(_) | Token::Error(_) => {}
            tag => {
                is_hidden = matches!(tag, Token::StartTag(tag) if HIDDEN.contains(&&**tag.name));
                is_html = true;
                text.push(' ');
            }
        }
    }
    if is_html { text } else { html.to_owned() }
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

    #[test]
    fn removes_tags_and_decodes_entities_of_html() {
        for (html, text) in [
            ("<p>Bonjour,</p><p>Je souhaite</p>", " Bonjour,  Je souhaite "),
            ("<!-- x -->a<br/>b", " a b"),
            ("<b>Tom &amp; Jo&#x27;s &#9749;&nbsp;&lt;3</b>", " Tom & Jo's ☕\u{a0}<3 "),
            ("<b>&unknown; &; & &#x110000;</b>", " &unknown; &; & \u{fffd} "),
            ("<title>a <b></title><STYLE>a > b {}</STYLE>c", "    c"),
            ("<script>if (a<b) '</p>'</script>c<!-- <p>d</p> -->", "  c "),
            ("<a href=\"mailto:a@b.example\">a&#64;b</a>", " a@b "),
        ] {
            assert_eq!(html_to_text(html), text);
        }
    }

    #[test]
    fn keeps_text_that_is_not_html() {
        for text in ["", "a < b > c", "I <3 it &amp; you", "1 &lt; 2", "<", "<a", "< b>"] {
            assert_eq!(html_to_text(text), text);
        }
    }

    #[test]
    fn reads_megabytes_of_malformed_html() {
        for text in ["<", "<a ", "<a b=", "<!--", "</", "&", "&#", "<p>", "<style>"] {
            assert!(html_to_text(&text.repeat(500_000)).len() <= MAX_HTML_LEN);
        }
    }
}
