//! # Kernel neighbour table
//!
//! ## What it finds
//! Every device this host itself spoke with lately, over IPv4 and IPv6, the gateway, and this host with its name.
//! ## What it sends
//! Nothing. It lists the kernel's table every half minute and hears each change at once.
//! ## What it needs
//! No rights. Alone it notices an arrival only when the device speaks to this host; the sweeps make that
//! happen.
//! ## How it decides
//! An entry the kernel calls reachable is a sign of life as old as the kernel says. A new stale entry is one
//! sign of life, because only a frame of the device makes it. Stale, delay and probe afterwards say nothing. A
//! failed entry is a question without an answer.
//! ## What fools it
//! Access points that answer ARP for sleeping stations, sleep proxies, and entries somebody set by hand (these
//! are passed over).
//!
//! Leaves out: the choice of interfaces (`links`). When the kernel had to drop events, the whole table is read again.

use std::{net::IpAddr, time::Duration};

use rtnetlink::{
    packet_core::NetlinkMessage,
    packet_core::NetlinkPayload,
    packet_route::{
        RouteNetlinkMessage,
        neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState},
    },
};

use super::{
    Desk, ScanError, Work,
    links::{Events, GROUP_NEIGHBOURS, Kernel, mac_of},
    neighbours::{Entry, State, Table, Told},
    page::page,
    timed::timed,
};
use crate::model::{Card, Fact, Heard, InterfaceId, Mono, Probe, Proof, Source, Span, Subject, clean_text};

pub(super) static CARD: Card =
    Card { id: "netlink", title: "Kernel neighbour table", needs: None, page: page!("netlink.rs") };
pub(super) const SOURCE: Source = Source::Netlink;
pub(super) const PROBES: &[Probe] = &[];

/// The kernel counts ages in these (USER_HZ, the same on every architecture Rust's std runs on).
const TICK: Duration = Duration::from_millis(10);
/// The table is not read again sooner than this, however many events are lost.
const RELIST_MIN: Duration = Duration::from_secs(1);

timed! {
    /// `scanners.netlink`.
    Settings
    /// How often the whole table is read. Changes are heard at once in any case.
    interval: Span::seconds(30)
}

pub(super) async fn run(_: Settings, mut desk: Desk) -> Result<(), ScanError> {
    let kernel = Kernel::open()?;
    let events = Events::open(&[GROUP_NEIGHBOURS])?;
    let mut table = Table::default();
    let mut listed = Mono::default();
    loop {
        tokio::select! {
            biased;
            work = desk.next() => match work? {
                None => return Ok(()),
                Some(Work::Look(_)) => {}
                Some(Work::Round) => {
                    listed = desk.now().mono;
                    round(&kernel, &mut table, &mut desk).await?;
                }
            },
            event = events.next() => match event {
                Ok(bytes) => hear(&bytes, &mut table, &mut desk).await?,
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                    tracing::debug!("neighbour events were lost, reading the table");
                    let rest = RELIST_MIN.saturating_sub(desk.now().mono.since(listed));
                    if !desk.pause(rest).await? {
                        return Ok(());
                    }
                    listed = desk.now().mono;
                    round(&kernel, &mut table, &mut desk).await?;
                }
                Err(source) => return Err(ScanError::System { doing: "hear neighbour events", source }),
            },
        }
    }
}

/// The whole table, this host, and who routes.
async fn round(kernel: &Kernel, table: &mut Table, desk: &mut Desk) -> Result<(), ScanError> {
    let facts = desk.network();
    let entries: Vec<Entry> = kernel.neighbours().await?.iter().filter_map(entry).collect();
    table.relist();
    let mut seen = 0;
    for entry in entries.iter().filter(|entry| facts.interface(entry.interface).is_some()) {
        if let Some((interface, subject, fact)) = table.take(entry, Told::Listed) {
            seen += 1;
            desk.report(Some(interface), subject, fact).await?;
        }
    }
    let own_name = own_name().await;
    for interface in facts.own_cards().filter(|interface| interface.up) {
        let Some(mac) = interface.mac else { continue };
        let alive = Fact::Alive { proof: Proof::OwnHost, age: Duration::ZERO };
        if interface.addresses.is_empty() {
            desk.report(Some(interface.id), Subject::mac(mac), alive.clone()).await?;
        }
        for ip in &interface.addresses {
            desk.report(Some(interface.id), Subject::both(mac, *ip), alive.clone()).await?;
        }
        if let Some(name) = own_name.clone() {
            let named = Fact::Named { name, by: Heard::Kernel };
            desk.report(Some(interface.id), Subject::mac(mac), named).await?;
        }
        for gateway in &interface.gateways {
            if let Some(mac) = table.owner(interface.id, *gateway) {
                desk.report(Some(interface.id), Subject::both(mac, *gateway), Fact::Routes).await?;
            }
        }
    }
    desk.done(seen);
    Ok(())
}

/// What this host is called (proc(5)). A container that shares the network has a name of its own, drawn at random.
async fn own_name() -> Option<String> {
    const FILE: &str = "/proc/sys/kernel/hostname";
    let raw = tokio::fs::read_to_string(FILE).await.ok()?;
    let name = clean_text(raw.split('.').next()?, 64);
    let is_nothing = name.is_empty() || name.starts_with('(') || name.eq_ignore_ascii_case("localhost");
    (!is_nothing).then_some(name)
}

async fn hear(bytes: &[u8], table: &mut Table, desk: &mut Desk) -> Result<(), ScanError> {
    let facts = desk.network();
    for message in messages(bytes) {
        match message {
            RouteNetlinkMessage::NewNeighbour(message) => {
                let Some(entry) = entry(&message).filter(|entry| facts.interface(entry.interface).is_some()) else {
                    continue;
                };
                if let Some((interface, subject, fact)) = table.take(&entry, Told::Event) {
                    desk.report(Some(interface), subject, fact).await?;
                }
            }
            RouteNetlinkMessage::DelNeighbour(message) => {
                if let Some(entry) = entry(&message) {
                    table.gone(entry.interface, entry.ip);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The messages of one datagram; one that cannot be read is passed over by its length.
fn messages(bytes: &[u8]) -> Vec<RouteNetlinkMessage> {
    // A netlink header is 16 bytes and begins with the length; messages start at multiples of 4.
    const HEADER: usize = 16;
    let (mut rest, mut found) = (bytes, Vec::new());
    while let Some(len) = rest.get(..4).and_then(|len| len.try_into().ok()).map(u32::from_ne_bytes) {
        let len = len as usize;
        let Some(message) = rest.get(..len).filter(|_| len >= HEADER) else { break };
        if let Ok(NetlinkMessage { payload: NetlinkPayload::InnerMessage(inner), .. }) =
            NetlinkMessage::deserialize(message)
        {
            found.push(inner);
        }
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    found
}

fn entry(message: &NeighbourMessage) -> Option<Entry> {
    let (mut ip, mut mac, mut confirmed) = (None, None, Duration::ZERO);
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(v4)) => ip = Some(IpAddr::from(*v4)),
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(v6)) => ip = Some(IpAddr::from(*v6)),
            NeighbourAttribute::LinkLayerAddress(bytes) => mac = mac_of(bytes),
            NeighbourAttribute::CacheInfo(info) => confirmed = TICK * info.confirmed,
            _ => {}
        }
    }
    let state = match message.header.state {
        NeighbourState::Reachable => State::Reachable,
        NeighbourState::Stale | NeighbourState::Delay | NeighbourState::Probe => State::Stale,
        NeighbourState::Failed => State::Failed,
        _ => State::Other,
    };
    Some(Entry { interface: InterfaceId(message.header.ifindex), ip: ip?, mac, state, confirmed })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_of_a_datagram_upset_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            for message in messages(&bytes) {
                if let RouteNetlinkMessage::NewNeighbour(message) = message {
                    let _ = entry(&message);
                }
            }
        }
    }

    #[test]
    fn a_broken_message_does_not_hide_the_next() {
        let mut entry = NeighbourMessage::default();
        entry.attributes.push(NeighbourAttribute::LinkLayerAddress(vec![2, 0, 0, 0, 0, 7]));
        let mut whole = NetlinkMessage::from(RouteNetlinkMessage::NewNeighbour(entry));
        whole.finalize();
        let mut bytes = vec![0; whole.buffer_len()];
        whole.serialize(&mut bytes);
        // Seventeen bytes of a neighbour message whose body is cut short, padded to twenty.
        let mut broken = vec![17, 0, 0, 0, 28, 0];
        broken.resize(20, 0);
        broken.extend(&bytes);
        assert_eq!(messages(&broken).len(), 1);
        assert_eq!(messages(&bytes[..bytes.len() - 1]).len(), 0);
        assert_eq!(messages(&[]).len(), 0);
        assert_eq!(messages(&[0; 64]).len(), 0, "a length of zero must not loop");
    }
}
