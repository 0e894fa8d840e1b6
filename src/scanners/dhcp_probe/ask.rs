//! # One question on one interface
//!
//! By frames where that is allowed: port 68 may belong to this host's own DHCP client, and frames tell the
//! server's MAC. Otherwise by UDP from port 68.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use socket2::{Domain, Protocol, SockFilter, Socket, Type};
use tokio::{
    net::UdpSocket,
    time::{sleep, timeout},
};

use super::{Heard, OFFERS_MAX, message};
use crate::{
    model::{DhcpOffer, InterfaceFacts, LinkType, MacAddr},
    scanners::{
        ScanError,
        raw::{FrameEar, FrameSender},
    },
    wire::{
        Frame, Net, Transport,
        dhcp::{PORT_CLIENT, PORT_SERVER},
        ether_type,
    },
};

/// Messages read in one round, so that a flood ends it early rather than keeping us busy.
const MESSAGES_MAX: u64 = 4096;
/// A DHCP message fits one Ethernet frame as a rule; longer ones are cut.
const ROOM: usize = 2048;
/// Until the question is repeated, as UDP loses one now and then.
const AGAIN: Duration = Duration::from_millis(1500);

/// UDP to the client's port, in IPv4 without later fragments, as a program of classic BPF (linux/filter.h).
fn to_client() -> [SockFilter; 9] {
    [
        // The protocol: UDP.
        SockFilter::new(0x30, 0, 0, 23),
        SockFilter::new(0x15, 0, 6, 17),
        // The fragment's offset: none.
        SockFilter::new(0x28, 0, 0, 20),
        SockFilter::new(0x45, 4, 0, 0x1fff),
        // The length of the IP header; the destination port behind it.
        SockFilter::new(0xb1, 0, 0, 14),
        SockFilter::new(0x48, 0, 0, 16),
        SockFilter::new(0x15, 0, 1, PORT_CLIENT as u32),
        SockFilter::new(0x06, 0, 0, ROOM as u32),
        SockFilter::new(0x06, 0, 0, 0),
    ]
}

pub async fn ask(interface: &InterfaceFacts, wait: Duration) -> Result<Heard, ScanError> {
    let Some(mac) = interface.mac else { return Ok(Heard::default()) };
    let own = interface.addresses.iter().find_map(|ip| match ip {
        std::net::IpAddr::V4(ip) if !ip.is_link_local() => Some(*ip),
        _ => None,
    });
    let mut transaction = [0; 4];
    getrandom::fill(&mut transaction)
        .map_err(|error| ScanError::Library { doing: "draw a number", why: error.to_string() })?;
    let question = Question { mac, own, transaction: u32::from_be_bytes(transaction) };
    match question.by_frames(interface, wait).await {
        Err(ScanError::Forbidden { doing, advice }) => {
            question.by_port(interface, wait).await.map_err(|_| ScanError::Forbidden { doing, advice })
        }
        done => done,
    }
}

struct Question {
    mac: MacAddr,
    own: Option<Ipv4Addr>,
    transaction: u32,
}

impl Question {
    fn bytes(&self) -> Vec<u8> {
        message::discover(self.transaction, self.mac, self.own)
    }

    async fn by_frames(&self, interface: &InterfaceFacts, wait: Duration) -> Result<Heard, ScanError> {
        let failed = |source| ScanError::System { doing: "ask for DHCP servers", source };
        let ear = FrameEar::open(interface, ether_type::IPV4, &to_client())?;
        let mouth = FrameSender::open(interface)?;
        let frame = message::frame(self.mac, &self.bytes());
        let mut heard = Heard::default();
        let mut room = [0; ROOM];
        let speak = async {
            mouth.send(&frame).await?;
            sleep(AGAIN.min(wait / 2)).await;
            mouth.send(&frame).await?;
            std::future::pending::<io::Result<()>>().await
        };
        let listen = async {
            for _ in 0..MESSAGES_MAX {
                let len = ear.hear(&mut room).await?;
                let frame = Frame::decode(LinkType::ETHERNET, room.get(..len).unwrap_or_default());
                let (Some(Net::V4(ip)), Some(Transport::Udp(_))) = (frame.net, frame.transport) else { continue };
                let offer = message::offer(frame.payload(), ip.source, self.transaction, self.mac);
                heard.take(frame.source, offer);
            }
            Ok(())
        };
        talk(wait, speak, listen).await.map_err(failed)?;
        Ok(heard)
    }

    async fn by_port(&self, interface: &InterfaceFacts, wait: Duration) -> Result<Heard, ScanError> {
        let failed = |source| ScanError::System { doing: "ask for DHCP servers", source };
        let socket = client_port(interface).map_err(failed)?;
        let question = self.bytes();
        let mut heard = Heard { is_poor: true, ..Heard::default() };
        let mut room = [0; ROOM];
        let speak = async {
            socket.send_to(&question, (Ipv4Addr::BROADCAST, PORT_SERVER)).await?;
            sleep(AGAIN.min(wait / 2)).await;
            socket.send_to(&question, (Ipv4Addr::BROADCAST, PORT_SERVER)).await?;
            std::future::pending::<io::Result<()>>().await
        };
        let listen = async {
            for _ in 0..MESSAGES_MAX {
                let (len, from) = socket.recv_from(&mut room).await?;
                let SocketAddr::V4(from) = from else { continue };
                let bytes = room.get(..len).unwrap_or_default();
                heard.take(None, message::offer(bytes, *from.ip(), self.transaction, self.mac));
            }
            Ok(())
        };
        talk(wait, speak, listen).await.map_err(failed)?;
        Ok(heard)
    }
}

/// Speaks and listens until `wait` is over, or there was too much to hear.
async fn talk(
    wait: Duration,
    speak: impl Future<Output = io::Result<()>>,
    listen: impl Future<Output = io::Result<()>>,
) -> io::Result<()> {
    let both = async {
        tokio::select! {
            done = speak => done,
            done = listen => done,
        }
    };
    timeout(wait, both).await.unwrap_or(Ok(()))
}

impl Heard {
    fn take(&mut self, mac: Option<MacAddr>, offer: Option<DhcpOffer>) {
        let Some(offer) = offer else { return self.odd += 1 };
        // The second question is answered as well: once is enough of each.
        let is_known = |(from, known): &(Option<MacAddr>, DhcpOffer)| {
            (*from, known.server, known.from, known.relay) == (mac, offer.server, offer.from, offer.relay)
        };
        if self.offers.iter().any(is_known) {
            return;
        }
        if self.offers.len() < OFFERS_MAX {
            self.offers.push((mac, offer));
        } else {
            self.dropped += 1;
        }
    }
}

/// Port 68 of one interface, shared with this host's own client.
fn client_port(interface: &InterfaceFacts) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    socket.set_broadcast(true)?;
    socket.bind_device(Some(interface.name.as_bytes()))?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT_CLIENT)).into())?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_servers_are_counted_and_sixteen_told() {
        let offer = |n: u32| DhcpOffer {
            server: Some(Ipv4Addr::from(0x0a00_0000 + n)),
            from: Ipv4Addr::from(0x0a00_0000 + n),
            relay: None,
            transaction: 1,
            offered: Ipv4Addr::new(10, 0, 0, 9),
            mask: None,
            lease_s: None,
            routers: Vec::new(),
            dns: Vec::new(),
            domain: None,
            proxy_config: None,
            has_routes: false,
        };
        let mut heard = Heard::default();
        for n in 1..=1000 {
            heard.take(Some(MacAddr([2, 0, 0, 0, 0, 1])), Some(offer(n)));
            heard.take(None, None);
        }
        heard.take(Some(MacAddr([2, 0, 0, 0, 0, 1])), Some(offer(3)));
        assert_eq!((heard.offers.len(), heard.dropped, heard.odd), (OFFERS_MAX, 1000 - OFFERS_MAX as u64, 1000));
        heard.offers.clear();
        heard.take(Some(MacAddr([2, 0, 0, 0, 0, 1])), Some(offer(1)));
        heard.take(Some(MacAddr([2, 0, 0, 0, 0, 2])), Some(offer(1)));
        assert_eq!(heard.offers.len(), 2, "one name, two machines");
    }
}
