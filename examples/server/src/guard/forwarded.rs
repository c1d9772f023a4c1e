//! The headers in which proxies say for whom they speak: `X-Forwarded-For` and its relatives, which
//! no standard defines, and `Forwarded` (RFC 7239).
//!
//! They are read from the right, where the nearest proxy writes, and no further than asked. What
//! stands further left may be anybody's: nothing in it changes how the rest is read.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str;

use axum::http::HeaderMap;

pub(super) const FORWARDED: &str = "forwarded";
pub(super) const X_FORWARDED_FOR: &str = "x-forwarded-for";
pub(super) const X_FORWARDED_PROTO: &str = "x-forwarded-proto";

/// It is no address: hidden, forgotten, or garbage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unknown;

/// The addresses in `X-Forwarded-For`, from the last to the first.
pub(super) fn x_forwarded_for(
    headers: &HeaderMap,
) -> impl Iterator<Item = Result<IpAddr, Unknown>> {
    entries(headers, X_FORWARDED_FOR).map(|entry| address(text(entry)?))
}

/// The addresses in `Forwarded`, from the last to the first.
pub(super) fn forwarded(headers: &HeaderMap) -> impl Iterator<Item = Result<IpAddr, Unknown>> {
    entries(headers, FORWARDED).map(|entry| element(text(entry)?))
}

/// What stands between the commas, from the last to the first; all lines of a name are one list
/// (RFC 9110, section 5.3). A header that is there has one at least, which may be empty.
pub(super) fn entries<'a>(
    headers: &'a HeaderMap,
    name: &'static str,
) -> impl Iterator<Item = &'a [u8]> {
    let lines = headers.get_all(name).iter().rev();
    lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
}

fn text(entry: &[u8]) -> Result<&str, Unknown> {
    str::from_utf8(entry).map_err(|_| Unknown)
}

/// The client in an element of `Forwarded` (RFC 7239, section 4), as in `for=192.0.2.7;by=_proxy`.
///
/// The text was cut at commas, and is at semicolons, inside of quoted strings too. Such a string
/// then lacks a quotation mark at one end, and the element is refused whole: nobody's address
/// comes out of the middle of another parameter.
fn element(element: &str) -> Result<IpAddr, Unknown> {
    let mut client = None;
    for pair in element.split(';').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or(Unknown)?;
        let value = unquoted(value)?;
        if name.eq_ignore_ascii_case("for") && client.replace(address(value)?).is_some() {
            return Err(Unknown);
        }
    }
    client.ok_or(Unknown)
}

/// A token, or what a quoted string holds (RFC 9110, section 5.6.4). One with a quotation mark in
/// it is refused, escaped or not.
fn unquoted(value: &str) -> Result<&str, Unknown> {
    let inside = match value.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"').ok_or(Unknown)?,
        None => value,
    };
    if inside.contains('"') { Err(Unknown) } else { Ok(inside) }
}

/// An address with or without a port, an IPv6 address with or without brackets.
fn address(text: &str) -> Result<IpAddr, Unknown> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok();
    text.parse()
        .or_else(|_| text.parse().map(|socket: SocketAddr| socket.ip()))
        .ok()
        .or_else(|| bracketed().map(IpAddr::V6))
        .map(|address| address.to_canonical())
        .ok_or(Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(text: &str) -> Result<IpAddr, Unknown> {
        Ok(text.parse().unwrap())
    }

    #[test]
    fn addresses_may_have_ports_and_brackets() {
        for (text, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.7:1234", "192.0.2.7"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("[::ffff:192.0.2.7]:443", "192.0.2.7"),
        ] {
            assert_eq!(address(text), ok(expected), "{text}");
        }
    }

    #[test]
    fn everything_else_is_no_address() {
        for text in [
            "",
            "unknown",
            "_hidden",
            "localhost",
            "192.0.2",
            "192.0.2.7.1",
            "192.0.2.256",
            "192.0.2.7:",
            "192.0.2.7:65536",
            "192.0.2.7:_port",
            "192.0.2.7 ",
            "192.0.2.0/24",
            "010.0.0.1",
            "0x7f000001",
            "[192.0.2.7]",
            "[2001:db8::1",
            "2001:db8::1]",
            "[]",
            "[]:1",
            "192.0.2.7 192.0.2.8",
            "\"192.0.2.7\"",
        ] {
            assert_eq!(address(text), Err(Unknown), "{text}");
        }
    }

    #[test]
    fn an_element_names_its_client_among_other_parameters_quoted_or_not() {
        for (text, expected) in [
            ("for=192.0.2.43", "192.0.2.43"),
            ("For=\"192.0.2.43\"", "192.0.2.43"),
            ("FOR=\"192.0.2.43:4711\"", "192.0.2.43"),
            ("for=\"[2001:db8::1]:4711\"", "2001:db8::1"),
            ("for=\"[::ffff:192.0.2.43]\"", "192.0.2.43"),
            ("proto=http;by=\"_proxy\"; for=192.0.2.43;", "192.0.2.43"),
            ("for=192.0.2.43;host=\"localhost:8000\";proto=https", "192.0.2.43"),
        ] {
            assert_eq!(element(text), ok(expected), "{text}");
        }
    }

    #[test]
    fn an_element_that_is_not_well_formed_names_nobody() {
        for text in [
            "",
            ";",
            "192.0.2.43",
            "for",
            "for=",
            "for=\"",
            "for=\"\"",
            "for=unknown",
            "for=\"192.0.2.43",
            "for=192.0.2.43\"",
            "for=\"192.0.2.43\"x",
            "for = 192.0.2.43",
            "for=\"192.0.2.\\43\"",
            "by=192.0.2.43",
            "for=192.0.2.43;for=192.0.2.43",
            "for=192.0.2.43;for=192.0.2.7",
            "for=192.0.2.43;proto",
            "for=192.0.2.43;host=\"a",
        ] {
            assert_eq!(element(text), Err(Unknown), "{text}");
        }
    }

    #[test]
    fn nothing_inside_of_a_quoted_string_is_taken_for_an_element() {
        // What a client could put there as the name of the host, which a proxy repeats.
        for host in ["a,for=192.0.2.7", "a,for=192.0.2.7;x=", r#"a,for=192.0.2.7;x=\"b"#, "a,"] {
            let value = format!("for=203.0.113.9;host=\"{host}\"");
            let headers = [(FORWARDED.parse().unwrap(), value.parse().unwrap())];
            let headers = headers.into_iter().collect();
            assert_eq!(forwarded(&headers).next(), Some(Err(Unknown)), "{value}");
        }
    }

    #[test]
    fn an_open_quotation_mark_further_left_hides_nobody() {
        let headers = [(FORWARDED.parse().unwrap(), "for=\", for=203.0.113.9".parse().unwrap())];
        let headers = headers.into_iter().collect();
        assert_eq!(forwarded(&headers).next(), Some(ok("203.0.113.9")));
    }
}
