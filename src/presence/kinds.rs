//! # What sort of thing a device is
//!
//! Rules are data (`kinds.tsv`): evidence, pattern, kind, confidence. Agreeing evidence adds up,
//! the best kind wins, and `unknown` is an answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use crate::model::{Kind, ServiceView};

/// Below this it is not said.
const SAID_FROM: f32 = 0.3;
/// A default gateway, or a device that advertises routes.
const ROUTES: f32 = 0.9;

/// Everything a kind is worked out from.
pub struct Signs<'a> {
    pub vendor: Option<&'a str>,
    pub hosts: Vec<&'a str>,
    pub class: Option<&'a str>,
    pub asked: &'a [u8],
    pub services: &'a BTreeSet<ServiceView>,
    pub labels: &'a BTreeMap<String, String>,
    pub routes: bool,
}

/// A kind, how sure, and what says so.
#[derive(Debug, Clone, PartialEq)]
pub struct Guess {
    pub kind: Kind,
    pub confidence: f32,
    pub why: String,
}

impl Default for Guess {
    fn default() -> Self {
        Guess { kind: Kind::Unknown, confidence: 0.0, why: String::new() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Service,
    Host,
    Vendor,
    Class,
    Asked,
    Label,
}

#[derive(Debug)]
struct Rule {
    sign: Sign,
    pattern: &'static str,
    kind: Kind,
    confidence: f32,
}

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| include_str!("kinds.tsv").lines().filter_map(rule).collect());

fn rule(line: &'static str) -> Option<Rule> {
    let mut columns = line.split('\t');
    let sign = match columns.next()? {
        "service" => Sign::Service,
        "host" => Sign::Host,
        "vendor" => Sign::Vendor,
        "class" => Sign::Class,
        "asked" => Sign::Asked,
        "label" => Sign::Label,
        _ => return None,
    };
    Some(Rule {
        sign,
        pattern: columns.next()?,
        kind: columns.next()?.parse().ok()?,
        confidence: columns.next()?.parse().ok()?,
    })
}

/// The best kind for `signs`.
#[must_use]
pub fn guess(signs: &Signs<'_>) -> Guess {
    let asked = signs.asked.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
    let hosts: Vec<String> = signs.hosts.iter().map(|host| host.to_lowercase().replace([' ', '\''], "-")).collect();
    let labels: Vec<String> = signs.labels.values().map(|value| value.to_lowercase()).collect();
    // Of each sort of sign only the best counts, so ten services of one program are no ten witnesses.
    let mut best: BTreeMap<Kind, BTreeMap<u8, (f32, String)>> = BTreeMap::new();
    let mut take = |kind: Kind, sign: u8, confidence: f32, why: String| {
        let entry = best.entry(kind).or_default().entry(sign).or_insert((0.0, String::new()));
        if confidence > entry.0 {
            *entry = (confidence, why);
        }
    };
    if signs.routes {
        take(Kind::Router, u8::MAX, ROUTES, "routes".into());
    }
    for rule in RULES.iter() {
        let hit = match rule.sign {
            Sign::Service => signs.services.iter().any(|service| service_is(&service.name, rule.pattern)),
            Sign::Host => hosts.iter().any(|host| host_is(host, rule.pattern)),
            Sign::Vendor => signs.vendor.is_some_and(|vendor| vendor.starts_with(rule.pattern)),
            Sign::Class => signs.class.is_some_and(|class| class.starts_with(rule.pattern)),
            Sign::Asked => asked == rule.pattern,
            Sign::Label => labels.iter().any(|label| label.contains(rule.pattern)),
        };
        if hit {
            take(
                rule.kind,
                rule.sign as u8,
                rule.confidence,
                format!("{:?} {}", rule.sign, rule.pattern).to_lowercase(),
            );
        }
    }
    let mut winner = Guess::default();
    for (kind, signs) in best {
        let doubt: f32 = signs.values().map(|(confidence, _)| 1.0 - confidence).product();
        let confidence = ((1.0 - doubt) * 100.0).round() / 100.0;
        if confidence >= SAID_FROM && confidence > winner.confidence {
            let why = signs.into_values().map(|(_, why)| why).collect::<Vec<_>>().join(", ");
            winner = Guess { kind, confidence, why };
        }
    }
    winner
}

/// `_ipp._tcp.local` is `_ipp`; whole words only, so `_ipp` is not `_ipps`.
fn service_is(name: &str, pattern: &str) -> bool {
    // `_ipp._tcp.local`, `_ipp` and `ipp` are one service, whoever reports it.
    let bare = |text: &str| text.split('.').next().unwrap_or_default().trim_start_matches('_').to_ascii_lowercase();
    bare(name) == bare(pattern)
}

/// `iphone` at the start, or as a word of its own: `annas-iphone`.
fn host_is(host: &str, pattern: &str) -> bool {
    host.starts_with(pattern)
        || (pattern.len() >= 4
            && host
                .split('-')
                .any(|word| word.strip_prefix(pattern).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_reads() {
        let lines = include_str!("kinds.tsv").lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        for line in lines {
            let rule = rule(line).unwrap_or_else(|| panic!("{line:?}"));
            assert!(rule.confidence > 0.0 && rule.confidence < 1.0 && line.split('\t').count() == 4, "{line}");
        }
    }

    #[test]
    #[allow(clippy::type_complexity)] // a row reads aloud
    fn signs_add_up_and_the_best_kind_wins() {
        let service = |name: &str| ServiceView { tcp: true, port: 80, name: name.into(), product: None };
        let cases: &[(&str, Option<&str>, &[&str], Option<&str>, &[&str], &[(&str, &str)], bool, Kind)] = &[
            ("nothing", None, &[], None, &[], &[], false, Kind::Unknown),
            ("a name with iPhone in it", None, &["Anna's iPhone"], None, &[], &[], false, Kind::Phone),
            ("apple alone says nothing", Some("Apple"), &[], None, &[], &[], false, Kind::Unknown),
            ("printer services", Some("HP"), &[], None, &["_ipp", "_http"], &[], false, Kind::Printer),
            ("a label beats a service", None, &[], None, &["_googlecast"], &[("md", "BRAVIA 4K")], false, Kind::Tv),
            ("android's DHCP client", None, &[], Some("android-dhcp-14"), &[], &[], false, Kind::Phone),
            ("routes", Some("AVM"), &[], None, &[], &[], true, Kind::Router),
            ("ESP", Some("Espressif"), &["wled-desk"], None, &[], &[], false, Kind::Light),
        ];
        for (name, vendor, hosts, class, services, labels, routes, kind) in cases {
            let guess = guess(&Signs {
                vendor: *vendor,
                hosts: hosts.to_vec(),
                class: *class,
                asked: &[],
                services: &services.iter().map(|s| service(s)).collect(),
                labels: &labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
                routes: *routes,
            });
            assert_eq!(guess.kind, *kind, "{name}: {guess:?}");
            assert!(guess.confidence <= 1.0);
        }
    }
}
