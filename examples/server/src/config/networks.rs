//! [`Networks`]: addresses and networks as settings name them, `192.0.2.7,2001:db8::/32`.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

/// Those of a setting; none where it is empty.
#[derive(Clone)]
pub(crate) struct Networks(Vec<IpNet>);

impl Networks {
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `address` is in one of them. An IPv4 address is one also where it came as an
    /// IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2), as a socket of both families has it.
    pub(crate) fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl FromStr for Networks {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Set to nothing is as good as not set: that is what an unfilled template leaves.
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        text.split(',').map(|entry| network(entry.trim())).collect::<Option<_>>().map(Self).ok_or(
            "write addresses and networks separated by commas, as in 192.0.2.7,2001:db8::/32",
        )
    }
}

fn network(entry: &str) -> Option<IpNet> {
    let network = match entry.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => entry.parse().ok()?,
    };
    Some(canonical(network))
}

/// What is written as IPv4-mapped IPv6 is meant as IPv4.
fn canonical(network: IpNet) -> IpNet {
    const MAPPED_LENGTH: u8 = 96;
    let IpNet::V6(mapped) = network else { return network };
    let address = mapped.addr().to_ipv4_mapped();
    let length = mapped.prefix_len().checked_sub(MAPPED_LENGTH);
    let ipv4 = address.zip(length).and_then(|(address, length)| Ipv4Net::new(address, length).ok());
    ipv4.map_or(network, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contain(networks: &str, address: &str) -> bool {
        networks.parse::<Networks>().unwrap().contain(address.parse().unwrap())
    }

    #[test]
    fn an_address_is_a_network_of_its_own() {
        assert!(contain("192.0.2.7", "192.0.2.7"));
        assert!(!contain("192.0.2.7", "192.0.2.8"));
        assert!(contain("2001:db8::1", "2001:db8::1"));
        assert!(!contain("2001:db8::1", "2001:db8::2"));
    }

    #[test]
    fn networks_of_both_families_stand_side_by_side() {
        let networks = "198.51.100.0/24, 2001:db8::/32";
        for address in ["198.51.100.0", "198.51.100.255", "2001:db8:ffff::1"] {
            assert!(contain(networks, address), "{address}");
        }
        for address in ["198.51.101.0", "2001:db9::1", "::1"] {
            assert!(!contain(networks, address), "{address}");
        }
    }

    #[test]
    fn ipv4_is_ipv4_however_it_is_written() {
        for networks in ["198.51.100.0/24", "::ffff:198.51.100.0/120"] {
            assert!(contain(networks, "198.51.100.9"), "{networks}");
            assert!(contain(networks, "::ffff:198.51.100.9"), "{networks}");
            assert!(!contain(networks, "::ffff:198.51.101.9"), "{networks}");
        }
        assert!(contain("::/0", "2001:db8::1"));
        assert!(!contain("::/0", "::ffff:198.51.100.9"), "IPv6 alone");
    }

    #[test]
    fn an_empty_setting_is_none_and_anything_else_is_refused_whole() {
        assert!("".parse::<Networks>().unwrap().is_empty());
        for text in [" ", ",", "192.0.2.7,", "192.0.2.0/33", "192.0.2", "localhost", "10.0.0.0/-1"]
        {
            assert!(text.parse::<Networks>().is_err(), "{text:?}");
        }
    }
}
