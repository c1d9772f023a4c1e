//! Tokens at the start of the desk.

use super::samples;
use crate::support::{Connection, TOKEN, Terminal, run_in};

#[test]
fn without_a_token_and_a_terminal_the_desk_does_not_start() {
    let store = samples();
    let settings = [("DATABASE_URL", &*store.url), ("DESK_PORT", "0")];
    let finished = run_in(&store.directory, &["desk"], &settings);
    assert_eq!((finished.code, &*finished.stdout), (Some(2), ""), "{finished:?}");
    assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
    assert!(finished.stderr.ends_with("set DESK_TOKEN"), "{finished:?}");
}

#[test]
fn a_terminal_shows_a_link_with_a_new_token() {
    let store = samples();
    let Some(terminal) = Terminal::start(&store) else { return };
    let (address, token) = terminal.link.split_once("/?token=").unwrap();
    let address = address.strip_prefix("http://").unwrap();
    assert_eq!(token.len(), 32, "{}", terminal.link);
    let mut connection = Connection::open(address.parse().unwrap());
    let request = format!("GET /?token={token} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    connection.send(request.as_bytes());
    assert_eq!(connection.receive().status, 303);
    let other = Terminal::start(&store).unwrap();
    assert!(!other.link.ends_with(token), "{} {}", terminal.link, other.link);
}

#[test]
fn a_short_token_is_rejected_and_not_printed() {
    let store = samples();
    for token in ["", "invented", "fifteen-letters"] {
        let settings = [("DATABASE_URL", &*store.url), ("DESK_PORT", "0"), ("DESK_TOKEN", token)];
        let finished = run_in(&store.directory, &["desk"], &settings);
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert!(finished.stderr.contains("DESK_TOKEN"), "{finished:?}");
        assert!(token.is_empty() || !finished.output().contains(token), "{finished:?}");
    }
}

#[test]
fn an_invalid_origin_is_rejected() {
    let store = samples();
    for origin in ["desk.example.com", "https://desk.example.com/path", "ftp://desk.example.com"] {
        let settings = [
            ("DATABASE_URL", &*store.url),
            ("DESK_PORT", "0"),
            ("DESK_TOKEN", TOKEN),
            ("DESK_ALLOWED_HOSTS", origin),
        ];
        let finished = run_in(&store.directory, &["desk"], &settings);
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert!(finished.stderr.contains("DESK_ALLOWED_HOSTS"), "{finished:?}");
    }
}
