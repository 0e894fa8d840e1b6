//! # Making the kernel ask
//!
//! Without the right to send frames, one byte of UDP to the discard port makes the kernel resolve the
//! address, by ARP or neighbour solicitation; what comes of it is heard by netlink. Several sockets share the
//! work, because a datagram that waits for its neighbour fills its socket's buffer.

use std::{
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6},
    time::Duration,
};

use tokio::net::UdpSocket;

use super::{ScanError, groups::asking};
use crate::model::InterfaceId;

/// The discard service (RFC 863): whoever runs it throws the byte away.
const DISCARD: u16 = 9;
/// A datagram that waits takes about 768 bytes of a buffer of 212,992 (net.core.wmem_default): 4 hold 256 easily.
const SOCKETS: usize = 4;
/// How long one datagram may wait for room before it is given up.
const ROOM: Duration = Duration::from_secs(4);
const BREATH: Duration = Duration::from_millis(5);

/// Knocks at addresses.
pub struct Knocker {
    v4: Vec<UdpSocket>,
    v6: Option<UdpSocket>,
    turn: usize,
}

impl Knocker {
    /// # Errors
    /// No UDP sockets are to be had.
    pub async fn open() -> Result<Knocker, ScanError> {
        let mut v4 = Vec::new();
        for _ in 0..SOCKETS {
            v4.push(asking().await?);
        }
        // A host without IPv6 has none.
        let v6 = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).await.ok();
        Ok(Knocker { v4, v6, turn: 0 })
    }

    /// Knocks once. `false`: it could not go out, so nothing may be concluded from silence.
    pub async fn knock(&mut self, ip: IpAddr, interface: InterfaceId) -> bool {
        self.turn = (self.turn + 1) % self.v4.len();
        let (socket, to) = match ip {
            IpAddr::V4(ip) => (self.v4.get(self.turn), SocketAddr::from((ip, DISCARD))),
            IpAddr::V6(ip) => {
                let scope = if ip.is_unicast_link_local() || ip.is_multicast() { interface.0 } else { 0 };
                (self.v6.as_ref(), SocketAddrV6::new(ip, DISCARD, 0, scope).into())
            }
        };
        let Some(socket) = socket else { return false };
        let send = async {
            loop {
                match socket.send_to(&[0], to).await {
                    Ok(_) => return true,
                    // The neighbour table or a queue is full; both empty by themselves.
                    Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => tokio::time::sleep(BREATH).await,
                    // An error left by an earlier datagram (port unreachable): not about this one.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                    Err(_) => return false,
                }
            }
        };
        tokio::time::timeout(ROOM, send).await.unwrap_or(false)
    }
}
