//! What is repeated of a receiver's answer: its beginning, on one line, without what the receiver
//! itself repeats of the request.
//!
//! Many do repeat it: by default some frameworks name the path that they do not know, which for
//! most chat systems is the secret, and others the body that they do not like, which is what a
//! visitor said.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use http::header::{AUTHORIZATION, HeaderValue};

/// In characters.
const LONGEST: usize = 200;

/// Shorter words give nothing away.
const SHORTEST_WORD: usize = 3;

/// From so many bytes on a word is also known by a part of it, or with something before it such as
/// the `2F` of `%2F`. Less would take the `service` out of Slack's `no_service`, since its paths
/// begin with `/services`.
const LONG_WORD: usize = 8;

/// The beginning of `answer`, as far as it is no word of `request`.
pub(super) fn quote(answer: &[u8], request: &Request<Bytes>) -> String {
    let sent = sent(request);
    let sent: Vec<&str> = sent.split(is_between_words).filter(|word| is_telling(word)).collect();
    let mut quote = String::new();
    for piece in String::from_utf8_lossy(answer).split_inclusive(is_between_words) {
        let word = piece.trim_end_matches(is_between_words);
        let repeated = is_telling(word) && sent.iter().any(|sent| is_same(word, sent));
        quote.push_str(if repeated { "…" } else { word });
        // Anything else could drive a terminal, or hide.
        let between = &piece[word.len()..];
        quote.push_str(if between.chars().all(|c| c.is_ascii_graphic()) { between } else { " " });
    }
    let quote: String = quote.split_whitespace().collect::<Vec<_>>().join(" ");
    quote.chars().take(LONGEST).collect()
}

/// Where a request goes, by which right, and what it says.
fn sent(request: &Request<Bytes>) -> String {
    let right = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes);
    let right = right.unwrap_or_default();
    // User and password (RFC 7617, section 2), which a receiver knows as well as what was sent.
    let basic = right.strip_prefix(b"Basic ").and_then(|basic| STANDARD.decode(basic).ok());
    let basic = basic.unwrap_or_default();
    let [right, basic, body] = [right, &*basic, request.body()].map(String::from_utf8_lossy);
    let uri = request.uri();
    let host = uri.authority().map_or("", |authority| authority.as_str());
    format!("{host} {} {} {right} {basic} {body}", uri.path(), uri.query().unwrap_or_default())
}

fn is_between_words(c: char) -> bool {
    !c.is_alphanumeric()
}

const fn is_telling(word: &str) -> bool {
    word.len() >= SHORTEST_WORD
}

/// Whatever case a receiver repeats it in.
fn is_same(word: &str, sent: &str) -> bool {
    let are_long = word.len() >= LONG_WORD && sent.len() >= LONG_WORD;
    let (word, sent) = (word.to_lowercase(), sent.to_lowercase());
    word == sent || are_long && (word.contains(&sent) || sent.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(answer: &str) -> String {
        let request = Request::post("https://hooks.example.com/services/T0AA/hXq7Zp2mVd9k?to=Qw8e")
            .header(AUTHORIZATION, "Bearer tk_AgQdq7mVHD38")
            .body(Bytes::from_static(r#"{"text":"Gwendolen: my door is open"}"#.as_bytes()))
            .unwrap();
        quote(answer.as_bytes(), &request)
    }

    #[test]
    fn what_a_receiver_says_is_quoted() {
        for answer in [
            "invalid_payload",
            "no_service",
            "channel_not_found",
            r#"{"message": "Unknown Webhook", "code": 10015}"#,
            "nicht verfügbar",
        ] {
            assert_eq!(quoted(answer), answer);
        }
    }

    #[test]
    fn what_a_receiver_repeats_of_the_request_is_left_out() {
        for (answer, quote) in [
            ("Cannot POST /services/T0AA/hXq7Zp2mVd9k?to=Qw8e", "Cannot POST /…/…/…?to=…"),
            ("no %2Fservices%2FhXq7Zp2mVd9k", "no %…%…"),
            (r"\u002fhXq7Zp2mVd9k", r"\…"),
            ("not here: hXq7Zp2mV", "not here: …"),
            ("tk_AgQdq7mVHD38 may not", "tk_… may not"),
            ("https://hooks.example.com:443/", "https://….….…:443/"),
            (r#"{"input": {"text": "Gwendolen: my"}}"#, r#"{"input": {"…": "…: my"}}"#),
        ] {
            assert_eq!(quoted(answer), quote, "{answer}");
        }
    }

    #[test]
    fn a_quote_is_one_line_of_200_characters_at_most_which_drives_no_terminal() {
        assert_eq!(quoted(" a\r\n\tb\u{1b}[2J\u{202e}c\u{0}\u{200b}\u{9b}d "), "a b [2J c d");
        assert_eq!(quoted(&"é".repeat(300)), "é".repeat(200));
        let broken = Request::new(Bytes::new());
        assert_eq!(quote(b"caf\xc3", &broken), "caf");
    }
}
