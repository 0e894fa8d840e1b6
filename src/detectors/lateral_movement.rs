//! # From one computer to the next
//!
//! ## What it finds
//! A device that runs programs on another one by the ways of administrators: hidden shares, service control, scheduled
//! tasks, WMI.
//! ## Why it matters
//! It is how a break-in spreads through a network.
//! ## How it decides
//! `ADMIN$` or `C$` and one of the interfaces that start programs, of one pair of hosts within ten minutes; or, on its
//! own, what only administrators do: WMI, a task scheduler, a program written to such a share, a registry written or
//! saved, a printer driver installed, objects that start programs (MMC, windows of the shell), a log cleared, encrypted
//! files or roots of files of another machine, a copy of all passwords of a domain. A share that is opened, a list that
//! is read, a page that is printed is not.
//! Remote management of Windows (WinRM) is told when one device does it at two machines within an hour.
//! Also told: one door of administration (SSH, Telnet, files, remote desktops), tried at eight machines of the home
//! within a minute. Where the door is closed counts half: nobody goes on from there, and who watches over a home asks
//! machines without such a door too. Of both, whom a person calls trusted is told as low.
//! ## What fools it
//! Real administrators: add their machine to `exempt`. Encrypted SMB 3 shows none of it.
//! ## What to do
//! If nobody administers computers from that device, disconnect it.
//!
//! Holds 1,024 pairs, 1,024 doors and 256 who manage.

use std::{net::IpAddr, time::Duration};

use crate::{
    detectors::{
        Context, Detector, Evidence, Needs,
        usual::{Bell, Usual, of_search},
        window::{Recent, Subjects, Weigh},
    },
    model::{Card, Category, Finding, Findings, Guarded, Mono, Port, Severity, is_private},
    traffic::{MANAGED, Outcome, Talkers, What, owner},
    wire::protocol,
};

pub static CARD: Card = Card {
    id: "lateral_movement",
    title: "From one computer to the next",
    needs: Some("CAP_NET_RAW"),
    page: include_str!("lateral_movement.rs"),
};

pub type Settings = Usual;

const PAIRS_MAX: usize = 1024;
const DOORS_MAX: usize = 1024;
const MINUTE: Duration = Duration::from_secs(60);
const MACHINES_MIN: u32 = 8;
/// SSH, Telnet, remote calls, files, remote desktops, remote management of Windows.
const ADMIN: [Port; 9] = [22, 23, 135, 139, 445, 3389, 5900, 5985, 5986];
const SPAN: Duration = Duration::from_secs(600);

/// What only administrators do, and those who play one.
const REMOTE: [&str; 13] = [
    "WMI",
    "WMI login",
    "task scheduler",
    "PSEXESVC",
    "program, written",
    "object that starts programs",
    "copy of all passwords",
    "registry, written or saved",
    "job, planned",
    "driver, installed",
    "encrypted files",
    "root of files",
    "log, cleared",
];

/// One machine that is managed from afar is how people work.
const MANAGED_MIN: u32 = 2;
const MANAGED_SPAN: Duration = Duration::from_secs(3600);
const MANAGERS_MAX: usize = 256;

/// One door at many machines.
#[derive(Debug, Clone)]
struct Doors {
    tried: Recent<IpAddr>,
    shut: Recent<IpAddr>,
}

impl Weigh for Doors {
    fn weight(&self, now: Mono, span: Duration) -> u32 {
        self.tried.weight(now, span).saturating_sub(self.shut.weight(now, span) / 2)
    }
}

/// See the page above.
pub struct LateralMovement {
    bell: Bell,
    pairs: Guarded<(IpAddr, IpAddr), Recent<&'static str>>,
    /// Whose door of one kind each tried.
    doors: Subjects<(IpAddr, Port), Doors>,
    /// Which machines each manages.
    managed: Subjects<IpAddr, Recent<IpAddr>>,
}

impl LateralMovement {
    #[must_use]
    pub fn new(settings: Settings) -> LateralMovement {
        LateralMovement {
            bell: Bell::new(settings),
            pairs: Guarded::new(PAIRS_MAX),
            doors: Subjects::new(DOORS_MAX, MINUTE, MACHINES_MIN / 2),
            managed: Subjects::new(MANAGERS_MAX, MANAGED_SPAN, 1),
        }
    }

    /// One door of administration, tried at one machine after the other.
    fn tried(&mut self, talk: &Talkers, outcome: Outcome, context: &Context<'_>, findings: &mut Findings) {
        let (client, server, now) = (talk.client, talk.server, context.now.mono);
        let is_own =
            context.network.is_own_ip(client.ip) || client.mac.is_some_and(|mac| context.network.is_own_mac(mac));
        if !ADMIN.contains(&server.port) || !is_private(server.ip) || !is_private(client.ip) || is_own {
            return;
        }
        let (key, fresh) =
            ((client.ip, server.port), |left| Doors { tried: Recent::with(64, left, now), shut: Recent::new(64) });
        let Some(doors) = self.doors.of(key, client.mac.map_or(0, owner), now, fresh) else { return };
        if outcome == Outcome::Refused {
            doors.shut.see(server.ip, now);
        }
        if !doors.tried.see(server.ip, now) {
            return;
        }
        let count = doors.weight(now, MINUTE) as usize;
        if count < self.bell.scaled(MACHINES_MIN) as usize {
            return;
        }
        self.spreads(talk, count, context, findings);
    }

    /// A session of remote management.
    fn manages(&mut self, talk: &Talkers, context: &Context<'_>, findings: &mut Findings) {
        let (client, server, now) = (talk.client, talk.server, context.now.mono);
        let fresh = |left| Recent::with(64, left, now);
        let Some(managed) = self.managed.of(client.ip, client.mac.map_or(0, owner), now, fresh) else { return };
        if !managed.see(server.ip, now) {
            return;
        }
        let count = managed.within(now, MANAGED_SPAN);
        if count >= self.bell.scaled(MANAGED_MIN) as usize {
            self.spreads(talk, count, context, findings);
        }
    }

    fn spreads(&mut self, talk: &Talkers, count: usize, context: &Context<'_>, findings: &mut Findings) {
        let (client, server) = (talk.client, talk.server);
        let key = format!("{} port {}", client.ip, server.port);
        let severity = of_search(Severity::Medium, &client.party(), context);
        let finding = Finding::new(CARD.id, Category::Access, severity, key, context.now)
            .by(client.party())
            .against(server.party())
            .why("share_or_pipe", format!("port {} of {count} machines", server.port))
            .technique(&["T1021"])
            .points(if count >= 16 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

impl Detector for LateralMovement {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Outcome, Needs::Admin]
    }

    fn held(&self) -> usize {
        self.pairs.len() + self.doors.len() + self.managed.len() + self.bell.held()
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Traffic(noticed) = evidence else { return };
        if let What::Outcome(outcome) = noticed.what {
            if noticed.talk.protocol == protocol::TCP && noticed.talk.is_sure {
                self.tried(&noticed.talk, outcome, context, findings);
            }
            return;
        }
        let What::Admin(what) = noticed.what else { return };
        let (talk, now) = (&noticed.talk, context.now.mono);
        if what == MANAGED {
            return self.manages(talk, context, findings);
        }
        let (key, tick) = ((talk.client.ip, talk.server.ip), now.0 / 1_000_000_000);
        if self.pairs.get(&key).is_none() {
            self.pairs.insert(key, Recent::new(16), talk.client.mac.map_or(0, owner), tick);
        }
        let Some(seen) = self.pairs.get_mut(&key, tick) else { return };
        seen.see(what, now);
        let has = |names: &[&str]| seen.keys().any(|seen| names.contains(seen));
        let share = has(&["ADMIN$", "C$"]);
        let starts = has(&["svcctl", "PSEXESVC", "atsvc", "task scheduler"]);
        let remote = has(&REMOTE);
        if !(share && starts || remote || has(&["svcctl"])) || seen.within(now, SPAN) == 0 {
            return;
        }
        let list: Vec<&str> = seen.keys().copied().collect();
        let finding =
            Finding::new(CARD.id, Category::Access, Severity::High, format!("{} {}", key.0, key.1), context.now)
                .by(talk.client.party())
                .against(talk.server.party())
                .why("share_or_pipe", list.join(", "))
                .technique(&["T1021.002", "T1570"])
                .points(if share && starts { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{ACK, RST, SYN, Stage, conversation, tcp};
    use crate::model::{Kind, Trust};

    #[test]
    fn one_door_of_all_machines_is_told() {
        // What each answers: nothing, yes or no.
        let run = |port: u16, machines: u8, gap_ms: u64, answer: &dyn Fn(u8) -> u8| -> usize {
            let mut stage = Stage::new(LateralMovement::new(Settings::default()));
            let mut told = 0;
            for n in 0..machines {
                let (me, other, ms) = ((9, 50_000 + u16::from(n)), (10 + n, port), u64::from(n) * gap_ms);
                told += stage.frame(&tcp(me, other, SYN, 1, b""), ms).len();
                if answer(n) > 0 {
                    told += stage.frame(&tcp(other, me, answer(n), 1, b""), ms).len();
                }
            }
            // Silence is known after a while.
            told + (1..30u64)
                .map(|s| stage.frame(&tcp((7, 1), (8, 2), ACK, 1, b""), 30_000 + s * 1000).len())
                .sum::<usize>()
        };
        let (silent, open, shut) = (|_| 0, |_| SYN | ACK, |_| RST | ACK);
        assert!(run(445, 15, 100, &silent) > 0 && run(22, 12, 200, &open) > 0);
        assert!(run(445, 18, 100, &shut) > 0, "closed at all");
        assert!(run(445, 14, 100, &|n| if n % 3 == 0 { SYN | ACK } else { RST | ACK }) > 0, "a third of many is open");
        assert_eq!((run(445, 5, 100, &open), run(8008, 15, 100, &open), run(445, 30, 15_000, &open)), (0, 0, 0));
        let mut trusted = Stage::new(LateralMovement::new(Settings::default())).with(9, Kind::Computer, Trust::Trusted);
        let doors = (0..12u8).flat_map(|n| [((9, 50_000), (10 + n, 22), SYN), ((10 + n, 22), (9, 50_000), SYN | ACK)]);
        let told = doors.flat_map(|(from, to, flags)| trusted.frame(&tcp(from, to, flags, 1, b""), 0));
        assert_eq!(told.map(|finding| finding.severity).collect::<Vec<_>>(), [Severity::Low]);
        let watched = |n: u8| if n == 0 { SYN | ACK } else { RST | ACK };
        assert_eq!(run(22, 8, 5, &watched), 0, "a watcher, one of whose hosts has such a door");
    }

    fn smb2(command: u8, text: &str) -> Vec<u8> {
        let mut message = vec![0xfe, b'S', b'M', b'B', 64, 0, 0, 0, 0, 0, 0, 0, command, 0];
        message.resize(80, 0);
        message.extend(text.bytes().flat_map(|byte| [byte, 0]));
        let mut bytes = (message.len() as u32).to_be_bytes().to_vec();
        bytes.extend(message);
        bytes
    }

    #[test]
    fn programs_started_elsewhere_are_told_and_a_share_is_not() {
        let run = |messages: &[(u8, &str)]| -> usize {
            let frames: Vec<Vec<u8>> = messages.iter().map(|(command, text)| smb2(*command, text)).collect();
            let script: Vec<(bool, &[u8])> = frames.iter().map(|frame| (true, frame.as_slice())).collect();
            let mut stage = Stage::new(LateralMovement::new(Settings::default()));
            conversation((9, 40_000), (5, 445), &script).iter().map(|frame| stage.frame(frame, 1000).len()).sum()
        };
        assert!(run(&[(3, "\\\\10.0.0.5\\ADMIN$"), (5, "svcctl")]) > 0);
        assert_eq!(run(&[(3, "\\\\10.0.0.5\\photos"), (5, "summer.jpg")]), 0);
        assert_eq!(run(&[(3, "\\\\10.0.0.5\\IPC$"), (5, "srvsvc")]), 0, "a list of shares");
        assert!(run(&[(3, "\\\\10.0.0.5\\C$"), (5, "Windows\\Temp\\update.exe")]) > 0, "a program is written");
        assert_eq!(run(&[(3, "\\\\10.0.0.5\\C$"), (5, "Users\\Anna\\list.txt")]), 0);
        assert_eq!(run(&[(3, "\\\\10.0.0.5\\games"), (5, "chess.exe")]), 0, "no share of administrators");
    }
}
