//! The address of the client, and whether it used HTTPS: from the connection, or from
//! `X-Forwarded-For` and `X-Forwarded-Proto` of a trusted proxy.
//!
//! Any client can send these headers, so they only count from a peer in `TAWK_TRUSTED_PROXIES`.
//! Each proxy appends the address of its peer. `X-Forwarded-For` is therefore read from the right,
//! up to the first address that is not a trusted proxy, which is the client. The client may have
//! written everything to the left of it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

const X_FORWARDED_FOR: &str = "x-forwarded-for";
const X_FORWARDED_PROTO: &str = "x-forwarded-proto";

/// Returns `None` if a trusted proxy does not name a client, or if its header is malformed.
pub fn client_ip(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> Option<IpAddr> {
    if !contains(proxies, peer) {
        return Some(peer.to_canonical());
    }
    let mut client = None;
    for entry in entries(headers, X_FORWARDED_FOR) {
        let address = parse(str::from_utf8(entry).ok()?)?;
        client = Some(address);
        if !contains(proxies, address) {
            break;
        }
    }
    client
}

/// Returns whether HTTPS was used all the way. If a trusted proxy says what its client used, that
/// takes precedence over the connection between the proxy and us.
pub fn is_https(peer: IpAddr, is_tls: bool, headers: &HeaderMap, proxies: &[IpNet]) -> bool {
    if !contains(proxies, peer) || !headers.contains_key(X_FORWARDED_PROTO) {
        return is_tls;
    }
    entries(headers, X_FORWARDED_PROTO).all(|scheme| scheme.eq_ignore_ascii_case(b"https"))
}

/// IPv4-mapped IPv6 addresses, as of the IPv4 peers of dual-stack sockets, are IPv4 addresses.
pub fn contains(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

/// Returns the entries of a comma-separated header from right to left. All its lines are one list.
fn entries<'a>(headers: &'a HeaderMap, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
    let lines = headers.get_all(name).iter().rev();
    lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
}

/// Parses an address with an optional port. Brackets around IPv6 addresses are optional.
fn parse(text: &str) -> Option<IpAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok();
    let address = text.parse().ok();
    let address = address.or_else(|| text.parse().ok().map(|socket: SocketAddr| socket.ip()));
    address.or_else(|| bracketed().map(IpAddr::V6)).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_network;

    const PROXIES: &str = "10.0.0.1,10.0.0.2,2001:db8:1::/48";

    fn proxies() -> Vec<IpNet> {
        PROXIES.split(',').map(|text| parse_network(text).unwrap()).collect()
    }

    fn headers(name: &str, lines: &[&str]) -> HeaderMap {
        let lines = lines.iter();
        lines.map(|value| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    /// The client if `peer` sends these lines of `X-Forwarded-For`.
    fn client(peer: &str, lines: &[&str]) -> Option<String> {
        let headers = headers(X_FORWARDED_FOR, lines);
        let client = client_ip(peer.parse().unwrap(), &headers, &proxies());
        client.map(|client| client.to_string())
    }

    fn some(address: &str) -> Option<String> {
        Some(address.to_owned())
    }

    #[test]
    fn ignores_the_headers_of_untrusted_peers() {
        for lines in [&["192.0.2.7"][..], &["garbage"], &[]] {
            assert_eq!(client("203.0.113.9", lines), some("203.0.113.9"));
            assert_eq!(client("2001:db8:2::1", lines), some("2001:db8:2::1"));
            assert_eq!(client("::ffff:203.0.113.9", lines), some("203.0.113.9"));
        }
    }

    #[test]
    fn the_client_is_unknown_if_a_trusted_proxy_does_not_name_it() {
        assert_eq!(client("10.0.0.1", &[]), None);
        assert_eq!(client("::ffff:10.0.0.1", &[]), None);
        for value in ["", "unknown", "_hidden", "192.0.2.7,", "192.0.2.7, garbage, 10.0.0.2"] {
            assert_eq!(client("10.0.0.1", &[value]), None, "{value}");
        }
    }

    #[test]
    fn the_client_is_the_rightmost_address_that_is_not_a_trusted_proxy() {
        for (value, expected) in [
            ("203.0.113.9", "203.0.113.9"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            // The client wrote the left address, hoping that it is allowed.
            ("192.0.2.7, 203.0.113.9", "203.0.113.9"),
            ("10.0.0.2, 203.0.113.9", "203.0.113.9"),
            // Two trusted proxies.
            ("192.0.2.7, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
            ("203.0.113.9,2001:db8:1::5,::ffff:10.0.0.2", "203.0.113.9"),
            // Entries to the left of the client are not read.
            ("unknown, \u{fc}, , 203.0.113.9, 10.0.0.2", "203.0.113.9"),
            // Only trusted proxies.
            ("2001:db8:1::5, 10.0.0.2", "2001:db8:1::5"),
        ] {
            assert_eq!(client("10.0.0.1", &[value]), some(expected), "{value}");
        }
    }

    #[test]
    fn all_lines_of_a_header_are_one_list() {
        let lines = ["192.0.2.7", "203.0.113.9", "10.0.0.2"];
        assert_eq!(client("10.0.0.1", &lines), some("203.0.113.9"));
        assert_eq!(client("10.0.0.1", &lines[2..]), some("10.0.0.2"));
    }

    #[test]
    fn https_is_a_property_of_the_connection_unless_a_trusted_proxy_names_the_scheme() {
        for (peer, schemes, over_http, over_tls) in [
            ("203.0.113.9", &[][..], false, true),
            ("203.0.113.9", &["https"], false, true),
            ("203.0.113.9", &["http"], false, true),
            ("10.0.0.1", &[], false, true),
            ("10.0.0.1", &["https"], true, true),
            ("::ffff:10.0.0.1", &["HTTPS , https", "https"], true, true),
            ("10.0.0.1", &["http"], false, false),
            ("10.0.0.1", &["https", "http"], false, false),
            ("10.0.0.1", &["http, https"], false, false),
            ("10.0.0.1", &["https,"], false, false),
            ("10.0.0.1", &[""], false, false),
        ] {
            for (is_tls, expected) in [(false, over_http), (true, over_tls)] {
                let headers = headers(X_FORWARDED_PROTO, schemes);
                let proxies = proxies();
                let is_https = is_https(peer.parse().unwrap(), is_tls, &headers, &proxies);
                assert_eq!(is_https, expected, "{peer} {schemes:?} {is_tls}");
            }
        }
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
            assert_eq!(parse(text), expected.parse().ok(), "{text}");
        }
    }

    #[test]
    fn rejects_malformed_addresses() {
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
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn ipv4_mapped_ipv6_is_ipv4() {
        let is_in = |network: &str, address: &str| {
            contains(&[parse_network(network).unwrap()], address.parse().unwrap())
        };
        for network in ["198.51.100.0/24", "198.51.100.9", "::ffff:198.51.100.9"] {
            assert!(is_in(network, "::ffff:198.51.100.9"), "{network}");
            assert!(!is_in(network, "::ffff:198.51.101.9"), "{network}");
        }
        assert!(!is_in("::/0", "::ffff:198.51.100.9"), "only IPv6");
    }
}
