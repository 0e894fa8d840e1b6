//! # The router's outer address, by NAT-PMP, and whether it speaks PCP
//!
//! Both at one port. A MAP of PCP would tell an address too, but only by opening a door: it is never sent.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use tokio::{net::UdpSocket, time::timeout};

use crate::wire::{
    natpmp::{self, Answer},
    pcp::{self, Pcp, What},
};

/// RFC 6886 §3.1 begins with 250 ms and doubles; it goes on to a minute, but a router on the same wire that is
/// silent for so long speaks no NAT-PMP.
const WAITS: [Duration; 4] =
    [Duration::from_millis(250), Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];
/// Messages read of one router in a round.
const MESSAGES_MAX: u32 = 16;

/// What it said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outer {
    /// `Some(None)`: it answered, but has no address.
    pub address: Option<Option<Ipv4Addr>>,
    pub nat_pmp: bool,
    pub pcp: bool,
    /// Messages that were neither.
    pub odd: u32,
}

impl Outer {
    pub const fn is_there(&self) -> bool {
        self.nat_pmp || self.pcp
    }

    /// As services are called.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        [(self.nat_pmp, "nat-pmp"), (self.pcp, "pcp")].into_iter().filter(|(is, _)| *is).map(|(_, name)| name)
    }

    fn hear(&mut self, bytes: &[u8]) {
        if let Some(answer) = natpmp::Answer::read(bytes) {
            match answer {
                Answer::Address { address, .. } => {
                    self.nat_pmp = true;
                    self.address = Some(Some(address).filter(|ip| !ip.is_unspecified()));
                }
                // 1: it speaks another version; what PCP answers to NAT-PMP, and the other way round. Others say
                // that it would speak, but may not or cannot now.
                Answer::Refused { operation: 0, result } if result != 1 => {
                    self.nat_pmp = true;
                    self.address = Some(None);
                }
                Answer::Refused { .. } => {}
                Answer::Map { .. } => self.odd += 1,
            }
            return;
        }
        match Pcp::read(bytes) {
            Some(Pcp { result: Some(result), what: What::Announce, .. }) => self.pcp |= result != 1,
            _ => self.odd += 1,
        }
    }
}

/// Asks until both have answered, or four times.
pub async fn ask(router: Ipv4Addr, own: Ipv4Addr) -> Outer {
    let mut outer = Outer::default();
    if let Err(error) = exchange(router, own, &mut outer).await {
        tracing::debug!(%router, %error, "no NAT-PMP");
    }
    outer
}

async fn exchange(router: Ipv4Addr, own: Ipv4Addr, outer: &mut Outer) -> io::Result<()> {
    let socket = UdpSocket::bind((own, 0)).await?;
    // Connected, it hears nobody else.
    socket.connect((router, natpmp::PORT)).await?;
    let announce = pcp::announce(IpAddr::V4(own));
    let mut room = [0; pcp::MESSAGE_MAX + 1];
    let mut heard = 0;
    for wait in WAITS {
        if !outer.nat_pmp {
            socket.send(&natpmp::QUESTION).await?;
        }
        if !outer.pcp {
            socket.send(&announce).await?;
        }
        let listen = async {
            while !(outer.nat_pmp && outer.pcp) && heard < MESSAGES_MAX {
                // A refused port ends it: nobody is there.
                let len = socket.recv(&mut room).await?;
                heard += 1;
                outer.hear(room.get(..len).unwrap_or_default());
            }
            Ok(())
        };
        match timeout(wait, listen).await {
            Ok(done) => return done,
            Err(_elapsed) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_understood_or_counted() {
        let pcp_answer = |result: u8| {
            let mut bytes = vec![2, 128, 0, result];
            bytes.extend([0; 20]);
            bytes
        };
        let there = Outer { nat_pmp: true, ..Outer::default() };
        let cases: Vec<(&str, Vec<u8>, Outer)> = vec![
            (
                "an address",
                vec![0, 128, 0, 0, 0, 0, 0, 9, 203, 0, 113, 9],
                Outer { address: Some(Some(Ipv4Addr::new(203, 0, 113, 9))), ..there.clone() },
            ),
            ("none yet", vec![0, 128, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0], Outer { address: Some(None), ..there.clone() }),
            ("no network", vec![0, 128, 0, 3, 0, 0, 0, 9], Outer { address: Some(None), ..there }),
            ("another version", vec![0, 128, 0, 1, 0, 0, 0, 9], Outer::default()),
            ("cut", vec![0, 128, 0, 0, 0, 0, 0, 9, 203, 0], Outer { odd: 1, ..Outer::default() }),
            ("a door nobody asked for", [vec![0, 130], vec![0; 14]].concat(), Outer { odd: 1, ..Outer::default() }),
            ("PCP", pcp_answer(0), Outer { pcp: true, ..Outer::default() }),
            ("PCP that may not", pcp_answer(2), Outer { pcp: true, ..Outer::default() }),
            ("a later PCP", pcp_answer(1), Outer::default()),
            ("noise", vec![0xff; 1101], Outer { odd: 1, ..Outer::default() }),
        ];
        for (name, bytes, expected) in cases {
            let mut outer = Outer::default();
            outer.hear(&bytes);
            assert_eq!(outer, expected, "{name}");
        }
    }

    /// Ten thousand datagrams to each question: some are read, and the next router's turn comes.
    #[tokio::test]
    async fn a_router_that_floods_is_heard_a_little() {
        // An address of its own on loopback, since the port is fixed.
        let address = Ipv4Addr::new(127, 77, 5, 1);
        let router = UdpSocket::bind((address, natpmp::PORT)).await.unwrap();
        let flood = tokio::spawn(async move {
            let mut room = [0; 64];
            while let Ok((_, from)) = router.recv_from(&mut room).await {
                for n in 0..10_000_u32 {
                    let noise = [[0, 130, 0, 0], n.to_be_bytes(), [0; 4]].concat();
                    let len = n as usize % (noise.len() + 1);
                    drop(router.send_to(&noise[..len], from).await);
                }
            }
        });
        let outer = ask(address, Ipv4Addr::LOCALHOST).await;
        flood.abort();
        assert!(!outer.is_there() && outer.address.is_none(), "{outer:?}");
        assert!(outer.odd >= 1 && outer.odd <= MESSAGES_MAX, "{outer:?}");
    }
}
