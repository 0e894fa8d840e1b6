//! # Hardware addresses
//!
//! EUI-48 as in IEEE 802. Knows the two flag bits of the first byte and how people spell it.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

/// A 48-bit hardware address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MacAddr(pub [u8; 6]);

// Each frame is looked up by two of them in several tables: as one number they are compared and hashed at once.
impl Ord for MacAddr {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.number().cmp(&other.number())
    }
}

impl PartialOrd for MacAddr {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for MacAddr {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.number());
    }
}

impl MacAddr {
    /// Its bits.
    #[inline]
    #[must_use]
    pub const fn number(self) -> u64 {
        let [a, b, c, d, e, f] = self.0;
        u64::from_be_bytes([0, 0, a, b, c, d, e, f])
    }

    /// `ff:ff:ff:ff:ff:ff`.
    pub const BROADCAST: MacAddr = MacAddr([0xff; 6]);
    /// `00:00:00:00:00:00`: "not known" in ARP.
    pub const ZERO: MacAddr = MacAddr([0; 6]);

    /// Locally administered (second lowest bit of the first byte, IEEE 802 §8.4): phones draw
    /// such addresses at random, but virtual machines and repeaters use them too.
    #[must_use]
    pub const fn is_local(self) -> bool {
        self.0[0] & 0x02 != 0
    }

    /// A group address (lowest bit of the first byte): never a sender.
    #[must_use]
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 0x01 != 0
    }

    /// Can belong to one device: not a group, not all zeros.
    #[must_use]
    pub fn is_station(self) -> bool {
        !self.is_multicast() && self != MacAddr::ZERO
    }

    /// A virtual router's address, shared by several routers: VRRP `00:00:5e:00:0{1,2}:xx`
    /// (RFC 5798 §7.3), HSRP `00:00:0c:07:ac:xx` (RFC 2281 §5).
    #[must_use]
    pub fn is_virtual_router(self) -> bool {
        matches!(self.0, [0, 0, 0x5e, 0, 1 | 2, _] | [0, 0, 0x0c, 0x07, 0xac, _])
    }

    /// The last two bytes as four hex digits, to tell equal names apart.
    #[must_use]
    pub fn tail(self) -> String {
        format!("{:02x}:{:02x}", self.0[4], self.0[5])
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        f.pad(&format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}"))
    }
}

impl FromStr for MacAddr {
    type Err = String;
    /// `aa:bb:…`, `aa-bb-…`, `aabb.ccdd.eeff` or twelve digits, any case.
    fn from_str(text: &str) -> Result<Self, String> {
        let digits: Vec<u8> = text.bytes().filter(|b| !matches!(b, b':' | b'-' | b'.')).collect();
        let bad = || format!("`{text}` is not a MAC address such as b8:27:eb:01:02:03");
        if digits.len() != 12 || text.len() > 17 {
            return Err(bad());
        }
        let mut bytes = [0; 6];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| bad())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| bad())?;
        }
        Ok(MacAddr(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_reads_as_the_same_address() {
        for text in ["b8:27:eb:01:02:03", "B8-27-EB-01-02-03", "b827.eb01.0203", "b827eb010203"] {
            assert_eq!(text.parse::<MacAddr>().map(|m| m.to_string()), Ok("b8:27:eb:01:02:03".into()), "{text}");
        }
        for text in ["", "b8:27:eb:01:02", "b8:27:eb:01:02:0g", "b8:27:eb:01:02:03:04", "+1:27:eb:01:02:033"] {
            assert!(text.parse::<MacAddr>().is_err(), "{text}");
        }
    }
}
