//! # Much data leaves the home
//!
//! ## What it finds
//! A device that uploads far more than it downloads, to a place it had not used so before.
//! ## Why it matters
//! Stolen documents and pictures leave so; so does a backup, which is why known stores are left out.
//! ## How it decides
//! Payload of one device to one host of the Internet within an hour, at least five times what came back by the same or
//! another connection: 100 MiB, or
//! 32 MiB if the host is called by address alone or by a name that none of the home's devices used before the last hour.
//! Stores and services that people back up to, by the name in the greeting, need eight times as much.
//! ## What fools it
//! A thief who uses a known store, or takes days.
//! ## What to do
//! Look what runs on that device, and whose host it is.
//!
//! Counts as the connection grows, not only when it ends. Holds 2,048 pairs and 4,096 names.

use std::{net::IpAddr, time::Duration};

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell},
    model::{Capped, Category, Finding, Findings, Guarded, Mono, Party, Severity, clean_text, is_private},
    traffic::{Talkers, What, owner, registered},
};

card!("exfil", "Much data leaves the home");

const PAIRS_MAX: usize = 2048;
const NAMES_MAX: usize = 4096;
const HOUR: Duration = Duration::from_secs(3600);
const MIB: u64 = 1 << 20;
const MUCH: u32 = 100;
const MUCH_UNKNOWN: u32 = 32;
const KNOWN_FACTOR: u32 = 8;
const RATIO: u64 = 5;
/// Stores, backup and meeting services, by their own pages on firewalls.
const STORES: [&str; 34] = [
    "icloud.com",
    "icloud-content.com",
    "apple.com",
    "me.com",
    "google.com",
    "googleapis.com",
    "googleusercontent.com",
    "gvt1.com",
    "youtube.com",
    "dropbox.com",
    "dropboxapi.com",
    "onedrive.com",
    "live.com",
    "live.net",
    "sharepoint.com",
    "microsoft.com",
    "office.com",
    "windows.net",
    "amazonaws.com",
    "amazon.com",
    "amazonphotos.com",
    "backblazeb2.com",
    "backblaze.com",
    "wasabisys.com",
    "crashplan.com",
    "idrive.com",
    "pcloud.com",
    "mega.co.nz",
    "mega.nz",
    "box.com",
    "zoom.us",
    "synology.com",
    "nabucasa.com",
    "facebook.com",
];

#[derive(Debug, Clone, Copy)]
struct Sent {
    up: u64,
    down: u64,
    since: Mono,
}

/// See the page above.
pub struct Exfil {
    bell: Bell,
    pairs: Guarded<(IpAddr, IpAddr), Sent>,
    /// What each connection had carried when it was counted last.
    counted: Capped<(IpAddr, u16, IpAddr, u16), (u64, u64)>,
    /// The name by which a host was called.
    names: Capped<IpAddr, String>,
    /// Since when a domain is used here.
    used: Capped<String, Mono>,
}

impl Exfil {
    #[must_use]
    pub fn new(settings: Settings) -> Exfil {
        Exfil {
            bell: Bell::new(settings),
            pairs: Guarded::new(PAIRS_MAX),
            counted: Capped::new(NAMES_MAX),
            names: Capped::new(NAMES_MAX),
            used: Capped::new(NAMES_MAX),
        }
    }

    fn called(&mut self, ip: IpAddr, name: &str, now: Mono) {
        let domain = registered(name).to_owned();
        if !self.used.contains(&domain) {
            self.used.insert(domain, now);
        }
        self.names.insert(ip, name.chars().take(128).collect());
    }

    fn count(&mut self, talk: &Talkers, context: &Context<'_>, findings: &mut Findings) {
        let (client, server, now) = (talk.client, talk.server, context.now.mono);
        let connection = (client.ip, client.port, server.ip, server.port);
        let (up, down) = (talk.bytes[0], talk.bytes[1]);
        let (before_up, before_down) = self.counted.get(&connection).copied().unwrap_or_default();
        self.counted.insert(connection, (up, down));
        let (key, tick) = ((client.ip, server.ip), now.0 / 1_000_000_000);
        if self.pairs.get(&key).is_none() {
            self.pairs.insert(key, Sent { up: 0, down: 0, since: now }, client.mac.map_or(0, owner), tick);
        }
        let Some(sent) = self.pairs.get_mut(&key, tick) else { return };
        if now.since(sent.since) > HOUR {
            *sent = Sent { up: 0, down: 0, since: now };
        }
        sent.up += up.saturating_sub(before_up);
        sent.down += down.saturating_sub(before_down);
        let (up, down) = (sent.up, sent.down);
        let name = self.names.get(&server.ip).map(String::as_str).unwrap_or_default();
        let domain = registered(name);
        let is_store = STORES.contains(&domain);
        let is_new = name.is_empty() || self.used.get(&domain.to_owned()).is_none_or(|at| now.since(*at) <= HOUR);
        let least = self.bell.scaled(match (is_store, is_new) {
            (true, _) => MUCH * KNOWN_FACTOR,
            (false, true) => MUCH_UNKNOWN,
            (false, false) => MUCH,
        });
        if up < u64::from(least) * MIB || up < down.saturating_mul(RATIO) {
            return;
        }
        let finding = Finding::new(
            CARD.id,
            Category::Leak,
            Severity::Medium,
            format!("{} {}", client.ip, server.ip),
            context.now,
        )
        .by(client.party())
        .against(Party { device: None, mac: None, ip: Some(server.ip) })
        .why("destination", if name.is_empty() { server.ip.to_string() } else { clean_text(name, 64) })
        .why("mib_up", up / MIB)
        .why("mib_down", down / MIB)
        .why("port", server.port)
        .technique(&["T1048", "T1567.002"])
        .points(if up >= u64::from(least) * MIB * 2 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

impl Detector for Exfil {
    says!(self, [Dns, Tls, Size], self.pairs.len() + self.counted.len() + self.names.len() + self.used.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Traffic(noticed) = evidence else { return };
        let talk = &noticed.talk;
        match &noticed.what {
            What::Dns(dns) if dns.is_answer && talk.server.port == 53 => {
                for ip in dns.addresses.clone() {
                    self.called(ip, &dns.name, context.now.mono);
                }
            }
            What::Tls(tls) => {
                if let Some(name) = &tls.name {
                    self.called(talk.server.ip, name, context.now.mono);
                }
            }
            What::Grew | What::Closed { .. } => {
                let leaves = talk.is_sure || talk.client.port > talk.server.port;
                let there = talk.server.ip;
                let beyond = !is_private(there) && !there.is_multicast() && !context.neighbours.is_bound(there);
                let is_ours = talk.client.mac.is_some() || is_private(talk.client.ip);
                // What came back by another connection came back as well: who measures its line fetches first, then sends.
                let is_much = talk.bytes.iter().any(|bytes| *bytes >= MIB);
                if leaves && beyond && is_ours && is_much {
                    self.count(talk, context, findings);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{ACK, SYN, Stage, arp, between, dns, ip, mac, segment};

    /// Mebibytes up and down to a far host that was looked up as `name`.
    fn moved(up: u32, down: u32, name: &str, looked_up_s: u64) -> usize {
        let mut stage = Stage::new(Exfil::new(Settings::default()));
        let (me, far) = ((mac(9), ip(9)), (mac(1), [203, 0, 113, 9]));
        stage.frame(&arp(9, 1, 9, 9, 1), 0);
        stage.frame(&arp(1, 1, 1, 1, 9), 0);
        if !name.is_empty() {
            stage.frame(&crate::detectors::stage::udp((9, 40_000), (1, 53), &dns(7, None, name, 1)), 1);
            let mut answer = dns(7, Some(0), name, 1);
            answer[7] = 1;
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 203, 0, 113, 9]);
            stage.frame(&crate::detectors::stage::udp((1, 53), (9, 40_000), &answer), 2);
        }
        let at = looked_up_s * 1000;
        stage.frame(&between(me, far, 6, &segment(40_001, 443, SYN, 0, b"")), at);
        stage.frame(&between(far, me, 6, &segment(443, 40_001, SYN | ACK, 0, b"")), at);
        let block = vec![0x17; 32 * 1024];
        let mut count = 0;
        for (count_mib, from, to, ports) in [(down, far, me, (443, 40_001)), (up, me, far, (40_001, 443))] {
            for n in 0..count_mib * 32 {
                let bytes = between(from, to, 6, &segment(ports.0, ports.1, ACK, 1 + n * 32 * 1024, &block));
                count += stage.frame(&bytes, at + u64::from(n)).len();
            }
        }
        count
    }

    #[test]
    fn uploads_to_new_places_are_told_and_backups_are_not() {
        assert!(moved(40, 0, "", 1) > 0, "to a bare address");
        assert!(moved(40, 1, "files.example.org", 1) > 0, "to a name first used now");
        assert_eq!(moved(40, 1, "files.example.org", 4000), 0, "to a name used before");
        assert_eq!(moved(40, 1, "f002.backblazeb2.com", 1), 0, "a backup");
        assert_eq!(moved(40, 20, "", 1), 0, "a call");
        assert_eq!(moved(1, 40, "", 1), 0, "a download");
    }

    #[test]
    fn what_came_back_by_another_connection_counts_too() {
        // Fetched by connections of their own, then sent.
        let run = |down: u32, up: u32| -> usize {
            let mut stage = Stage::new(Exfil::new(Settings::default()));
            let (me, far) = ((mac(9), ip(9)), (mac(1), [203, 0, 113, 9]));
            stage.frame(&arp(9, 1, 9, 9, 1), 0);
            stage.frame(&arp(1, 1, 1, 1, 9), 0);
            let block = vec![0x17; 32 * 1024];
            let mut told = 0;
            for (port, from, to, mib) in [(40_001, far, me, down), (40_002, me, far, up)] {
                stage.frame(&between(me, far, 6, &segment(port, 443, SYN, 0, b"")), 1000);
                stage.frame(&between(far, me, 6, &segment(443, port, SYN | ACK, 0, b"")), 1000);
                let ports = if from == me { (port, 443) } else { (443, port) };
                for n in 0..mib * 32 {
                    let bytes = between(from, to, 6, &segment(ports.0, ports.1, ACK, 1 + n * 32 * 1024, &block));
                    told += stage.frame(&bytes, 1000 + u64::from(n)).len();
                }
            }
            told
        };
        assert_eq!(run(40, 40), 0, "a line is measured");
        assert!(run(3, 40) > 0, "a page was looked at before");
    }
}
