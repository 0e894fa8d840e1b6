//! # Threat intelligence
//!
//! ## What it finds
//! A device that talks to an address, asks for a name or a page, or greets like a program, that stands in one of your
//! lists of bad ones.
//! ## Why it matters
//! Somebody saw malware use that host. A camera that calls it is most likely not yours alone any more.
//! ## How it decides
//! `feeds` names the lists: https addresses or files, with `c2=`, `malware=`, `phishing=` or `weather=` before it if
//! all its entries are such. They are fetched again each `refresh`, kept on disk, and used for 30 days without the
//! Internet. What no list may call bad (private networks, public name servers, shared hosting, names of whole
//! providers) is left out. Asking for a listed name is not enough: browsers look names up that nobody opens. An alert
//! needs a conversation in which both sides said something, with the listed address, or with an address that a listed
//! name was answered with, or that names the listed host, page or greeting itself. Two lists count more than one.
//! A listed host that calls you is the weather of the Internet, until something of yours answers it.
//! ## What fools it
//! A host that no list has. A list that is wrong: `allow` takes addresses, networks and names that are fine. Names
//! that a device looks up encrypted. Greetings of programs are shared by many: on their own they are low.
//! ## What to do
//! Look what runs on the device. If the entry is wrong, add it to `detectors.threat_intel.allow`.
//!
//! Holds 1,024 clients with 16 addresses of listed names each, for an hour.

use std::{net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    detectors::{
        Context, Detector, Evidence, Mode, Needs,
        usual::{Bell, Exempt, Keenness, Usual},
        window::Recent,
    },
    intel::{
        feeds::{Feed, entry},
        indicators::{Entry, Hit, Sort},
        refuse::is_shared,
    },
    model::{Capped, Card, Category, Finding, Findings, Mono, Severity, Span, Subnet, clean_text, is_private},
    traffic::{End, Outcome, Talkers, What},
    wire::{
        protocol,
        tls::{Hello, Over, fingerprint},
    },
};

pub static CARD: Card = Card {
    id: "threat_intel",
    title: "Threat intelligence",
    needs: Some("CAP_NET_RAW"),
    page: include_str!("threat_intel.rs"),
};

/// `detectors.threat_intel`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// off: not run. observe: recorded, never told. alert: told.
    pub mode: Mode,
    /// Hardware addresses, addresses and networks that it never names as the cause.
    pub exempt: Vec<Exempt>,
    /// The same thing is counted, not raised again, for so long.
    pub cooldown: Span,
    /// Lists of bad addresses and names: https addresses or files, after `c2=`, `malware=`, `phishing=` or `weather=` if
    /// all their entries are such.
    pub feeds: Vec<Feed>,
    /// Addresses, networks and names that are fine, whatever a list says. A name stands for those below it.
    pub allow: Vec<Allowed>,
    /// How often lists are fetched and files read again.
    pub refresh: Span,
    /// Entries kept of all lists: a million take some 20 MB.
    pub max_entries: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            mode: Mode::Alert,
            exempt: Vec::new(),
            cooldown: Usual::default().cooldown,
            feeds: Vec::new(),
            allow: Vec::new(),
            refresh: Span::minutes(24 * 60),
            max_entries: 1_000_000,
        }
    }
}

/// Something that is fine: `203.0.113.9`, `203.0.113.0/24`, `good.example`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum Allowed {
    Net(Subnet),
    Name(String),
}

impl TryFrom<String> for Allowed {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match entry(&text) {
            Some(Entry::Net(ip, bits)) => Subnet::new(ip, bits).map(Allowed::Net),
            Some(Entry::Name(name)) => Some(Allowed::Name(name)),
            _ => None,
        }
        .ok_or_else(|| format!("`{text}` is no address, network or name"))
    }
}

impl From<Allowed> for String {
    fn from(allowed: Allowed) -> String {
        match allowed {
            Allowed::Net(net) => net.to_string(),
            Allowed::Name(name) => name,
        }
    }
}

const CLIENTS_MAX: usize = 1024;
const ADDRESSES_MAX: usize = 16;
/// An answer is remembered for so long, as resolvers of devices do at most.
const ANSWER_FOR: Duration = Duration::from_secs(3600);

/// What a listed name was answered with.
#[derive(Debug)]
struct Asked {
    addresses: Recent<IpAddr>,
    name: String,
    at: Mono,
}

/// See the page above.
pub struct ThreatIntel {
    bell: Bell,
    allow: Vec<Allowed>,
    /// By client and listed name.
    asked: Capped<(IpAddr, String), Asked>,
    /// Conversations that were judged by their address, so that each is judged once.
    judged: Capped<(End, End), ()>,
}

impl ThreatIntel {
    #[must_use]
    pub fn new(settings: Settings) -> ThreatIntel {
        let Settings { mode, exempt, cooldown, allow, .. } = settings;
        let bell = Bell::new(Usual { mode, sensitivity: Keenness::Normal, exempt, cooldown });
        ThreatIntel { bell, allow, asked: Capped::new(CLIENTS_MAX), judged: Capped::new(CLIENTS_MAX) }
    }

    fn is_allowed_address(&self, ip: IpAddr) -> bool {
        self.allow.iter().any(|allowed| matches!(allowed, Allowed::Net(net) if net.contains(ip)))
    }

    fn is_allowed_name(&self, name: &str) -> bool {
        self.allow.iter().any(|allowed| match allowed {
            Allowed::Name(fine) => {
                name == fine || name.strip_suffix(fine.as_str()).is_some_and(|rest| rest.ends_with('.'))
            }
            Allowed::Net(_) => false,
        })
    }

    /// Tells of one indicator. `points`: 3 for a question, 5 for a conversation.
    fn tell(&mut self, talk: &Talkers, seen: &Seen<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Seen { hit, kind, indicator, points } = seen;
        let severity = match (hit.sort, *kind) {
            (_, "ja4") | (Sort::Weather, _) => Severity::Low,
            (Sort::C2 | Sort::Malware, _) => Severity::High,
            (Sort::Phishing, _) => Severity::Medium,
        };
        let inbound = *kind == "inbound";
        let severity = if inbound { Severity::Low } else { severity };
        let technique: &'static [&'static str] = match (hit.sort, inbound) {
            (_, true) => &["T1190"],
            (Sort::C2, _) => &["T1071"],
            (Sort::Malware, _) => &["T1105"],
            (Sort::Phishing, _) => &["T1566"],
            (Sort::Weather, _) => &["T1071"],
        };
        let age_d = context.now.wall.0.saturating_sub(hit.list.dated.0).max(0) / 86_400_000;
        let indicator = clean_text(indicator, 120);
        let (attacker, victim) = (talk.client, talk.server);
        let own = if inbound { victim } else { attacker };
        // A question must not silence the conversation that follows it.
        let asked = if *points < 5.0 { " asked" } else { "" };
        let key = format!("{} {indicator}{asked}", own.ip);
        let finding = Finding::new(CARD.id, Category::Malware, severity, key, context.now)
            .by(attacker.party())
            .against(victim.party())
            .why("indicator", indicator)
            .why("kind", kind)
            .why("destination", talk.server.ip)
            .why("port", talk.server.port)
            .why("list", &hit.list.name)
            .why("list_age_d", age_d)
            .why("lists", hit.lists)
            .why("category", hit.sort)
            .technique(technique)
            .points(points + if hit.lists > 1 { 1.0 } else { 0.0 });
        self.bell.ring(finding, findings);
    }

    /// A name that was asked for, or named while talking to its host.
    fn name(
        &mut self,
        talk: &Talkers,
        name: &str,
        points: f32,
        context: &Context<'_>,
        findings: &mut Findings,
    ) -> bool {
        let Some((hit, listed)) = context.indicators.name(name) else { return false };
        if self.is_allowed_name(name) {
            return false;
        }
        let seen = Seen { hit, kind: "domain", indicator: listed, points };
        self.tell(talk, &seen, context, findings);
        true
    }

    /// Both sides of a conversation said something.
    fn talked(&mut self, talk: &Talkers, context: &Context<'_>, findings: &mut Findings) {
        if self.judged.contains(&(talk.client, talk.server)) {
            return;
        }
        self.judged.insert((talk.client, talk.server), ());
        let (server, client) = (talk.server, talk.client);
        if is_out(talk) && !self.is_allowed_address(server.ip) {
            let service = format!("{}:{}", server.ip, server.port);
            if let Some(hit) = context.indicators.service(server.ip, server.port) {
                let seen = Seen { hit, kind: "service", indicator: &service, points: 5.0 };
                self.tell(talk, &seen, context, findings);
            } else if let Some(hit) = context.indicators.address(server.ip) {
                let indicator = server.ip.to_string();
                let seen = Seen { hit, kind: "address", indicator: &indicator, points: 5.0 };
                self.tell(talk, &seen, context, findings);
            }
            // A listed name was answered with this address.
            let now = context.now.mono;
            let named = self.asked.iter().find(|((ip, _), asked)| {
                *ip == client.ip && now.since(asked.at) < ANSWER_FOR && asked.addresses.has(&server.ip)
            });
            if let Some(name) = named.map(|(_, asked)| asked.name.clone()) {
                self.name(talk, &name, 5.0, context, findings);
            }
        } else if is_in(talk)
            && !self.is_allowed_address(client.ip)
            && let Some(hit) = context.indicators.address(client.ip)
        {
            let indicator = client.ip.to_string();
            let seen = Seen { hit, kind: "inbound", indicator: &indicator, points: 5.0 };
            self.tell(talk, &seen, context, findings);
        }
    }
}

/// One indicator, seen.
struct Seen<'a> {
    hit: Hit<'a>,
    kind: &'static str,
    indicator: &'a str,
    points: f32,
}

fn is_outside(end: End) -> bool {
    !is_private(end.ip) && !end.ip.is_loopback()
}

/// From the home to the Internet. A host on this wire is of the home, whatever its address.
fn is_out(talk: &Talkers) -> bool {
    is_outside(talk.server) && (!is_outside(talk.client) || talk.client.mac.is_some())
}

fn is_in(talk: &Talkers) -> bool {
    is_outside(talk.client) && (!is_outside(talk.server) || talk.server.mac.is_some())
}

impl Detector for ThreatIntel {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Dns, Needs::Tls, Needs::Http, Needs::Said, Needs::Size, Needs::Outcome]
    }

    fn held(&self) -> usize {
        self.asked.len() + self.judged.len() + self.bell.held()
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Traffic(noticed) = evidence else { return };
        if context.indicators.is_empty() {
            return;
        }
        let talk = &noticed.talk;
        match &noticed.what {
            // Multicast names are those of neighbours.
            What::Dns(dns) if talk.server.port == 53 => {
                let Some((_, listed)) = context.indicators.name(&dns.name) else { return };
                let listed = listed.to_owned();
                if !dns.is_answer {
                    self.name(talk, &dns.name, 3.0, context, findings);
                } else if !dns.addresses.is_empty() && !self.is_allowed_name(&dns.name) {
                    let key = (talk.client.ip, listed);
                    if !self.asked.contains(&key) {
                        let addresses = Recent::new(ADDRESSES_MAX);
                        let asked = Asked { addresses, name: dns.name.clone(), at: context.now.mono };
                        self.asked.insert(key.clone(), asked);
                    }
                    if let Some(asked) = self.asked.get_mut(&key) {
                        asked.at = context.now.mono;
                        for ip in dns
                            .addresses
                            .iter()
                            .filter(|ip| !is_private(**ip) && !ip.is_unspecified() && !is_shared(**ip))
                        {
                            asked.addresses.see(*ip, context.now.mono);
                        }
                    }
                }
            }
            What::Tls(tls) if is_out(talk) => {
                if let Some(name) = &tls.name {
                    self.name(talk, name, 5.0, context, findings);
                }
            }
            What::HttpRequest(http) if is_out(talk) => {
                let host = http.host.to_ascii_lowercase();
                let port = if talk.server.port == 80
                    || host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok())
                {
                    String::new()
                } else {
                    format!(":{}", talk.server.port)
                };
                let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name);
                if self.is_allowed_name(name) || self.is_allowed_address(talk.server.ip) {
                    return;
                }
                let host = format!("{host}{port}");
                if let Some(hit) = context.indicators.url(&host, &http.path) {
                    let page = format!("{host}{}", http.path);
                    let seen = Seen { hit, kind: "url", indicator: &page, points: 5.0 };
                    self.tell(talk, &seen, context, findings);
                } else {
                    self.name(talk, name, 5.0, context, findings);
                }
            }
            What::Said { by_client: true, from: 0, bytes } | What::Joined { by_client: true, from: 0, bytes }
                if bytes.starts_with(&[22, 3]) && is_out(talk) =>
            {
                let greeting = Hello::in_record(bytes).and_then(|hello| fingerprint(&hello, Over::Tcp));
                let Some(ja4) = greeting else { return };
                if let Some(hit) = context.indicators.ja4(&ja4) {
                    let seen = Seen { hit, kind: "ja4", indicator: &ja4, points: 5.0 };
                    self.tell(talk, &seen, context, findings);
                }
            }
            What::Said { .. } | What::Closed { .. } if talk.bytes.iter().all(|bytes| *bytes > 0) => {
                self.talked(talk, context, findings);
            }
            // Datagrams are an answered conversation as soon as both sides sent one. Asking a listed name server for a
            // name, or a clock for the time, is none.
            What::Outcome(Outcome::Answered)
                if talk.protocol == protocol::UDP && talk.server.port != 53 && talk.server.port != 123 =>
            {
                self.talked(talk, context, findings);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
