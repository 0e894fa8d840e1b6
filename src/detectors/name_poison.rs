//! # Answers for everybody's names
//!
//! ## What it finds
//! A device that answers when others ask, by broadcast, for names that are not its own.
//! ## Why it matters
//! Windows then logs in to it and hands over the hash of a password, which is guessed at leisure.
//! ## How it decides
//! A device that answers, with its own address, by LLMNR or NetBIOS for three different names within ten minutes; or
//! that gives its address for names that this program invented (`scanners.canary`), which is critical; or that claims the
//! unique record of a service (mDNS, cache-flush bit) for another host while its owner is alive, twice; or that gives its
//! own address by mDNS for three names within ten minutes, each just asked for by another and never announced by it.
//! Records with many owners, as of all cast devices, are no conflict (RFC 6762 §10.2), and who answers for others with
//! *their* address (WINS proxies, reflectors) is silent.
//! ## What fools it
//! On a plain host answers by LLMNR and NetBIOS to others are not heard: they need a mirror port. A device that answers
//! only once or twice.
//! ## What to do
//! Disconnect it, and change the passwords of whoever connected to it. Switch LLMNR and NetBIOS off in Windows.
//!
//! Holds 512 devices and 2,048 records.

use std::{net::IpAddr, time::Duration};

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell, window::Recent},
    model::{
        Capped, Category, Fact, Finding, Findings, Guarded, MacAddr, Mono, Observation, Party, Severity, clean_text,
    },
    traffic::owner,
    wire::{
        Frame,
        dns::{Data, Message, Record, kind},
        llmnr, mdns,
        netbios::{NetbiosName, PORT_NAMES},
    },
};

card!("name_poison", "Answers for everybody's names");

const DEVICES_MAX: usize = 512;
const RECORDS_MAX: usize = 2048;
const SPAN: Duration = Duration::from_secs(600);
const NAMES_MIN: u32 = 3;
const CLAIMS_MIN: u32 = 2;
const ASKED_MAX: usize = 256;
const ANNOUNCED_MAX: usize = 1024;
/// Answers come within a fraction of a second (RFC 6762 §6).
const JUST: Duration = Duration::from_secs(2);
/// RFC 6762 §10.2: this host alone has such a record.
const CACHE_FLUSH: u16 = 0x8000;

#[derive(Debug, Clone)]
struct Unique {
    mac: MacAddr,
    last: Mono,
    target: String,
    claims: u32,
}

/// See the page above.
pub struct NamePoison {
    bell: Bell,
    answered: Guarded<MacAddr, Recent<String>>,
    records: Capped<String, Unique>,
    /// Names of hosts that somebody asked for by mDNS, and when.
    asked: Capped<String, (MacAddr, Mono)>,
    /// Names each gave its own address for unasked.
    announced: Capped<(MacAddr, String), ()>,
    /// Names each gave its own address for because somebody asked.
    given: Guarded<MacAddr, Recent<String>>,
}

impl NamePoison {
    #[must_use]
    pub fn new(settings: Settings) -> NamePoison {
        NamePoison {
            bell: Bell::new(settings),
            answered: Guarded::new(DEVICES_MAX),
            records: Capped::new(RECORDS_MAX),
            asked: Capped::new(ASKED_MAX),
            announced: Capped::new(ANNOUNCED_MAX),
            given: Guarded::new(DEVICES_MAX),
        }
    }

    /// `mac` at `ip` gave its own address for `name`.
    fn answer(&mut self, frame: &Frame<'_>, who: Answerer, context: &Context<'_>, findings: &mut Findings) {
        let Answerer { mac, ip, name, protocol } = who;
        let (now, tick) = (context.now.mono, context.now.mono.0 / 1_000_000_000);
        if self.answered.get(&mac).is_none() {
            self.answered.insert(mac, Recent::new(32), owner(mac), tick);
        }
        let Some(names) = self.answered.get_mut(&mac, tick) else { return };
        names.see(name, now);
        let count = names.within(now, SPAN);
        if count < self.bell.scaled(NAMES_MIN) as usize {
            return;
        }
        let samples: Vec<&str> = names.keys().take(4).map(String::as_str).collect();
        let victim = frame.addresses().map(|(_, to)| context.neighbours.party(to, frame.destination));
        let finding = Finding::new(CARD.id, Category::Dns, Severity::High, mac.to_string(), context.now)
            .by(Party { device: None, mac: Some(mac), ip: Some(ip) })
            .against(victim.unwrap_or_default())
            .why("protocol", protocol)
            .why("names", count)
            .why("answered_names", samples.join(", "))
            .technique(&["T1557.001"])
            .points(if count >= 4 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }

    /// Who asks for which names of hosts by mDNS.
    fn asks(&mut self, mac: MacAddr, message: &Message<'_>, now: Mono) {
        for question in message.questions().take(8).filter(|question| matches!(question.kind, kind::A | kind::AAAA)) {
            let name = clean_text(&question.name.to_string(), 64).trim_end_matches('.').to_ascii_lowercase();
            if !name.is_empty() {
                self.asked.insert(name, (mac, now));
            }
        }
    }

    /// `mac` gave its own address for `name` by mDNS.
    fn gave(&mut self, frame: &Frame<'_>, who: Answerer, context: &Context<'_>, findings: &mut Findings) {
        let (now, tick) = (context.now.mono, context.now.mono.0 / 1_000_000_000);
        let (mac, key) = (who.mac, (who.mac, who.name.clone()));
        let is_asked = self.asked.get(&who.name).is_some_and(|(by, at)| *by != mac && now.since(*at) <= JUST);
        if !is_asked {
            // As hosts do when they come up (RFC 6762 §8.3): those names are its own.
            self.announced.insert(key, ());
            return;
        }
        if self.announced.contains(&key) {
            return;
        }
        if self.given.get(&mac).is_none() {
            self.given.insert(mac, Recent::new(16), owner(mac), tick);
        }
        let Some(names) = self.given.get_mut(&mac, tick) else { return };
        names.see(who.name.clone(), now);
        let count = names.within(now, SPAN);
        if count < self.bell.scaled(NAMES_MIN) as usize {
            return;
        }
        let samples: Vec<&str> = names.keys().take(4).map(String::as_str).collect();
        let victim = frame.addresses().filter(|(_, to)| !to.is_multicast());
        let victim = victim.map(|(_, to)| context.neighbours.party(to, frame.destination)).unwrap_or_default();
        let finding = Finding::new(CARD.id, Category::Dns, Severity::Medium, format!("{mac} mdns"), context.now)
            .by(Party { device: None, mac: Some(mac), ip: Some(who.ip) })
            .against(victim)
            .why("protocol", who.protocol)
            .why("names", count)
            .why("answered_names", samples.join(", "))
            .technique(&["T1557.001"])
            .points(if count >= 4 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }

    /// `mac` says that the service `name` is at `target`, and at no other.
    fn claim(&mut self, mac: MacAddr, record: &Record<'_>, target: String, context: &Context<'_>, out: &mut Findings) {
        let (name, now) = (record.name.to_string().to_ascii_lowercase(), context.now.mono);
        let life = Duration::from_secs(u64::from(record.ttl_s.clamp(120, 4500)));
        let Some(unique) = self.records.get_mut(&name) else {
            self.records.insert(name, Unique { mac, last: now, target, claims: 0 });
            return;
        };
        // The same said by another is a reflector or a sleep proxy.
        if unique.mac == mac || unique.target == target {
            if unique.mac == mac {
                (unique.last, unique.target) = (now, target);
            }
            return;
        }
        if now.since(unique.last) > life || record.ttl_s == 0 {
            *unique = Unique { mac, last: now, target, claims: 0 };
            return;
        }
        unique.claims += 1;
        if unique.claims < self.bell.scaled(CLAIMS_MIN)
            || self.bell.is_exempt(&Party { mac: Some(mac), ..Party::default() })
        {
            return;
        }
        let device = context.who.by_mac(mac);
        if device.is_some() && device == context.who.by_mac(unique.mac) {
            return;
        }
        let finding = Finding::new(CARD.id, Category::Dns, Severity::High, format!("{mac} mdns"), context.now)
            .by(Party { device: None, mac: Some(mac), ip: None })
            .against(Party { device: None, mac: Some(unique.mac), ip: None })
            .why("protocol", "mdns")
            .why("names", unique.claims)
            .why("answered_names", clean_text(&name, 64))
            .technique(&["T1557.001"])
            .points(if unique.claims >= 4 { 6.5 } else { 5.0 });
        self.bell.ring(finding, out);
    }
}

impl NamePoison {
    /// Somebody answered for a name that nobody has.
    fn lured(&mut self, seen: &Observation, context: &Context<'_>, findings: &mut Findings) {
        let Fact::AnsweredForNobody { protocol, name } = &seen.fact else { return };
        let (ip, mac) = (seen.subject.ip, seen.subject.mac);
        let mac = mac.or_else(|| ip.and_then(|ip| context.neighbours.holder(ip)));
        let key = mac.map_or_else(|| ip.map_or_else(String::new, |ip| ip.to_string()), |mac| mac.to_string());
        let finding = Finding::new(CARD.id, Category::Dns, Severity::Critical, key, context.now)
            .by(Party { device: None, mac, ip })
            .why("protocol", protocol)
            .why("names", 2)
            .why("answered_names", clean_text(name, 64))
            .technique(&["T1557.001"])
            .points(6.5);
        self.bell.ring(finding, findings);
    }
}

struct Answerer {
    mac: MacAddr,
    ip: IpAddr,
    name: String,
    protocol: &'static str,
}

/// The name that an answer by LLMNR, NetBIOS or mDNS gives `ip` for.
pub(super) fn answered(record: &Record<'_>, port: u16, ip: IpAddr) -> Option<String> {
    if port == PORT_NAMES {
        // Flags, then the address (RFC 1002 §4.2.13).
        let address = record.bytes.get(2..6).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok()).map(IpAddr::from);
        let name = NetbiosName::read(&record.name).filter(|_| record.kind == kind::NETBIOS && address == Some(ip))?;
        return Some(clean_text(&String::from_utf8_lossy(name.bytes()), 32).to_ascii_lowercase());
    }
    let address: IpAddr = match record.data() {
        Data::A(address) => address.into(),
        Data::Aaaa(address) => address.into(),
        _ => return None,
    };
    (address == ip).then(|| clean_text(&record.name.to_string(), 64).trim_end_matches('.').to_ascii_lowercase())
}

impl Detector for NamePoison {
    says!(
        self,
        [Udp, Fact],
        self.answered.len() + self.records.len() + self.asked.len() + self.announced.len() + self.given.len()
    );

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        if let Evidence::Observation(seen) = evidence {
            return self.lured(seen, context, findings);
        }
        let Evidence::Packet(frame) = evidence else { return };
        let Some(udp) = frame.udp().filter(|udp| matches!(udp.source, llmnr::PORT | PORT_NAMES | mdns::PORT)) else {
            return;
        };
        let (Some(mac), Some((ip, _))) = (frame.source.filter(|mac| mac.is_station()), frame.addresses()) else {
            return;
        };
        let Some(message) = Message::read(udp.payload) else { return };
        if !message.is_response() {
            if udp.source == mdns::PORT {
                self.asks(mac, &message, context.now.mono);
            }
            return;
        }
        for record in message.answers().take(16) {
            if udp.source == mdns::PORT {
                if let Some(name) = answered(&record, udp.source, ip).filter(|name| !name.is_empty()) {
                    self.gave(frame, Answerer { mac, ip, name, protocol: "mdns" }, context, findings);
                }
                if record.kind == kind::SRV
                    && record.class & CACHE_FLUSH != 0
                    && let Data::Srv { target, .. } = record.data()
                {
                    self.claim(mac, &record, target.to_string().to_ascii_lowercase(), context, findings);
                }
            } else if let Some(name) = answered(&record, udp.source, ip) {
                let protocol = if udp.source == PORT_NAMES { "netbios" } else { "llmnr" };
                self.answer(frame, Answerer { mac, ip, name, protocol }, context, findings);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, between, datagram, ip, mac};

    /// An answer by LLMNR of host `from`, which says that `name` is at host `at`.
    fn answer(from: u8, name: &str, at: u8) -> Vec<u8> {
        let mut bytes = vec![0, 9, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0, name.len() as u8];
        bytes.extend(name.as_bytes());
        bytes.extend([0, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4]);
        bytes.extend(ip(at));
        between((mac(from), ip(from)), (mac(5), ip(5)), 17, &datagram(llmnr::PORT, 50_000, &bytes))
    }

    /// Host `from` says by mDNS that the printer is at host `target`.
    fn service(from: u8, target: &str) -> Vec<u8> {
        let mut bytes = vec![0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        for label in ["printer", "_ipp", "_tcp", "local"] {
            bytes.push(label.len() as u8);
            bytes.extend(label.as_bytes());
        }
        bytes.extend([0, 0, 33, 0x80, 1, 0, 0, 0, 120, 0, (6 + 1 + target.len() + 1) as u8, 0, 0, 0, 0, 2, 119]);
        bytes.push(target.len() as u8);
        bytes.extend(target.as_bytes());
        bytes.push(0);
        let group = ([1, 0, 0x5e, 0, 0, 0xfb], [224, 0, 0, 251]);
        between((mac(from), ip(from)), group, 17, &datagram(mdns::PORT, mdns::PORT, &bytes))
    }

    /// Host `from` asks for `name` by mDNS, or says that it is its own.
    fn host(from: u8, name: &str, is_answer: bool) -> Vec<u8> {
        let mut bytes = vec![0, 0, if is_answer { 0x84 } else { 0 }, 0, 0, u8::from(!is_answer)];
        bytes.extend([0, u8::from(is_answer), 0, 0, 0, 0, name.len() as u8]);
        bytes.extend(name.as_bytes());
        bytes.extend(b"\x05local\0\0\x01");
        bytes.extend(if is_answer { [0x80, 1] } else { [0, 1] });
        if is_answer {
            bytes.extend([0, 0, 0, 120, 0, 4]);
            bytes.extend(ip(from));
        }
        let group = ([1, 0, 0x5e, 0, 0, 0xfb], [224, 0, 0, 251]);
        between((mac(from), ip(from)), group, 17, &datagram(mdns::PORT, mdns::PORT, &bytes))
    }

    #[test]
    fn who_is_every_host_somebody_asks_for_is_told() {
        let run = |frames: &[Vec<u8>]| -> Vec<Option<MacAddr>> {
            let mut stage = Stage::new(NamePoison::new(Settings::default()));
            let found = frames.iter().zip(0..).flat_map(|(frame, n)| stage.frame(frame, n * 500));
            found.map(|finding| finding.attacker.mac).collect()
        };
        let asked = |names: [&str; 3]| -> Vec<Vec<u8>> {
            names.iter().flat_map(|name| [host(5, name, false), host(9, name, true)]).collect()
        };
        let names = ["files", "prinnt", "intranett"];
        assert_eq!(run(&asked(names)), [Some(MacAddr(mac(9)))]);
        let mut aliases: Vec<Vec<u8>> = names.iter().map(|name| host(9, name, true)).collect();
        aliases.extend(asked(names));
        assert!(run(&aliases).is_empty(), "a server with several names announced them");
        assert!(run(&asked(["nas", "nas", "nas"])).is_empty(), "its own");
        assert!(run(&names.map(|name| host(9, name, true))).is_empty(), "nobody asked");
    }

    #[test]
    fn who_answers_for_a_name_nobody_has_is_critical() {
        let mut stage = Stage::new(NamePoison::new(Settings::default()));
        let fact = Fact::AnsweredForNobody { protocol: "llmnr", name: "files-bcdfg".into() };
        let found = stage.saw(crate::model::Subject::ip(ip(9).into()), fact, 0);
        let told: Vec<_> = found.iter().map(|finding| (finding.attacker.ip, finding.severity)).collect();
        assert_eq!(told, [(Some(ip(9).into()), Severity::Critical)]);
    }

    #[test]
    fn who_answers_for_all_is_told_and_who_answers_for_itself_is_not() {
        let run = |frames: &[Vec<u8>]| -> Vec<Option<MacAddr>> {
            let mut stage = Stage::new(NamePoison::new(Settings::default()));
            let found = frames.iter().enumerate().flat_map(|(n, frame)| stage.frame(frame, n as u64 * 1000));
            found.map(|finding| finding.attacker.mac).collect()
        };
        let who = Some(MacAddr(mac(9)));
        assert_eq!(run(&[answer(9, "fileserv", 9), answer(9, "wpad", 9), answer(9, "printsrv", 9)]), [who]);
        assert!(run(&vec![answer(9, "laptop", 9); 9]).is_empty(), "its own name");
        assert!(run(&["a", "b", "c", "d"].map(|name| answer(9, name, 7))).is_empty(), "for others, with their address");
        let poisoned = [service(5, "brother"), service(9, "kali"), service(5, "brother"), service(9, "kali")];
        assert_eq!(run(&poisoned), [who]);
        assert!(run(&[service(5, "brother"), service(9, "brother"), service(9, "brother")]).is_empty(), "a reflector");
        assert!(run(&vec![service(5, "brother"); 5]).is_empty());
    }
}
