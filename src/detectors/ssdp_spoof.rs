//! # Devices that are what anybody looks for
//!
//! ## What it finds
//! A device that answers every search by SSDP (UPnP), also for what does not exist.
//! ## Why it matters
//! It shows up in Windows as a device of the home; who opens it is asked for a password.
//! ## How it decides
//! An answer for a kind of device that only chance could have named: digits and letters mixed, of a maker's domain nobody
//! uses; or one device that answers as six different kinds of root devices within ten minutes. Low: a device that says it is
//! the home's way to the Internet (`InternetGatewayDevice`, `WANIPConnection`), at its own address, while everybody sends what
//! is meant for the Internet elsewhere: programs would ask it to open doors.
//! ## What fools it
//! A forger that answers only for kinds that exist. A second router that has become an access point still says so.
//! ## What to do
//! Disconnect it if you do not know it.
//!
//! Holds 256 devices.

use std::{net::IpAddr, time::Duration};

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell, window::Recent},
    model::{Category, Finding, Findings, Guarded, MacAddr, Severity, clean_text, holds},
    traffic::owner,
    wire::{
        Frame,
        ssdp::{Kind, PORT, Ssdp, url_host},
    },
};

card!("ssdp_spoof", "Devices that are what anybody looks for");

const DEVICES_MAX: usize = 256;
const KINDS_MIN: u32 = 6;
const SPAN: Duration = Duration::from_secs(600);

/// See the page above.
pub struct SsdpSpoof {
    bell: Bell,
    kinds: Guarded<MacAddr, Recent<String>>,
}

/// Device and services of a router (UPnP IGD 1.0 §1, and its second version).
const WAYS_OUT: [&str; 3] =
    [":device:internetgatewaydevice:", ":service:wanipconnection:", ":service:wanpppconnection:"];

impl SsdpSpoof {
    #[must_use]
    pub fn new(settings: Settings) -> SsdpSpoof {
        SsdpSpoof { bell: Bell::new(settings), kinds: Guarded::new(DEVICES_MAX) }
    }

    /// One that says it is the way out, and is not.
    fn poses(&mut self, frame: &Frame<'_>, ssdp: &Ssdp<'_>, context: &Context<'_>, findings: &mut Findings) {
        let (Some(mac), Some((ip, _))) = (frame.source, frame.addresses()) else { return };
        let kind = ssdp.header("st").or_else(|| ssdp.header("nt")).unwrap_or_default().to_ascii_lowercase();
        let place = ssdp.header("location").unwrap_or_default();
        let is_there = url_host(place).and_then(|host| host.parse::<IpAddr>().ok()) == Some(ip);
        let (neighbours, network) = (context.neighbours, context.network);
        if !is_there
            || !WAYS_OUT.iter().any(|way| holds(&kind, way.as_bytes()))
            || !neighbours.has_way_out()
            || neighbours.is_way_out(mac)
            || neighbours.is_router(mac)
            || network.is_gateway(ip)
            || neighbours.own(ip, Some(mac)).is_none()
        {
            return;
        }
        let finding = Finding::new(CARD.id, Category::Dns, Severity::Low, format!("{mac} way out"), context.now)
            .by(neighbours.party(ip, frame.source))
            .why("poses", "the way to the Internet")
            .why("target", clean_text(&String::from_utf8_lossy(&kind), 80))
            .why("location", clean_text(&String::from_utf8_lossy(place), 80))
            .technique(&["T1557"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }
}

/// A device type that was drawn, not named: eight and more characters, all hexadecimal with two digits at least, or letters
/// and digits mixed. Of ten hexadecimal digits drawn one in a thousand has fewer than two that are decimal.
fn is_drawn(kind: &str) -> bool {
    let digits = kind.bytes().filter(u8::is_ascii_digit).count();
    let turns =
        kind.as_bytes().windows(2).filter(|at| matches!(at, [a, b] if a.is_ascii_digit() != b.is_ascii_digit()));
    let is_hex = digits >= 2 && kind.bytes().all(|b| b.is_ascii_hexdigit());
    let is_mixed = digits * 4 >= kind.len() && turns.count() >= 3 && kind.bytes().all(|b| b.is_ascii_alphanumeric());
    kind.len() >= 8 && (is_hex || is_mixed)
}

impl Detector for SsdpSpoof {
    says!(self, [Udp], self.kinds.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Packet(frame) = evidence else { return };
        let Some(udp) = frame.udp().filter(|udp| udp.source == PORT) else { return };
        let (Some(mac), Some((ip, to))) = (frame.source.filter(|mac| mac.is_station()), frame.addresses()) else {
            return;
        };
        let Some(ssdp) = Ssdp::read(udp.payload) else { return };
        if matches!(ssdp.kind, Kind::Response | Kind::Notify) {
            self.poses(frame, &ssdp, context, findings);
        }
        if ssdp.kind != Kind::Response {
            return;
        }
        let Some(target) = ssdp.header("st").map(|st| String::from_utf8_lossy(st).to_ascii_lowercase()) else { return };
        // urn:schemas-upnp-org:device:MediaServer:1 (UPnP Device Architecture 2.0 §1.3.3).
        let mut parts = target.split(':');
        let (Some("urn"), Some(_domain), Some("device"), Some(kind)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return;
        };
        let (now, tick) = (context.now.mono, context.now.mono.0 / 1_000_000_000);
        if self.kinds.get(&mac).is_none() {
            self.kinds.insert(mac, Recent::new(32), owner(mac), tick);
        }
        let Some(kinds) = self.kinds.get_mut(&mac, tick) else { return };
        kinds.see(kind.chars().take(64).collect(), now);
        let count = kinds.within(now, SPAN);
        let drawn = is_drawn(kind);
        if !drawn && count < self.bell.scaled(KINDS_MIN) as usize {
            return;
        }
        let place = ssdp.header("location").unwrap_or_default();
        let finding = Finding::new(CARD.id, Category::Dns, Severity::High, mac.to_string(), context.now)
            .by(context.neighbours.party(ip, frame.source))
            .against(context.neighbours.party(to, frame.destination))
            .why("target", clean_text(&target, 80))
            .why("location", clean_text(&String::from_utf8_lossy(place), 80))
            .why("kinds", count)
            .technique(&["T1557"])
            .points(if drawn { 6.0 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, udp};

    #[test]
    fn who_is_everything_is_told() {
        let run = |targets: &[String]| -> usize {
            let mut stage = Stage::new(SsdpSpoof::new(Settings::default()));
            let answer = |st: &str| format!("HTTP/1.1 200 OK\r\nST: {st}\r\nLOCATION: http://192.168.7.9:88/\r\n\r\n");
            targets.iter().map(|st| stage.frame(&udp((9, 1900), (5, 50_000), answer(st).as_bytes()), 0).len()).sum()
        };
        let urn = |kind: &str| format!("urn:schemas-upnp-org:device:{kind}:1");
        assert_eq!(run(&[urn("a93f07bb1e")]), 1);
        assert!(run(&["A", "B", "C", "D", "E", "F"].map(urn)) > 0);
        let honest =
            ["MediaRenderer", "WANDevice", "InternetGatewayDevice", "WANConnectionDevice", "WFADevice"].map(urn);
        assert_eq!(run(&honest), 0);
        assert_eq!(run(&["urn:dial-multiscreen-org:service:dial:1".into(), "upnp:rootdevice".into()]), 0);
    }

    #[test]
    fn who_says_it_is_the_way_out_is_noted_and_the_way_out_is_not() {
        use crate::detectors::stage::{arp, between, datagram, ip, mac};
        let run = |from: u8, kind: &str, place: &str, is_used: bool| -> usize {
            let mut stage = Stage::new(SsdpSpoof::new(Settings::default()));
            for host in [1, 5, 9] {
                stage.frame(&arp(host, 1, host, host, 5), 0);
            }
            for far in [7, 8].into_iter().filter(|_| is_used) {
                stage.frame(&between((mac(5), ip(5)), (mac(1), [203, 0, 113, far]), 17, &datagram(4_000, 9, b"a")), 1);
            }
            let say = format!(
                "NOTIFY * HTTP/1.1\r\nNTS: ssdp:alive\r\nNT: urn:schemas-upnp-org:{kind}\r\nLOCATION: {place}\r\n\r\n"
            );
            let group = ([1, 0, 0x5e, 0x7f, 0xff, 0xfa], [239, 255, 255, 250]);
            let frame = between((mac(from), ip(from)), group, 17, &datagram(1900, 1900, say.as_bytes()));
            stage.frame(&frame, 10).len()
        };
        let (gateway, connection) = ("device:InternetGatewayDevice:1", "service:WANIPConnection:2");
        assert_eq!(run(9, gateway, "http://192.168.7.9:88/d.xml", true), 1);
        assert_eq!(run(9, connection, "http://192.168.7.9/d.xml", true), 1);
        assert_eq!(run(1, gateway, "http://192.168.7.1:49000/d.xml", true), 0, "the router");
        assert_eq!(run(9, gateway, "http://192.168.7.9:88/d.xml", false), 0, "nobody goes out yet");
        assert_eq!(run(9, gateway, "http://192.168.7.1:49000/d.xml", true), 0, "of somebody else");
        assert_eq!(run(9, "device:MediaServer:1", "http://192.168.7.9:88/d.xml", true), 0);
    }

    #[test]
    fn names_are_drawn_or_given() {
        for drawn in ["13c9057920", "deadbe12", "0123456789abcdef", "x7k2p9q4", "4815162342"] {
            assert!(is_drawn(drawn), "{drawn}");
        }
        for given in
            ["mediaserver", "internetgatewaydevice", "zoneplayer", "basic", "dial2", "wfadevice", "facade", "x1000"]
        {
            assert!(!is_drawn(given), "{given}");
        }
    }
}
