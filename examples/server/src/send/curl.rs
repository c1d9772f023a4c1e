//! `--print`: the `curl` command that sends the same, for a POSIX shell.

use std::fmt::Write;

use super::delivery::{Delivery, EventId};
use super::fault::Fault;
use super::target::Target;

/// The longest body that stands on the command line; Linux takes 128 KiB in one argument.
const ARGUMENT_MOST: usize = 100 * 1024;

/// What curl cannot do.
pub(super) const fn cannot(fault: Fault) -> Option<&'static str> {
    match fault {
        Fault::Truncated => Some("curl cannot send fewer bytes than it declares and then end"),
        Fault::Slow => Some("curl cannot send a small body byte by byte"),
        _ => None,
    }
}

/// The command for one delivery, or two where it is sent twice.
pub(super) fn command(target: &Target, delivery: &Delivery, event_id: &EventId) -> String {
    let body = Body::new(&delivery.body);
    let mut command = body.before;
    command.push_str("curl --silent --show-error --max-time 30 --write-out ' %{http_code}\\n'");
    let url = target.to_string();
    if url.contains(['[', ']', '{', '}']) {
        command.push_str(" --globoff");
    }
    let mut option = |text: &str| {
        // Writing to a `String` does not fail.
        let _ = write!(command, " \\\n  {text}");
    };
    option("--header 'Content-Type: application/json'");
    option(&format!("--header {}", quoted(&format!("X-Hook-Event-Id: {event_id}"))));
    for signature in delivery.signatures() {
        option(&format!("--header {}", quoted(&format!("X-Tawk-Signature: {signature}"))));
    }
    // It would ask before it sends a long body, which Tawk.to is not known to do.
    option("--header 'Expect:'");
    option(&format!("--data-binary {}", body.argument));
    option(&quoted(&url));
    match delivery.fault {
        Some(Fault::Replay) => format!("{command}\n{command}"),
        _ => command,
    }
}

/// How a body gets to curl.
struct Body {
    /// What stands before `curl`: nothing, or what writes the body into a pipe.
    before: String,
    argument: String,
}

impl Body {
    fn new(body: &[u8]) -> Self {
        match std::str::from_utf8(body) {
            Ok(text) if can_be_argument(text) => {
                Self { before: String::new(), argument: quoted(text) }
            }
            _ => Self { before: format!("{} | ", printf(body)), argument: "@-".to_owned() },
        }
    }
}

/// Control characters do not survive being pasted, and curl takes what follows a first `@` for a
/// file's name.
fn can_be_argument(text: &str) -> bool {
    text.len() <= ARGUMENT_MOST
        && !text.starts_with('@')
        && !text.contains(|c: char| c.is_control() && c != '\n')
}

/// In single quotes every character is itself, but for the quote (POSIX, Shell Command Language,
/// section 2.2.2).
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A `printf` that writes any bytes: those that could be misread are octal. Spaces at the end, of
/// which there may be millions, are a width.
fn printf(body: &[u8]) -> String {
    let length = body.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
    let mut format = String::new();
    for byte in &body[..length] {
        let _ = match byte {
            b' '..=b'~' if !b"%\\'-".contains(byte) => write!(format, "{}", char::from(*byte)),
            _ => write!(format, "\\{byte:03o}"),
        };
    }
    match body.len() - length {
        0 => format!("printf '{format}'"),
        spaces => format!("printf '{format}%{spaces}s' ''"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_leaves_the_quoted_text_and_comes_back() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }

    #[test]
    fn text_stands_on_the_command_line_and_what_would_not_survive_goes_through_printf() {
        for text in ["{}", "{\n}\n", "¡Hola! 👋"] {
            assert_eq!(Body::new(text.as_bytes()).argument, quoted(text));
        }
        for bytes in [&b"@file"[..], b"a\tb", b"a\0b", b"\xff", &[b'1'; ARGUMENT_MOST + 1]] {
            assert_eq!(Body::new(bytes).argument, "@-");
        }
        assert_eq!(
            printf(b"-50% \\ it's\r\n  "),
            r"printf '\05550\045 \134 it\047s\015\012%2s' ''"
        );
    }
}
