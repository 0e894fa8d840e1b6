//! # The networks this host is on, kept up to date
//!
//! Lists links, addresses and routes from the kernel, and lists them again when it says that one of
//! them changed. Not a scanner: the daemon runs it always, because capture, sweeps and presence stand on it.

use std::{collections::BTreeMap, io, net::IpAddr, sync::Arc, time::Duration};

use futures_util::TryStreamExt;
use rtnetlink::{
    Handle, RouteMessageBuilder,
    packet_route::{
        AddressFamily,
        address::AddressAttribute,
        link::{InfoData, InfoVlan, LinkAttribute, LinkFlags, LinkInfo, LinkLayerType},
        neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState},
        route::{RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteType},
    },
    sys::{AsyncSocket, AsyncSocketExt, SocketAddr, TokioSocket, protocols::NETLINK_ROUTE},
};
use tokio::sync::watch;

use super::{
    Network, ScanError,
    choose::{Link, Listing, Route, choose},
};
use crate::model::{InterfaceId, MacAddr, NetworkFacts, Phase, Subnet};

/// Multicast groups (linux/rtnetlink.h, RTNLGRP_*): links, neighbours, addresses and routes of both families.
pub const GROUPS_LINKS: [u32; 5] = [1, 5, 7, 9, 11];
pub const GROUP_NEIGHBOURS: u32 = 3;
/// A burst of events (a link that comes up says a dozen things) is one change.
const SETTLE: Duration = Duration::from_millis(200);
/// Without events, a listing so often catches what a lost event hid.
const RELIST: Duration = Duration::from_secs(300);

/// Lists once, for a start that needs the facts before anything runs.
///
/// # Errors
/// The kernel gives no listing.
pub async fn read(network: &Network) -> Result<NetworkFacts, ScanError> {
    let kernel = Kernel::open()?;
    Ok(choose(&kernel.listing().await?, network).0)
}

/// Keeps `facts` up to date until the run ends.
///
/// # Errors
/// The kernel gives no listing or no events.
pub async fn watch(
    network: Arc<Network>,
    facts: watch::Sender<Arc<NetworkFacts>>,
    mut phase: watch::Receiver<Phase>,
) -> Result<(), ScanError> {
    let kernel = Kernel::open()?;
    let events = Events::open(&GROUPS_LINKS)?;
    let mut told = BTreeMap::new();
    loop {
        let (found, reasons) = choose(&kernel.listing().await?, &network);
        for (name, reason) in reasons {
            if told.insert(name.clone(), reason) != Some(reason) {
                tracing::info!(
                    interface = name,
                    reason,
                    watched = found.interfaces.iter().any(|i| i.name == name),
                    "interface"
                );
            }
        }
        facts.send_if_modified(|known| {
            let changed = **known != found;
            if changed {
                *known = Arc::new(found);
            }
            changed
        });
        let wait = async {
            // An overrun says as much as an event: something changed.
            drop(tokio::time::timeout(RELIST, events.next()).await);
            tokio::time::sleep(SETTLE).await;
            while tokio::time::timeout(Duration::ZERO, events.next()).await.is_ok() {}
        };
        tokio::select! {
            biased;
            ended = phase.wait_for(|phase| *phase != Phase::Running) => {
                drop(ended);
                return Ok(());
            }
            () = wait => {}
        }
    }
}

/// Messages the kernel sends by itself. The socket's buffer is the bound: what does not fit is lost,
/// and the kernel then says so by ENOBUFS.
pub struct Events {
    socket: TokioSocket,
}

impl Events {
    /// # Errors
    /// No socket, or a group the kernel does not know.
    pub fn open(groups: &[u32]) -> Result<Events, ScanError> {
        let failed = |source| ScanError::System { doing: "listen to kernel events", source };
        let mut socket = TokioSocket::new(NETLINK_ROUTE).map_err(failed)?;
        socket.socket_mut().bind(&SocketAddr::new(0, 0)).map_err(failed)?;
        // As large as the system allows; a refusal leaves the default.
        drop(socket.socket_ref().set_rx_buf_sz(4u32 << 20));
        for group in groups {
            socket.socket_mut().add_membership(*group).map_err(failed)?;
        }
        Ok(Events { socket })
    }

    /// One datagram, which may hold several messages. An error of ENOBUFS means that some were lost.
    /// May be dropped while it waits.
    ///
    /// # Errors
    /// Messages were lost, or the socket is broken.
    pub async fn next(&self) -> io::Result<Vec<u8>> {
        let (bytes, from) = self.socket.recv_from_full().await?;
        // Only the kernel (port 0) is believed.
        Ok(if from.port_number() == 0 { bytes } else { Vec::new() })
    }
}

/// An interface and its link layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    pub id: u32,
    pub name: String,
    pub layer: LinkLayerType,
    /// Switched on.
    pub up: bool,
}

/// A connection for listings; its task ends with it.
pub struct Kernel {
    handle: Handle,
    task: tokio::task::JoinHandle<()>,
}

impl Kernel {
    /// # Errors
    /// No netlink socket.
    pub fn open() -> Result<Kernel, ScanError> {
        let (connection, handle, _) =
            rtnetlink::new_connection().map_err(|source| ScanError::System { doing: "ask the kernel", source })?;
        Ok(Kernel { handle, task: tokio::spawn(connection) })
    }

    /// Every link and what its frames begin with, for those who look for other things than networks.
    ///
    /// # Errors
    /// The kernel refuses.
    pub async fn layers(&self) -> Result<Vec<Heard>, ScanError> {
        let failed = |error: rtnetlink::Error| ScanError::Library { doing: "list interfaces", why: error.to_string() };
        let mut found = Vec::new();
        let mut links = self.handle.link().get().execute();
        while let Some(message) = links.try_next().await.map_err(failed)? {
            let (layer, flags) = (message.header.link_layer_type, message.header.flags);
            let Link { id, name, .. } = link(&message);
            found.push(Heard { id, name, layer, up: flags.contains(LinkFlags::Up) });
        }
        Ok(found)
    }

    /// Links, addresses and routes.
    ///
    /// # Errors
    /// The kernel refuses.
    pub async fn listing(&self) -> Result<Listing, ScanError> {
        let failed = |error: rtnetlink::Error| ScanError::Library { doing: "list interfaces", why: error.to_string() };
        let mut listing = Listing::default();
        let mut links = self.handle.link().get().execute();
        while let Some(message) = links.try_next().await.map_err(failed)? {
            listing.links.push(link(&message));
        }
        let mut addresses = self.handle.address().get().execute();
        while let Some(message) = addresses.try_next().await.map_err(failed)? {
            let attributes = &message.attributes;
            // On a point-to-point link `Address` is the peer's and `Local` ours.
            let own =
                attributes.iter().find_map(|a| if let AddressAttribute::Local(ip) = a { Some(*ip) } else { None });
            let any =
                attributes.iter().find_map(|a| if let AddressAttribute::Address(ip) = a { Some(*ip) } else { None });
            if let Some(ip) = own.or(any) {
                listing.addresses.push((message.header.index, ip, message.header.prefix_len));
            }
        }
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut wanted = RouteMessageBuilder::<IpAddr>::new().build();
            wanted.header.address_family = family;
            let mut routes = self.handle.route().get(wanted).execute();
            while let Some(message) = routes.try_next().await.map_err(failed)? {
                listing.routes.extend(route(&message));
            }
        }
        Ok(listing)
    }

    /// The neighbour table of both families.
    ///
    /// # Errors
    /// The kernel refuses.
    pub async fn neighbours(&self) -> Result<Vec<NeighbourMessage>, ScanError> {
        let failed = |error: rtnetlink::Error| ScanError::Library { doing: "list neighbours", why: error.to_string() };
        let mut found = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut table = self.handle.neighbours().get().set_address_family(family).execute();
            while let Some(message) = table.try_next().await.map_err(failed)? {
                found.push(message);
            }
        }
        Ok(found)
    }
}

impl Kernel {
    /// Who has which IPv6 address, by the neighbour table.
    ///
    /// # Errors
    /// The kernel refuses.
    pub async fn neighbours_v6(&self) -> Result<BTreeMap<(InterfaceId, IpAddr), MacAddr>, ScanError> {
        let failed = |error: rtnetlink::Error| ScanError::Library { doing: "list neighbours", why: error.to_string() };
        let mut found = BTreeMap::new();
        let mut table = self.handle.neighbours().get().set_address_family(AddressFamily::Inet6).execute();
        while let Some(message) = table.try_next().await.map_err(failed)? {
            let (mut ip, mut mac) = (None, None);
            for attribute in &message.attributes {
                match attribute {
                    NeighbourAttribute::Destination(NeighbourAddress::Inet6(v6)) => ip = Some(IpAddr::from(*v6)),
                    NeighbourAttribute::LinkLayerAddress(bytes) => mac = mac_of(bytes),
                    _ => {}
                }
            }
            let is_sound = !matches!(message.header.state, NeighbourState::Failed | NeighbourState::Incomplete);
            if let (Some(ip), Some(mac), true) = (ip, mac, is_sound) {
                found.insert((InterfaceId(message.header.ifindex), ip), mac);
            }
        }
        Ok(found)
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Six bytes, or nothing.
pub fn mac_of(bytes: &[u8]) -> Option<MacAddr> {
    <[u8; 6]>::try_from(bytes).ok().map(MacAddr).filter(|mac| mac.is_station())
}

fn link(message: &rtnetlink::packet_route::link::LinkMessage) -> Link {
    let (mut name, mut mac, mut master, mut vlan, mut below, mut is_elsewhere) =
        (String::new(), None, None, None, None, false);
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(text) => name.clone_from(text),
            LinkAttribute::Address(bytes) => mac = mac_of(bytes),
            LinkAttribute::Controller(id) => master = Some(*id).filter(|id| *id != 0),
            LinkAttribute::Link(id) => below = Some(*id).filter(|id| *id != message.header.index),
            // The other end of a veth, by its number in another namespace.
            LinkAttribute::LinkNetNsId(_) => is_elsewhere = true,
            LinkAttribute::LinkInfo(infos) => vlan = infos.iter().find_map(vlan_of),
            _ => {}
        }
    }
    let flags = message.header.flags;
    Link {
        id: message.header.index,
        name,
        mac,
        ethernet: message.header.link_layer_type == LinkLayerType::Ether,
        loopback: flags.contains(LinkFlags::Loopback),
        up: flags.contains(LinkFlags::Up) && flags.contains(LinkFlags::LowerUp),
        master,
        vlan,
        below: below.filter(|_| !is_elsewhere),
    }
}

fn vlan_of(info: &LinkInfo) -> Option<u16> {
    let LinkInfo::Data(InfoData::Vlan(parts)) = info else { return None };
    parts.iter().find_map(|part| if let InfoVlan::Id(id) = part { Some(*id) } else { None })
}

/// Unicast routes of the main table; one route with several next hops is several.
fn route(message: &RouteMessage) -> Vec<Route> {
    let header = &message.header;
    let table = message.attributes.iter().find_map(|a| if let RouteAttribute::Table(t) = a { Some(*t) } else { None });
    let main = u32::from(RouteHeader::RT_TABLE_MAIN);
    if header.kind != RouteType::Unicast || table.unwrap_or_else(|| header.table.into()) != main {
        return Vec::new();
    }
    let (mut to, mut found) = (None, Vec::new());
    let (mut id, mut via) = (None, None);
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(address) => {
                to = ip_of(address).and_then(|ip| Subnet::new(ip, header.destination_prefix_length));
            }
            RouteAttribute::Gateway(address) => via = ip_of(address),
            RouteAttribute::Oif(index) => id = Some(*index),
            RouteAttribute::MultiPath(hops) => {
                for hop in hops {
                    let via = hop
                        .attributes
                        .iter()
                        .find_map(|a| if let RouteAttribute::Gateway(g) = a { ip_of(g) } else { None });
                    found.push((hop.interface_index, via));
                }
            }
            _ => {}
        }
    }
    found.extend(id.map(|id| (id, via)));
    let is_default = header.destination_prefix_length == 0;
    found.into_iter().filter(|_| is_default || to.is_some()).map(|(id, via)| Route { id, to, via }).collect()
}

fn ip_of(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(ip) => Some((*ip).into()),
        RouteAddress::Inet6(ip) => Some((*ip).into()),
        _ => None,
    }
}
