//! The text of HTML, as the message of a ticket that came by email may be.

use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};

const MAX_HTML_LEN: usize = 256 * 1024;

/// Elements whose content a mail reader does not show.
const HIDDEN: [&[u8]; 8] =
    [b"iframe", b"noframes", b"script", b"style", b"svg", b"template", b"title", b"xml"];

const VOID: [&[u8]; 13] = [
    b"area", b"base", b"br", b"col", b"embed", b"hr", b"img", b"input", b"link", b"meta",
    b"source", b"track", b"wbr",
];

/// Elements that may begin or end within a word. Others separate words.
const INLINE: [&[u8]; 24] = [
    b"a", b"abbr", b"b", b"bdi", b"bdo", b"big", b"code", b"del", b"em", b"font", b"i", b"ins",
    b"mark", b"o:p", b"s", b"small", b"span", b"strike", b"strong", b"sub", b"sup", b"tt", b"u",
    b"wbr",
];

/// Returns what a mail reader shows of HTML, still untrusted. A text without tags is not changed.
pub fn html_to_text(html: &str) -> String {
    let html = &html[..html.floor_char_boundary(MAX_HTML_LEN)];
    if !html.contains('<') {
        return html.to_owned();
    }
    let mut emitter = DefaultEmitter::default();
    // Otherwise the content of a hidden element is read as HTML.
    emitter.naively_switch_states(true);
    let mut text = String::new();
    let mut is_html = false;
    // The name of the hidden element, or nothing, and how many elements of this name are open.
    let mut hidden = Vec::new();
    let mut open = 0_u32;
    for Ok(token) in Tokenizer::new_with_emitter(html, emitter) {
        is_html |= !matches!(token, Token::String(_) | Token::Error(_));
        match token {
            Token::String(part) if hidden.is_empty() => {
                text.push_str(&String::from_utf8_lossy(&part));
            }
            Token::StartTag(tag) => {
                text.push_str(separator(&tag.name));
                if hidden.is_empty() && is_hidden_element(&tag) {
                    hidden = tag.name.to_vec();
                }
                open += u32::from(*hidden == **tag.name);
            }
            Token::EndTag(tag) => {
                text.push_str(separator(&tag.name));
                open -= u32::from(*hidden == **tag.name);
                if open == 0 {
                    hidden.clear();
                }
            }
            _ => {}
        }
    }
    if is_html { text } else { html.to_owned() }
}

fn separator(name: &[u8]) -> &'static str {
    if INLINE.contains(&name) { "" } else { " " }
}

/// Returns whether the content of an element is not shown, such as that of a preheader.
fn is_hidden_element(tag: &StartTag<()>) -> bool {
    let name: &[u8] = &tag.name;
    HIDDEN.contains(&name)
        || !VOID.contains(&name)
            && tag.attributes.iter().any(|(attribute, value)| match &***attribute {
                b"hidden" => true,
                b"style" => {
                    let mut style = String::from_utf8_lossy(value).to_lowercase();
                    style.retain(|c| !c.is_whitespace());
                    style.contains("display:none") || style.contains("visibility:hidden")
                }
                _ => false,
            })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::sanitize::line;

    #[test]
    fn removes_tags_and_decodes_entities_of_html() {
        for (html, text) in [
            ("<p>Bonjour,</p><p>Je souhaite</p>", " Bonjour,  Je souhaite "),
            ("<!-- x -->a<br/>b", "a b"),
            ("<b>Tom &amp; Jo&#x27;s &#9749;&nbsp;&lt;3</b>", "Tom & Jo's ☕\u{a0}<3"),
            ("<b>&unknown; &; & &#x110000;</b>", "&unknown; &; & \u{fffd}"),
            ("<title>a <b></title><STYLE>a > b {}</STYLE>c", "    c"),
            ("<script>if (a<b) '</p>'</script>c<!-- <p>d</p> -->", "  c"),
            ("<a href=\"mailto:a@b.example\">a&#64;b</a>", "a@b"),
        ] {
            assert_eq!(html_to_text(html), text);
        }
    }

    #[test]
    fn shows_of_an_email_what_a_mail_reader_shows() {
        for (html, text) in [
            ("<!--[if mso]><p>Outlook</p><![endif]-->Hi", "Hi"),
            ("<!--[if !mso]><!-->Hi<!--<![endif]-->", "Hi"),
            ("<![if !mso]>Hi<![endif]>", "Hi"),
            ("<!doctype html><html><head><title>T</title></head><body>Hi</body></html>", "Hi"),
            ("<xml><o:PixelsPerInch>96</o:PixelsPerInch></xml><p>Hi<o:p></o:p></p>", "Hi"),
            ("<div style=\"font-size:0; DISPLAY: none\">a<div>b</div>c</div>Hi", "Hi"),
            ("<span hidden>a<b>b</b></span><span style=\"visibility:hidden\">c</span>Hi", "Hi"),
            ("<img style=\"display:none\"><br hidden><input hidden>Hi", "Hi"),
            ("<p style=\"display:block\">Hi</p><template><p>a</p></template>", "Hi"),
            ("<svg><title>a</title><text>b</text></svg><iframe><p>c</p></iframe>Hi", "Hi"),
            ("<style>a {}</style\n><style>p > b {}</style>Hi<style>unclosed <p>a</p>", "Hi"),
            (
                "<p>One<br>two</p><td>three</td><td>four</td><li>five<li>six",
                "One two three four five six",
            ),
            ("f<b>i</b>v<span>e</span> <font>s</font>ix, se<!-- x -->ven", "five six, seven"),
            ("<noscript>Hi</noscript>", "Hi"),
        ] {
            assert_eq!(line(&html_to_text(html), 100), text, "{html}");
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
