//! # Password anybody can read
//!
//! ## What it finds
//! A user name and a password that go over the network without encryption.
//! ## Why it matters
//! Whoever listens, here or on the way, has them.
//! ## How it decides
//! A login was seen: FTP, Telnet, rlogin, rexec, POP3, IMAP, SMTP, NNTP, IRC, XMPP, HTTP (Basic, Digest, NTLM, forms,
//! tokens, addresses with a password in them), ONVIF and recorders of cameras, RTSP, SIP, LDAP, SMB, MQTT, AMQP, STOMP,
//! NATS, Redis, MPD, NUT, ManageSieve, memcached, MySQL, PostgreSQL, SQL Server, Oracle, MongoDB, Cassandra, SOCKS, rsync, CVS, Subversion, X11,
//! VNC, RADIUS, TACACS+, IPMI, PPP, SNMP communities. Never the secret itself: how long it is, the first letter of the user. Across the Internet it is
//! high, within the home low, by MQTT within the home only noted; a token, which opens one service and can be taken back,
//! is low and noted; a digest, an empty or well-known secret is only noted,
//! and when this host tries one (as when it asks a router by SNMP what hangs on it), that is no news.
//! ## What fools it
//! Fields with names of their own; anything inside an encrypted connection, which is as it should be.
//! ## What to do
//! Use the encrypted form of the service, and a password that is used nowhere else.
//!
//! Holds 1,024 triples of client, server and protocol.

use std::net::IpAddr;

use crate::{
    detectors::{
        Context, Detector, Evidence, Needs,
        usual::{Bell, Usual},
    },
    model::{Capped, Card, Category, Finding, Findings, Mono, Party, Severity, is_private},
    traffic::What,
    wire::{Carries, Frame},
};

pub static CARD: Card = Card {
    id: "cleartext_credentials",
    title: "Password anybody can read",
    needs: Some("CAP_NET_RAW"),
    page: include_str!("cleartext_credentials.rs"),
};

pub type Settings = Usual;

const TRIPLES_MAX: usize = 1024;
/// Keys of programs, not passwords of people.
const TOKENS: [&str; 1] = ["http_token"];
// IANA ppp-numbers.
const PAP: u16 = 0xc023;
const CHAP: u16 = 0xc223;

/// See the page above.
pub struct CleartextCredentials {
    bell: Bell,
    told: Capped<(IpAddr, IpAddr, &'static str), Mono>,
}

impl CleartextCredentials {
    #[must_use]
    pub fn new(settings: Settings) -> CleartextCredentials {
        CleartextCredentials { bell: Bell::new(settings), told: Capped::new(TRIPLES_MAX) }
    }
}

impl CleartextCredentials {
    /// The login at a provider or a company, before there are addresses: PAP says the password (RFC 1334 §2), CHAP an answer
    /// to a challenge (RFC 1994 §4.1).
    fn dialled(&mut self, frame: &Frame<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Carries::Ppp(protocol) = frame.carries else { return };
        let (how, severity) = match (protocol, frame.link_payload.first()) {
            (PAP, Some(1)) => ("ppp_pap", Severity::Low),
            (CHAP, Some(2)) => ("ppp_chap", Severity::Info),
            _ => return,
        };
        let who = frame.source.map_or_else(String::new, |mac| mac.to_string());
        let finding = Finding::new(CARD.id, Category::Leak, severity, format!("{who} {how}"), context.now)
            .by(Party { device: None, mac: frame.source, ip: None })
            .against(Party { device: None, mac: frame.destination, ip: None })
            .why("protocol", how)
            .technique(&["T1040"])
            .points(6.5);
        self.bell.ring(finding, findings);
    }
}

impl Detector for CleartextCredentials {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Credential, Needs::Link]
    }

    fn held(&self) -> usize {
        self.told.len() + self.bell.held()
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let noticed = match evidence {
            Evidence::Packet(frame) => return self.dialled(frame, context, findings),
            Evidence::Traffic(noticed) => noticed,
            _ => return,
        };
        let What::Credential(seen) = &noticed.what else { return };
        let (client, server) = (noticed.talk.client, noticed.talk.server);
        let is_own =
            context.network.is_own_ip(client.ip) || client.mac.is_some_and(|mac| context.network.is_own_mac(mac));
        if is_own && seen.is_trivial {
            return;
        }
        let key = (client.ip, server.ip, seen.protocol);
        let crosses = server.mac.is_none() && !is_private(server.ip) && !server.ip.is_loopback()
            || client.mac.is_none() && !is_private(client.ip) && !client.ip.is_loopback();
        let severity = match (seen.is_hashed || seen.is_trivial, crosses) {
            (true, _) => Severity::Info,
            (false, true) if TOKENS.contains(&seen.protocol) => Severity::Low,
            (false, true) => Severity::High,
            // Homes are built so: one line, no alarm.
            (false, false) if matches!(seen.protocol, "mqtt" | "rtsp") || TOKENS.contains(&seen.protocol) => {
                Severity::Info
            }
            (false, false) => Severity::Low,
        };
        // Once a pair; more only if something worse follows.
        if self.told.contains(&key) && severity <= Severity::Low {
            return;
        }
        self.told.insert(key, context.now.mono);
        let finding = Finding::new(
            CARD.id,
            Category::Leak,
            severity,
            format!("{} {} {}", client.ip, server.ip, seen.protocol),
            context.now,
        )
        .by(client.party())
        .against(server.party())
        .why("protocol", seen.protocol)
        .why("user_masked", &seen.user)
        .why("secret_length_class", seen.length)
        .why("crosses_wan", crosses)
        .why("port", server.port)
        .technique(&["T1040"])
        .points(6.5);
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, conversation, ip, udp};

    #[test]
    #[allow(clippy::too_many_lines)] // one table
    fn a_secret_is_told_of_but_not_told() {
        let scripts: &[(&str, u16, &[(bool, &[u8])], Option<&str>)] = &[
            (
                "ftp",
                2121,
                &[(false, b"220 x\r\n"), (true, b"USER anna\r\n"), (false, b"331 \r\n"), (true, b"PASS canary-1\r\n")],
                Some("ftp"),
            ),
            (
                "pop3",
                110,
                &[(false, b"+OK\r\n"), (true, b"USER anna\r\n"), (false, b"+OK\r\n"), (true, b"PASS canary-1\r\n")],
                Some("pop3"),
            ),
            ("imap", 143, &[(false, b"* OK x\r\n"), (true, b"a1 LOGIN anna \"canary-1\"\r\n")], Some("imap")),
            (
                "smtp",
                587,
                &[
                    (false, b"220 x ESMTP\r\n"),
                    (true, b"EHLO me\r\n"),
                    (false, b"250 AUTH\r\n"),
                    (true, b"AUTH LOGIN\r\n"),
                    (false, b"334 \r\n"),
                    (true, b"YW5uYQ==\r\n"),
                    (false, b"334 \r\n"),
                    (true, b"Y2FuYXJ5LTE=\r\n"),
                ],
                Some("smtp"),
            ),
            (
                "basic",
                8080,
                &[(true, b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YW5uYTpjYW5hcnktMQ==\r\n\r\n")],
                Some("http_basic"),
            ),
            (
                "form",
                80,
                &[(true, b"POST /login HTTP/1.1\r\nContent-Length: 33\r\n\r\nuser=anna&user_password=canary-1&")],
                Some("http_form"),
            ),
            (
                "telnet",
                23,
                &[
                    (false, b"\xff\xfb\x01login: "),
                    (true, b"anna\r\n"),
                    (false, b"Password: "),
                    (true, b"can"),
                    (true, b"ary-1\r\0"),
                ],
                Some("telnet"),
            ),
            ("redis", 6379, &[(true, b"*2\r\n$4\r\nAUTH\r\n$8\r\ncanary-1\r\n")], Some("redis")),
            ("mqtt", 1883, &[(true, b"\x10\x1d\0\x04MQTT\x04\xc2\0\x3c\0\x01a\0\x04anna\0\x08canary-1")], Some("mqtt")),
            (
                "ldap",
                389,
                &[(true, b"\x30\x1d\x02\x01\x01\x60\x18\x02\x01\x03\x04\x09cn=anna,x\x80\x08canary-1")],
                Some("ldap"),
            ),
            (
                "news",
                119,
                &[(false, b"200 x\r\n"), (true, b"AUTHINFO USER anna\r\n"), (true, b"AUTHINFO PASS canary-1\r\n")],
                Some("nntp"),
            ),
            (
                "a nickname",
                6697,
                &[(true, b"NICK anna\r\nUSER anna 0 * :a\r\nPRIVMSG NickServ :IDENTIFY canary-1\r\n")],
                Some("irc"),
            ),
            (
                "a message",
                5222,
                &[(
                    true,
                    b"<?xml version='1.0'?><stream:stream xmlns='jabber:client'><auth mechanism='PLAIN'>AGFubmEAY2FuYXJ5LTE=</auth>",
                )],
                Some("xmpp"),
            ),
            ("stomp", 61613, &[(true, b"CONNECT\nlogin:anna\npasscode:canary-1\n\n\0")], Some("stomp")),
            (
                "nats",
                4222,
                &[(false, b"INFO {}\r\n"), (true, b"CONNECT {\"user\":\"anna\",\"pass\":\"canary-1\"}\r\n")],
                Some("nats"),
            ),
            ("a player", 6600, &[(false, b"OK MPD 0.23.5\n"), (true, b"password \"canary-1\"\n")], Some("mpd")),
            (
                "a power supply",
                3493,
                &[(true, b"USERNAME anna\n"), (false, b"OK\n"), (true, b"PASSWORD canary-1\n")],
                Some("nut"),
            ),
            (
                "filters of mail",
                4190,
                &[
                    (false, b"\"IMPLEMENTATION\" \"x\"\r\n\"SASL\" \"PLAIN\"\r\nOK \"x\"\r\n"),
                    (true, b"AUTHENTICATE \"PLAIN\" \"AGFubmEAY2FuYXJ5LTE=\"\r\n"),
                ],
                Some("sieve"),
            ),
            (
                "filters of mail, counted",
                4190,
                &[
                    (false, b"\"IMPLEMENTATION\" \"x\"\r\nOK \"x\"\r\n"),
                    (true, b"AUTHENTICATE \"PLAIN\" {20+}\r\nAGFubmEAY2FuYXJ5LTE=\r\n"),
                ],
                Some("sieve"),
            ),
            (
                "redis 6",
                6379,
                &[(true, b"*5\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$4\r\nanna\r\n$8\r\ncanary-1\r\n")],
                Some("redis"),
            ),
            (
                "files, asked what it can first",
                21,
                &[
                    (false, b"220 x\r\n"),
                    (true, b"FEAT\r\n"),
                    (false, b"211 End\r\n"),
                    (true, b"USER anna\r\n"),
                    (false, b"331 \r\n"),
                    (true, b"PASS canary-1\r\n"),
                ],
                Some("ftp"),
            ),
            (
                "letters for words",
                4533,
                &[(true, b"GET /rest/ping?u=anna&p=canary-1&v=1 HTTP/1.1\r\nHost: x\r\n\r\n")],
                Some("http_query"),
            ),
            ("a page's number", 80, &[(true, b"GET /?p=12&u=7 HTTP/1.1\r\nHost: x\r\n\r\n")], None),
            ("a store without a login", 6379, &[(true, b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n")], None),
            ("cvs", 2401, &[(true, b"BEGIN AUTH REQUEST\n/cvs\nanna\nAcanary-1\nEND AUTH REQUEST\n")], Some("cvs")),
            ("rexec", 512, &[(true, b"0\0anna\0canary-1\0id\0")], Some("rexec")),
            (
                "a shell of a neighbour",
                513,
                &[(true, b"\0anna\0anna\0xterm/38400\0"), (false, b"\0Password: "), (true, b"canary-1\r")],
                Some("telnet"),
            ),
            (
                "an address",
                80,
                &[(true, b"GET /update?username=anna&password=canary-1 HTTP/1.1\r\nHost: x\r\n\r\n")],
                Some("http_query"),
            ),
            (
                "a token",
                80,
                &[(true, b"GET /states HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer canary-1\r\n\r\n")],
                Some("http_token"),
            ),
            (
                "parts",
                80,
                &[(
                    true,
                    b"POST /in HTTP/1.1\r\nContent-Length: 52\r\n\r\n--X\r\nx: form-data; name=\"password\"\r\n\r\ncanary-1\r\n--X-",
                )],
                Some("http_form"),
            ),
            ("a list of words", 80, &[(true, b"GET /?q=password&pass= HTTP/1.1\r\nHost: x\r\n\r\n")], None),
            (
                "a page",
                80,
                &[(true, b"GET /password HTTP/1.1\r\nHost: x\r\n\r\n"), (false, b"HTTP/1.1 200 OK\r\n\r\n")],
                None,
            ),
            (
                "mail",
                25,
                &[
                    (false, b"220 x ESMTP\r\n"),
                    (true, b"EHLO me\r\n"),
                    (false, b"250 ok\r\n"),
                    (true, b"MAIL FROM:<anna@x>\r\n"),
                ],
                None,
            ),
        ];
        for (name, port, script, expected) in scripts {
            let mut stage = Stage::new(CleartextCredentials::new(Settings::default()));
            let frames = conversation((9, 40_000), (5, *port), script);
            let found: Vec<Finding> = frames.iter().flat_map(|frame| stage.frame(frame, 1000)).collect();
            let told = found.first().and_then(|f| f.evidence.first().map(|(_, protocol)| protocol.as_str()));
            assert_eq!(told, *expected, "{name}");
            let text = format!("{found:?}");
            assert!(!text.contains("canary") && !text.contains("anna"), "{name}: {text}");
        }
    }

    #[test]
    fn this_host_tries_what_everybody_knows_and_tells_of_what_is_secret() {
        let name = crate::wire::snmp::question(crate::wire::snmp::Ask::Get, 7, &[]);
        for (from, community, expected) in
            [(250, &b"public"[..], 0), (250, b"canary-1", 1), (9, b"public", 1), (9, b"canary-1", 1)]
        {
            let mut stage = Stage::new(CleartextCredentials::new(Settings::default())).behind(ip(1));
            let asked = crate::wire::snmp::message(crate::wire::snmp::Version::V2c, community, &name);
            assert_eq!(stage.frame(&udp((from, 40_000), (5, 161), &asked), 1_000).len(), expected, "{from}");
        }
    }
}
