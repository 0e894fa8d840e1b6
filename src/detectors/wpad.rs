//! # False proxy for browsers
//!
//! ## What it finds
//! Somebody who tells browsers, unasked for by the household, which proxy to use.
//! ## Why it matters
//! All of a computer's web traffic then goes through that machine.
//! ## How it decides
//! An answer by LLMNR, NetBIOS or mDNS for the names `wpad` or `isatap`, which only administrators of companies set up,
//! and in their name server at that (+6); or an address server that hands out a place for proxy settings (option 252)
//! though another one does not, or it did not itself before (+5). Who has handed one out ever since it was first heard is
//! told as low: no router of a home does so by itself.
//! ## What fools it
//! A false place in the name server.
//! ## What to do
//! Find the device. Switch "detect settings automatically" off in Windows.
//!
//! Holds 64 address servers.

use crate::{
    detectors::{Context, Detector, Evidence, name_poison::answered, usual::Bell},
    model::{Capped, Category, Finding, Findings, MacAddr, Party, Severity, clean_text},
    wire::{
        Frame,
        dhcp::{Dhcp, Kind, PORT_CLIENT, PORT_SERVER, option},
        dns::Message,
        llmnr, mdns,
        netbios::PORT_NAMES,
    },
};

card!("wpad", "False proxy for browsers");

const SERVERS_MAX: usize = 64;
const ASKED_MAX: usize = 256;
const NAMES: [&str; 4] = ["wpad", "isatap", "wpad.local", "isatap.local"];

/// What an address server said of proxy settings.
#[derive(Debug, Clone, Copy, Default)]
struct Said {
    /// Nothing, the last time.
    none: bool,
    /// Nothing, once, though it was asked: a server says it only to those who ask.
    had_none: bool,
}

/// See the page above.
pub struct Wpad {
    bell: Bell,
    servers: Capped<MacAddr, Said>,
    /// Clients that asked for such a place: to others it is not said.
    asked: Capped<MacAddr, ()>,
}

impl Wpad {
    #[must_use]
    pub fn new(settings: Settings) -> Wpad {
        Wpad { bell: Bell::new(settings), servers: Capped::new(SERVERS_MAX), asked: Capped::new(ASKED_MAX) }
    }

    fn tell(
        &mut self,
        frame: &Frame<'_>,
        (how, severity): (&'static str, Severity),
        text: &str,
        context: &Context<'_>,
        out: &mut Findings,
    ) {
        let Some((from, to)) = frame.addresses() else { return };
        let Some(mac) = frame.source else { return };
        let victim = if to.is_ipv4() && frame.destination.is_some_and(|mac| mac.is_station()) {
            context.neighbours.party(to, frame.destination)
        } else {
            Party::default()
        };
        let finding = Finding::new(CARD.id, Category::Dns, severity, format!("{mac} {how}"), context.now)
            .by(Party { device: None, mac: Some(mac), ip: Some(from) })
            .against(victim)
            .why("protocol", how)
            .why("wpad", clean_text(text, 80))
            .technique(&["T1557"])
            .points(if how == "dhcp" { 5.0 } else { 6.0 });
        self.bell.ring(finding, out);
    }
}

impl Detector for Wpad {
    says!(self, [Udp], self.servers.len() + self.asked.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Packet(frame) = evidence else { return };
        let (Some(udp), Some((ip, _))) = (frame.udp(), frame.addresses()) else { return };
        let Some(mac) = frame.source.filter(|mac| mac.is_station()) else { return };
        if udp.source == PORT_CLIENT && udp.destination == PORT_SERVER {
            let asks = |dhcp: &Dhcp<'_>| {
                dhcp.option(option::ASKED).is_some_and(|asked| asked.contains(&option::PROXY_AUTO_CONFIG))
            };
            if let Some(client) = Dhcp::read(udp.payload).filter(asks).and_then(|dhcp| dhcp.client_mac) {
                self.asked.insert(client, ());
            }
            return;
        }
        if udp.source == PORT_SERVER && udp.destination == PORT_CLIENT {
            let Some(dhcp) = Dhcp::read(udp.payload) else { return };
            if !matches!(dhcp.kind(), Some(Kind::Offer | Kind::Ack)) {
                return;
            }
            let place = dhcp.option(option::PROXY_AUTO_CONFIG).unwrap_or_default().trim_ascii();
            let is_asked = dhcp.client_mac.is_some_and(|client| self.asked.contains(&client));
            let others_have_none = self.servers.iter().any(|(other, said)| *other != mac && said.none);
            let before = self.servers.get(&mac).copied().unwrap_or_default();
            let none = place.is_empty();
            self.servers.insert(mac, Said { none, had_none: before.had_none || is_asked && none });
            if !none {
                let severity = if others_have_none || before.had_none { Severity::High } else { Severity::Low };
                self.tell(frame, ("dhcp", severity), &String::from_utf8_lossy(place), context, findings);
            }
            return;
        }
        let how = match udp.source {
            llmnr::PORT => "llmnr",
            PORT_NAMES => "netbios",
            mdns::PORT => "mdns",
            _ => return,
        };
        let Some(message) = Message::read(udp.payload).filter(|message| message.is_response()) else { return };
        let name = message.answers().take(16).filter_map(|record| answered(&record, udp.source, ip));
        if let Some(name) = name.into_iter().find(|name| NAMES.contains(&name.as_str())) {
            self.tell(frame, (how, Severity::High), &name, context, findings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, between, datagram, ip, mac, packet};

    fn llmnr_answer(name: &str) -> Vec<u8> {
        let mut bytes = vec![0, 9, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0, name.len() as u8];
        bytes.extend(name.as_bytes());
        bytes.extend([0, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4]);
        bytes.extend(ip(9));
        between((mac(9), ip(9)), (mac(5), ip(5)), 17, &datagram(llmnr::PORT, 50_000, &bytes))
    }

    fn offer(server: u8, proxy: &str) -> Vec<u8> {
        let mut bytes = vec![2, 1, 6, 0, 0, 0, 0, 1, 0, 0, 0x80, 0, 0, 0, 0, 0];
        bytes.extend(ip(77));
        bytes.resize(28, 0);
        bytes.extend(mac(77));
        bytes.resize(236, 0);
        bytes.extend([99, 130, 83, 99, 53, 1, 2, 252, proxy.len() as u8]);
        bytes.extend(proxy.as_bytes());
        bytes.push(255);
        packet(server, 255, 17, &datagram(67, 68, &bytes))
    }

    fn discover(asks: u8) -> Vec<u8> {
        let mut bytes = vec![1, 1, 6, 0, 0, 0, 0, 1];
        bytes.resize(28, 0);
        bytes.extend(mac(77));
        bytes.resize(236, 0);
        bytes.extend([99, 130, 83, 99, 53, 1, 1, 55, 2, 3, asks, 255]);
        packet(77, 255, 17, &datagram(68, 67, &bytes))
    }

    #[test]
    fn who_hands_out_a_proxy_is_told() {
        let run = |frames: &[Vec<u8>]| -> Vec<Severity> {
            let mut stage = Stage::new(Wpad::new(Settings::default()));
            frames.iter().flat_map(|frame| stage.frame(frame, 0)).map(|finding| finding.severity).collect()
        };
        assert_eq!((run(&[llmnr_answer("wpad")]), run(&[llmnr_answer("laptop")])), (vec![Severity::High], vec![]));
        assert_eq!(run(&[offer(1, ""), offer(9, "http://192.168.7.9/wpad.dat")]), [Severity::High]);
        let own = "http://192.168.7.1/wpad.dat";
        assert_eq!(run(&[offer(1, own), offer(1, ""), offer(1, own)]), [Severity::Low], "the household's own");
        let asked = discover(252);
        assert_eq!(run(&[asked.clone(), offer(1, ""), asked, offer(1, own)]), [Severity::High], "it had none before");
        assert_eq!(run(&[discover(6), offer(1, ""), offer(1, own)]), [Severity::Low], "nobody had asked before");
        assert!(run(&[offer(1, "\n"), offer(9, "\n")]).is_empty(), "an empty line means: none (Microsoft KB 312864)");
    }
}
