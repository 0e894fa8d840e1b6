//! # Who can tell a phone that sleeps from one that left
//!
//! An access point knows at once who is connected. Without its word a silent phone has to be waited for.

use std::{fs, net::Ipv4Addr, path::Path};

use super::{Check, Here};
use crate::{intel::vendors, model::MacAddr};

const NAME: &str = "witness of the access point";

/// Which there are; if none, which would be the cheapest here. None is no fault: presence is slower then.
pub fn check(here: &Here<'_>) -> Check {
    let scanners = &here.settings.scanners;
    let hostapd = scanners.hostapd.folders.iter().filter(|folder| scanners.hostapd.enabled && has_sockets(folder));
    let mut found: Vec<String> = hostapd.map(|folder| format!("hostapd in {}", folder.display())).collect();
    for (name, enabled, accounts) in [
        ("openwrt", scanners.openwrt.enabled, &scanners.openwrt.routers),
        ("unifi", scanners.unifi.enabled, &scanners.unifi.controllers),
        ("fritzbox", scanners.fritzbox.enabled, &scanners.fritzbox.boxes),
    ] {
        found.extend(accounts.iter().filter(|_| enabled).map(|account| format!("{name} at {}", account.shown())));
    }
    if !found.is_empty() {
        return Check::well(NAME, found.join(", "));
    }
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let maker = gateway(&read("/proc/net/route"))
        .and_then(|ip| neighbour(&read("/proc/net/arp"), ip))
        .and_then(vendors::lookup)
        .unwrap_or_default();
    let none = "none: a phone that left is told from one that sleeps by asking alone, which takes longer";
    Check { mend: Some(cheapest(maker).into()), ..Check::well(NAME, none) }
}

/// What to set, by the maker of the router.
fn cheapest(maker: &str) -> &'static str {
    let maker = maker.to_ascii_lowercase();
    if maker.contains("avm") || maker.contains("fritz") {
        "your router is a Fritz!Box: set scanners.fritzbox.boxes"
    } else if maker.contains("ubiquiti") {
        "your router is Ubiquiti's: set scanners.unifi.controllers"
    } else if maker.contains("gl technologies") || maker.contains("gl.inet") || maker.contains("openwrt") {
        "your router runs OpenWrt: set scanners.openwrt.routers"
    } else {
        "set scanners.openwrt, scanners.unifi or scanners.fritzbox if your access point is one of these; \
         else add its integration to Home Assistant and set homeassistant.url"
    }
}

fn has_sockets(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

/// The default gateway in the kernel's table (`/proc/net/route`: hexadecimal, in the host's byte order).
fn gateway(routes: &str) -> Option<Ipv4Addr> {
    let default = routes.lines().skip(1).find(|line| line.split_whitespace().nth(1) == Some("00000000"))?;
    let word = u32::from_str_radix(default.split_whitespace().nth(2)?, 16).ok()?;
    Some(Ipv4Addr::from(word.to_ne_bytes())).filter(|ip| !ip.is_unspecified())
}

fn neighbour(table: &str, ip: Ipv4Addr) -> Option<MacAddr> {
    let ip = ip.to_string();
    let line = table.lines().skip(1).find(|line| line.split_whitespace().next() == Some(ip.as_str()))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_router_is_found_in_the_kernels_tables_and_names_the_cheapest() {
        let word = u32::from_ne_bytes([192, 168, 178, 1]);
        let routes = format!(
            "Iface\tDestination\tGateway\tFlags\neth0\t00B2A8C0\t00000000\t0001\neth0\t00000000\t{word:08X}\t0003\n"
        );
        let ip = gateway(&routes).unwrap();
        assert_eq!(ip, Ipv4Addr::new(192, 168, 178, 1));
        let table = "IP address HW type Flags HW address Mask Device\n192.168.178.1 0x1 0x2 3c:a6:2f:01:02:03 * eth0\n";
        assert_eq!(neighbour(table, ip).map(|mac| mac.to_string()).as_deref(), Some("3c:a6:2f:01:02:03"));
        for (maker, word) in [
            ("AVM Audiovisuelle Marketing und Computersysteme GmbH", "scanners.fritzbox.boxes"),
            ("Ubiquiti Inc", "scanners.unifi.controllers"),
            ("GL Technologies (Hong Kong) Limited", "scanners.openwrt.routers"),
            ("", "homeassistant.url"),
        ] {
            assert!(cheapest(maker).contains(word), "{maker}");
        }
        assert_eq!(gateway(""), None);
        assert_eq!(neighbour("", ip), None);
    }
}
