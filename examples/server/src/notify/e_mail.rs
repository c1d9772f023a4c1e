//! Takes e-mail addresses out of a text. People write them into chats and subjects, give them as
//! their names, and fill them into forms.
//!
//! It takes rather too much: what is no address after all is a word less in a notification, and
//! what is one would go to wherever notifications go.

const PLACEHOLDER: &str = "[e-mail]";

/// An at sign as keyboards, URLs and HTML have it, and as people write it who fear robots. Those
/// beyond ASCII are its wide and its small form.
const AT_SIGNS: [&str; 12] = [
    "@", "\u{ff20}", "\u{fe6b}", "%40", "&#64;", "&#064;", "&#x40;", "&commat;", "(at)", "[at]",
    "{at}", "<at>",
];

/// `text`, with `[e-mail]` in place of all that looks like an address.
///
/// That is a word with an at sign in it, or words around an at sign that stands alone where a
/// domain with a dot follows. A mention (`@here`) is none, nor is a link to somebody's page
/// (`https://example.com/@somebody`).
pub(super) fn without_addresses(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, sign, after)) = split_at_sign(rest) {
        kept.push_str(before);
        rest = after;
        match address(before, after) {
            Some((local, domain)) => {
                kept.truncate(kept.len() - local);
                kept.push_str(PLACEHOLDER);
                rest = &after[domain..];
            }
            None => kept.push_str(sign),
        }
    }
    kept.push_str(rest);
    kept
}

fn split_at_sign(text: &str) -> Option<(&str, &str, &str)> {
    let (at, sign) = text.char_indices().find_map(|(at, _)| {
        let rest = &text.as_bytes()[at..];
        let is_sign = |sign: &str| {
            rest.get(..sign.len()).is_some_and(|rest| rest.eq_ignore_ascii_case(sign.as_bytes()))
        };
        Some((at, AT_SIGNS.into_iter().find(|sign| is_sign(sign))?))
    })?;
    Some((&text[..at], sign, &text[at + sign.len()..]))
}

/// How many bytes before and behind an at sign are an address with it; none where it is not part
/// of one.
fn address(before: &str, after: &str) -> Option<(usize, usize)> {
    let local = before.trim_end_matches(' ');
    let local = local.rsplit(ends_word).next().unwrap_or_default().trim_start_matches(EDGES);
    // Where the domain is an address of a network, it stands in brackets (RFC 5321, section 4.1.3).
    let domain = after.trim_start_matches([' ', '[']);
    let end = domain.split(ends_domain).next().unwrap_or_default().trim_end_matches(EDGES).len();
    let (domain, behind) = domain.split_at(end);

    let is_link = local.contains("://") && local.ends_with('/');
    let is_one_word = !before.ends_with(' ') && !after.starts_with(' ');
    let is_address = has_letter_or_digit(domain)
        && (has_dot_inside(domain) || (is_one_word && has_letter_or_digit(local)));
    let start = before.trim_end_matches(' ').len() - local.len();
    (is_address && !is_link).then_some((before.len() - start, after.len() - behind.len()))
}

/// What stands around a word and is not part of it.
const EDGES: [char; 8] = ['.', '!', '?', '\'', '"', '*', '_', '`'];

/// Rather too few: in an address of today there may be any letter of any script (RFC 6531).
fn ends_word(c: char) -> bool {
    c.is_whitespace() || "<>()[]{}|,;“”„«»‹›、。，；：（）【】「」『』《》！？".contains(c)
}

/// At the next at sign, too: of a thousand in a row each would else look at all that follow.
fn ends_domain(c: char) -> bool {
    ends_word(c) || "@\u{ff20}\u{fe6b}%".contains(c)
}

fn has_letter_or_digit(text: &str) -> bool {
    text.contains(char::is_alphanumeric)
}

/// As in `example.com`, and not as in `4.99`.
fn has_dot_inside(domain: &str) -> bool {
    domain.split('.').skip(1).any(|label| label.starts_with(char::is_alphabetic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_an_address_is_taken_out() {
        for (text, told) in [
            ("a@b", "[e-mail]"),
            ("Nadia <nadia.okafor@example.com>", "Nadia <[e-mail]>"),
            ("mail (a+b@mail.example.co.uk).", "mail ([e-mail])."),
            ("\"a@b.example\", 'c@d.example'!", "\"[e-mail]\", '[e-mail]'!"),
            ("a@b.example,c@d.example;e@f.example", "[e-mail],[e-mail];[e-mail]"),
            ("用户@例子.中国", "[e-mail]"),
            ("邮箱：a@b.example。谢谢", "邮箱：[e-mail]。谢谢"),
            ("é\u{301}@b", "[e-mail]"),
            ("a@[192.0.2.1]", "[e-mail]]"),
            ("\"a b\"@c.example", "\"a [e-mail]"),
            ("a(b)@c.example", "a(b)[e-mail]"),
            ("a@b@c", "[e-mail]@c"),
            ("mailto:a@b.example?subject=x", "[e-mail]"),
            ("https://a@b.example/", "[e-mail]"),
            ("https://x.example/?mail=a%40b.example&page=2", "[e-mail]"),
            ("https://x.example/@y/a@b.example", "https://x.example/@[e-mail]"),
            ("a\u{ff20}b.example or a\u{fe6b}b", "[e-mail] or [e-mail]"),
            ("a&#64;b.example", "[e-mail]"),
            ("a(at)b.example, a[at]b, a (at) b.example", "[e-mail], [e-mail], [e-mail]"),
            ("write to a @ b.example or a@ b.example", "write to [e-mail] or [e-mail]"),
            ("@@a@b.example a@@b.example", "@@[e-mail] a@[e-mail]"),
            ("Name : a@b.example Phone : 1", "Name : [e-mail] Phone : 1"),
        ] {
            assert_eq!(without_addresses(text), told, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_stays() {
        for text in [
            "",
            "@",
            "@here",
            "<@U123> (@all) \"@everyone\" **@channel**",
            "call me @ 5 or @ 10.30",
            "2 @ $4.99",
            "https://example.com/@somebody",
            "look (at) this",
            "a@",
            "@ @ @",
            "100%",
        ] {
            assert_eq!(without_addresses(text), text);
        }
    }

    /// It takes minutes where each at sign looks at all that follow.
    #[test]
    fn at_signs_without_end_are_read_to_their_end() {
        for text in ["@", "a@", "@ ", "a @ ", "a@!", "!@", "%40", "(at)"] {
            let long = text.repeat(100_000);
            assert!(without_addresses(&long).len() <= 4 * long.len());
        }
    }
}
