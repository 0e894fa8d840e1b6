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
//! njRAT; or it tells, in a protocol of nobody's, which Windows it runs on and more in parts; or it calls a bare address by WCF; or
//! a shell (SSH) is spoken inside a page's socket; or it joins a channel under a name that robots give themselves (country,
//! system and number between marks), or sends what Windows tells of itself as it lies in memory. And programs of thieves
//! that give their names, and who asks the same of five unrelated names without saying which program asks. What begins
//! as a shell is left to `reverse_shell`, which knows who commands whom.
//!
//! Reports to a master in plain HTTP are weighed: five points are low, six medium, eight high; more than low only with
//! three by strong signs. Strong are: data in a form that is no form, said to be a picture or in parts without a bound
//! (3); the machine's number (3), its guard, or its name, user and system together (2), Windows among them (1); fields of
//! passwords found (3); the number Windows was bought under (3); a browser that never was, or marks instead of a name (4),
//! half of a browser or a script (2), a form of which each field is base64 (2), a browser of Windows' that asks again and
//! again as none does (2); an answer numbered beyond HTTP (4), an error or a page that is no text (3), one with orders (2). Weak are an address without a name (2), no
//! kinds that would be taken, no program's name or an old browser's, a page that data is posted to, the fourth time (1
//! each). Low: data posted by plain HTTP to an address of the Internet without a name, at a port that is none of the
//! web's; the same eight bytes of nobody's protocol, four times, to an address that nobody looked up.
//! ## What fools it
//! Any other port; encryption; reports that look like a browser's. Programs of your own that use one of these ports, or
//! that report as such programs do.
//! ## What to do
//! Look which program holds the connection.
//!
//! Holds three times 1,024 conversations, 256 paths, 256 pages, 256 requests and 256 greetings.

mod agent;
mod checkin;
mod speech;

use std::{net::IpAddr, time::Duration};

use crate::{
    detectors::{
        Context, Detector, Evidence, reverse_shell,
        usual::Bell,
        window::{Recent, Subjects},
    },
    model::{Capped, Category, Finding, Findings, Port, Severity, is_private},
    traffic::{End, Http, Talkers, What, owner, registered},
    wire::protocol,
};

pub use speech::mixed;
use speech::{
    holds_version, is_bare_wcf, is_hidden_shell, is_known, is_line_order, is_mirai, is_order, is_remote_control,
    is_robot_nick, tells_its_system,
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
    /// Of which names a client asked the same folder.
    asked: Subjects<(IpAddr, String), Recent<String>>,
    /// How often a client asked the same page of a server.
    turns: Capped<(IpAddr, IpAddr, String), u32>,
    /// What the last request of a conversation weighs, until it is answered.
    asked_last: Capped<(End, End), checkin::Weight>,
    /// Unknown words that a client begins with at an address nobody looked up, and how often it did.
    greetings: Capped<(IpAddr, IpAddr, Port), ([u8; GREETING], u32)>,
}

impl SuspiciousPort {
    #[must_use]
    pub fn new(settings: Settings) -> SuspiciousPort {
        SuspiciousPort {
            bell: Bell::new(settings),
            first: Capped::new(CONVERSATIONS_MAX),
            known: Capped::new(CONVERSATIONS_MAX),
            robots: Capped::new(CONVERSATIONS_MAX),
            asked: Subjects::new(PATHS_MAX, NAMES_SPAN, NAMES_MIN / 2),
            turns: Capped::new(PATHS_MAX),
            asked_last: Capped::new(PATHS_MAX),
            greetings: Capped::new(PATHS_MAX),
        }
    }
}

/// Programs of thieves that name themselves as no browser does (LokiBot, Lumma, Raccoon), in lower case.
const THIEVES: [&str; 4] = ["(charon; inferno)", "teslabrowser/", "mozzzzzzz", "ducktales"];
/// Asked of so many unrelated names within an hour.
const NAMES_MIN: u32 = 5;
const NAMES_SPAN: Duration = Duration::from_secs(3600);
const PATHS_MAX: usize = 256;
const FOLDER_MAX: usize = 16;
const PAGE_MAX: usize = 64;
/// Words by which two greetings are compared; a number of the session comes later.
const GREETING: usize = 8;
const GREETINGS_MIN: u32 = 4;

/// Usual for HTTP, its proxies, cameras and developers' servers (IANA and common use).
const WEB: [Port; 16] = [80, 81, 82, 88, 591, 2080, 3000, 3128, 5000, 5357, 8000, 8008, 8080, 8081, 8088, 8888];

impl SuspiciousPort {
    /// A robot is ordered about on a channel: whoever listens there is no person.
    fn ordered(&mut self, talk: &Talkers, bytes: &[u8], context: &Context<'_>, findings: &mut Findings) {
        let (client, server) = (talk.client, talk.server);
        let is_ordered = match bytes {
            [b':', ..] => bytes.split(|byte| *byte == b'\n').take(64).any(is_order),
            // It has said its number before.
            [0, 0] => self.robots.contains(&(client, server)),
            _ => is_line_order(bytes),
        };
        if !is_outwards(talk) || !is_ordered {
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

    /// A request by which a program of thieves gives itself away.
    fn stolen(&mut self, talk: &Talkers, http: &Http, context: &Context<'_>, findings: &mut Findings) {
        let (client, now) = (talk.client, context.now.mono);
        if !is_outwards(talk) {
            return;
        }
        let agent = http.agent.to_ascii_lowercase();
        if THIEVES.iter().any(|name| agent.contains(name)) {
            return self.controlled(talk, "under a name that thieves use", context, findings);
        }
        // `/a1b2/?…`: a folder of its own, values behind it, and no word of which program asks.
        let folder = http.path.strip_prefix('/').and_then(|rest| rest.split_once("/?")).map(|(folder, _)| folder);
        let folder = folder.filter(|folder| (2..=FOLDER_MAX).contains(&folder.len()) && !folder.contains('/'));
        let name = http.host.rsplit_once(':').map_or(http.host.as_str(), |(name, _)| name);
        let (Some(folder), true) = (folder, agent.is_empty() && name.contains('.') && name.parse::<IpAddr>().is_err())
        else {
            return;
        };
        let key = (client.ip, folder.to_owned());
        let fresh = |left| Recent::with(16, left, now);
        let Some(names) = self.asked.of(key, client.mac.map_or(0, owner), now, fresh) else { return };
        let domain = registered(&name.to_ascii_lowercase()).to_owned();
        if names.see(domain, now) && names.within(now, NAMES_SPAN) >= self.bell.scaled(NAMES_MIN) as usize {
            self.controlled(talk, "by one question under many names", context, findings);
        }
    }

    /// A request in which several signs of a program that reports to its master meet, or the answer to it.
    fn reported(
        &mut self,
        talk: &Talkers,
        http: &Http,
        is_answer: bool,
        context: &Context<'_>,
        findings: &mut Findings,
    ) {
        let (client, server) = (talk.client, talk.server);
        if !is_outwards(talk) {
            return;
        }
        let weight = if is_answer {
            // What was posted is not in the answer.
            let Some(asked) = self.asked_last.get(&(client, server)).copied() else { return };
            checkin::answer(http, asked)
        } else {
            let page = http.path.split('?').next().unwrap_or_default().chars().take(PAGE_MAX).collect();
            let key = (client.ip, server.ip, page);
            let turn = self.turns.get(&key).copied().unwrap_or_default().saturating_add(1);
            self.turns.insert(key, turn);
            let asked = checkin::request(http, turn);
            self.asked_last.insert((client, server), asked);
            asked
        };
        let Some((severity, sign)) = weight.severity() else { return };
        let key = format!("{} {} report", client.ip, server.ip);
        let finding = Finding::new(CARD.id, Category::Malware, severity, key, context.now)
            .by(client.party())
            .against(server.party())
            .why("port", server.port)
            .why("sign", format!("reports {sign}"))
            .technique(&["T1071.001"])
            .points(if severity == Severity::Low { 5.0 } else { 5.5 });
        self.bell.ring(finding, findings);
    }

    /// The same words of nobody's protocol, again and again, to an address that nobody looked up: low. Who has an address
    /// built in does not want to be found by its name; some games and makers do so too.
    fn greeted(&mut self, talk: &Talkers, bytes: &[u8], context: &Context<'_>, findings: &mut Findings) {
        let (client, server) = (talk.client, talk.server);
        // TLS of old greets otherwise (RFC 5246 appendix E.2).
        let is_known = is_known(bytes) || matches!(bytes, [0x80, _, 1, ..]);
        let Some(greeting) = bytes.first_chunk::<GREETING>().filter(|_| !is_known && is_outwards(talk)) else { return };
        let looked_up = context.neighbours.is_looked_up(client.ip, server.ip);
        if looked_up.unwrap_or(!context.neighbours.hears_names()) || !talk.is_sure {
            return;
        }
        let key = (client.ip, server.ip, server.port);
        let known = self.greetings.get(&key).filter(|(known, _)| known == greeting).map_or(0, |(_, count)| *count);
        self.greetings.insert(key, (*greeting, known.saturating_add(1)));
        if known + 1 >= self.bell.scaled(GREETINGS_MIN) {
            self.tell(talk, Severity::Low, context, findings);
        }
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
        let server = talk.server;
        let host = http.host.rsplit_once(':').map_or(http.host.as_str(), |(host, _)| host);
        let bare = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        if http.method != "POST" || !bare || !is_outwards(talk) || WEB.contains(&server.port) {
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

/// From a host of the home to one of the Internet.
fn is_outwards(talk: &Talkers) -> bool {
    let (client, server) = (talk.client, talk.server);
    !is_private(server.ip) && !server.ip.is_loopback() && (is_private(client.ip) || client.mac.is_some())
}

/// What a program of remote control says first to its master.
fn first_words(bytes: &[u8]) -> Option<&'static str> {
    match () {
        () if is_bare_wcf(bytes) => Some("by WCF, without a name"),
        () if tells_its_system(bytes) || holds_version(bytes) || checkin::is_report(bytes) => {
            Some("first of the system it runs on")
        }
        () if is_robot_nick(bytes) => Some("on a channel, under the name of a robot"),
        () => None,
    }
}

impl Detector for SuspiciousPort {
    says!(
        self,
        [Http, Said],
        self.first.len()
            + self.known.len()
            + self.robots.len()
            + self.asked.len()
            + self.turns.len()
            + self.asked_last.len()
            + self.greetings.len()
    );

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Traffic(noticed) = evidence else { return };
        let talk = &noticed.talk;
        if let What::HttpRequest(http) = &noticed.what {
            self.stolen(talk, http, context, findings);
            self.reported(talk, http, false, context, findings);
            return self.posted(talk, http, context, findings);
        }
        if let What::HttpAnswer(http) = &noticed.what {
            return self.reported(talk, http, true, context, findings);
        }
        if let What::Said { bytes, by_client: false, .. } = &noticed.what
            && matches!(bytes.as_slice(), [b':' | b'!' | b'.' | b'A'..=b'Z', ..] | [0, 0])
        {
            self.ordered(talk, bytes, context, findings);
        }
        let outwards = !is_private(talk.server.ip) && !talk.server.ip.is_loopback() && talk.protocol == protocol::TCP;
        if let What::Said { bytes, by_client: false, from: 1.. } = &noticed.what
            && outwards
            && is_hidden_shell(bytes)
        {
            return self.controlled(talk, "by a shell inside a page's socket", context, findings);
        }
        if let What::Said { from: 0, bytes, by_client: true } | What::Joined { from: 0, bytes, by_client: true } =
            &noticed.what
            && outwards
            && let Some(sign) = first_words(bytes)
        {
            return self.controlled(talk, sign, context, findings);
        }
        let What::Said { from: 0, bytes, by_client } = &noticed.what else { return };
        if *by_client && outwards {
            self.greeted(talk, bytes, context, findings);
        }
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
    fn a_report_and_its_answer_are_weighed_together() {
        let run = |ask: &[u8], answer: &[u8]| -> Vec<Severity> {
            let mut stage = Stage::new(SuspiciousPort::new(Settings::default()));
            let outside = |mut frame: Vec<u8>| {
                for at in [26, 30] {
                    if frame[at..at + 4] == [192, 168, 7, 5] {
                        frame[at..at + 4].copy_from_slice(&[203, 0, 113, 5]);
                    }
                }
                frame
            };
            let frames = conversation((9, 40_000), (5, 80), &[(true, ask), (false, answer)]);
            let told = frames.into_iter().flat_map(|frame| stage.frame(&outside(frame), 1000));
            told.map(|finding| finding.severity).collect()
        };
        let noise = b"\x03\x9f\x11\x80\x7a\x02\xee\x19\x04\xd0\xff\x1b\x88\x01\x10\xc3";
        let ask = b"POST /x.php HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\n\r\nid=7";
        let answer = |head: &str, body: &[u8]| {
            [format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
        };
        assert!(run(ask, &answer("200 OK\r\nContent-Type: text/html", b"ok")).is_empty());
        assert!(!run(ask, &answer("666 OK\r\nContent-Type: text/html", b"ok")).is_empty());
        let page = run(ask, &answer("200 OK\r\nContent-Type: text/html", noise));
        assert!(page.iter().all(|severity| *severity <= Severity::Medium), "what is answered was not posted: {page:?}");
    }

    #[test]
    fn the_same_words_to_an_address_nobody_looked_up_are_low() {
        use crate::detectors::stage::{ACK, SYN, between, dns, ip, mac, segment, udp};
        let run = |greetings: [&[u8]; 6]| -> Vec<Severity> {
            let mut stage = Stage::new(SuspiciousPort::new(Settings::default()));
            let mut answer = dns(7, Some(0), "a.example", 1);
            answer[7] = 1;
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 203, 0, 113, 80]);
            stage.frame(&udp((9, 5000), (1, 53), &dns(7, None, "a.example", 1)), 0);
            stage.frame(&udp((1, 53), (9, 5000), &answer), 1);
            let (me, far) = ((mac(9), ip(9)), (mac(1), [203, 0, 113, 9]));
            let mut told = Vec::new();
            for (n, greeting) in greetings.iter().enumerate() {
                let (port, ms) = (40_000 + n as u16, n as u64 * 60_000);
                for (from, bytes) in [
                    (me, segment(port, 8001, SYN, 1, b"")),
                    (far, segment(8001, port, SYN | ACK, 1, b"")),
                    (me, segment(port, 8001, ACK, 2, greeting)),
                ] {
                    let to = if from == me { far } else { me };
                    told.extend(stage.frame(&between(from, to, 6, &bytes), ms));
                }
            }
            told.iter().map(|finding| finding.severity).collect()
        };
        let same: &[u8] = b"\x24\x5d\x3b\x30\x2e\x29\x23\x28\x30";
        assert_eq!(run([same; 6]).first(), Some(&Severity::Low));
        assert!(run([b"\x80\x2e\x01\x03\x01\0\x15\0\0\0"; 6]).is_empty(), "TLS of old");
        assert!(run([b"GET / HTTP/1.1\r\n"; 6]).is_empty(), "the web");
        let others: [&[u8]; 6] = [b"12345678", b"22345678", b"32345678", b"42345678", b"52345678", b"62345678"];
        assert!(run(others).is_empty(), "other words each time");
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
