//! # The kernel's list of sockets
//!
//! Asks by netlink (sock_diag(7)), which needs no rights: TCP and UDP, both families, with the inode by
//! which a process holds the socket. Holds: [`SOCKETS_MAX`] sockets of one listing.

use std::{net::SocketAddr, time::Duration};

use netlink_packet_sock_diag::{
    SockDiagMessage,
    constants::{AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP},
    inet::{ExtensionFlags, InetRequest, InetResponseHeader, SocketId, StateFlags},
};
use rtnetlink::{
    packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload},
    sys::{AsyncSocket, AsyncSocketExt, SocketAddr as Netlink, TokioSocket, protocols::NETLINK_SOCK_DIAG},
};

use super::ScanError;
use crate::model::{Connection, Listener, OwnSockets};

/// Connections kept of one listing: whoever opens more to us than this is a flood, and only counted.
pub const SOCKETS_MAX: usize = 4096;
/// A listing takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// A socket and by which inode a process holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held<T> {
    pub what: T,
    pub inode: u64,
}

/// One listing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    pub listeners: Vec<Held<Listener>>,
    pub connections: Vec<Held<Connection>>,
    pub left_out: u32,
}

impl Listing {
    #[must_use]
    pub fn sockets(&self) -> OwnSockets {
        let mut listeners: Vec<Listener> = self.listeners.iter().map(|held| held.what).collect();
        let mut connections: Vec<Connection> = self.connections.iter().map(|held| held.what).collect();
        listeners.sort_unstable();
        listeners.dedup();
        connections.sort_unstable();
        OwnSockets { listeners, connections, left_out: self.left_out }
    }
}

/// All sockets of this host, or rather of the network namespace it runs in.
///
/// # Errors
/// The kernel gives no listing.
pub async fn list() -> Result<Listing, ScanError> {
    let failed = |source| ScanError::System { doing: "list this host's sockets", source };
    let mut socket = TokioSocket::new(NETLINK_SOCK_DIAG).map_err(failed)?;
    socket.socket_mut().bind(&Netlink::new(0, 0)).map_err(failed)?;
    let range = ephemeral().await;
    let (mut found, mut refused) = (Listing::default(), None);
    for (family, protocol) in
        [(AF_INET, IPPROTO_TCP), (AF_INET6, IPPROTO_TCP), (AF_INET, IPPROTO_UDP), (AF_INET6, IPPROTO_UDP)]
    {
        let asked = tokio::time::timeout(PATIENCE, dump(&socket, family, protocol, range, &mut found)).await;
        let late = || std::io::Error::from(std::io::ErrorKind::TimedOut);
        if let Err(error) = asked.unwrap_or_else(|_| Err(late())) {
            // A kernel without IPv6, or without the module for one of them, still lists the others.
            tracing::debug!(family, protocol, %error, "no listing of these sockets");
            refused = Some(error);
        }
    }
    match refused {
        Some(error) if found.listeners.is_empty() && found.connections.is_empty() => Err(failed(error)),
        _ => {
            found.tell_sides();
            Ok(found)
        }
    }
}

/// Ports the kernel gives to programs that do not choose one: a UDP socket there waits for its own answers only.
async fn ephemeral() -> (u16, u16) {
    let text = tokio::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").await.unwrap_or_default();
    let mut words = text.split_whitespace().filter_map(|word| word.parse().ok());
    // The kernel's own default (Documentation/networking/ip-sysctl.rst).
    (words.next().unwrap_or(32_768), words.next().unwrap_or(60_999))
}

async fn dump(
    socket: &TokioSocket,
    family: u8,
    protocol: u8,
    range: (u16, u16),
    found: &mut Listing,
) -> std::io::Result<()> {
    let states = match protocol {
        IPPROTO_TCP => StateFlags::LISTEN | StateFlags::ESTABLISHED | StateFlags::SYN_SENT | StateFlags::CLOSE_WAIT,
        _ => StateFlags::ESTABLISHED | StateFlags::CLOSE,
    };
    let socket_id = if family == AF_INET { SocketId::new_v4() } else { SocketId::new_v6() };
    let request = InetRequest { family, protocol, extensions: ExtensionFlags::empty(), states, socket_id };
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let mut message = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    socket.send_to(&bytes, &Netlink::new(0, 0)).await?;
    loop {
        let (bytes, from) = socket.recv_from_full().await?;
        // Only the kernel (port 0) is believed.
        if from.port_number() != 0 {
            continue;
        }
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let bad = |error: rtnetlink::packet_core::DecodeError| std::io::Error::other(error.to_string());
            let message = NetlinkMessage::<SockDiagMessage>::deserialize(rest).map_err(bad)?;
            match message.payload {
                NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(response)) => {
                    found.take(&response.header, protocol == IPPROTO_TCP, range);
                }
                NetlinkPayload::Error(error) if error.code.is_some() => return Err(error.to_io()),
                NetlinkPayload::Done(_) | NetlinkPayload::Error(_) => return Ok(()),
                _ => {}
            }
            // Messages are aligned to four bytes (netlink(7)).
            let len = (message.header.length as usize).next_multiple_of(4).max(16);
            rest = rest.get(len..).unwrap_or_default();
        }
    }
}

impl Listing {
    fn take(&mut self, header: &InetResponseHeader, tcp: bool, range: (u16, u16)) {
        let id = &header.socket_id;
        let own = SocketAddr::new(id.source_address.to_canonical(), id.source_port);
        let peer = SocketAddr::new(id.destination_address.to_canonical(), id.destination_port);
        let (uid, inode) = (header.uid, u64::from(header.inode));
        if self.listeners.len() + self.connections.len() >= SOCKETS_MAX {
            self.left_out = self.left_out.saturating_add(1);
        } else if peer.port() != 0 {
            let what = Connection { tcp, own, peer, accepted: false, uid };
            self.connections.push(Held { what, inode });
        } else if own.port() != 0 && (tcp || !(range.0..=range.1).contains(&own.port())) {
            self.listeners.push(Held { what: Listener { tcp, at: own, uid }, inode });
        }
    }

    /// A connection from a port that we listen on was accepted there.
    fn tell_sides(&mut self) {
        let ports: std::collections::BTreeSet<(bool, u16)> =
            self.listeners.iter().map(|held| (held.what.tcp, held.what.at.port())).collect();
        for held in &mut self.connections {
            held.what.accepted = ports.contains(&(held.what.tcp, held.what.own.port()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(own: &str, peer: &str) -> InetResponseHeader {
        let (own, peer): (SocketAddr, SocketAddr) = (own.parse().expect("own"), peer.parse().expect("peer"));
        let socket_id = SocketId {
            source_port: own.port(),
            destination_port: peer.port(),
            source_address: own.ip(),
            destination_address: peer.ip(),
            interface_id: 0,
            cookie: [0; 8],
        };
        InetResponseHeader {
            family: 2,
            state: 1,
            timer: None,
            socket_id,
            recv_queue: 0,
            send_queue: 0,
            uid: 7,
            inode: 9,
        }
    }

    #[test]
    fn a_listing_tells_who_waits_and_who_connected() {
        let mut listing = Listing::default();
        let range = (32_768, 60_999);
        for (own, peer, tcp) in [
            ("0.0.0.0:22", "0.0.0.0:0", true),
            ("[::]:8123", "[::]:0", true),
            ("127.0.0.1:631", "0.0.0.0:0", true),
            ("192.168.7.5:22", "192.168.7.40:50000", true),
            ("[::ffff:192.168.7.5]:8123", "[::ffff:192.168.7.41]:50001", true),
            ("192.168.7.5:40000", "192.0.2.9:443", true),
            ("0.0.0.0:5353", "0.0.0.0:0", false),
            // Waits for an answer to a question of its own.
            ("0.0.0.0:45678", "0.0.0.0:0", false),
            ("0.0.0.0:0", "0.0.0.0:0", false),
        ] {
            listing.take(&header(own, peer), tcp, range);
        }
        listing.tell_sides();
        let sockets = listing.sockets();
        let open: Vec<_> = sockets.open().collect();
        assert_eq!(open, [(false, 5353), (true, 22), (true, 8123)]);
        let sides: Vec<_> = sockets.connections.iter().map(|c| (c.peer.to_string(), c.accepted)).collect();
        let expected = [("192.168.7.40:50000", true), ("192.168.7.41:50001", true), ("192.0.2.9:443", false)];
        assert_eq!(sides, expected.map(|(peer, accepted)| (peer.to_owned(), accepted)));
        assert_eq!(sockets.by_peer().len(), 3);
    }

    #[test]
    fn a_flood_of_connections_is_counted_and_not_held() {
        let mut listing = Listing::default();
        for n in 0..SOCKETS_MAX as u32 + 500 {
            let peer = format!("10.{}.{}.{}:{}", n >> 16, n >> 8 & 255, n & 255, 1024 + n % 60_000);
            listing.take(&header("192.168.7.5:22", &peer), true, (32_768, 60_999));
        }
        assert_eq!((listing.connections.len(), listing.left_out), (SOCKETS_MAX, 500));
    }
}
