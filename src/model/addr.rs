//! # IP addresses and subnets
//!
//! What the standard library does not say of an address, and subnets as people write them.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// `169.254/16` (RFC 3927) or `fe80::/10` (RFC 4291 §2.5.6).
#[must_use]
pub fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// A home's own address, never one of the Internet: RFC 1918, RFC 4193, link-local.
#[must_use]
pub fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// Can be one host's own address.
#[must_use]
pub fn is_unicast(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            !(ip.is_unspecified()
                || ip.is_loopback()
                || ip.is_multicast()
                || ip.is_broadcast()
                || ip.octets()[0] == 0
                || ip.octets()[0] >= 240)
        }
        IpAddr::V6(ip) => !(ip.is_unspecified() || ip.is_loopback() || ip.is_multicast()),
    }
}

/// `2000::/3`, the global unicast range handed out today (RFC 4291 §2.4, IANA).
#[must_use]
pub const fn is_global_v6(ip: Ipv6Addr) -> bool {
    ip.segments()[0] & 0xe000 == 0x2000
}

/// An address prefix, such as `192.168.7.0/24`. The host bits are always zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subnet {
    base: IpAddr,
    len: u8,
}

impl Subnet {
    /// `None` if `len` is longer than the address. Host bits of `ip` are dropped.
    #[must_use]
    pub fn new(ip: IpAddr, len: u8) -> Option<Subnet> {
        let base = match ip {
            IpAddr::V4(v4) if len <= 32 => Ipv4Addr::from(u32::from(v4) & mask(len, 32) as u32).into(),
            IpAddr::V6(v6) if len <= 128 => Ipv6Addr::from(u128::from(v6) & mask(len, 128)).into(),
            _ => return None,
        };
        Some(Subnet { base, len })
    }

    /// The lowest address.
    #[must_use]
    pub const fn base(self) -> IpAddr {
        self.base
    }

    /// Prefix length in bits.
    #[must_use]
    pub const fn prefix(self) -> u8 {
        self.len
    }

    /// Whether `ip` lies in it.
    #[must_use]
    pub fn contains(self, ip: IpAddr) -> bool {
        ip.is_ipv4() == self.base.is_ipv4() && Subnet::new(ip, self.len) == Some(self)
    }

    /// The addresses of hosts in it, IPv4 only: without network and broadcast address where the
    /// prefix has them (RFC 3021: /31 and /32 have none). Empty for IPv6, which cannot be swept.
    pub fn hosts(self) -> impl Iterator<Item = Ipv4Addr> {
        let (first, last) = match self.base {
            IpAddr::V4(base) => {
                let (low, size) = (u32::from(base), 1u64 << (32 - self.len));
                let high = low.wrapping_add((size - 1) as u32);
                if self.len >= 31 {
                    (u64::from(low), u64::from(high))
                } else {
                    (u64::from(low) + 1, u64::from(high) - 1)
                }
            }
            IpAddr::V6(_) => (1, 0),
        };
        (first..=last).map(|n| Ipv4Addr::from(n as u32))
    }
}

fn mask(len: u8, bits: u32) -> u128 {
    if len == 0 { 0 } else { (u128::MAX >> (128 - bits)) & (u128::MAX << (bits - u32::from(len))) }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.len)
    }
}

impl FromStr for Subnet {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is not a subnet such as 192.168.7.0/24");
        let (ip, len) = text.split_once('/').ok_or_else(bad)?;
        Subnet::new(ip.parse().map_err(|_| bad())?, len.parse().map_err(|_| bad())?).ok_or_else(bad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_knows_its_hosts() {
        let cases = [
            ("192.168.7.9/24", 254, "192.168.7.0/24"),
            ("10.0.0.0/31", 2, "10.0.0.0/31"),
            ("10.0.0.1/32", 1, "10.0.0.1/32"),
            ("10.0.0.0/30", 2, "10.0.0.0/30"),
            ("fe80::1/64", 0, "fe80::/64"),
            ("0.0.0.0/16", 65534, "0.0.0.0/16"),
        ];
        for (text, hosts, shown) in cases {
            let subnet: Subnet = text.parse().expect(text);
            assert_eq!((subnet.hosts().count(), subnet.to_string().as_str()), (hosts, shown), "{text}");
        }
        for text in ["10.0.0.0", "10.0.0.0/33", "::/129", "x/8", "10.0.0.0/-1"] {
            assert!(text.parse::<Subnet>().is_err(), "{text}");
        }
        let home: Subnet = "192.168.7.0/24".parse().expect("a subnet");
        assert!(home.contains(IpAddr::from([192, 168, 7, 200])) && !home.contains(IpAddr::from([192, 168, 8, 1])));
    }
}
