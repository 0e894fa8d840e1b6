//! # Echo requests and their answers
//!
//! An unprivileged ping socket where the system allows it (net.ipv4.ping_group_range), else a raw one.
//! An answer counts only if it carries our secret: nobody who did not get the question can make it.

use std::{
    io,
    net::{IpAddr, SocketAddr, SocketAddrV6, UdpSocket as StdSocket},
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use super::{ScanError, frames::checksum};

/// The right, in the two ways it can be had.
const ADVICE: &str = "sysctl -w net.ipv4.ping_group_range='0 2147483647', or grant CAP_NET_RAW";
const HEADER: usize = 8;
const SECRET: usize = 8;
/// Nothing we wait for is longer; the rest of a datagram may be cut.
const ROOM: usize = 256;

/// Sends echo requests and reads the answers of one family.
pub struct Pinger {
    socket: UdpSocket,
    v6: bool,
    raw: bool,
    id: u16,
    secret: [u8; SECRET],
}

/// An answer that is really one to a question of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    pub from: IpAddr,
    /// Interface of a link-local address, else 0.
    pub scope: u32,
    pub sequence: u16,
}

impl Pinger {
    /// # Errors
    /// Neither kind of socket is allowed.
    pub fn open(v6: bool) -> Result<Pinger, ScanError> {
        Pinger::open_at(v6, None)
    }

    /// The same, asking from `own`: hosts answer from the network they are asked from (RFC 6724 §5, rule 8).
    ///
    /// # Errors
    /// Neither kind of socket is allowed, or `own` is no address of this host.
    pub fn open_at(v6: bool, own: Option<SocketAddr>) -> Result<Pinger, ScanError> {
        let (domain, protocol) = if v6 { (Domain::IPV6, Protocol::ICMPV6) } else { (Domain::IPV4, Protocol::ICMPV4) };
        let make = |kind: Type| Socket::new(domain, kind.nonblocking().cloexec(), Some(protocol));
        let (socket, raw) = match make(Type::DGRAM) {
            Ok(socket) => (socket, false),
            Err(_) => (make(Type::RAW).map_err(refused)?, true),
        };
        if let Some(own) = own {
            let doing = "ask from an address of this host";
            socket.bind(&own.into()).map_err(|source| ScanError::System { doing, source })?;
        }
        let mut random = [0; SECRET + 2];
        getrandom::fill(&mut random)
            .map_err(|error| ScanError::Library { doing: "draw a secret", why: error.to_string() })?;
        let [a, b, secret @ ..] = random;
        let socket = UdpSocket::from_std(StdSocket::from(socket))
            .map_err(|source| ScanError::System { doing: "open a ping socket", source })?;
        Ok(Pinger { socket, v6, raw, id: u16::from_be_bytes([a, b]), secret })
    }

    /// Asks `ip` (`scope`: the interface, for link-local and group addresses).
    ///
    /// # Errors
    /// It could not go out.
    pub async fn send(&self, ip: IpAddr, scope: u32, sequence: u16) -> io::Result<()> {
        let to: SocketAddr = match ip {
            IpAddr::V4(ip) => (ip, 0).into(),
            IpAddr::V6(ip) => {
                let scoped = ip.is_unicast_link_local() || ip.is_multicast();
                SocketAddrV6::new(ip, 0, 0, if scoped { scope } else { 0 }).into()
            }
        };
        self.socket.send_to(&self.request(sequence), to).await.map(drop)
    }

    /// The next answer to one of our questions. May be dropped while it waits.
    pub async fn next(&self) -> Reply {
        let mut room = [0; ROOM];
        loop {
            // An error here is about a question that could not be delivered: silence, as far as we care.
            if let Ok((len, from)) = self.socket.recv_from(&mut room).await
                && let Some(reply) = self.read(room.get(..len).unwrap_or_default(), from)
            {
                return reply;
            }
        }
    }

    fn request(&self, sequence: u16) -> Vec<u8> {
        let mut message = vec![if self.v6 { 128 } else { 8 }, 0, 0, 0];
        message.extend(self.id.to_be_bytes());
        message.extend(sequence.to_be_bytes());
        message.extend(self.secret);
        if !self.v6 {
            // For IPv6 the kernel does it (RFC 3542 §3.1).
            let sum = checksum(&message, &[]);
            message[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        message
    }

    fn read(&self, bytes: &[u8], from: SocketAddr) -> Option<Reply> {
        // A raw IPv4 socket hands over the IP header as well (ip(7)).
        let skipped = if self.raw && !self.v6 { usize::from(bytes.first()? & 15) * 4 } else { 0 };
        let message = bytes.get(skipped..)?;
        let header = message.get(..HEADER)?;
        let is_reply = header.first() == Some(&if self.v6 { 129 } else { 0 });
        // A ping socket carries an id the kernel chose, and shows us only its own answers.
        let is_ours = !self.raw || header.get(4..6) == Some(&self.id.to_be_bytes());
        if !is_reply || !is_ours || message.get(HEADER..HEADER + SECRET) != Some(&self.secret) {
            return None;
        }
        let scope = if let SocketAddr::V6(from) = from { from.scope_id() } else { 0 };
        Some(Reply { from: from.ip(), scope, sequence: u16::from_be_bytes(header.get(6..8)?.try_into().ok()?) })
    }
}

fn refused(source: io::Error) -> ScanError {
    match source.kind() {
        io::ErrorKind::PermissionDenied => ScanError::Forbidden { doing: "send echo requests", advice: ADVICE },
        _ => ScanError::System { doing: "open a ping socket", source },
    }
}
