//! # What sort of thing a device is
//!
//! Rules are data (`kinds.tsv`): evidence, pattern, kind, confidence. Agreeing evidence adds up,
//! the best kind wins, and `unknown` is an answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use crate::{
    intel::clouds::{self, Cloud},
    model::{Kind, ServiceView},
};

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
    Word,
    Series,
    Vendor,
    Class,
    Asked,
    Label,
    Asks,
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
        "word" => Sign::Word,
        "series" => Sign::Series,
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
    // Where a thing hangs or stands says nothing of what it is: "switch-1 port 5 (printer room)".
    let says = signs.labels.iter().filter(|(key, _)| !matches!(key.as_str(), "port" | "location" | "serial"));
    let labels: Vec<String> = says.map(|(_, value)| value.to_lowercase()).collect();
    let models: Vec<&str> = hosts.iter().chain(&labels).map(String::as_str).collect();
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
    let is_hit = |rule: &&Rule| match rule.sign {
        Sign::Service => signs.services.iter().any(|service| service_is(&service.name, rule.pattern)),
        Sign::Host => hosts.iter().any(|host| host_is(host, rule.pattern)),
        Sign::Word => hosts.iter().any(|host| words(host).any(|word| unnumbered(word) == rule.pattern)),
        Sign::Series => series_is(signs.vendor, &models, rule.pattern),
        // Taken from the list of clouds, not from the rules.
        Sign::Asks => false,
        Sign::Vendor => signs.vendor.is_some_and(|vendor| vendor.starts_with(rule.pattern)),
        Sign::Class => signs.class.is_some_and(|class| class.starts_with(rule.pattern)),
        Sign::Asked => asked == rule.pattern,
        Sign::Label => labels.iter().any(|label| label.contains(rule.pattern)),
    };
    let hits: Vec<&Rule> = RULES.iter().filter(is_hit).collect();
    for rule in &hits {
        // `galaxy-tab` says all that `galaxy-` says, and better.
        let is_outdone = |other: &&Rule| {
            other.sign == rule.sign
                && other.pattern.len() > rule.pattern.len()
                && other.pattern.starts_with(rule.pattern)
        };
        if rule.sign == Sign::Host && hits.iter().any(is_outdone) {
            continue;
        }
        let sort = if rule.sign == Sign::Word { Sign::Host } else { rule.sign };
        take(rule.kind, sort as u8, rule.confidence, format!("{:?} {}", rule.sign, rule.pattern).to_lowercase());
    }
    let asks = |key: &str| signs.labels.get(key).and_then(|name| clouds::known(name));
    let cloud = asks("asks_as_system").or_else(|| asks("asks"));
    if let Some(Cloud { what, kind: Some(kind), confidence, .. }) = cloud {
        let entry = best.entry(*kind).or_default().entry(Sign::Asks as u8).or_insert((0.0, String::new()));
        *entry = (*confidence, format!("asks for {what}"));
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
            && (words(host).any(|word| unnumbered(word) == pattern || word == pattern) || has_words(host, pattern)))
}

/// `galaxy-tab` somewhere in `annas-galaxy-tab-s9`.
fn has_words(host: &str, pattern: &str) -> bool {
    pattern.contains('-') && host.match_indices(pattern).any(|(at, _)| host[..at].ends_with('-'))
}

/// `D-Link/dcs-`: a word that begins so in a name or model, on a device of that maker.
fn series_is(vendor: Option<&str>, models: &[&str], pattern: &str) -> bool {
    let Some((maker, start)) = pattern.split_once('/') else { return false };
    vendor.is_some_and(|vendor| vendor.starts_with(maker))
        && models.iter().any(|model| {
            model.match_indices(start).any(|(at, _)| !model[..at].ends_with(|c: char| c.is_ascii_alphanumeric()))
        })
}

/// `plug` of `plug2`.
fn unnumbered(word: &str) -> &str {
    word.trim_end_matches(|c: char| c.is_ascii_digit())
}

fn words(host: &str) -> impl Iterator<Item = &str> {
    host.split(|c: char| !c.is_alphanumeric())
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

    /// A device as it shows itself, and what it is.
    struct Case {
        says: &'static str,
        vendor: &'static str,
        class: &'static str,
        asked: &'static [u8],
        services: &'static [&'static str],
        label: &'static str,
        routes: bool,
        kind: Kind,
    }

    const fn host(says: &'static str, kind: Kind) -> Case {
        Case { says, vendor: "", class: "", asked: &[], services: &[], label: "", routes: false, kind }
    }

    const ANDROID: &[u8] = &[1, 3, 6, 15, 26, 28, 51, 58, 59, 43, 114, 108];
    const IOS: &[u8] = &[1, 121, 3, 6, 15, 108, 114, 119, 252];

    #[test]
    fn kinds_are_told_by_name_vendor_and_service() {
        let named = host;
        let cases = [
            host("", Kind::Unknown),
            // By name alone.
            named("Anna's iPhone", Kind::Phone),
            named("Annas-Phone", Kind::Phone),
            named("Galaxy-S24-Ultra", Kind::Phone),
            named("Galaxy-Tab-S9", Kind::Tablet),
            named("Annas-Galaxy-Tab", Kind::Tablet),
            named("Galaxy-Tab", Kind::Tablet),
            named("Tab-S9-von-Anna", Kind::Tablet),
            named("SM-X710", Kind::Tablet),
            named("SM-T580", Kind::Tablet),
            named("SM-S921B", Kind::Phone),
            named("Galaxy-Watch6", Kind::Watch),
            named("Pixel-8", Kind::Phone),
            named("Pixel-Tablet", Kind::Tablet),
            named("Redmi-Note-12", Kind::Phone),
            named("Redmi-Pad-SE", Kind::Tablet),
            named("Lenovo-Tab-P11", Kind::Tablet),
            named("Bens iPad", Kind::Tablet),
            named("ops-laptop", Kind::Laptop),
            named("LAPTOP-7K2M3N", Kind::Laptop),
            named("DESKTOP-7K2M", Kind::Computer),
            named("Annas-MacBook-Pro", Kind::Laptop),
            named("Living-Room-TV", Kind::Tv),
            named("ESP_PLUG1", Kind::Plug),
            named("HS110", Kind::Plug),
            named("IPC-Garden", Kind::Camera),
            named("rockrobo", Kind::Vacuum),
            named("family-nas", Kind::Nas),
            named("BRW3C2AF4D75500", Kind::Printer),
            named("PS5-Console", Kind::GameConsole),
            // Words within words are no words.
            named("stabilo", Kind::Unknown),
            named("campus", Kind::Unknown),
            named("watchtower", Kind::Unknown),
            named("lighthouse", Kind::Unknown),
            named("plug2", Kind::Plug),
            named("headphoneless", Kind::Unknown),
            named("nasa-wallpaper", Kind::Unknown),
            // A tablet asks for addresses as a phone of the same maker does.
            Case { asked: ANDROID, class: "android-dhcp-13", ..host("Galaxy-Tab", Kind::Tablet) },
            Case { asked: ANDROID, class: "android-dhcp-14", ..host("Galaxy-S24", Kind::Phone) },
            Case { asked: ANDROID, class: "android-dhcp-14", ..host("", Kind::Phone) },
            Case { asked: IOS, ..host("Annas-iPad", Kind::Tablet) },
            Case { asked: IOS, ..host("iPhone", Kind::Phone) },
            // By maker, service and model.
            Case { vendor: "Apple", ..host("", Kind::Unknown) },
            Case { vendor: "Hikvision", ..host("", Kind::Camera) },
            Case { vendor: "Synology", services: &["_smb", "_ssh"], ..host("diskstation", Kind::Nas) },
            Case { vendor: "HP", services: &["_ipp", "_http"], ..host("", Kind::Printer) },
            Case { vendor: "Espressif", ..host("wled-desk", Kind::Light) },
            Case { vendor: "Espressif", services: &["_esphomelib"], ..host("garage-sensor", Kind::Sensor) },
            Case {
                vendor: "Apple",
                services: &["_airplay", "_raop"],
                label: "AudioAccessory5,1",
                ..host("", Kind::Speaker)
            },
            Case { services: &["_googlecast"], label: "BRAVIA 4K", ..host("", Kind::Tv) },
            Case { services: &["_googlecast"], label: "Chromecast", ..host("", Kind::MediaPlayer) },
            Case { label: "Galaxy Tab S9", ..host("", Kind::Tablet) },
            Case { vendor: "AVM", routes: true, ..host("", Kind::Router) },
        ];
        for case in cases {
            let filled = |text: &'static str| Some(text).filter(|text| !text.is_empty());
            let service = |name: &&str| ServiceView { tcp: true, port: 80, name: (*name).into(), product: None };
            let guess = guess(&Signs {
                vendor: filled(case.vendor),
                hosts: filled(case.says).into_iter().collect(),
                class: filled(case.class),
                asked: case.asked,
                services: &case.services.iter().map(service).collect(),
                labels: &filled(case.label).map(|label| ("model".to_owned(), label.to_owned())).into_iter().collect(),
                routes: case.routes,
            });
            let Case { says, vendor, kind, .. } = case;
            assert_eq!(guess.kind, kind, "{says:?} {vendor:?}: {guess:?}");
            assert!(guess.confidence <= 1.0);
        }
    }
}
