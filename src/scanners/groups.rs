//! # A multicast group, on every watched interface
//!
//! One socket an interface to ask from, so that a question leaves where it should and answers come back to a
//! port of our own; and one that hears what is said to the group. IPv4: every device that speaks SSDP or
//! WS-Discovery on a home network does so over IPv4.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    task::{Context, Poll},
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::{io::ReadBuf, net::UdpSocket};

use super::ScanError;
use crate::model::{Health, InterfaceId, NetworkFacts, Port};

/// Longer messages are cut; SSDP and WS-Discovery fit one packet.
pub const MESSAGE_MAX: usize = 8192;
/// Interfaces spoken on.
const MOUTHS_MAX: usize = 32;
/// Routers in a home pass multicast on at most once (UPnP Device Architecture 2.0 §1.3.2 says 2).
const TTL: u32 = 2;

/// A message and whence it came.
#[derive(Debug)]
pub struct Said {
    pub from: SocketAddr,
    pub interface: Option<InterfaceId>,
    /// It answers a question of ours, rather than being said to the group.
    pub is_answer: bool,
    pub bytes: Vec<u8>,
}

pub struct Group {
    to: (Ipv4Addr, Port),
    ears: UdpSocket,
    mouths: Vec<Mouth>,
    buffer: Box<[u8; MESSAGE_MAX]>,
    /// Who is read first, in turn: a noisy interface must not drown the others.
    turn: usize,
}

struct Mouth {
    interface: InterfaceId,
    own: Ipv4Addr,
    socket: UdpSocket,
}

impl Group {
    /// # Errors
    /// The group's port cannot be shared.
    pub fn open(group: Ipv4Addr, port: Port, facts: &NetworkFacts) -> Result<Group, ScanError> {
        let failed = |source| ScanError::System { doing: "listen to a multicast group", source };
        let ears = shared(port).map_err(failed)?;
        let buffer = Box::new([0; MESSAGE_MAX]);
        let mut group = Group { to: (group, port), ears, mouths: Vec::new(), buffer, turn: 0 };
        group.renew(facts);
        Ok(group)
    }

    /// Follows the interfaces as they are now. Returns on how many it speaks.
    pub fn renew(&mut self, facts: &NetworkFacts) -> usize {
        let wanted: Vec<(InterfaceId, Ipv4Addr)> = facts
            .interfaces
            .iter()
            .filter(|interface| interface.up)
            .filter_map(|interface| {
                interface.addresses.iter().find_map(|ip| match ip {
                    IpAddr::V4(v4) if !v4.is_loopback() => Some((interface.id, *v4)),
                    _ => None,
                })
            })
            .take(MOUTHS_MAX)
            .collect();
        let (group, ears) = (self.to.0, &self.ears);
        self.mouths.retain(|mouth| {
            let keep = wanted.contains(&(mouth.interface, mouth.own));
            if !keep {
                // The membership goes with the address; an error says that it has gone.
                drop(ears.leave_multicast_v4(group, mouth.own));
            }
            keep
        });
        for (interface, own) in wanted {
            if self.mouths.iter().any(|mouth| mouth.interface == interface) {
                continue;
            }
            match mouth(own) {
                Ok(socket) => {
                    drop(self.ears.join_multicast_v4(group, own));
                    self.mouths.push(Mouth { interface, own, socket });
                }
                Err(error) => tracing::debug!(%own, %error, "cannot speak to a group here"),
            }
        }
        self.mouths.len()
    }

    /// Says `message` to the group on every interface; on how many it went out.
    pub async fn say(&self, message: &[u8]) -> usize {
        let mut sent = 0;
        for mouth in &self.mouths {
            sent += usize::from(mouth.socket.send_to(message, self.to).await.is_ok());
        }
        sent
    }

    /// How many packets [`Group::say`] sends.
    pub fn voices(&self) -> u32 {
        self.mouths.len() as u32
    }

    /// The next message. May be dropped while it waits.
    pub async fn next(&mut self) -> Said {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Said> {
        let count = self.mouths.len() + 1;
        for step in 0..count {
            let at = (self.turn + step) % count;
            let (socket, interface) = match at.checked_sub(1).and_then(|at| self.mouths.get(at)) {
                Some(mouth) => (&mouth.socket, Some(mouth.interface)),
                None => (&self.ears, None),
            };
            loop {
                let mut room = ReadBuf::new(&mut self.buffer[..]);
                match socket.poll_recv_from(context, &mut room) {
                    Poll::Ready(Ok(from)) => {
                        let bytes = room.filled().to_vec();
                        self.turn = at + 1;
                        return Poll::Ready(Said { from, interface, is_answer: interface.is_some(), bytes });
                    }
                    // What an earlier question met, such as a closed port; the next read is clean.
                    Poll::Ready(Err(_)) => {}
                    Poll::Pending => break,
                }
            }
        }
        Poll::Pending
    }
}

/// Of a scanner that speaks with so many voices: none is no fault of ours, and can be mended.
pub fn health(voices: usize) -> Health {
    let advice = "set network.interfaces".to_owned();
    let unheard = Health::Degraded { why: "no interface to ask on".to_owned(), advice: Some(advice) };
    if voices == 0 { unheard } else { Health::Up }
}

/// A socket for questions to single devices, by IPv4.
pub async fn asking() -> Result<UdpSocket, ScanError> {
    let failed = |source| ScanError::System { doing: "open a UDP socket", source };
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await.map_err(failed)
}

/// A socket that shares `port` with other programs of this host.
fn shared(port: Port) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    // Only groups joined here, not those any program of this host joined.
    socket.set_multicast_all_v4(false)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket.into())
}

/// A socket of `own` that also speaks to groups; answers come to it alone.
pub fn mouth(own: Ipv4Addr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.bind(&SocketAddr::from((own, 0)).into())?;
    socket.set_multicast_if_v4(&own)?;
    socket.set_multicast_ttl_v4(TTL)?;
    socket.set_multicast_loop_v4(false)?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket.into())
}
