//! Who sent a request, and how: the peer, or whom a trusted proxy names.
//!
//! Anybody can write the headers that proxies write, so they count only from a peer in
//! `TAWK_TRUSTED_PROXIES`, and in them only what stands right of the first address that is not
//! trusted, and that address itself: each proxy adds whom it heard from at the right end.

use std::net::IpAddr;

use axum::http::{Extensions, HeaderMap};

use super::Peer;
use super::forwarded::{self, FORWARDED, Unknown, X_FORWARDED_FOR, X_FORWARDED_PROTO};
use crate::config::Networks;

/// The address of the client, an IPv4 address as IPv4 however it came.
///
/// # Errors
///
/// When it cannot be told. A proxy sets one of the two headers and may pass on the other as the
/// client wrote it: where both are there, they have to lead to the same address.
pub(super) fn address(
    peer: IpAddr,
    headers: &HeaderMap,
    proxies: &Networks,
) -> Result<IpAddr, Unknown> {
    if !proxies.contain(peer) {
        return Ok(peer.to_canonical());
    }
    let by_x_forwarded_for = furthest(forwarded::x_forwarded_for(headers), proxies)?;
    let by_forwarded = furthest(forwarded::forwarded(headers), proxies)?;
    match (by_x_forwarded_for, by_forwarded) {
        (None, None) => Ok(peer.to_canonical()),
        (Some(client), None) | (None, Some(client)) => Ok(client),
        (Some(client), Some(same)) if client == same => Ok(client),
        _ => Err(Unknown),
    }
}

/// The first that is not trusted, or else the last; `None` when there are none.
fn furthest(
    addresses: impl Iterator<Item = Result<IpAddr, Unknown>>,
    proxies: &Networks,
) -> Result<Option<IpAddr>, Unknown> {
    let mut furthest = None;
    for address in addresses {
        let address = address?;
        furthest = Some(address);
        if !proxies.contain(address) {
            break;
        }
    }
    Ok(furthest)
}

/// Whether the client came over HTTPS, all the way: a trusted proxy that had it over plain HTTP
/// says so, and that goes before how the proxy itself connects.
pub(super) fn is_https(peer: Peer, headers: &HeaderMap, proxies: &Networks) -> bool {
    if !proxies.contain(peer.address) || !headers.contains_key(X_FORWARDED_PROTO) {
        return peer.is_https;
    }
    forwarded::entries(headers, X_FORWARDED_PROTO)
        .all(|scheme| scheme.eq_ignore_ascii_case(b"https"))
}

/// Whether a request comes from this machine, and not through a reverse proxy on it: one that says
/// nothing of whom it speaks for cannot be told from a client.
pub(crate) fn is_local(extensions: &Extensions, headers: &HeaderMap) -> bool {
    const OF_PROXIES: [&str; 4] = [FORWARDED, X_FORWARDED_FOR, "x-real-ip", "via"];
    let peer = extensions.get::<Peer>();
    peer.is_some_and(|peer| peer.address.to_canonical().is_loopback())
        && !OF_PROXIES.iter().any(|name| headers.contains_key(*name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXIES: &str = "10.0.0.1,10.0.0.2,2001:db8:1::/48";

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let lines = lines.iter();
        lines.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    /// The client when `peer` sends these lines.
    fn client(peer: &str, lines: &[(&str, &str)]) -> Option<String> {
        let proxies = PROXIES.parse().unwrap();
        let client = address(peer.parse().unwrap(), &headers(lines), &proxies);
        client.ok().map(|client| client.to_string())
    }

    /// The client when a trusted proxy sends this header.
    fn by(name: &str, value: &str) -> Option<String> {
        client("10.0.0.1", &[(name, value)])
    }

    fn some(address: &str) -> Option<String> {
        Some(address.to_owned())
    }

    #[test]
    fn what_an_untrusted_peer_says_counts_for_nothing() {
        let lines = [(X_FORWARDED_FOR, "192.0.2.7"), (FORWARDED, "garbage")];
        assert_eq!(client("203.0.113.9", &lines), some("203.0.113.9"));
        assert_eq!(client("2001:db8:2::1", &lines), some("2001:db8:2::1"));
        assert_eq!(client("::ffff:203.0.113.9", &lines), some("203.0.113.9"));
    }

    #[test]
    fn a_trusted_proxy_that_names_nobody_is_the_client_itself() {
        assert_eq!(client("10.0.0.1", &[]), some("10.0.0.1"));
        assert_eq!(client("::ffff:10.0.0.1", &[]), some("10.0.0.1"));
    }

    #[test]
    fn the_client_is_the_rightmost_address_that_is_not_trusted() {
        for (value, expected) in [
            ("203.0.113.9", "203.0.113.9"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            // The client wrote the left one, in the hope that it is allowed.
            ("192.0.2.7, 203.0.113.9", "203.0.113.9"),
            ("10.0.0.2, 203.0.113.9", "203.0.113.9"),
            // Two trusted proxies.
            ("192.0.2.7, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
            ("203.0.113.9,2001:db8:1::5,::ffff:10.0.0.2", "203.0.113.9"),
            // What stands left of it is the client's and is not read.
            ("unknown, \u{fc}, , 203.0.113.9, 10.0.0.2", "203.0.113.9"),
            // All are trusted.
            ("2001:db8:1::5, 10.0.0.2", "2001:db8:1::5"),
        ] {
            assert_eq!(by(X_FORWARDED_FOR, value), some(expected), "{value}");
        }
    }

    #[test]
    fn whoever_stands_behind_what_is_no_address_is_not_known() {
        for value in ["", "unknown", "_hidden", "192.0.2.7,", "192.0.2.7, garbage, 10.0.0.2"] {
            assert_eq!(by(X_FORWARDED_FOR, value), None, "{value}");
        }
        for value in ["", "for=unknown", "for=192.0.2.7, for=_hidden, for=10.0.0.2"] {
            assert_eq!(by(FORWARDED, value), None, "{value}");
        }
    }

    #[test]
    fn all_lines_of_a_header_are_one_list() {
        for name in [X_FORWARDED_FOR, FORWARDED] {
            let line = |address| {
                if name == FORWARDED { format!("for={address}") } else { String::from(address) }
            };
            let [spoofed, client_line, proxy] = ["192.0.2.7", "203.0.113.9", "10.0.0.2"].map(line);
            let lines = [(name, &*spoofed), (name, &*client_line), (name, &*proxy)];
            assert_eq!(client("10.0.0.1", &lines), some("203.0.113.9"), "{name}");
            assert_eq!(client("10.0.0.1", &lines[2..]), some("10.0.0.2"), "{name}");
        }
    }

    #[test]
    fn a_header_that_the_proxy_passes_on_does_not_speak_against_the_one_that_it_sets() {
        let with = |forwarded| {
            client("10.0.0.1", &[(X_FORWARDED_FOR, "203.0.113.9"), (FORWARDED, forwarded)])
        };
        assert_eq!(with("for=203.0.113.9"), some("203.0.113.9"));
        assert_eq!(with("for=192.0.2.7, for=\"[::ffff:203.0.113.9]:4711\""), some("203.0.113.9"));
        for spoofed in ["for=192.0.2.7", "for=10.0.0.2", "for=unknown", "proto=https", ""] {
            assert_eq!(with(spoofed), None, "{spoofed}");
        }
    }

    #[test]
    fn https_is_what_the_connection_is_unless_a_trusted_proxy_says_what_it_had() {
        let is_https = |peer: &str, is_https, schemes: &[&str]| {
            let lines: Vec<_> = schemes.iter().map(|scheme| (X_FORWARDED_PROTO, *scheme)).collect();
            let peer = Peer { address: peer.parse().unwrap(), is_https };
            super::is_https(peer, &headers(&lines), &PROXIES.parse().unwrap())
        };
        for (address, schemes, over_http, over_https) in [
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
            assert_eq!(is_https(address, false, schemes), over_http, "{address} {schemes:?}");
            assert_eq!(is_https(address, true, schemes), over_https, "{address} {schemes:?}");
        }
    }

    #[test]
    fn local_is_a_loopback_peer_that_speaks_for_itself() {
        let from = |address: &str, lines: &[_]| {
            let mut extensions = Extensions::new();
            extensions.insert(Peer { address: address.parse().unwrap(), is_https: false });
            is_local(&extensions, &headers(lines))
        };
        for address in ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"] {
            assert!(from(address, &[("host", "localhost")]), "{address}");
        }
        for address in ["192.0.2.7", "::", "::ffff:192.0.2.7"] {
            assert!(!from(address, &[]), "{address}");
        }
        for name in ["forwarded", "x-forwarded-for", "x-real-ip", "via"] {
            assert!(!from("127.0.0.1", &[(name, "")]), "{name}");
        }
        assert!(!is_local(&Extensions::new(), &HeaderMap::new()), "no peer");
    }
}
