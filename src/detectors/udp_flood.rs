//! # Flood of datagrams
//!
//! ## What it finds
//! So many datagrams to one port of one host that nothing else gets through, none of them answered.
//! ## Why it matters
//! The line is full; what was meant for it is lost.
//! ## How it decides
//! 2,000 datagrams a second to one port, or 300 to one host on many ports, for two of five seconds, of which less
//! than one in a hundred is answered. Groups (television, discovery) are left out, and so is a receiver that has a TCP
//! connection with the sender at the same port: so do measurements of speed (iperf3).
//! ## What fools it
//! A measurement of speed without such a connection; a stream that is never answered by its receiver.
//! ## What to do
//! Look at the device that sends them.
//!
//! Leaves out: answers nobody asked for (`amplification`). Holds 2,048 targets and 1,024 connections.

use std::{net::IpAddr, time::Duration};

use crate::{
    detectors::{
        Context, Detector, Evidence, Needs,
        usual::{Bell, Usual},
        window::{Recent, Subjects, Weigh, Window},
    },
    model::{Capped, Card, Category, Finding, Findings, Mono, Party, Port, Severity},
    traffic::{Noticed, What},
};

pub static CARD: Card = Card {
    id: "udp_flood",
    title: "Flood of datagrams",
    needs: Some("CAP_NET_RAW"),
    page: include_str!("udp_flood.rs"),
};

pub type Settings = Usual;

const TARGETS_MAX: usize = 2048;
const IN_A_SECOND: u32 = 2000;
// Random ports have no stream: each of them is asked once.
const MANY_PORTS: (usize, u32) = (50, 300);
const ANSWERED_SHARE: u32 = 100;
const AGREED_MAX: usize = 1024;
/// A measurement takes seconds, at most some minutes.
const AGREED: Duration = Duration::from_secs(300);

#[derive(Debug, Clone)]
struct Load {
    came: Window,
    went: Window,
    sources: Recent<IpAddr>,
    ports: Recent<Port>,
    from: Party,
}

impl Weigh for Load {
    /// What nobody answered.
    fn weight(&self, now: Mono, _span: Duration) -> u32 {
        let (came, went) = (self.came.sum(now, 2), self.went.sum(now, 2));
        if went * ANSWERED_SHARE > came { 0 } else { came }
    }
}

/// See the page above.
pub struct UdpFlood {
    bell: Bell,
    targets: Subjects<IpAddr, Load>,
    /// Who had a TCP connection with whom at which port, and when it was opened.
    agreed: Capped<(IpAddr, IpAddr, Port), Mono>,
}

impl UdpFlood {
    #[must_use]
    pub fn new(settings: Settings) -> UdpFlood {
        UdpFlood {
            bell: Bell::new(settings),
            targets: Subjects::new(TARGETS_MAX, Duration::from_secs(2), MANY_PORTS.1 / 2),
            agreed: Capped::new(AGREED_MAX),
        }
    }
}

impl Detector for UdpFlood {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Udp, Needs::Completed]
    }

    fn held(&self) -> usize {
        self.targets.len() + self.agreed.len() + self.bell.held()
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        if let Evidence::Traffic(Noticed { talk, what: What::Completed }) = evidence
            && talk.is_sure
        {
            self.agreed.insert((talk.client.ip, talk.server.ip, talk.server.port), context.now.mono);
        }
        let Evidence::Packet(frame) = evidence else { return };
        let (Some(udp), Some((from, to))) = (frame.udp(), frame.addresses()) else { return };
        if to.is_multicast() || matches!(to, IpAddr::V4(ip) if ip.is_broadcast()) {
            return;
        }
        let (now, tick) = (context.now.mono, context.now.mono.0 / 1_000_000_000);
        if let Some(load) = self.targets.get_mut(&from, now) {
            load.went.add(now, 1);
        }
        let fresh = |left| Load {
            came: Window::with(left, now),
            went: Window::default(),
            sources: Recent::new(32),
            ports: Recent::new(64),
            from: Party::default(),
        };
        // Whoever the target is: a flood goes to few, all of one sender's targets together are no more its own.
        let Some(load) = self.targets.of(to, tick, now, fresh) else { return };
        load.came.add(now, 1);
        let second = load.came.sum(now, 1);
        // Until there is something of a flood, who sends it is not looked at.
        if second < 200 {
            return;
        }
        if self.agreed.get(&(from, to, udp.destination)).is_some_and(|at| now.since(*at) <= AGREED) {
            return;
        }
        load.sources.see(from, now);
        load.ports.see(udp.destination, now);
        load.from = context.neighbours.party(from, frame.source);
        let least = if load.ports.len() >= MANY_PORTS.0 { MANY_PORTS.1 } else { IN_A_SECOND };
        let least = self.bell.scaled(least);
        let (five, answered) = (load.came.sum(now, 5), load.went.sum(now, 5));
        if second < least || five < least * 2 || answered * ANSWERED_SHARE > five {
            return;
        }
        let attacker = if load.sources.len() == 1 { load.from } else { Party::default() };
        let finding = Finding::new(CARD.id, Category::Flood, Severity::High, to.to_string(), context.now)
            .by(attacker)
            .against(context.neighbours.party(to, frame.destination))
            .why("pps", second)
            .why("sources", load.sources.len())
            .why("ports", load.ports.len())
            .technique(&["T1498.001"])
            .points(if second >= least * 2 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, conversation, ip, udp};

    #[test]
    fn only_what_nobody_answers_is_a_flood() {
        let run = |answered: bool, gap_us: u64| {
            let mut stage = Stage::new(UdpFlood::new(Settings::default()));
            let mut found = Vec::new();
            for n in 0..12_000u64 {
                found.extend(stage.frame(&udp((9, 4000), (5, 9999), b"0123"), n * gap_us / 1000));
                if answered && n % 20 == 0 {
                    found.extend(stage.frame(&udp((5, 9999), (9, 4000), b"ok"), n * gap_us / 1000));
                }
            }
            found
        };
        assert_eq!(run(false, 300).first().and_then(|f| f.attacker.ip), Some(IpAddr::from(ip(9))));
        assert!(run(true, 300).is_empty(), "an upload over QUIC");
        assert!(run(false, 5000).is_empty(), "a video of 200 packets a second");
        let mut stage = Stage::new(UdpFlood::new(Settings::default()));
        for frame in conversation((9, 40_000), (5, 9999), &[(true, b"test")]).iter().take(4) {
            stage.frame(frame, 0);
        }
        let measured = (0..12_000u64).flat_map(|n| stage.frame(&udp((9, 4000), (5, 9999), b"0123"), 10 + n * 3 / 10));
        assert_eq!(measured.count(), 0, "a measurement of speed");
    }
}
