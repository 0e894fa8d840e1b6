//! # Remote control by a shell
//!
//! ## What it finds
//! A connection on which one side types commands and the other answers as a shell does, without encryption.
//! ## Why it matters
//! Somebody has the computer in their hands.
//! ## How it decides
//! The first 4 KiB hold the greeting of a command interpreter, an answer to `id`, or the prompt of a shell, on a
//! connection that is neither Telnet nor a known text protocol, or a datagram, or what is sent to a
//! page, begins with one of the first two. Which side answers is the one that is controlled;
//! the other one is named. Also told: a host that was attacked through a known hole opens, within two minutes, a
//! connection to a port of no common service where it had not been before; the attacker is named.
//! ## What fools it
//! Anything encrypted. Consoles of devices that speak so on purpose: add them to `exempt`.
//! ## What to do
//! Disconnect the controlled computer; do not switch it off if you want to know how it happened.
//!
//! Holds 4,096 conversations, 256 attacked hosts and 4,096 places called before.

use std::{net::IpAddr, time::Duration};

use crate::{
    detectors::{
        Context, Detector, Evidence, Needs,
        usual::{Bell, Usual},
    },
    model::{Capped, Card, Category, Finding, Findings, Mono, Part, Party, Port, Severity, holds},
    traffic::{End, Http, Talkers, What},
    wire::{Frame, protocol},
};

pub static CARD: Card = Card {
    id: "reverse_shell",
    title: "Remote control by a shell",
    needs: Some("CAP_NET_RAW"),
    page: include_str!("reverse_shell.rs"),
};

pub type Settings = Usual;

const WITHIN: u32 = 4096;
const CONVERSATIONS_MAX: usize = 4096;
const ATTACKED_MAX: usize = 256;
const CALLED_MAX: usize = 4096;
/// What an attack loads calls its master at once.
const CALLS_BACK: Duration = Duration::from_secs(120);
/// Above those of the system (RFC 6335 §6), and used by many.
const COMMON: [Port; 8] = [1883, 3128, 5060, 5353, 8008, 8009, 8080, 8443];

/// See the page above.
pub struct ReverseShell {
    bell: Bell,
    /// Conversations that began as something known.
    known: Capped<(End, End), ()>,
    /// Hosts attacked through a hole: when, and by whom.
    attacked: Capped<IpAddr, (Mono, Party)>,
    /// Who called which port of whom.
    called: Capped<(IpAddr, IpAddr, Port), ()>,
}

impl ReverseShell {
    #[must_use]
    pub fn new(settings: Settings) -> ReverseShell {
        ReverseShell {
            bell: Bell::new(settings),
            known: Capped::new(CONVERSATIONS_MAX),
            attacked: Capped::new(ATTACKED_MAX),
            called: Capped::new(CALLED_MAX),
        }
    }

    /// A connection that `talk`'s client began: does it come of an attack on it?
    fn called(&mut self, talk: &Talkers, context: &Context<'_>, findings: &mut Findings) {
        let (client, server) = (talk.client, talk.server);
        if !talk.is_sure || server.port < 1024 || COMMON.contains(&server.port) {
            return;
        }
        let is_new = self
            .called
            .insert((client.ip, server.ip, server.port), ())
            .is_none_or(|(key, ())| key != (client.ip, server.ip, server.port));
        let Some((at, attacker)) = self.attacked.get(&client.ip).copied() else { return };
        if !is_new || context.now.mono.since(at) > CALLS_BACK || attacker.ip == Some(client.ip) {
            return;
        }
        let key = format!("{} calls {}:{}", client.ip, server.ip, server.port);
        let finding = Finding::new(CARD.id, Category::Malware, Severity::High, key, context.now)
            .by(attacker)
            .against(client.party())
            .why("sign", "it called back after an attack")
            .why("destination", server.ip)
            .why("port", server.port)
            .technique(&["T1059.004"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }
}

impl ReverseShell {
    /// A shell whose orders come by pages: what is posted is the answer to one.
    fn posted(&mut self, talk: &Talkers, http: &Http, context: &Context<'_>, findings: &mut Findings) {
        if !http.body.starts_with(b"uid=") && !http.body.starts_with(GREETING) {
            return;
        }
        let Some(what) = shell(&http.body).filter(|what| *what != "prompt of a shell") else { return };
        let (controlled, other) = (talk.client, talk.server);
        let key = format!("{} {}", controlled.ip, other.ip);
        let finding = Finding::new(CARD.id, Category::Malware, Severity::Critical, key, context.now)
            .by(other.party())
            .against(controlled.party())
            .why("sign", what)
            .why("port", other.port)
            .technique(&["T1059.004"])
            .points(6.5);
        self.bell.ring(finding, findings);
    }

    /// A shell by datagrams: nothing else begins one with the answer to `id`, or with Windows' greeting.
    fn datagram(&mut self, frame: &Frame<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Some(udp) = frame.udp().filter(|udp| udp.payload.starts_with(b"uid=") || udp.payload.starts_with(GREETING))
        else {
            return;
        };
        let (Some(what), Some((from, to))) = (shell(udp.payload), frame.addresses()) else { return };
        if to.is_multicast() || what == "prompt of a shell" {
            return;
        }
        let neighbours = context.neighbours;
        let finding = Finding::new(CARD.id, Category::Malware, Severity::Critical, format!("{from} {to}"), context.now)
            .by(neighbours.party(to, frame.destination))
            .against(neighbours.party(from, frame.source))
            .why("sign", what)
            .why("port", udp.destination)
            .technique(&["T1059.004"])
            .points(6.5);
        self.bell.ring(finding, findings);
    }
}

/// `root@camera:/tmp# `: who, where and in which folder, without spaces.
fn is_place(line: &[u8]) -> bool {
    let Some(place) = line.len().checked_sub(2).and_then(|end| line.get(..end)) else { return false };
    let at = place.iter().position(|byte| *byte == b'@');
    let folder = place.windows(2).position(|two| matches!(two, b":/" | b":~"));
    at.zip(folder).is_some_and(|(at, folder)| 0 < at && at + 1 < folder)
        && place.len() < 96
        && place.iter().all(u8::is_ascii_graphic)
}

const GREETING: &[u8] = b"Microsoft Windows [Version";
static WINDOWS: Part = Part::new(b"Microsoft Windows ");
static ID: Part = Part::new(b"uid=");
static NO_JOBS: [Part; 2] = [Part::new(b"no job control in this shell"), Part::new(b"can't access tty; job control")];

/// What a controlled side says.
pub(super) fn shell(bytes: &[u8]) -> Option<&'static str> {
    let bytes = bytes.get(..bytes.len().min(WITHIN as usize)).unwrap_or_default();
    if WINDOWS.is_in(bytes)
        && (holds(bytes, b"(C) Copyright") || holds(bytes, b"Microsoft Corp") || holds(bytes, b"[Version "))
    {
        return Some("command interpreter of Windows");
    }
    if ID.is_in(bytes) && holds(bytes, b" gid=") && holds(bytes, b"groups=") {
        return Some("answer to id");
    }
    let line = bytes.get(memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1)..).unwrap_or_default();
    // `C:\Windows\system32>`, `PS C:\>`, `sh-4.2$ `, `bash-5.1# `, `root@camera:/tmp# `.
    let drive = matches!(line, [b'A'..=b'Z', b':', b'\\', .., b'>']) && line.len() < 128;
    let ends = matches!(line, [.., b'$' | b'#', b' ']);
    let posix = ends && (line.starts_with(b"sh-") || line.starts_with(b"bash-") || is_place(line));
    let power =
        line.starts_with(b"PS ") && matches!(line, [.., b'>' | b' ']) && holds(line, b":\\") && line.len() < 128;
    let jobs = NO_JOBS.iter().any(|words| words.is_in(bytes));
    (drive || posix || power || jobs).then_some("prompt of a shell")
}

impl Detector for ReverseShell {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Completed, Needs::Said, Needs::Found, Needs::Udp, Needs::Http]
    }

    fn held(&self) -> usize {
        self.known.len() + self.attacked.len() + self.called.len() + self.bell.held()
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        if let Evidence::Found(found) = evidence
            && found.detector == super::exploit_attempt::CARD.id
            && found.severity >= Severity::High
            && let Some(victim) = found.victim.ip
        {
            self.attacked.insert(victim, (context.now.mono, found.attacker));
        }
        if let Evidence::Packet(frame) = evidence {
            return self.datagram(frame, context, findings);
        }
        let Evidence::Traffic(noticed) = evidence else { return };
        if noticed.what == What::Completed {
            return self.called(&noticed.talk, context, findings);
        }
        if let What::HttpRequest(http) = &noticed.what {
            return self.posted(&noticed.talk, http, context, findings);
        }
        let What::Said { by_client, from, bytes } = &noticed.what else { return };
        let talk = &noticed.talk;
        // Telnet, remote shells and mail speak so by design.
        if talk.protocol != protocol::TCP
            || *from > WITHIN
            || matches!(talk.server.port, 21 | 22 | 23 | 25 | 80 | 110 | 143 | 512..=514 | 2323)
        {
            return;
        }
        let text = ["GET ", "POST ", "HTTP/", "PUT ", "HEAD ", "SSH-", "RFB ", "RTSP/", "{", "<"];
        let begins = *from == 0 && text.iter().any(|word| bytes.starts_with(word.as_bytes()));
        if begins {
            self.known.insert((talk.client, talk.server), ());
        }
        if begins || self.known.contains(&(talk.client, talk.server)) {
            return;
        }
        let Some(what) = shell(bytes) else { return };
        let (controlled, other) = if *by_client { (talk.client, talk.server) } else { (talk.server, talk.client) };
        let finding = Finding::new(
            CARD.id,
            Category::Malware,
            Severity::Critical,
            format!("{} {}", controlled.ip, other.ip),
            context.now,
        )
        .by(other.party())
        .against(controlled.party())
        .why("sign", what)
        .why("port", talk.server.port)
        .technique(&["T1059.004"])
        .points(6.5);
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, conversation, udp};

    #[test]
    fn a_shell_by_datagrams_is_told_of_who_commands() {
        let run = |said: &[u8]| {
            Stage::new(ReverseShell::new(Settings::default())).frame(&udp((9, 50_000), (5, 4_000), said), 0)
        };
        let told = run(b"uid=0(root) gid=0(root) groups=0(root)\n");
        assert_eq!(told.first().and_then(|f| f.attacker.ip), Some(IpAddr::from([192, 168, 7, 5])));
        for said in
            [&b"uid=7&state=on"[..], b"log: uid=0(root) gid=0(root) groups=0(root)", b"Microsoft Windows is busy"]
        {
            assert!(run(said).is_empty());
        }
    }

    #[test]
    fn shells_are_told_and_texts_are_not() {
        let cases: &[(&str, u16, &[(bool, &[u8])], bool)] = &[
            (
                "windows",
                4444,
                &[(true, b"Microsoft Windows [Version 10.0.1]\r\n(c) Microsoft Corp\r\n\r\nC:\\Windows\\system32>")],
                true,
            ),
            ("id", 9001, &[(false, b"id\n"), (true, b"uid=0(root) gid=0(root) groups=0(root)\n")], true),
            ("prompt", 9001, &[(true, b"sh-4.2$ ")], true),
            ("a prompt with a place", 9001, &[(true, b"welcome\nroot@camera:/tmp# ")], true),
            ("PowerShell", 8081, &[(true, b"PS C:\\Windows\\system32> ")], true),
            ("an address", 9001, &[(true, b"mail anna@example.org: costs 5 $ ")], false),
            ("telnet", 23, &[(false, b"sh-4.2$ ")], false),
            (
                "a page about it",
                80,
                &[(true, b"GET / HTTP/1.1\r\n\r\n"), (false, b"HTTP/1.1 200 OK\r\n\r\nuid=0 gid=0 groups=")],
                false,
            ),
            (
                "an answer by a page",
                80,
                &[(true, b"POST /o HTTP/1.1\r\nContent-Length: 39\r\n\r\nuid=0(root) gid=0(root) groups=0(root)\n")],
                true,
            ),
            (
                "a letter about it",
                80,
                &[(
                    true,
                    b"POST /o HTTP/1.1\r\nContent-Length: 43\r\n\r\nid: uid=0(root) gid=0(root) groups=0(root)\n",
                )],
                false,
            ),
            ("json", 8080, &[(true, b"{\"uid\":1}")], false),
        ];
        for (name, port, script, expected) in cases {
            let mut stage = Stage::new(ReverseShell::new(Settings::default()));
            let found: Vec<Finding> = conversation((9, 40_000), (5, *port), script)
                .iter()
                .flat_map(|frame| stage.frame(frame, 1000))
                .collect();
            assert_eq!(!found.is_empty(), *expected, "{name}");
        }
    }
}
