//! # A login by SSH from somewhere new
//!
//! ## What it finds
//! A login by SSH that worked, from a host that never logged in there before.
//! ## Why it matters
//! Whoever got in by a stolen key or a guessed password comes from another place than those who may.
//! ## How it decides
//! Logins are encrypted; that one worked is told from how much the server says after the handshake. Each pair of host
//! and server is known once it logged in. The first day of a server teaches and tells nothing; later a new pair is noted,
//! is low if a person called the server important, and medium if the host is on the Internet.
//! ## What fools it
//! A session of less than two kilobytes looks like a refusal. Who logs in from a host that may.
//! ## What to do
//! Nothing, if it was you. Otherwise end the session and remove the key or change the password.
//!
//! Needs a mirror port or the router for logins between others. Holds 256 servers with 16 hosts each, kept over a
//! restart.

use std::{net::IpAddr, time::Duration};

use crate::{
    detectors::{
        Context, Detector, Evidence,
        kept::{Lines, next},
        usual::Bell,
        window::Recent,
    },
    model::{Category, Finding, Findings, Guarded, MacAddr, Moment, Mono, Severity, is_private},
    traffic::{Talkers, What, owner},
};

card!("ssh_new_login", "A login by SSH from somewhere new");

const SERVERS_MAX: usize = 256;
const HOSTS_MAX: usize = 16;
const LEARNS: Duration = Duration::from_secs(86_400);

/// By hardware address, which stays when addresses change; beyond a router there is only the address.
type Who = (Option<MacAddr>, Option<IpAddr>);

/// One that was logged in to.
#[derive(Debug)]
struct Server {
    hosts: Recent<Who>,
    since: Mono,
    /// It was known before this run.
    is_old: bool,
}

/// See the page above.
pub struct SshNewLogin {
    bell: Bell,
    servers: Guarded<Who, Server>,
}

impl SshNewLogin {
    #[must_use]
    pub fn new(settings: Settings) -> SshNewLogin {
        SshNewLogin { bell: Bell::new(settings), servers: Guarded::new(SERVERS_MAX) }
    }

    fn login(&mut self, talk: &Talkers, context: &Context<'_>, findings: &mut Findings) {
        let who = |mac: Option<MacAddr>, ip: IpAddr| (mac, mac.is_none().then_some(ip));
        let (client, server) = (who(talk.client.mac, talk.client.ip), who(talk.server.mac, talk.server.ip));
        let (now, tick) = (context.now.mono, context.now.mono.0 / 1_000_000_000);
        if self.servers.get(&server).is_none() {
            let fresh = Server { hosts: Recent::new(HOSTS_MAX), since: now, is_old: false };
            self.servers.insert(server, fresh, talk.server.mac.map_or(0, owner), tick);
        }
        let Some(Server { hosts, since, is_old }) = self.servers.get_mut(&server, tick) else { return };
        let is_far = talk.client.mac.is_none() && !is_private(talk.client.ip);
        if !hosts.see(client, now) || !is_far && !*is_old && now.since(*since) < LEARNS {
            return;
        }
        let device = talk.server.mac.and_then(|mac| context.who.by_mac(mac));
        let severity = match (is_far, device.is_some_and(|device| context.who.is_important(device))) {
            (true, _) => Severity::Medium,
            (false, true) => Severity::Low,
            (false, false) => Severity::Info,
        };
        let key = format!("{} {}", talk.client.ip, talk.server.ip);
        let finding = Finding::new(CARD.id, Category::Access, severity, key, context.now)
            .by(talk.client.party())
            .against(talk.server.party())
            .why("service", "ssh")
            .why("port", talk.server.port)
            .why("hosts", hosts.len())
            .technique(&["T1021.004"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }
}

/// As it is written down.
fn word((mac, ip): Who) -> String {
    mac.map(|mac| mac.to_string()).or(ip.map(|ip| ip.to_string())).unwrap_or_default()
}

fn read(word: &str) -> Option<Who> {
    match word.parse::<IpAddr>() {
        Ok(ip) => Some((None, Some(ip))),
        Err(_) => word.parse().ok().map(|mac| (Some(mac), None)),
    }
}

impl Detector for SshNewLogin {
    says!(self, [Login], self.servers.iter().map(|(_, server)| 1 + server.hosts.len()).sum::<usize>());

    /// Server, whether its first day is over, hosts.
    fn learned(&self, now: Moment) -> Option<String> {
        let mut lines = Lines::default();
        for (who, server) in self.servers.iter() {
            let hosts: Vec<String> = server.hosts.keys().map(|host| word(*host)).collect();
            let is_old = server.is_old || now.mono.since(server.since) >= LEARNS;
            lines.add(format!("{} {is_old} {}", word(*who), hosts.join(" ")));
        }
        lines.done()
    }

    fn recall(&mut self, lines: &str, now: Moment) {
        let tick = now.mono.0 / 1_000_000_000;
        for line in lines.lines().take(SERVERS_MAX) {
            let mut words = line.split_whitespace();
            let (Some(server), Some(is_old)) = (words.next().and_then(read), next(&mut words)) else { continue };
            let mut hosts = Recent::new(HOSTS_MAX);
            for host in words.filter_map(read).take(HOSTS_MAX) {
                hosts.see(host, now.mono);
            }
            let (mac, _) = server;
            let fresh = Server { hosts, since: now.mono, is_old };
            self.servers.insert(server, fresh, mac.map_or(0, owner), tick);
        }
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        if let Evidence::Traffic(noticed) = evidence
            && let What::Login(login) = &noticed.what
            && login.service == "ssh"
            && login.ok
            && noticed.talk.is_sure
            && (is_private(noticed.talk.server.ip) || noticed.talk.server.mac.is_some())
        {
            self.login(&noticed.talk, context, findings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detectors::stage::{Stage, ip, mac},
        model::Moment,
        traffic::{End, Login, Noticed},
    };

    const DAY: u64 = 86_400_000;

    fn login(client: End, server: u8, ok: bool) -> Noticed {
        let server = End { mac: Some(MacAddr(mac(server))), ip: ip(server).into(), port: 22 };
        let talk = Talkers {
            protocol: 6,
            client,
            server,
            began: Moment::default(),
            is_sure: true,
            packets: [20; 2],
            bytes: [5000; 2],
        };
        Noticed { talk, what: What::Login(Login { service: "ssh", user: String::new(), tag: 0, is_proof: false, ok }) }
    }

    fn near(n: u8) -> End {
        End { mac: Some(MacAddr(mac(n))), ip: ip(n).into(), port: 50_000 }
    }

    #[test]
    fn a_new_host_is_noted_once_the_server_is_known() {
        let far = End { mac: None, ip: [203, 0, 113, 9].into(), port: 50_000 };
        let mut stage = Stage::new(SshNewLogin::new(Settings::default()));
        let mut tell = |client: End, ok: bool, ms: u64| -> Vec<Severity> {
            let found = stage.see(Evidence::Traffic(&login(client, 5, ok)), ms);
            found.iter().map(|finding| finding.severity).collect()
        };
        assert!(tell(near(9), true, 0).is_empty() && tell(near(8), true, 1000).is_empty(), "it learns");
        assert_eq!(tell(far, true, 2000), [Severity::Medium], "from the Internet at once");
        assert_eq!(tell(near(7), true, 2 * DAY), [Severity::Info]);
        assert!(tell(near(7), true, 3 * DAY).is_empty() && tell(near(9), true, 3 * DAY).is_empty(), "known");
        assert!(tell(near(6), false, 4 * DAY).is_empty(), "refused");
    }

    #[test]
    fn who_logged_in_before_a_restart_is_known() {
        let mut before = Stage::new(SshNewLogin::new(Settings::default()));
        before.see(Evidence::Traffic(&login(near(9), 5, true)), 0);
        let late = Moment { mono: Mono(2 * DAY * 1_000_000), wall: crate::model::Wall(0) };
        let lines = before.detector.learned(late).expect("it learned");
        let run = |lines: &str, client: u8| {
            let mut stage = Stage::new(SshNewLogin::new(Settings::default()));
            stage.detector.recall(lines, Moment::default());
            stage.see(Evidence::Traffic(&login(near(client), 5, true)), 1000).len()
        };
        assert_eq!((run(&lines, 9), run(&lines, 8)), (0, 1));
        for end in 0..lines.len() {
            run(&lines[..end], 9);
        }
    }
}
