//! # Guessing passwords
//!
//! ## What it finds
//! Logins that fail again and again, from one host to one service.
//! ## Why it matters
//! With time, guesses hit. A login that works after many that did not is worse than all before.
//! ## How it decides
//! Outcomes of logins are counted, not connections: FTP, Telnet, POP3, IMAP, SMTP, HTTP, SMB, Kerberos, LDAP, MQTT,
//! Redis, SIP, VNC, SOCKS, MPD, ManageSieve and XMPP say them; of SSH they are told from how much the server says, of databases (MySQL,
//! PostgreSQL, SQL Server, MongoDB) by the words of the refusal, and a connection for remote desktop (RDP) with a user's
//! name that ends before a picture came is one that failed. A bucket that leaks one a minute runs over at 8 (from the
//! Internet at 5). The same secret again and again is an old password in some device, not a guess, and does not count
//! twice. Where a secret only answers a challenge (Digest and NTLM of HTTP and RTSP, Kerberos, guests of SMB) nobody sees
//! whether it is another one: then twenty refusals without a pause are guesses; the challenge with which each session
//! begins is none, nor is an answer that was too late. Ten different passwords within ten minutes sent by forms of a web
//! page, in its address, or by the call of a blog, to one server are guesses whatever the page answers, as those at
//! services whose answers are not read (CVS, IRC, NATS, STOMP, AMQP, NUT), and so are eight
//! communities of SNMP, to which only the right one is answered. So are ten names that a mail server is asked for within
//! ten minutes, be it by `VRFY` and `EXPN` or by recipients there are none of and no letter after them, and ten telephones that an exchange
//! does not have. Five different users within ten minutes who are all
//! refused, or let in as guests only, are one password tried on everybody; who is let in as a guest and opens no file was
//! refused as well.
//! ## What fools it
//! Guesses slower than one a minute, and of what only answers a challenge slower than one in two seconds; SSH connections
//! that are kept open between guesses.
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
    model::{Capped, Category, Finding, Findings, Guarded, MacAddr, Mono, Part, Port, Severity, find, is_private},
    traffic::{Credential, Login, NAMES, Talkers, What, owner},
};

card!("brute_force", "Guessing passwords");

const TRIPLES_MAX: usize = 2048;
const BUCKET_LAN: u32 = 8;
const BUCKET_WAN: u32 = 5;
const LEAK: Duration = Duration::from_secs(60);
// Nobody in a home has so many names.
const USERS_MIN: u32 = 5;
const USERS_SPAN: Duration = Duration::from_secs(600);

/// An answer to a challenge that is refused may be another guess or an old password: it counts as a part of one if it comes
/// as fast as programs guess. Sixteen channels of a recorder that fail at once are less than a bucket.
const PROOF: f64 = 0.4;
const HASTE: Duration = Duration::from_secs(2);
/// A guest who uses a share stays; this is as fast as one program after the other can ask.
const HASTE_GUEST: Duration = Duration::from_millis(300);

/// X.224 connection request (ITU-T X.224 §13.3), with which RDP begins (MS-RDPBCGR §2.2.1.1).
const CONNECT: u8 = 0xe0;
const DESKTOPS_MAX: usize = 512;
const FORMS_MAX: usize = 512;
const FORMS_SECRETS_MAX: usize = 20;
/// Nobody has so many passwords for one page.
const FORMS_MIN: u32 = 10;
/// Services whose answer to a login is not read, or which many do not wait for.
const UNANSWERED: [&str; 8] = ["cvs", "irc", "nats", "stomp", "amqp", "nut", "memcached", "cassandra"];
/// Programs that look for printers try two or three.
const COMMUNITIES_MIN: u32 = 8;
/// Mail programs ask for no name at all, and of recipients some have moved away.
const NAMES_MIN: u32 = 10;
/// Keys, certificate and refusal are below, the first picture of a desktop is far above.
const PICTURE_MIN: u64 = 16 * 1024;
/// What services say of a refused login: MySQL's state 28000, PostgreSQL's 28P01 and 28000, SQL Server's error 18456 (in
/// UTF-16), MongoDB's code 18.
static REFUSALS: [(&str, Part); 7] = [
    // RFC 6120 §6.5.10.
    (CHATS, Part::new(b"<not-authorized")),
    ("mysql", Part::new(b"#28000Access denied for user")),
    ("postgres", Part::new(b"C28P01\0")),
    ("postgres", Part::new(b"C28000\0")),
    ("mssql", Part::new(b"L\0o\0g\0i\0n\0 \0f\0a\0i\0l\0e\0d\0 \0f\0o\0r\0")),
    ("mongodb", Part::new(b"AuthenticationFailed\0")),
    // Its byte of failure comes first (the manual of rexecd).
    ("rexec", Part::new(b"\x01Login incorrect")),
];

/// Secrets of chats answer a challenge (RFC 5802), so nobody sees whether a refused one is new.
const CHATS: &str = "xmpp";

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

/// One side: by its hardware address where that is its own, for addresses change.
type Side = Result<MacAddr, IpAddr>;
type Key = (Side, Side, &'static str);

fn sides(talk: &Talkers) -> (Side, Side) {
    (talk.client.mac.ok_or(talk.client.ip), talk.server.mac.ok_or(talk.server.ip))
}

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
    forms: Guarded<Key, Recent<u64>>,
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
        let refused = REFUSALS.iter().find(|(_, words)| words.is_in(head));
        if let Some((service, _)) = refused.filter(|_| talk.is_sure) {
            let login = Login { service, user: String::new(), tag: 0, is_proof: *service == CHATS, ok: false };
            self.login(talk, &login, context, findings);
        }
    }

    /// A secret was sent by a form of a web page, whose answer is a page whether it worked or not.
    fn sent(&mut self, talk: &Talkers, secret: &Credential, context: &Context<'_>, findings: &mut Findings) {
        let (service, min) = match secret.protocol {
            "http_form" | "http_query" => ("http_form", FORMS_MIN),
            "snmp" => ("snmp", COMMUNITIES_MIN),
            service if UNANSWERED.contains(&service) => (service, FORMS_MIN),
            _ => return,
        };
        self.tried(talk, (service, min), (secret.tag, &secret.user), context, findings);
    }

    /// One more secret, or name, of those of which so many are too much.
    fn tried(
        &mut self,
        talk: &Talkers,
        (service, min): (&'static str, u32),
        (tag, user): (u64, &str),
        context: &Context<'_>,
        findings: &mut Findings,
    ) {
        if tag == 0 {
            return;
        }
        let ((client, server), now) = (sides(talk), context.now.mono);
        let key = (client, server, service);
        if self.forms.get(&key).is_none() {
            self.forms.insert(key, Recent::new(FORMS_SECRETS_MAX), talk.client.mac.map_or(0, owner), tick(now));
        }
        let Some(secrets) = self.forms.get_mut(&key, tick(now)) else { return };
        secrets.see(tag, now);
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
            .why("users_masked", user)
            .why("distinct_secrets", tried)
            .why("succeeded", "unknown")
            .technique(if service == NAMES { &["T1087"] } else { &["T1110.001"] })
            .points(if tried >= FORMS_SECRETS_MAX { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }

    /// A connection ended.
    fn ended(&mut self, talk: &Talkers, context: &Context<'_>, findings: &mut Findings) {
        if !self.desktops.is_empty() && self.desktops.remove(&ends(talk)).is_some() && talk.bytes[1] < PICTURE_MIN {
            let login = Login { service: "rdp", user: String::new(), tag: 0, is_proof: false, ok: false };
            self.login(talk, &login, context, findings);
        }
    }

    fn login(&mut self, talk: &Talkers, login: &Login, context: &Context<'_>, findings: &mut Findings) {
        if login.service == NAMES {
            return self.tried(talk, (NAMES, NAMES_MIN), (login.tag, &login.user), context, findings);
        }
        let now = context.now.mono;
        let (client, server) = sides(talk);
        let key = (client, server, login.service);
        let fresh = |left| Guesses {
            level: f64::from(left),
            last: now,
            failures: left,
            secrets: Recent::new(64),
            users: Recent::new(16),
            over: false,
        };
        let Some(guesses) = self.triples.of(key, talk.client.mac.map_or(0, owner), now, fresh) else { return };
        let pause = now.since(guesses.last);
        guesses.level = (guesses.level - pause.as_secs_f64() / LEAK.as_secs_f64()).max(0.0);
        guesses.last = now;
        if !login.ok {
            let is_first = guesses.failures == 0;
            guesses.failures = guesses.failures.saturating_add(1);
            let is_other = !login.user.is_empty() && guesses.users.see(login.user.clone(), now);
            // The same secret of the same user once more is no new guess.
            let is_new = login.tag == 0 || guesses.secrets.see(login.tag, now);
            let haste = if login.service == "smb" { HASTE_GUEST } else { HASTE };
            guesses.level += match (login.is_proof, is_new) {
                (false, true) => 1.0,
                (true, _) if is_other || is_first => 1.0,
                (true, _) if pause <= haste => PROOF,
                (true, _) => 0.1,
                // However often: a program that keeps an old password asks for each of its files with it.
                (false, false) => 0.0,
            };
        } else if login.is_proof && !guesses.over && guesses.users.keys().all(|user| *user == login.user) {
            // It was right, and what was refused before was late.
            (guesses.level, guesses.failures) = (0.0, 0);
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
mod tests;
