//! # What every detector can be told
//!
//! Its mode, how keen it is, whom it leaves alone, and how often it says the same.

use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    detectors::{Context, Mode},
    intel::names,
    model::{Capped, Finding, Findings, MacAddr, Mono, Party, Severity, Span, Subnet, Trust},
};

/// Keys whose last finding is remembered.
const KEYS_MAX: usize = 1024;

/// `detectors.<name>` of most detectors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Usual {
    /// off: not run. observe: recorded, never told. alert: told.
    pub mode: Mode,
    /// quiet: needs twice as much. normal. keen: half as much is enough.
    pub sensitivity: Keenness,
    /// Hardware addresses, addresses and networks that it never names as the cause; domains, with all below them, that
    /// it never asks about.
    pub exempt: Vec<Exempt>,
    /// The same thing is counted, not raised again, for so long.
    pub cooldown: Span,
}

impl Default for Usual {
    fn default() -> Self {
        Usual { mode: Mode::Alert, sensitivity: Keenness::Normal, exempt: Vec::new(), cooldown: Span::seconds(60) }
    }
}

/// `detectors.<name>` of those that are noted and not told, unless somebody wishes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Noted {
    /// off: not run. observe: recorded, never told. alert: told.
    pub mode: Mode,
    /// quiet: needs twice as much. normal. keen: half as much is enough.
    pub sensitivity: Keenness,
    /// Hardware addresses, addresses and networks that it never names as the cause; domains, with all below them, that
    /// it never asks about.
    pub exempt: Vec<Exempt>,
    /// The same thing is counted, not raised again, for so long.
    pub cooldown: Span,
}

impl Default for Noted {
    fn default() -> Self {
        Noted {
            mode: Mode::Observe,
            sensitivity: Keenness::Normal,
            exempt: Vec::new(),
            cooldown: Span::seconds(86_400),
        }
    }
}

impl From<Noted> for Usual {
    fn from(noted: Noted) -> Usual {
        let Noted { mode, sensitivity, exempt, cooldown } = noted;
        Usual { mode, sensitivity, exempt, cooldown }
    }
}

/// How much is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum Keenness {
    Quiet,
    #[default]
    Normal,
    Keen,
}

/// Somebody or something a detector leaves alone: `aa:bb:cc:dd:ee:ff`, `192.168.7.9`, `192.168.7.0/24`, or a domain with
/// all below it, `example.org`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum Exempt {
    Mac(MacAddr),
    Net(Subnet),
    /// As it goes over the wire.
    Domain(String),
}

impl TryFrom<String> for Exempt {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if let Ok(mac) = text.parse::<MacAddr>() {
            return Ok(Exempt::Mac(mac));
        }
        let one = text.parse::<IpAddr>().ok().and_then(|ip| Subnet::new(ip, if ip.is_ipv4() { 32 } else { 128 }));
        one.or_else(|| Subnet::from_str(&text).ok())
            .map(Exempt::Net)
            .or_else(|| names::normal(text.strip_prefix("*.").unwrap_or(&text)).map(Exempt::Domain))
            .ok_or_else(|| format!("`{text}` is no hardware address, address, network or domain"))
    }
}

impl From<Exempt> for String {
    fn from(exempt: Exempt) -> String {
        exempt.to_string()
    }
}

impl fmt::Display for Exempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exempt::Mac(mac) => mac.fmt(f),
            Exempt::Net(net) => net.fmt(f),
            Exempt::Domain(domain) => domain.fmt(f),
        }
    }
}

/// Who looks around: a device that a person calls trusted may, and is told as low.
pub(super) fn of_search(severity: Severity, party: &Party, context: &Context<'_>) -> Severity {
    let device = match party.mac {
        Some(mac) => context.who.by_mac(mac),
        None => party.ip.and_then(|ip| context.who.by_ip(ip)),
    };
    match device.map(|device| context.who.trust(device)) {
        Some(Trust::Trusted) => severity.min(Severity::Low),
        _ => severity,
    }
}

/// Pushes findings as the settings say.
#[derive(Debug)]
pub struct Bell {
    settings: Usual,
    rung: Capped<String, (Mono, Severity)>,
}

impl Bell {
    #[must_use]
    pub fn new(settings: Usual) -> Bell {
        Bell { settings, rung: Capped::new(KEYS_MAX) }
    }

    /// A threshold, by sensitivity; at least one.
    #[must_use]
    pub fn scaled(&self, normal: u32) -> u32 {
        match self.settings.sensitivity {
            Keenness::Quiet => normal.saturating_mul(2),
            Keenness::Normal => normal,
            Keenness::Keen => (normal / 2).max(1),
        }
    }

    #[must_use]
    pub fn is_exempt(&self, party: &Party) -> bool {
        self.settings.exempt.iter().any(|exempt| match exempt {
            Exempt::Mac(mac) => party.mac == Some(*mac),
            Exempt::Net(net) => party.ip.is_some_and(|ip| net.contains(ip)),
            Exempt::Domain(_) => false,
        })
    }

    /// Whether `name` is a domain that is left alone, or below one.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        let is_below =
            |domain: &str| name.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'));
        self.settings.exempt.iter().any(|exempt| matches!(exempt, Exempt::Domain(domain) if is_below(domain)))
    }

    /// Raises `finding`, unless it is about somebody exempt or was raised just now.
    pub fn ring(&mut self, finding: Finding, findings: &mut Findings) {
        let is_known = finding.evidence.iter().any(|(key, value)| *key == "domain" && self.knows(value));
        if is_known || self.is_exempt(&finding.attacker) {
            return;
        }
        let at = finding.at.mono;
        if !self.rang(&finding.key, finding.severity, at) {
            self.rung.insert(finding.key.clone(), (at, finding.severity));
            findings.push(finding);
        }
    }

    /// Whether it was raised just now: to find it again says nothing, and in a flood each packet finds it again.
    #[must_use]
    pub fn rang(&self, key: &String, severity: Severity, at: Mono) -> bool {
        let cooldown = self.settings.cooldown.0;
        self.rung.get(key).is_some_and(|(last, known)| at.since(*last) < cooldown && *known >= severity)
    }

    /// Raises `finding` as long as it goes on, and says when it is over.
    pub fn hold(&mut self, finding: Finding, goes_on: bool, findings: &mut Findings) {
        if goes_on {
            self.ring(finding, findings);
        } else {
            findings.push(finding.ended());
        }
    }

    #[must_use]
    pub fn held(&self) -> usize {
        self.rung.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Category, Moment, Wall};

    fn finding(mac: u8, second: u64, severity: Severity) -> Finding {
        let at = Moment { mono: Mono(second * 1_000_000_000), wall: Wall(0) };
        let party =
            Party { device: None, mac: Some(MacAddr([2, 0, 0, 0, 0, mac])), ip: Some(IpAddr::from([10, 0, 0, mac])) };
        Finding::new("x", Category::Scan, severity, mac.to_string(), at).by(party)
    }

    #[test]
    fn the_same_is_said_once_and_the_exempt_never() {
        let exempt = ["02:00:00:00:00:07", "10.0.0.8", "10.0.0.64/26"].map(|text| Exempt::try_from(text.to_owned()));
        let exempt = exempt.into_iter().collect::<Result<Vec<_>, _>>().expect("three of them");
        let mut bell = Bell::new(Usual { exempt, ..Usual::default() });
        let mut findings = Findings::default();
        for (mac, second, severity) in [
            (1, 0, Severity::Low),
            (1, 30, Severity::Low),
            (1, 31, Severity::High),
            (1, 95, Severity::High),
            (7, 0, Severity::High),
            (8, 0, Severity::High),
            (70, 0, Severity::High),
        ] {
            bell.ring(finding(mac, second, severity), &mut findings);
        }
        let rung: Vec<_> = findings.take().iter().map(|f| f.at.mono.0 / 1_000_000_000).collect();
        assert_eq!(rung, [0, 31, 95]);
        for wrong in ["the printer", "printer", "", "*", "http://example.org/", "10.0.0"] {
            assert!(Exempt::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_domain_is_left_alone_with_all_below_it() {
        let exempt = ["*.Example.org", "example.net"].map(|text| Exempt::try_from(text.to_owned()).expect(text));
        assert_eq!(exempt.clone().map(String::from), ["example.org", "example.net"]);
        let mut bell = Bell::new(Usual { exempt: exempt.into(), ..Usual::default() });
        for (name, known) in [
            ("example.org", true),
            ("a.b.example.org", true),
            ("example.net", true),
            ("notexample.org", false),
            ("example.org.evil.example", false),
            ("org", false),
        ] {
            assert_eq!(bell.knows(name), known, "{name}");
            let mut findings = Findings::default();
            bell.ring(Finding { key: name.into(), ..finding(1, 0, Severity::Low).why("domain", name) }, &mut findings);
            assert_eq!(findings.is_empty(), known, "{name}");
        }
    }
}
