//! # Lease files of DHCP servers
//!
//! dnsmasq, odhcpd, Kea's memfile and ISC dhcpd, told apart line by line. Only leases that still run are
//! told, the last word on an address wins, and every list has an end. It allocates: lines are text.

use std::{collections::BTreeMap, net::IpAddr};

use crate::model::{MacAddr, clean_text};

/// Leases of one file; beyond it the rest is not read.
pub const LEASES_MAX: usize = 4096;
const LINES_MAX: usize = 200_000;
const NAME_MAX: usize = 63;

/// An address given to a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub ip: IpAddr,
    pub mac: MacAddr,
    pub name: Option<String>,
    /// Unix seconds; `None`: for ever.
    pub ends_s: Option<i64>,
}

/// Leases that run at `now_s`, by address.
#[must_use]
pub fn read(text: &str, now_s: i64) -> Vec<Lease> {
    let mut found: BTreeMap<IpAddr, Option<Lease>> = BTreeMap::new();
    let mut open = Block::default();
    for line in text.lines().take(LINES_MAX).map(str::trim) {
        let lease = if line.starts_with("lease ") || open.ip.is_some() {
            let Some(done) = open.take(line) else { continue };
            done
        } else {
            match kea(line).or_else(|| odhcpd(line)).or_else(|| dnsmasq(line)) {
                Some(lease) => (lease.ip, Some(lease)),
                None => continue,
            }
        };
        if found.len() >= LEASES_MAX && !found.contains_key(&lease.0) {
            break;
        }
        found.insert(lease.0, lease.1);
    }
    let runs = |lease: &Lease| lease.mac.is_station() && lease.ends_s.is_none_or(|ends| ends > now_s);
    found.into_values().flatten().filter(runs).collect()
}

fn name(raw: &str) -> Option<String> {
    let name = clean_text(raw.trim_matches('"').trim_end_matches('.'), NAME_MAX);
    // `*` and `-` stand for no name.
    (!name.is_empty() && name != "*" && name != "-").then_some(name)
}

/// `1700000000 aa:bb:cc:dd:ee:ff 10.0.0.5 phone 01:aa:…`; 0 is for ever (dnsmasq, lease.c).
fn dnsmasq(line: &str) -> Option<Lease> {
    let mut words = line.split_ascii_whitespace();
    let ends: i64 = words.next()?.parse().ok()?;
    // `06-aa:…` names a kind of hardware other than Ethernet.
    let mac = words.next()?.parse().ok()?;
    let ip: IpAddr = words.next()?.parse().ok()?;
    Some(Lease { ip, mac, name: name(words.next()?), ends_s: (ends != 0).then_some(ends) })
}

/// `# br-lan aabbccddeeff ipv4 phone 1700000000 5 32 10.0.0.5/32` (odhcpd, statefiles.c); -1 is for ever.
fn odhcpd(line: &str) -> Option<Lease> {
    let mut words = line.strip_prefix("# ")?.split_ascii_whitespace();
    let (_interface, hardware, family, host) = (words.next()?, words.next()?, words.next()?, words.next()?);
    if family != "ipv4" || hardware.len() != 12 || !hardware.is_ascii() {
        return None;
    }
    let mut mac = [0; 6];
    for (byte, pair) in mac.iter_mut().zip(hardware.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    let ends: i64 = words.next()?.parse().ok()?;
    let ip = words.nth(2)?.split('/').next()?.parse().ok()?;
    Some(Lease { ip, mac: MacAddr(mac), name: name(host), ends_s: (ends >= 0).then_some(ends) })
}

/// `address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,…` (Kea
/// Administrator Reference Manual, memfile). A lifetime of 2³²−1 is for ever; state 0 is in use.
fn kea(line: &str) -> Option<Lease> {
    let columns: Vec<&str> = line.split(',').take(12).collect();
    let [address, hardware, _client, lifetime, expire, _subnet, _forward, _reverse, host, state, ..] =
        columns.as_slice()
    else {
        return None;
    };
    let (ip, mac) = (address.parse().ok()?, hardware.parse().ok()?);
    let (lifetime, expire): (u32, i64) = (lifetime.parse().ok()?, expire.parse().ok()?);
    // Declined and given back: no lease, but the last word on this address all the same.
    let ends = if *state == "0" { expire } else { 0 };
    Some(Lease { ip, mac, name: name(host), ends_s: (lifetime != u32::MAX || *state != "0").then_some(ends) })
}

/// `lease 10.0.0.5 { … }` of ISC dhcpd (dhcpd.leases(5)).
#[derive(Default)]
struct Block {
    ip: Option<IpAddr>,
    mac: Option<MacAddr>,
    name: Option<String>,
    ends_s: Option<i64>,
    free: bool,
}

impl Block {
    /// The lease, once its block is closed; `None` within it is an address given back.
    fn take(&mut self, line: &str) -> Option<(IpAddr, Option<Lease>)> {
        if let Some(rest) = line.strip_prefix("lease ") {
            *self = Block { ip: rest.split_ascii_whitespace().next()?.parse().ok(), ..Block::default() };
            return None;
        }
        if line == "}" {
            let block = std::mem::take(self);
            let ip = block.ip?;
            let lease = block.mac.filter(|_| !block.free);
            return Some((ip, lease.map(|mac| Lease { ip, mac, name: block.name, ends_s: block.ends_s })));
        }
        let line = line.trim_end_matches(';');
        if let Some(mac) = line.strip_prefix("hardware ethernet ") {
            self.mac = mac.parse().ok();
        } else if let Some(host) = line.strip_prefix("client-hostname ") {
            self.name = name(host);
        } else if let Some(ends) = line.strip_prefix("ends ") {
            self.ends_s = time(ends);
        } else if let Some(state) = line.strip_prefix("binding state ") {
            self.free = state != "active";
        }
        None
    }
}

/// `4 2026/11/25 17:00:00` in UTC, or `epoch 1700000000`; `never` is none.
fn time(text: &str) -> Option<i64> {
    if let Some(epoch) = text.strip_prefix("epoch ") {
        return epoch.split_ascii_whitespace().next()?.parse().ok();
    }
    let mut words = text.split_ascii_whitespace().skip(1);
    let (date, clock) = (words.next()?, words.next()?);
    let stamp = format!("{}T{clock}Z", date.replace('/', "-"));
    stamp.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_700_000_000;

    #[test]
    fn leases_of_every_server_are_read() {
        let isc = "lease 10.0.0.5 {\n  starts 4 2023/11/14 22:00:00;\n  ends 4 2023/11/15 22:13:20;\n  binding state active;\n  \
                   next binding state free;\n  hardware ethernet b8:27:eb:00:00:05;\n  client-hostname \"pi\";\n}\n";
        let given_back =
            format!("{isc}lease 10.0.0.5 {{\n  binding state free;\n  hardware ethernet b8:27:eb:00:00:05;\n}}\n");
        let kea = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id\n\
                   10.0.0.5,b8:27:eb:00:00:05,,3600,1700003600,1,0,0,pi.home.,0,,0\n";
        let kea_gone = format!("{kea}10.0.0.5,b8:27:eb:00:00:05,,0,1700000001,1,0,0,pi,2,,0\n");
        let cases: &[(&str, &str, Option<(Option<&str>, Option<i64>)>)] = &[
            (
                "dnsmasq",
                "1700003600 b8:27:eb:00:00:05 10.0.0.5 pi 01:b8:27:eb:00:00:05",
                Some((Some("pi"), Some(1_700_003_600))),
            ),
            ("dnsmasq, for ever, no name", "0 b8:27:eb:00:00:05 10.0.0.5 * *", Some((None, None))),
            ("dnsmasq, over", "1600000000 b8:27:eb:00:00:05 10.0.0.5 pi *", None),
            ("dnsmasq, no Ethernet", "0 20-b8:27:eb:00:00:05 10.0.0.5 pi *", None),
            ("a group as owner", "0 ff:ff:ff:ff:ff:ff 10.0.0.5 pi *", None),
            (
                "odhcpd",
                "# br-lan b827eb000005 ipv4 pi 1700003600 5 32 10.0.0.5/32",
                Some((Some("pi"), Some(1_700_003_600))),
            ),
            ("odhcpd, v6 is passed over", "# br-lan 00010001aa 1 pi 1700003600 64 128 fd00::5/128", None),
            ("kea", kea, Some((Some("pi.home"), Some(1_700_003_600)))),
            ("kea, given back later", &kea_gone, None),
            ("isc", isc, Some((Some("pi"), Some(1_700_086_400)))),
            ("isc, given back later", &given_back, None),
            ("isc, never closed", isc.trim_end_matches("}\n"), None),
            ("nonsense", "lease {\n}\n,,,,,,,,,,,\n# x\n1 2 3 4", None),
        ];
        for (name, text, expected) in cases {
            let found = read(text, NOW);
            let shown = found.first().map(|lease| (lease.name.as_deref(), lease.ends_s));
            assert_eq!((shown, found.len() <= 1), (*expected, true), "{name}: {found:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_bounded(text in "(lease |\\PC|[0-9a-f:., ]|\n){0,400}", count in 0usize..6000) {
            let _ = read(&text, NOW);
            let many: String = (0..count).map(|n| format!("0 02:00:00:00:00:01 10.0.{}.{} {} *\n", n / 256, n % 256, "n".repeat(99))).collect();
            let found = read(&many, NOW);
            prop_assert_eq!(found.len(), count.min(LEASES_MAX));
            prop_assert!(found.iter().all(|lease| lease.name.as_ref().is_none_or(|name| name.len() <= NAME_MAX)));
        }
    }
}
