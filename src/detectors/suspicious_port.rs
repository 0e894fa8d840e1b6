//! # Port of a back door
//!
//! ## What it finds
//! A connection to a port that back doors use by default, on which nothing known is spoken.
//! ## Why it matters
//! Tools that take over computers listen there unless somebody changes it.
//! ## How it decides
//! The connection was accepted, both sides said something, the service's port is on a short list (4444, 31337 …), and
//! what was said begins like no protocol that this program knows. Also told: on a channel of IRC, at whatever port,
//! somebody orders robots about (`.download http://…`, `.udp 192.0.2.1 …`) and a device of the home listens; or a device talks with an address of the Internet as robots do that were built from
//! public sources: it says what it is built for and is told to search or to flood, or it gives its number and says two
//! zeros from time to time. Or it speaks as programs of remote control do that are sold to thieves: Gh0st and its heirs,
//! njRAT. What begins as a shell is left to `reverse_shell`, which knows who commands whom. Low: data posted by plain HTTP to an address of the
//! Internet without a name, at a port that is none of the web's.
//! ## What fools it
//! Any other port. Programs of your own that use one of these.
//! ## What to do
//! Look which program holds the connection.
//!
//! Holds three times 1,024 conversations.

use std::net::IpAddr;

use crate::{
    detectors::{Context, Detector, Evidence, reverse_shell, usual::Bell},
    model::{Capped, Category, Finding, Findings, Port, Severity, find, is_private},
    traffic::{End, Http, Talkers, What},
    wire::protocol,
};

card!("suspicious_port", "Port of a back door");

// Defaults of Metasploit (4444, 4445, 4433), Back Orifice, NetBus, SubSeven, Cobalt Strike's team server, WannaCry's
// follow-ups and common examples of netcat.
const PORTS: [Port; 13] = [4444, 4445, 4446, 1337, 31337, 12345, 12346, 27374, 6667, 50050, 5554, 9996, 4433];

const CONVERSATIONS_MAX: usize = 1024;

/// See the page above.
pub struct SuspiciousPort {
    bell: Bell,
    /// Whether the service's first words are text.
    first: Capped<(End, End), bool>,
    /// Conversations that began as something known, whatever the other side says.
    known: Capped<(End, End), ()>,
    /// Conversations that began as a robot's.
    robots: Capped<(End, End), ()>,
}

impl SuspiciousPort {
    #[must_use]
    pub fn new(settings: Settings) -> SuspiciousPort {
        SuspiciousPort {
            bell: Bell::new(settings),
            first: Capped::new(CONVERSATIONS_MAX),
            known: Capped::new(CONVERSATIONS_MAX),
            robots: Capped::new(CONVERSATIONS_MAX),
        }
    }
}

/// `<30>…`: a line of a log, whose number is of two digits or three (RFC 5424 §6.2.1).
fn is_log(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(b"<") else { return false };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (1..=3).contains(&digits) && rest.get(digits) == Some(&b'>')
}

/// Words by which robots are ordered about in channels, behind a sign (`.` or `!`), with something to act upon: of the
/// sources of Agobot, SDBot, Kaiten and what came of them.
const ORDERS: [&str; 20] = [
    "advscan", "asc", "scan", "scanall", "ntscan", "download", "dl", "update", "wget", "udp", "syn", "tcp", "http",
    "flood", "ddos", "exec", "sh", "login", "visit", "socks",
];

/// Whether a line of IRC (RFC 2812 §3.3, and a channel's topic) orders a robot about: the order comes first and names an
/// address, a place to load from or a port. People who speak of such things write sentences.
fn is_order(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line);
    let line = line.trim_end();
    // `:nick!user@host PRIVMSG #channel :text`, `:server 332 nick #channel :topic`.
    let is_said = [" PRIVMSG ", " NOTICE ", " TOPIC ", " 332 "].iter().any(|word| line.contains(word));
    let Some((_, text)) = line.get(1..).and_then(|rest| rest.split_once(" :")).filter(|_| is_said) else {
        return false;
    };
    let mut words = text.split_ascii_whitespace();
    let order = words.next().unwrap_or_default();
    let Some(order) = order.strip_prefix(['.', '!', '@']) else { return false };
    let order = order.split('.').next().unwrap_or_default().to_ascii_lowercase();
    // An address, a place to load from, or a switch of one letter (`.asc lsass 100 3 0 -b -r`).
    let acts = |word: &str| {
        let host = word.split(['/', ':']).next().unwrap_or_default();
        let is_switch = matches!(word.as_bytes(), [b'-', letter] if letter.is_ascii_alphabetic());
        word.contains("://") || host.parse::<IpAddr>().is_ok() || is_switch
    };
    ORDERS.contains(&order.as_str()) && words.take(8).any(acts)
}

/// What the builders of robots for small devices write: BASHLITE and its heirs say which build they are, and are ordered by
/// lines that begin so.
fn is_line_order(bytes: &[u8]) -> bool {
    let words: [&[u8]; 8] =
        [b"!* UDP ", b"!* TCP ", b"!* SCANNER ", b"!* HOLD ", b"!* JUNK ", b"!* STD ", b"!* HTTP ", b"!* KILLATTK"];
    bytes.split(|byte| *byte == b'\n').take(64).any(|line| words.iter().any(|word| line.starts_with(word)))
}

/// The first words of Mirai to its master: four bytes, or those and its name behind its length.
fn is_mirai(bytes: &[u8]) -> bool {
    match bytes {
        [0, 0, 0, 1] => true,
        [0, 0, 0, 1, len, name @ ..] => usize::from(*len) == name.len() && name.iter().all(u8::is_ascii_graphic),
        _ => false,
    }
}

/// The first words of a program of remote control to its master.
fn is_remote_control(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        // Gh0st, whose sources are public, and what was made of it: five letters, how long the message is, how long it was
        // before it was packed, and what the packer (zlib, RFC 1950) begins with.
        [a, b, c, d, e, l0, l1, l2, l3, u0, u1, u2, u3, 0x78, 0x9c | 0x01 | 0xda, ..]
            if [a, b, c, d, e].iter().all(|letter| letter.is_ascii_alphanumeric()) =>
        {
            let len = u32::from_le_bytes([*l0, *l1, *l2, *l3]);
            let unpacked = u32::from_le_bytes([*u0, *u1, *u2, *u3]);
            ((16..1 << 20).contains(&len) && (1..1 << 24).contains(&unpacked)).then_some("as Gh0st does")
        }
        // njRAT: how long the message is, a zero, a word of two or three letters, and parts between `|'|'|`.
        [b'0'..=b'9', ..] => {
            let digits = bytes.iter().take(6).take_while(|byte| byte.is_ascii_digit()).count();
            let rest = bytes.get(digits..)?.strip_prefix(&[0])?;
            let at = find(rest, b"|'|'|")?;
            (matches!(at, 2..=6) && rest.iter().take(at).all(u8::is_ascii_alphanumeric)).then_some("as njRAT does")
        }
        _ => None,
    }
}

/// Begins like something known: HTTP, TLS, SSH, chat, a log.
fn is_known(bytes: &[u8]) -> bool {
    let starts: [&[u8]; 14] = [
        b"GET ",
        b"POST ",
        b"HTTP/",
        b"SSH-",
        b"NICK ",
        b"USER ",
        b"CAP ",
        b":",
        b"NOTICE",
        b"PING",
        b"*",
        b"220",
        b"\x13BitTorrent",
        b"{",
    ];
    matches!(bytes, [22, 3, ..]) || is_log(bytes) || starts.iter().any(|start| bytes.starts_with(start))
}

/// Usual for HTTP, its proxies, cameras and developers' servers (IANA and common use).
const WEB: [Port; 16] = [80, 81, 82, 88, 591, 2080, 3000, 3128, 5000, 5357, 8000, 8008, 8080, 8081, 8088, 8888];

impl SuspiciousPort {
    /// A robot is ordered about on a channel: whoever listens there is no person.
    fn ordered(&mut self, talk: &Talkers, bytes: &[u8], context: &Context<'_>, findings: &mut Findings) {
        let (client, server) = (talk.client, talk.server);
        let outwards =
            !is_private(server.ip) && !server.ip.is_loopback() && (is_private(client.ip) || client.mac.is_some());
        let is_ordered = match bytes {
            [b':', ..] => bytes.split(|byte| *byte == b'\n').take(64).any(is_order),
            // It has said its number before.
            [0, 0] => self.robots.contains(&(client, server)),
            _ => is_line_order(bytes),
        };
        if !outwards || !is_ordered {
            return;
        }
        let key = format!("{} {} robot", client.ip, server.ip);
        let finding = Finding::new(CARD.id, Category::Malware, Severity::High, key, context.now)
            .by(client.party())
            .against(server.party())
            .why("port", server.port)
            .why("sign", "orders of a robot on a channel")
            .technique(&["T1071"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }

    /// A device of the home speaks to the Internet as a program of remote control does.
    fn controlled(&mut self, talk: &Talkers, sign: &'static str, context: &Context<'_>, findings: &mut Findings) {
        let (client, server) = (talk.client, talk.server);
        let key = format!("{} {} control", client.ip, server.ip);
        let finding = Finding::new(CARD.id, Category::Malware, Severity::High, key, context.now)
            .by(client.party())
            .against(server.party())
            .why("port", server.port)
            .why("sign", format!("speaks to its master {sign}"))
            .technique(&["T1219"])
            .points(6.5);
        self.bell.ring(finding, findings);
    }

    /// Data posted in the clear to an address without a name, at a port that is none of the web's: low.
    fn posted(&mut self, talk: &Talkers, http: &Http, context: &Context<'_>, findings: &mut Findings) {
        let (client, server) = (talk.client, talk.server);
        let host = http.host.rsplit_once(':').map_or(http.host.as_str(), |(host, _)| host);
        let bare = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        let outwards =
            !is_private(server.ip) && !server.ip.is_loopback() && (is_private(client.ip) || client.mac.is_some());
        if http.method != "POST" || !bare || !outwards || WEB.contains(&server.port) {
            return;
        }
        self.tell(talk, Severity::Low, context, findings);
    }

    fn tell(&mut self, talk: &Talkers, severity: Severity, context: &Context<'_>, findings: &mut Findings) {
        // A service that begins with a program for its caller commands it; one that greets in words is commanded.
        let commands = self.first.get(&(talk.client, talk.server)).is_some_and(|text| !text);
        let inside = is_private(talk.client.ip) && is_private(talk.server.ip);
        let (attacker, victim) =
            if commands && inside { (talk.server, talk.client) } else { (talk.client, talk.server) };
        let key = format!("{} {}:{}", talk.client.ip, talk.server.ip, talk.server.port);
        let finding = Finding::new(CARD.id, Category::Malware, severity, key, context.now)
            .by(attacker.party())
            .against(victim.party())
            .why("port", talk.server.port)
            .technique(&["T1571"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }
}

impl Detector for SuspiciousPort {
    says!(self, [Http, Said], self.first.len() + self.known.len() + self.robots.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Traffic(noticed) = evidence else { return };
        let talk = &noticed.talk;
        if let What::HttpRequest(http) = &noticed.what {
            return self.posted(talk, http, context, findings);
        }
        if let What::Said { bytes, by_client: false, .. } = &noticed.what
            && matches!(bytes.as_slice(), [b':' | b'!', ..] | [0, 0])
        {
            self.ordered(talk, bytes, context, findings);
        }
        let What::Said { from: 0, bytes, by_client } = &noticed.what else { return };
        if *by_client && is_mirai(bytes) && !is_private(talk.server.ip) {
            self.robots.insert((talk.client, talk.server), ());
        }
        if let Some(sign) = is_remote_control(bytes).filter(|_| *by_client && talk.protocol == protocol::TCP) {
            return self.controlled(talk, sign, context, findings);
        }
        if !by_client && PORTS.contains(&talk.server.port) {
            let text = bytes.iter().take(64).all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
            self.first.insert((talk.client, talk.server), text);
        }
        if PORTS.contains(&talk.server.port) && (is_known(bytes) || reverse_shell::shell(bytes).is_some()) {
            self.known.insert((talk.client, talk.server), ());
        }
        let spoken = talk.protocol == protocol::TCP
            && !PORTS.contains(&talk.client.port)
            && talk.bytes.iter().all(|bytes| *bytes > 0);
        if !spoken || !PORTS.contains(&talk.server.port) || self.known.contains(&(talk.client, talk.server)) {
            return;
        }
        // Within the home developers use such ports too.
        let inside = is_private(talk.client.ip) && is_private(talk.server.ip);
        self.tell(talk, if inside { Severity::Low } else { Severity::Medium }, context, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, conversation};

    #[test]
    fn orders_are_known_and_people_are_not_robots() {
        for order in [
            ":op!o@h PRIVMSG #x :.download http://203.0.113.9/a.mips /tmp/a\r",
            ":op!o@h PRIVMSG #x :!udp 203.0.113.9 53 60",
            ":irc.x 332 bot #x :.advscan asn1smb 100 5 0 192.168.0.0 -r",
            ":op!o@h PRIVMSG #x :.scan.start 192.168.7.0/24 22",
            ":s 332 bot #x :.asc lsass_445 100 3 0 -b -r -s",
        ] {
            assert!(is_order(order.as_bytes()), "{order}");
        }
        for talk in [
            ":bob!b@h PRIVMSG #rust :!help me",
            ":bob!b@h PRIVMSG #rust :.unwrap() is your enemy, see https://doc.rust-lang.org",
            ":bob!b@h PRIVMSG #rust :please download http://example.org/a",
            ":bob!b@h PRIVMSG #rust :!update the docs",
            "",
        ] {
            assert!(!is_order(talk.as_bytes()), "{talk}");
        }
    }

    #[test]
    fn programs_of_remote_control_are_known_by_how_they_begin() {
        let gh0st = |name: &[u8; 5], len: u8| [&name[..], &[len, 0, 0, 0, 64, 0, 0, 0, 0x78, 0x9c, 1, 2, 3]].concat();
        assert!(is_remote_control(&gh0st(b"Gh0st", 18)).is_some() && is_remote_control(&gh0st(b"HEART", 40)).is_some());
        assert!(is_remote_control(&gh0st(b"Gh0st", 9)).is_none(), "shorter than its head");
        assert!(is_remote_control(&gh0st(b"\0\0\0\0\x01", 18)).is_none());
        assert!(is_remote_control(b"149\0ll|'|'|SGFja2Vk|'|'|PC").is_some());
        assert!(is_remote_control(b"149 ll|'|'|x").is_none() && is_remote_control(b"220 mail\r\n").is_none());
    }

    #[test]
    fn robots_that_give_their_number_are_told_and_other_programs_are_not() {
        let run = |script: &[(bool, &[u8])]| -> usize {
            let mut stage = Stage::new(SuspiciousPort::new(Settings::default()));
            let outside = |frame: &Vec<u8>| {
                let mut frame = frame.clone();
                for at in [26, 30] {
                    if frame[at..at + 4] == [192, 168, 7, 5] {
                        frame[at..at + 4].copy_from_slice(&[203, 0, 113, 5]);
                    }
                }
                frame
            };
            let frames = conversation((9, 40_000), (5, 48_101), script);
            frames.iter().map(outside).map(|frame| stage.frame(&frame, 1000).len()).sum()
        };
        assert!(run(&[(true, &[0, 0, 0, 1]), (true, &[0, 0]), (false, &[0, 0])]) > 0);
        assert!(run(&[(true, b"BUILD ARM\n"), (false, b"!* SCANNER ON\n")]) > 0);
        assert_eq!(run(&[(true, &[0, 0, 0, 2]), (false, &[0, 0])]), 0, "another number");
        assert_eq!(run(&[(true, b"hello\n"), (false, b"! it works * UDP 1.2.3.4\n")]), 0);
    }

    #[test]
    fn unknown_words_on_such_a_port_are_told() {
        let run = |port: u16, script: &[(bool, &[u8])]| -> usize {
            let mut stage = Stage::new(SuspiciousPort::new(Settings::default()));
            conversation((9, 40_000), (5, port), script).iter().map(|frame| stage.frame(frame, 1000).len()).sum()
        };
        assert_eq!(run(4444, &[(false, b"\x01\x02order"), (true, b"\x03\x04done")]), 1);
        assert_eq!(run(4444, &[(true, b"GET / HTTP/1.1\r\n\r\n"), (false, b"HTTP/1.1 200 OK\r\n\r\n")]), 0);
        assert_eq!(run(8443, &[(false, b"\x01\x02order"), (true, b"\x03\x04done")]), 0);
        assert_eq!(run(4444, &[(true, b"\x01nobody answers")]), 0);
        assert_eq!(run(1337, &[(true, b"<30>nas smbd: opened\n"), (false, b"ok\n")]), 0, "a log");
        assert_eq!(run(4444, &[(true, b"sh-4.2$ "), (false, b"id\n")]), 0, "a shell, told elsewhere");
        assert_eq!(run(1337, &[(true, b"<x>run it\n"), (false, b"\x01done\n")]), 1);
    }
}
