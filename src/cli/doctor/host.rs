//! # This machine: rights, interfaces, clock, state folder

use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use caps::{CapSet, Capability};

use super::{Check, Here};
use crate::settings::state_dir::{self, StateDirError};

/// First words of interfaces that other programs make for themselves.
const NOT_A_HOME: &[&str] = &["docker", "veth", "hassio", "br-", "virbr", "tun", "tap", "wg", "cni", "flannel", "lo"];
/// 2026-01-01, before which no release of this program ran.
const FIRST_DAY_MS: i64 = 1_767_225_600_000;

/// Without `CAP_NET_RAW` nothing is overheard and no ARP is sent.
pub fn raw_capture() -> Check {
    if holds(Capability::CAP_NET_RAW) {
        return Check::well("raw capture", "allowed (CAP_NET_RAW)");
    }
    Check::fails("raw capture", "not allowed: CAP_NET_RAW is missing", grant("cap_net_raw,cap_net_admin"))
}

/// Only monitor mode and the firewall's tables need it, so it is told, not asked for.
pub fn network_admin() -> Check {
    let found = if holds(Capability::CAP_NET_ADMIN) {
        "allowed (CAP_NET_ADMIN)"
    } else {
        "CAP_NET_ADMIN is missing: no Wi-Fi monitor mode, the rest works"
    };
    Check::well("network admin", found)
}

fn holds(capability: Capability) -> bool {
    caps::has_cap(None, CapSet::Effective, capability).unwrap_or(false)
}

fn grant(capabilities: &str) -> String {
    let program =
        std::env::current_exe().map_or_else(|_| "$(command -v porchlight)".into(), |path| path.display().to_string());
    format!("sudo setcap {capabilities}=ep {program}, or run the systemd unit")
}

/// Those named in the settings, else those that look like a home's.
pub fn interfaces(here: &Here<'_>) -> Vec<Check> {
    let all = pnet::datalink::interfaces();
    let wanted = &here.settings.network.interfaces;
    let routes = fs::read_to_string("/proc/net/route").unwrap_or_default();
    let mut checks = Vec::new();
    for name in wanted {
        match all.iter().find(|interface| interface.name == *name) {
            Some(interface) => checks.push(interface_check(interface, &routes)),
            None => {
                let names: Vec<&str> = all.iter().map(|interface| interface.name.as_str()).collect();
                let found = format!("not on this machine, which has {}", names.join(", "));
                checks.push(Check::fails(format!("interface {name}"), found, "set network.interfaces"));
            }
        }
    }
    if wanted.is_empty() {
        let home = |interface: &&pnet::datalink::NetworkInterface| {
            !interface.is_loopback()
                && interface.ips.iter().any(pnet::ipnetwork::IpNetwork::is_ipv4)
                && !NOT_A_HOME.iter().any(|first| interface.name.starts_with(first))
        };
        checks.extend(all.iter().filter(home).map(|interface| interface_check(interface, &routes)));
        if checks.is_empty() {
            let found = "none has an IPv4 address of a home";
            checks.push(Check::fails("interfaces", found, "connect a cable or Wi-Fi, or set network.interfaces"));
        }
    }
    checks
}

fn interface_check(interface: &pnet::datalink::NetworkInterface, routes: &str) -> Check {
    let name = format!("interface {}", interface.name);
    let addresses: Vec<String> = interface.ips.iter().map(ToString::to_string).collect();
    let carrier = fs::read_to_string(format!("/sys/class/net/{}/carrier", interface.name));
    if !interface.is_up() {
        return Check::fails(name, "is down", format!("sudo ip link set {} up", interface.name));
    }
    if carrier.is_ok_and(|text| text.trim() == "0") {
        return Check::fails(name, "up, but no carrier", "plug the cable in, or join a Wi-Fi network");
    }
    if addresses.is_empty() {
        return Check::fails(
            name,
            "up, but has no address",
            "ask the router for one (DHCP), or set another in network.interfaces",
        );
    }
    let gateway = gateway(routes, &interface.name).map_or_else(|| "no gateway".into(), |ip| format!("gateway {ip}"));
    Check::well(name, format!("up, {}, {gateway}", addresses.join(", ")))
}

/// The default route of an interface in `/proc/net/route`: hexadecimal in host byte order
/// (net/ipv4/fib_trie.c, `fib_route_seq_show`).
fn gateway(routes: &str, interface: &str) -> Option<Ipv4Addr> {
    routes.lines().skip(1).find_map(|line| {
        let mut fields = line.split_whitespace();
        let (name, destination, gateway) = (fields.next()?, fields.next()?, fields.next()?);
        let ip = Ipv4Addr::from(u32::from_str_radix(gateway, 16).ok()?.to_ne_bytes());
        (name == interface && destination == "00000000" && !ip.is_unspecified()).then_some(ip)
    })
}

/// Windows and alerts carry its time; a Pi without a clock starts in 1970.
pub fn clock(here: &Here<'_>) -> Check {
    if here.wall.0 < FIRST_DAY_MS {
        let mend = "sudo timedatectl set-ntp true, and wait until it is set";
        return Check::fails("clock", format!("says {}, which is past", here.wall), mend);
    }
    // systemd-timesyncd leaves this file once it has heard a server (systemd-timesyncd.service(8)).
    let heard = Path::new("/run/systemd/timesync/synchronized").exists();
    Check::well("clock", format!("{}{}", here.wall, if heard { ", set by NTP" } else { "" }))
}

/// Where the store will be.
pub fn state_folder(path: Result<PathBuf, StateDirError>) -> Check {
    let name = "state folder";
    let told =
        |error: &StateDirError| Check::fails(name, error.to_string(), error.advice().unwrap_or("--state-dir DIR"));
    let path = match path {
        Ok(path) => path,
        Err(error) => return told(&error),
    };
    if path.exists() {
        if let Err(error) = state_dir::is_writable(&path) {
            return told(&error);
        }
        if state_dir::is_open(&path) {
            let found = format!("{} can be read by everybody on this machine", path.display());
            return Check::fails(name, found, format!("chmod 700 {}", path.display()));
        }
        return Check::well(name, format!("{} can be written", path.display()));
    }
    let above = path.ancestors().find(|above| above.exists()).unwrap_or(Path::new("/"));
    match state_dir::is_writable(above) {
        Ok(()) => Check::well(name, format!("{} will be made", path.display())),
        Err(_) => told(&StateDirError::Forbidden { path }),
    }
}

/// A damaged store that was set aside and that nobody has looked at yet.
pub fn set_aside(state_dir: &Path) -> Option<Check> {
    let files = fs::read_dir(state_dir).ok()?;
    let aside: Vec<PathBuf> = files
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|tail| tail == "db"))
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("porchlight-broken-")))
        .collect();
    let last = aside.iter().max()?;
    let found = format!("the store was damaged and set aside as {}; a new one began", last.display());
    let mend = format!("look whether devices or names are missing, then rm {}*", last.display());
    Some(Check::fails("damaged store", found, mend))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateway_is_that_of_the_interface() {
        let routes = "Iface\tDestination\tGateway \tFlags\n\
            eth0\t00000000\t0100000A\t0003\n\
            eth0\t0000000A\t00000000\t0001\n\
            wlan0\t00000000\t00000000\t0001\n\
            bad\t00000000\n";
        let cases = [("eth0", Some(Ipv4Addr::new(10, 0, 0, 1))), ("wlan0", None), ("eth1", None), ("bad", None)];
        for (name, expected) in cases {
            assert_eq!(gateway(routes, name).filter(|_| cfg!(target_endian = "little")), expected, "{name}");
        }
    }

    #[test]
    fn a_store_set_aside_is_told_until_it_is_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("porchlight.db"), "").expect("written");
        assert_eq!(set_aside(folder.path()), None);
        let aside = folder.path().join("porchlight-broken-20261125T170211Z.db");
        fs::write(&aside, "").expect("written");
        let check = set_aside(folder.path()).expect("a check");
        assert!(!check.ok && check.found.contains("20261125T170211Z"), "{check:?}");
        assert!(check.mend.is_some_and(|mend| mend.contains("rm ")));
        fs::remove_file(aside).expect("removed");
        assert_eq!(set_aside(folder.path()), None);
    }

    #[test]
    fn a_folder_is_judged_by_what_can_be_done_in_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("state");
        assert!(state_folder(Ok(inner.clone())).found.contains("will be made"));
        assert!(!inner.exists(), "looking changes nothing");
        state_dir::create(&inner).expect("made");
        assert!(state_folder(Ok(inner.clone())).ok);
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o755)).expect("mode");
        let open = state_folder(Ok(inner));
        assert!(!open.ok && open.mend.is_some_and(|mend| mend.starts_with("chmod 700")));
        assert!(!state_folder(Err(StateDirError::Nowhere)).ok);
    }
}
