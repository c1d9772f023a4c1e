//! [`Networks`]: a comma-separated list of addresses and networks, `192.0.2.7,2001:db8::/32`.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

#[derive(Clone, Debug, Default)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Returns whether one of the networks contains `address`. IPv4-mapped IPv6 addresses, which
    /// dual-stack sockets report for IPv4 peers, are IPv4 addresses.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl FromStr for Networks {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let networks = text.split(',').map(|entry| parse_network(entry.trim()));
        networks.collect::<Option<_>>().map(Self).ok_or(
            "write addresses and networks separated by commas, as in 192.0.2.7,2001:db8::/32",
        )
    }
}

fn parse_network(entry: &str) -> Option<IpNet> {
    let network = match entry.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => entry.parse().ok()?,
    };
    Some(canonical(network))
}

/// Converts IPv4-mapped IPv6 networks to IPv4.
fn canonical(network: IpNet) -> IpNet {
    const MAPPED_PREFIX_LENGTH: u8 = 96;

    let IpNet::V6(mapped) = network else { return network };
    let address = mapped.addr().to_ipv4_mapped();
    let length = mapped.prefix_len().checked_sub(MAPPED_PREFIX_LENGTH);
    let ipv4 = address.zip(length).and_then(|(address, length)| Ipv4Net::new(address, length).ok());
    ipv4.map_or(network, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(networks: &str, address: &str) -> bool {
        networks.parse::<Networks>().unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn an_address_is_a_network_of_one_address() {
        assert!(contains("192.0.2.7", "192.0.2.7"));
        assert!(!contains("192.0.2.7", "192.0.2.8"));
        assert!(contains("2001:db8::1", "2001:db8::1"));
        assert!(!contains("2001:db8::1", "2001:db8::2"));
    }

    #[test]
    fn networks_of_both_families_can_be_mixed() {
        let networks = "198.51.100.0/24, 2001:db8::/32";
        for address in ["198.51.100.0", "198.51.100.255", "2001:db8:ffff::1"] {
            assert!(contains(networks, address), "{address}");
        }
        for address in ["198.51.101.0", "2001:db9::1", "::1"] {
            assert!(!contains(networks, address), "{address}");
        }
    }

    #[test]
    fn ipv4_mapped_ipv6_is_ipv4() {
        for networks in ["198.51.100.0/24", "::ffff:198.51.100.0/120"] {
            assert!(contains(networks, "198.51.100.9"), "{networks}");
            assert!(contains(networks, "::ffff:198.51.100.9"), "{networks}");
            assert!(!contains(networks, "::ffff:198.51.101.9"), "{networks}");
        }
        assert!(contains("::/0", "2001:db8::1"));
        assert!(!contains("::/0", "::ffff:198.51.100.9"), "only IPv6");
    }

    #[test]
    fn rejects_lists_with_an_invalid_entry() {
        for text in
            ["", " ", ",", "192.0.2.7,", "192.0.2.0/33", "192.0.2", "localhost", "10.0.0.0/-1"]
        {
            assert!(text.parse::<Networks>().is_err(), "{text:?}");
        }
    }
}
