//! # This host's sockets
//!
//! ## What it finds
//! Which ports this host itself waits on, which become services of its own device, and whom it is connected with.
//! ## What it sends
//! Nothing. It asks the kernel for its list of sockets every half minute.
//! ## What it needs
//! No rights. It sees the sockets of the network it runs in: in a container without the host's network, those of the
//! container.
//! ## How it decides
//! A port is a service if it waits on more than the loopback address. A UDP port in the range that the kernel gives to
//! programs waits for answers of its own and is none. A connection from a port that waits was made by the other side.
//! ## What fools it
//! Connections shorter than a round, and programs that hide sockets from the kernel's own list.
//!
//! Holds: [`super::sock_diag::SOCKETS_MAX`] sockets, [`TOLD_MAX`] ports. Leaves out: which program it is (`processes`).

use std::{collections::BTreeSet, sync::Arc};

use super::{Desk, ScanError, Work, page::page, sock_diag, timed::timed};
use crate::model::{Card, Fact, Health, NetworkFacts, OwnSockets, Port, Probe, Source, Span, Subject};

pub(super) static CARD: Card =
    Card { id: "sockets", title: "This host's sockets", needs: None, page: page!("sockets.rs") };
pub(super) const SOURCE: Source = Source::Sockets;
pub(super) const PROBES: &[Probe] = &[];

/// Ports told of already.
const TOLD_MAX: usize = 256;

timed! {
    /// `scanners.sockets`.
    Settings
    /// How often the kernel is asked.
    interval: Span::seconds(30)
}

pub(super) async fn run(_: Settings, mut desk: Desk) -> Result<(), ScanError> {
    let mut told: BTreeSet<(bool, Port)> = BTreeSet::new();
    while let Some(work) = desk.next().await? {
        let Work::Round = work else { continue };
        let found = sock_diag::list().await?.sockets();
        let Some(subject) = own(&desk.network()) else {
            desk.health(Health::Degraded { why: "no network to be on".into(), advice: None });
            continue;
        };
        desk.health(Health::Up);
        let services = news(&found, &mut told);
        let seen = found.listeners.len() as u64;
        desk.report(None, subject, Fact::Sockets(Arc::new(found))).await?;
        for (tcp, port) in services {
            desk.report(None, subject, Fact::Service { tcp, port, name: service(tcp, port).to_owned() }).await?;
        }
        desk.done(seen);
    }
    Ok(())
}

/// This host, as its device is known.
pub(super) fn own(network: &NetworkFacts) -> Option<Subject> {
    let station = network.interfaces.iter().find_map(|interface| interface.mac.filter(|mac| mac.is_station()));
    let address = || network.interfaces.iter().flat_map(|interface| &interface.addresses).next();
    station.map(Subject::mac).or_else(|| address().copied().map(Subject::ip))
}

/// Ports that were not told of before.
fn news(found: &OwnSockets, told: &mut BTreeSet<(bool, Port)>) -> Vec<(bool, Port)> {
    let mut fresh = Vec::new();
    for port in found.open() {
        if told.len() < TOLD_MAX && told.insert(port) {
            fresh.push(port);
        }
    }
    fresh
}

/// What custom puts there: for TCP as the scanner of ports has it, for UDP by IANA.
fn service(tcp: bool, port: Port) -> &'static str {
    if tcp {
        return super::ports::name(port).unwrap_or("unknown");
    }
    match port {
        53 => "domain",
        67 => "bootps",
        68 => "bootpc",
        69 => "tftp",
        123 => "ntp",
        137 => "netbios-ns",
        161 => "snmp",
        443 => "https",
        546 => "dhcpv6-client",
        1900 => "ssdp",
        3702 => "ws-discovery",
        5353 => "mdns",
        5355 => "llmnr",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Listener;

    #[test]
    fn each_port_is_told_once_and_private_ones_never() {
        let at = |text: &str, tcp| Listener { tcp, at: text.parse().expect("an address"), uid: 0 };
        let mut found = OwnSockets {
            listeners: vec![
                at("0.0.0.0:22", true),
                at("[::]:22", true),
                at("127.0.0.1:631", true),
                at("[::1]:25", true),
            ],
            ..OwnSockets::default()
        };
        let mut told = BTreeSet::new();
        assert_eq!(news(&found, &mut told), [(true, 22)]);
        assert_eq!(news(&found, &mut told), []);
        found.listeners.extend((1..2_000u16).map(|port| at(&format!("0.0.0.0:{port}"), true)));
        news(&found, &mut told);
        assert_eq!(told.len(), TOLD_MAX);
    }
}
