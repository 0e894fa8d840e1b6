//! # One mDNS question to one device
//!
//! A question by unicast from a port of our own is answered to that port (RFC 6762 §6.7). Sleeping phones
//! answer it where they sleep through multicast. Only an answer from the address asked, with the id of the
//! question, counts.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

use tokio::net::UdpSocket;

use super::{ScanError, groups::asking};
use crate::model::{Capped, Look};

const PORT: u16 = 5353;
/// Questions whose answers are awaited.
const ASKED_MAX: usize = 1024;
/// `_services._dns-sd._udp.local`, the question every responder can answer (RFC 6763 §9).
const NAME: [&str; 4] = ["_services", "_dns-sd", "_udp", "local"];

pub struct Asker {
    v4: UdpSocket,
    v6: Option<UdpSocket>,
    asked: Capped<IpAddr, (u16, Look)>,
}

impl Asker {
    /// # Errors
    /// No UDP socket is to be had.
    pub async fn open() -> Result<Asker, ScanError> {
        Ok(Asker {
            v4: asking().await?,
            v6: UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).await.ok(),
            asked: Capped::new(ASKED_MAX),
        })
    }

    /// `false`: it could not go out, so silence says nothing.
    pub async fn ask(&mut self, look: Look) -> bool {
        let mut id = [0; 2];
        if getrandom::fill(&mut id).is_err() {
            return false;
        }
        let scope = look.interface.map_or(0, |interface| interface.0);
        let (socket, to): (_, SocketAddr) = match look.ip {
            IpAddr::V4(ip) => (Some(&self.v4), (ip, PORT).into()),
            IpAddr::V6(ip) => {
                let scope = if ip.is_unicast_link_local() { scope } else { 0 };
                (self.v6.as_ref(), SocketAddrV6::new(ip, PORT, 0, scope).into())
            }
        };
        let Some(socket) = socket else { return false };
        let question = question(u16::from_be_bytes(id));
        // A port that was refused before leaves its error on the socket; that is not about this question.
        let sent = socket.send_to(&question, to).await.is_ok() || socket.send_to(&question, to).await.is_ok();
        if sent {
            self.asked.insert(look.ip, (u16::from_be_bytes(id), look));
        }
        sent
    }

    /// The next look that was answered. May be dropped while it waits.
    pub async fn answer(&mut self) -> Look {
        let (mut first, mut second) = ([0; 12], [0; 12]);
        loop {
            let v6 = async {
                match &self.v6 {
                    Some(socket) => socket.recv_from(&mut second).await,
                    None => std::future::pending().await,
                }
            };
            // Only the header is read; the kernel cuts the rest.
            let (header, received) = tokio::select! {
                received = self.v4.recv_from(&mut first) => (true, received),
                received = v6 => (false, received),
            };
            let header = if header { &first } else { &second };
            let Ok((len, from)) = received else { continue };
            let id = u16::from_be_bytes([header[0], header[1]]);
            // The highest bit of the flags marks an answer (RFC 1035 §4.1.1).
            if len < header.len() || header[2] & 0x80 == 0 || from.port() != PORT {
                continue;
            }
            if let Some((_, look)) = self.asked.get(&from.ip()).filter(|(asked, _)| *asked == id).copied() {
                self.asked.remove(&from.ip());
                return look;
            }
        }
    }
}

fn question(id: u16) -> Vec<u8> {
    let mut message = Vec::with_capacity(46);
    message.extend(id.to_be_bytes());
    // A standard query with one question.
    message.extend([0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in NAME {
        message.push(label.len() as u8);
        message.extend(label.as_bytes());
    }
    // Root; type PTR (12); class IN (1) with the bit that asks for a unicast answer (RFC 6762 §5.4).
    message.extend([0, 0, 12, 0x80, 1]);
    message
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use std::net::Ipv4Addr;

    use super::*;
    use crate::model::Probe;

    #[test]
    fn the_question_is_well_formed() {
        let bytes = question(0x1234);
        assert_eq!(&bytes[..12], [0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(&bytes[12..], b"\x09_services\x07_dns-sd\x04_udp\x05local\x00\x00\x0c\x80\x01");
    }

    #[tokio::test]
    async fn an_answer_from_another_port_or_with_another_id_is_none() {
        let mut asker = Asker::open().await.unwrap();
        let liar = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let look = Look { probe: Probe::Mdns, mac: None, ip: Ipv4Addr::LOCALHOST.into(), interface: None };
        asker.asked.insert(look.ip, (7, look));
        let to = (Ipv4Addr::LOCALHOST, asker.v4.local_addr().unwrap().port());
        liar.send_to(&[0, 7, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0], to).await.unwrap();
        liar.send_to(&[], to).await.unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(200), asker.answer()).await.is_err());
    }
}
