//! # Guessing passwords
//!
//! ## What it finds
//! Logins that fail again and again, from one host to one service.
//! ## Why it matters
//! With time, guesses hit. A login that works after many that did not is worse than all before.
//! ## How it decides
//! Outcomes of logins are counted, not connections: FTP, Telnet, POP3, IMAP, SMTP, HTTP, SMB, LDAP, MQTT, Redis, SIP,
//! VNC and SOCKS say them; of SSH they are told from how much the server says, of databases (MySQL, PostgreSQL, SQL
//! Server, MongoDB) by the words of the refusal, and a connection for remote desktop (RDP) with a user's name that ends
//! before a picture came is one that failed. A bucket that leaks one a minute runs
//! over at 8 (from the Internet at 5). The same secret again and again is an old password in some device, not a
//! guess, and does not count twice. Ten different passwords within ten minutes sent by forms of a web page to one server
//! are guesses whatever the page answers, and so are eight communities of SNMP, to which only the right one is answered.
//! Five different users within ten minutes who are all refused, or let in as guests only, are one password tried on
//! everybody; who is let in as a guest and opens nothing was refused as well.
//! ## What fools it
//! Guesses slower than one a minute; SSH connections that are kept open between guesses.
//! ## What to do
//! If a login worked, change that password now. Else block the source and use keys or long passwords.
//!
//! Holds 2,048 triples of source, target and service with 64 secrets each.

use std::{net::IpAddr, time::Duration};

use crate::{
    detectors::{
        Context, Detector, Evidence,
        usual::Bell,
        window::{Recent, Subjects, Weigh},
    },
    model::{Capped, Category, Finding, Findings, Guarded, MacAddr, Mono, Port, Severity, find, is_private},
    traffic::{Credential, Login, Talkers, What, owner},
};

card!("brute_force", "Guessing passwords");

const TRIPLES_MAX: usize = 2048;
const BUCKET_LAN: u32 = 8;
const BUCKET_WAN: u32 = 5;
const LEAK: Duration = Duration::from_secs(60);
// Nobody in a home has so many names.
const USERS_MIN: u32 = 5;
const USERS_SPAN: Duration = Duration::from_secs(600);

/// X.224 connection request (ITU-T X.224 §13.3), with which RDP begins (MS-RDPBCGR §2.2.1.1).
const CONNECT: u8 = 0xe0;
const DESKTOPS_MAX: usize = 512;
const FORMS_MAX: usize = 512;
const FORMS_SECRETS_MAX: usize = 20;
/// Nobody has so many passwords for one page.
const FORMS_MIN: u32 = 10;
/// Programs that look for printers try two or three.
const COMMUNITIES_MIN: u32 = 8;
/// Keys, certificate and refusal are below, the first picture of a desktop is far above.
const PICTURE_MIN: u64 = 16 * 1024;
/// What services say of a refused login: MySQL's state 28000, PostgreSQL's 28P01 and 28000, SQL Server's error 18456 (in
/// UTF-16), MongoDB's code 18.
const REFUSALS: [(&str, &[u8]); 5] = [
    ("mysql", b"#28000Access denied for user"),
    ("postgres", b"C28P01\0"),
    ("postgres", b"C28000\0"),
    ("mssql", b"L\0o\0g\0i\0n\0 \0f\0a\0i\0l\0e\0d\0 \0f\0o\0r\0"),
    ("mongodb", b"AuthenticationFailed\0"),
];

fn tick(now: Mono) -> u64 {
    now.0 / 1_000_000_000
}

fn ends(talk: &Talkers) -> ((IpAddr, Port), (IpAddr, Port)) {
    ((talk.client.ip, talk.client.port), (talk.server.ip, talk.server.port))
}

#[derive(Debug, Clone)]
struct Guesses {
    level: f64,
    last: Mono,
    failures: u32,
    secrets: Recent<u64>,
    users: Recent<String>,
    over: bool,
}

type Key = (Option<MacAddr>, IpAddr, IpAddr, &'static str);

impl Weigh for Guesses {
    fn weight(&self, now: Mono, _span: Duration) -> u32 {
        (self.level - now.since(self.last).as_secs_f64() / LEAK.as_secs_f64()).max(0.0) as u32
    }
}

/// See the page above.
pub struct BruteForce {
    bell: Bell,
    triples: Subjects<Key, Guesses>,
    /// Connections for remote desktop that began with a user's name: client and server.
    desktops: Capped<((IpAddr, Port), (IpAddr, Port)), ()>,
    /// Different secrets that each sent by forms, or as communities of SNMP, to a server.
    forms: Guarded<(IpAddr, IpAddr, &'static str), Recent<u64>>,
}

impl BruteForce {
    #[must_use]
    pub fn new(settings: Settings) -> BruteForce {
        BruteForce {
            bell: Bell::new(settings),
            triples: Subjects::new(TRIPLES_MAX, LEAK, BUCKET_WAN / 2),
            desktops: Capped::new(DESKTOPS_MAX),
            forms: Guarded::new(FORMS_MAX),
        }
    }

    /// Words of services whose logins are not read otherwise.
    fn said(&mut self, talk: &Talkers, by_client: bool, bytes: &[u8], context: &Context<'_>, findings: &mut Findings) {
        if by_client {
            if bytes.starts_with(&[3, 0]) && bytes.get(5) == Some(&CONNECT) && find(bytes, b"mstshash=").is_some() {
                self.desktops.insert(ends(talk), ());
            }
            return;
        }
        // Errors are short, and come first.
        let head = bytes.get(..bytes.len().min(512)).unwrap_or_default();
        let refused = REFUSALS.iter().find(|(_, words)| find(head, words).is_some());
        if let Some((service, _)) = refused.filter(|_| talk.is_sure) {
            let login = Login { service, user: String::new(), tag: 0, ok: false };
            self.login(talk, &login, context, findings);
        }
    }

    /// A secret was sent by a form of a web page, whose answer is a page whether it worked or not.
    fn sent(&mut self, talk: &Talkers, secret: &Credential, context: &Context<'_>, findings: &mut Findings) {
        let (service, min) = match secret.protocol {
            "http_form" => ("http_form", FORMS_MIN),
            "snmp" => ("snmp", COMMUNITIES_MIN),
            _ => return,
        };
        if secret.tag == 0 {
            return;
        }
        let (now, key) = (context.now.mono, (talk.client.ip, talk.server.ip, service));
        if self.forms.get(&key).is_none() {
            self.forms.insert(key, Recent::new(FORMS_SECRETS_MAX), talk.client.mac.map_or(0, owner), tick(now));
        }
        let Some(secrets) = self.forms.get_mut(&key, tick(now)) else { return };
        secrets.see(secret.tag, now);
        let tried = secrets.within(now, USERS_SPAN);
        if tried < self.bell.scaled(min) as usize {
            return;
        }
        let who = talk.client.mac.map_or_else(|| talk.client.ip.to_string(), |mac| mac.to_string());
        let key = format!("{who} {} {service}", talk.server.ip);
        let finding = Finding::new(CARD.id, Category::Access, Severity::Medium, key, context.now)
            .by(talk.client.party())
            .against(talk.server.party())
            .why("service", service)
            .why("attempts", tried)
            .why("users_masked", &secret.user)
            .why("distinct_secrets", tried)
            .why("succeeded", "unknown")
            .technique(&["T1110.001"])
            .points(if tried >= FORMS_SECRETS_MAX { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }

    /// A connection ended.
    fn ended(&mut self, talk: &Talkers, context: &Context<'_>, findings: &mut Findings) {
        if !self.desktops.is_empty() && self.desktops.remove(&ends(talk)).is_some() && talk.bytes[1] < PICTURE_MIN {
            let login = Login { service: "rdp", user: String::new(), tag: 0, ok: false };
            self.login(talk, &login, context, findings);
        }
    }

    fn login(&mut self, talk: &Talkers, login: &Login, context: &Context<'_>, findings: &mut Findings) {
        let now = context.now.mono;
        let key = (talk.client.mac, talk.client.ip, talk.server.ip, login.service);
        let fresh = |left| Guesses {
            level: f64::from(left),
            last: now,
            failures: left,
            secrets: Recent::new(64),
            users: Recent::new(16),
            over: false,
        };
        let Some(guesses) = self.triples.of(key, talk.client.mac.map_or(0, owner), now, fresh) else { return };
        guesses.level = (guesses.level - now.since(guesses.last).as_secs_f64() / LEAK.as_secs_f64()).max(0.0);
        guesses.last = now;
        if !login.ok {
            guesses.failures = guesses.failures.saturating_add(1);
            // The same secret of the same user once more is no new guess.
            let is_new = login.tag == 0 || guesses.secrets.see(login.tag, now);
            guesses.level += if is_new { 1.0 } else { 0.1 };
            if !login.user.is_empty() {
                guesses.users.see(login.user.clone(), now);
            }
        }
        let is_wan = talk.client.mac.is_none() && !is_private(talk.client.ip) && is_private(talk.server.ip);
        let least = self.bell.scaled(if is_wan { BUCKET_WAN } else { BUCKET_LAN });
        let sprays = guesses.users.within(now, USERS_SPAN) >= self.bell.scaled(USERS_MIN) as usize;
        guesses.over |= guesses.level >= f64::from(least) || sprays;
        let guesses = guesses.clone();
        if !guesses.over || !sprays && guesses.failures < least {
            return;
        }
        let severity = match (login.ok, is_wan) {
            (true, _) => Severity::Critical,
            (false, true) => Severity::High,
            (false, false) => Severity::Medium,
        };
        let who = talk.client.mac.map_or_else(|| talk.client.ip.to_string(), |mac| mac.to_string());
        let key = format!("{who} {} {}", talk.server.ip, login.service);
        let users: Vec<&str> = guesses.users.keys().map(String::as_str).take(16).collect();
        let finding = Finding::new(CARD.id, Category::Access, severity, key, context.now)
            .by(talk.client.party())
            .against(talk.server.party())
            .why("service", login.service)
            .why("attempts", guesses.failures)
            .why("users_masked", users.join(", "))
            .why("distinct_secrets", guesses.secrets.len())
            .why("succeeded", login.ok)
            .technique(if sprays { &["T1110.003"] } else { &["T1110.001"] })
            .points(if guesses.failures >= least * 2 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

impl Detector for BruteForce {
    says!(self, [Login, Credential, Said, Size], self.triples.len() + self.desktops.len() + self.forms.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Traffic(noticed) = evidence else { return };
        match &noticed.what {
            What::Login(login) => self.login(&noticed.talk, login, context, findings),
            What::Said { by_client, bytes, .. } => self.said(&noticed.talk, *by_client, bytes, context, findings),
            What::Credential(secret) => self.sent(&noticed.talk, secret, context, findings),
            What::Closed { .. } => self.ended(&noticed.talk, context, findings),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, conversation, ip};

    /// One FTP login for each secret, `pause` seconds apart; the last may work.
    fn logins(secrets: &[String], works: bool, pause: u64) -> Vec<Finding> {
        let mut stage = Stage::new(BruteForce::new(Settings::default()));
        let mut found = Vec::new();
        for (n, secret) in secrets.iter().enumerate() {
            let pass = format!("PASS {secret}\r\n");
            let answer: &[u8] = if works && n + 1 == secrets.len() { b"230 in\r\n" } else { b"530 no\r\n" };
            let script: [(bool, &[u8]); 5] = [
                (false, b"220 hello\r\n"),
                (true, b"USER root\r\n"),
                (false, b"331 secret\r\n"),
                (true, pass.as_bytes()),
                (false, answer),
            ];
            for frame in conversation((9, 40_000 + n as u16), (5, 21), &script) {
                found.extend(stage.frame(&frame, n as u64 * pause * 1000));
            }
        }
        found
    }

    #[test]
    fn guesses_at_a_camera_are_told_and_its_first_no_is_not() {
        let ask = |login: &str| format!("DESCRIBE rtsp://192.168.7.5/a RTSP/1.0\r\nCSeq: 2\r\n{login}\r\n");
        let run = |logins: &[String]| -> usize {
            let mut stage = Stage::new(BruteForce::new(Settings::default()));
            let mut told = 0;
            for (n, login) in logins.iter().enumerate() {
                let ask = ask(login);
                let script: [(bool, &[u8]); 2] =
                    [(true, ask.as_bytes()), (false, b"RTSP/1.0 401 Unauthorized\r\nCSeq: 2\r\n\r\n")];
                for frame in conversation((9, 40_000 + n as u16), (5, 554), &script) {
                    told += stage.frame(&frame, n as u64 * 200).len();
                }
            }
            told
        };
        // `admin:` and three digits, in base 64.
        let guesses = ["MDA", "MDE"].iter().flat_map(|two| {
            "wxyz012345".chars().map(move |last| format!("Authorization: Basic YWRtaW46{two}{last}\r\n"))
        });
        assert!(run(&guesses.collect::<Vec<_>>()) > 0);
        assert_eq!(run(&vec![String::new(); 30]), 0, "asked without a login, as the protocol has it");
    }

    /// A session of SMB 2 for `user`, with what the server makes of it: status and session flags; then a share may be opened.
    fn session(port: u16, user: &str, (status, flags): (u32, u8), opens: bool) -> Vec<Vec<u8>> {
        let message = |command: u8, status: u32, body: &[u8]| {
            let mut smb = vec![0xfe, b'S', b'M', b'B', 64, 0, 0, 0];
            smb.extend(status.to_le_bytes());
            smb.extend([command, 0]);
            smb.resize(64, 0);
            smb.extend(body);
            let mut framed = (smb.len() as u32).to_be_bytes().to_vec();
            framed.extend(smb);
            framed
        };
        let wide: Vec<u8> = user.bytes().flat_map(|byte| [byte, 0]).collect();
        let mut ntlm = b"NTLMSSP\0\x03\0\0\0".to_vec();
        ntlm.resize(36, 0);
        ntlm.extend([wide.len() as u8, 0, wide.len() as u8, 0, 64, 0, 0, 0]);
        ntlm.resize(64, 0);
        ntlm.extend(wide);
        let ask = message(1, 0, &[&[25, 0, 0, 0][..], &ntlm].concat());
        let answer = message(1, status, &[9, 0, flags, 0, 72, 0, 0, 0]);
        let tree = message(3, 0, &[9, 0, 0, 0, 72, 0, 6, 0]);
        let script: [(bool, &[u8]); 3] = [(true, &ask), (false, &answer), (true, &tree)];
        let said = if opens { 3 } else { 2 };
        conversation((9, port), (5, 445), script.get(..said).unwrap_or_default())
    }

    #[test]
    fn one_password_for_everybody_is_told_and_a_guest_is_not() {
        let run = |users: &[&str], status: u32, flags: u8, opens: bool| -> Vec<Severity> {
            let mut stage = Stage::new(BruteForce::new(Settings::default()));
            let frames =
                users.iter().zip(40_000..).flat_map(|(user, port)| session(port, user, (status, flags), opens));
            frames.enumerate().flat_map(|(n, frame)| stage.frame(&frame, n as u64 * 50)).map(|f| f.severity).collect()
        };
        let many = ["anna", "ben", "media", "root", "service", "test"];
        assert_eq!(run(&many, 0xc000_006d, 0, false), [Severity::Medium], "refused");
        assert_eq!(run(&many, 0, 1, false), [Severity::Medium], "let in as guests");
        assert!(run(&["anna"; 40], 0, 1, true).is_empty(), "one who is a guest, again and again");
        assert!(!run(&["anna"; 40], 0, 1, false).is_empty(), "and opens nothing: guesses");
        assert!(run(&many, 0, 0, false).is_empty(), "all let in: somebody else's server");
        assert!(run(&many[..3], 0xc000_006d, 0, false).is_empty());
    }

    #[test]
    fn many_passwords_of_a_form_are_told_and_one_again_and_again_is_not() {
        let run = |body: &dyn Fn(u16) -> String, answer: &str| -> usize {
            let mut stage = Stage::new(BruteForce::new(Settings::default()));
            let mut told = 0;
            for n in 0..15 {
                let body = body(n);
                let ask = format!("POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
                let script: [(bool, &[u8]); 2] = [(true, ask.as_bytes()), (false, answer.as_bytes())];
                for frame in conversation((9, 40_000 + n), (5, 8080), &script) {
                    told += stage.frame(&frame, u64::from(n) * 2000).len();
                }
            }
            told
        };
        let form = |n: u16| format!("username=admin&password=pw{n}");
        let object = |n: u16| format!("{{\"username\": \"ben\", \"password\": \"pw{n}\"}}");
        assert!(run(&form, "302 Found") > 0, "sent on to the page again");
        assert!(run(&object, "401 Unauthorized") > 0);
        assert_eq!(run(&|_| form(7), "302 Found"), 0, "one password");
        assert_eq!(run(&|n| form(n / 3), "200 OK"), 0, "five people");
        assert_eq!(run(&|n| format!("{{\"state\": \"pw{n}\"}}"), "200 OK"), 0, "no login");
    }

    #[test]
    fn refusals_of_databases_and_desktops_count() {
        let run = |port: u16, times: u16, script: &[(bool, &[u8])]| -> usize {
            let mut stage = Stage::new(BruteForce::new(Settings::default()));
            let frames = (0..times).flat_map(|n| conversation((9, 40_000 + n), (5, port), script));
            let mut told: usize = frames.enumerate().map(|(n, frame)| stage.frame(&frame, n as u64 * 50).len()).sum();
            // The last one ends with its other side's word.
            told += stage.frame(&crate::detectors::stage::tcp((5, port), (9, 40_000), 17, 1, b""), 60_000).len();
            told
        };
        let denied: [(bool, &[u8]); 3] = [
            (false, b"\x4a\0\0\0\x0a8.0\0"),
            (true, b"\x20\0\0\x01root"),
            (false, b"\x48\0\0\x02\xff\x15\x04#28000Access denied for user 'root'@'x' (using password: YES)"),
        ];
        assert!(run(3306, 20, &denied) > 0);
        assert_eq!(run(3306, 4, &denied), 0, "somebody mistyped");
        let page: [(bool, &[u8]); 2] = [(true, b"GET /help"), (false, b"what to do if access is denied for a user")];
        assert_eq!(run(80, 30, &page), 0);
        let ask: &[u8] = b"\x03\0\0\x2b\x26\xe0\0\0\0\0\0Cookie: mstshash=admin\r\n";
        let picture = vec![7; 1200];
        let refused: [(bool, &[u8]); 2] = [(true, ask), (false, b"\x03\0\0\x13")];
        let mut works: Vec<(bool, &[u8])> = vec![(true, ask)];
        works.extend((0..20).map(|_| (false, picture.as_slice())));
        assert!(run(3389, 30, &refused) > 0);
        assert_eq!(run(3389, 30, &works), 0, "a desktop that is used");
    }

    #[test]
    fn guesses_are_told_and_an_old_password_is_not() {
        let many: Vec<String> = (0..20).map(|n| format!("guess{n}")).collect();
        let found = logins(&many, false, 2);
        assert_eq!(
            found.first().map(|f| (f.attacker.ip, f.severity)),
            Some((Some(IpAddr::from(ip(9))), Severity::Medium))
        );
        assert_eq!(logins(&many, true, 2).last().map(|f| f.severity), Some(Severity::Critical), "one hit");
        assert!(logins(&vec!["old".to_owned(); 60], false, 30).is_empty(), "a camera with an old password");
        assert!(logins(&many[..5], true, 5).is_empty(), "somebody who mistyped");
        assert!(logins(&many, false, 90).is_empty(), "slower than the leak");
    }
}
