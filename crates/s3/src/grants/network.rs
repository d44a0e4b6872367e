//! Where a client calls from, and networks that a grant is for.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// Where a client calls from, as the server knows it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ClientAddress {
    /// An address of the Internet.
    Ip(IpAddr),
    /// A UNIX-domain socket, which has none.
    Unix,
}

/// A network that clients call from: `192.0.2.0/24`, `2001:db8::/32`, one address, or `unix:` for UNIX-domain sockets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Network(NetworkKind);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum NetworkKind {
    Ip(IpNet),
    Unix,
}

impl Network {
    /// Whether a client that calls from `address` is of this network. An IPv4 address that stands in an IPv6 one, as a socket
    /// for both has it, is the IPv4 address.
    pub fn contains(&self, address: ClientAddress) -> bool {
        match (self.0, address) {
            (NetworkKind::Ip(network), ClientAddress::Ip(ip)) => {
                network.contains(&ip.to_canonical())
            }
            (NetworkKind::Unix, ClientAddress::Unix) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            NetworkKind::Ip(network) => network.fmt(f),
            NetworkKind::Unix => f.write_str("unix:"),
        }
    }
}

/// Not a [`Network`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotANetwork;

impl fmt::Display for NotANetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "must be a network like \"192.0.2.0/24\" with no bits beyond its length, an address, or \"unix:\"",
        )
    }
}

impl std::error::Error for NotANetwork {}

impl FromStr for Network {
    type Err = NotANetwork;

    /// Bits beyond the length are refused, since `10.1.2.3/8` looks like less than it is, and so are IPv4 addresses in IPv6
    /// form, which no client has.
    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        if text == "unix:" {
            return Ok(Self(NetworkKind::Unix));
        }
        // The parts one by one: the whole would take `010.0.0.0/8` for one in decimal.
        let network = match text.split_once('/') {
            None => IpNet::from(text.parse::<IpAddr>().map_err(|_| NotANetwork)?),
            Some((_, length)) if !length.bytes().all(|byte| byte.is_ascii_digit()) => {
                return Err(NotANetwork);
            }
            Some((address, length)) => {
                let address = address.parse().map_err(|_| NotANetwork)?;
                let length = length.parse().map_err(|_| NotANetwork)?;
                IpNet::new(address, length).map_err(|_| NotANetwork)?
            }
        };
        let is_mapped = network.addr().to_canonical() != network.addr();
        if network.trunc() != network || is_mapped {
            return Err(NotANetwork);
        }
        Ok(Self(NetworkKind::Ip(network)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(network: &str, address: &str, expected: bool) {
        let address = ClientAddress::Ip(address.parse().unwrap());
        let network: Network = network.parse().unwrap();
        assert_eq!(network.contains(address), expected, "{network:?} {address:?}");
    }

    #[test]
    fn networks() {
        check("192.0.2.0/24", "192.0.2.255", true);
        check("192.0.2.0/24", "192.0.3.0", false);
        check("192.0.2.0/24", "::ffff:192.0.2.7", true);
        check("192.0.2.7", "192.0.2.7", true);
        check("192.0.2.7", "192.0.2.8", false);
        check("0.0.0.0/0", "192.0.2.7", true);
        check("0.0.0.0/0", "2001:db8::1", false);
        check("2001:db8::/32", "2001:db8:ffff::1", true);
        check("2001:db8::/32", "2001:db9::1", false);
        check("::/0", "2001:db8::1", true);
        check("::/0", "::ffff:192.0.2.7", false);
        check("::1", "::1", true);
    }

    #[test]
    fn sockets() {
        let unix: Network = "unix:".parse().unwrap();
        assert!(unix.contains(ClientAddress::Unix));
        assert!(!unix.contains(ClientAddress::Ip("127.0.0.1".parse().unwrap())));
        let all: Network = "0.0.0.0/0".parse().unwrap();
        assert!(!all.contains(ClientAddress::Unix));
    }

    #[test]
    fn no_networks() {
        for text in [
            "",
            "10.1.2.3/8",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0/8",
            "010.0.0.0/8",
            "2001:db8::1/32",
            "::ffff:10.0.0.0/104",
            "::ffff:10.0.0.1",
            "localhost",
            "unix",
            " 10.0.0.0/8",
            "all",
        ] {
            assert_eq!(text.parse::<Network>(), Err(NotANetwork), "{text}");
        }
    }
}
