//! `--print`: a curl command for a POSIX shell that sends the same delivery.

use anyhow::bail;
use bytes::Bytes;
use http::Request;

/// Maximum length of a body on the command line. Linux limits an argument to 128 KiB.
const MAX_BODY: usize = 100 * 1024;

/// Returns the command that sends one delivery, whose body is from `file`.
pub fn command(request: &Request<Bytes>, file: &str) -> anyhow::Result<String> {
    let Some(body) = printable(request.body()) else {
        bail!("{file} is binary or longer than 100 KiB; omit --print");
    };
    let mut options = Vec::new();
    for (name, value) in request.headers() {
        let header = match value.to_str()? {
            // With a colon, curl would remove the header.
            "" => format!("{name};"),
            value => format!("{name}: {value}"),
        };
        options.push(format!("--header {}", quote(&header)));
    }
    // Tawk.to is not known to send `Expect: 100-continue`, as curl does before long bodies.
    options.push("--header 'expect:'".to_owned());
    // curl takes a body that starts with `@` for a file, and brackets in the URL for patterns.
    options.push(format!("--data-raw {}", quote(body)));
    options.push(format!("--globoff {}", quote(&request.uri().to_string())));
    Ok(format!(
        "curl --silent --show-error --max-time 30 --write-out ' %{{http_code}}\\n' \\\n  {}",
        options.join(" \\\n  ")
    ))
}

/// Returns the body as text, unless it is too long or contains terminal escape sequences.
fn printable(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?;
    let has_control = text.contains(|c: char| c.is_control() && !"\n\r\t".contains(c));
    (text.len() <= MAX_BODY && !has_control).then_some(text)
}

/// Quotes a text for a POSIX shell. In single quotes, only the quote itself is special.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_single_quotes() {
        assert_eq!(quote("it's"), r"'it'\''s'");
    }

    #[test]
    fn prints_text_without_control_characters() {
        for text in ["{}", "{\r\n\t}\n", "¡Hola! 👋"] {
            assert_eq!(printable(text.as_bytes()), Some(text));
        }
        for bytes in [&b"a\0b"[..], b"a\x1b[2J", b"\xff", &[b'1'; MAX_BODY + 1]] {
            assert_eq!(printable(bytes), None);
        }
    }
}
