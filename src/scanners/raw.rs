//! # Frames out of and into one interface
//!
//! Packet sockets: one that only sends, bound to protocol 0 so that the kernel copies nothing to it, where a send
//! waits while the card's queue is full; and one that hears what a filter lets through.

use std::{io, net::UdpSocket as StdSocket, os::fd::IntoRawFd, time::Duration};

use pnet::datalink::{self, ChannelType, Config, NetworkInterface};
use socket2::{Domain, SockFilter, Socket, Type};
use tokio::net::UdpSocket;

use super::ScanError;
use crate::model::InterfaceFacts;

/// What a full queue of the kernel (ENOBUFS) gets before the next try.
const BREATH: Duration = Duration::from_millis(2);
/// A card that takes nothing for so many tries is not going to.
const TRIES_MAX: u32 = 1000;

/// Sends frames as they are.
pub struct FrameSender {
    socket: UdpSocket,
}

impl FrameSender {
    /// # Errors
    /// No right (CAP_NET_RAW), or no such interface.
    pub fn open(interface: &InterfaceFacts) -> Result<FrameSender, ScanError> {
        packet_socket(interface, 0, &[]).map(|socket| FrameSender { socket })
    }

    /// Sends one frame; waits while the queue is full.
    ///
    /// # Errors
    /// The interface is down or gone.
    pub async fn send(&self, frame: &[u8]) -> io::Result<()> {
        for _ in 0..TRIES_MAX {
            match self.socket.send(frame).await {
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => tokio::time::sleep(BREATH).await,
                other => return other.map(drop),
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }
}

/// Hears the frames of one interface that a filter lets through.
pub struct FrameEar {
    socket: UdpSocket,
}

impl FrameEar {
    /// Frames of `ether_type` for which `filter` returns a length.
    ///
    /// # Errors
    /// No right (CAP_NET_RAW), or no such interface.
    pub fn open(interface: &InterfaceFacts, ether_type: u16, filter: &[SockFilter]) -> Result<FrameEar, ScanError> {
        packet_socket(interface, ether_type, filter).map(|socket| FrameEar { socket })
    }

    /// The next frame, from its link header on; a longer one is cut.
    ///
    /// # Errors
    /// The interface is down or gone.
    pub async fn hear(&self, room: &mut [u8]) -> io::Result<usize> {
        self.socket.recv(room).await
    }
}

/// A packet socket of one interface. With protocol 0 the kernel copies nothing to it.
fn packet_socket(interface: &InterfaceFacts, protocol: u16, filter: &[SockFilter]) -> Result<UdpSocket, ScanError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::PermissionDenied => ScanError::Forbidden {
            doing: "send raw frames",
            advice: "setcap cap_net_raw=ep \"$(command -v porchlight)\"",
        },
        _ => ScanError::System { doing: "open a raw socket", source },
    };
    let socket = Socket::new(Domain::PACKET, Type::RAW.nonblocking().cloexec(), None).map_err(failed)?;
    // Before it hears anything.
    if !filter.is_empty() {
        socket.attach_filter(filter).map_err(failed)?;
    }
    // Binding needs a `sockaddr_ll`, which pnet builds for us. It gets, and closes, a descriptor of
    // its own; the binding belongs to the socket behind both.
    let copy = socket.try_clone().map_err(failed)?.into_raw_fd();
    let place = NetworkInterface {
        name: interface.name.clone(),
        description: String::new(),
        index: interface.id.0,
        mac: None,
        ips: Vec::new(),
        flags: 0,
    };
    let config = Config {
        channel_type: ChannelType::Layer3(protocol),
        promiscuous: false,
        socket_fd: Some(copy),
        ..Config::default()
    };
    datalink::channel(&place, config).map_err(failed)?;
    // tokio's UDP socket only names the descriptor: its `send` is send(2), whatever the family.
    UdpSocket::from_std(StdSocket::from(socket)).map_err(failed)
}
