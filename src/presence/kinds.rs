//! # What sort of thing a device is
//!
//! Rules are data (`kinds/*.tsv`): evidence, pattern, kind, confidence. Of each sort of evidence the best counts,
//! agreeing sorts add up, the best kind wins, and `unknown` is an answer: a kind below the bar, or one that another
//! of a wholly different sort equals, is not said. `docs/kinds.md` tells the whole of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use crate::{
    intel::{
        clouds::{self, Cloud},
        ports::{Talk, Way},
        vendors,
    },
    model::{Kind, ServiceView},
};

/// Below this it is not said.
pub const SAID_FROM: f32 = 0.55;
/// `iot` says little and is said of many: only of what is surely a thing of one purpose, and of none known.
const IOT_FROM: f32 = 0.8;
/// Two kinds of different groups so near to each other: neither is said.
const TIE: f32 = 0.03;
/// A default gateway, or a device that advertises routes.
const ROUTES: f32 = 0.9;
/// What a maker's service says of devices that may only have its app.
const APP_OF_RANDOM: f32 = 0.5;
const APP_OF_OTHERS: f32 = 0.6;
/// Labels of programs, people and services, not of the product: looked at only by rules that name them.
const NO_PRODUCT: &[&str] = &[
    "asks",
    "asks_as_system",
    "speaks",
    "user_agent",
    "http_server",
    "upnp_software",
    "os",
    "friendly_name",
    "ja4",
    "hangs_on",
    "management_address",
    "serial",
    "router_says",
    "banner",
    "tls_certificate",
    "snmp_description",
    // Where a thing hangs or stands says nothing of what it is: "switch-1 port 5 (printer room)".
    "port",
    "location",
    "serial",
];

/// Everything a kind is worked out from.
pub struct Signs<'a> {
    pub vendor: Option<&'a str>,
    pub hosts: Vec<&'a str>,
    pub class: Option<&'a str>,
    pub asked: &'a [u8],
    pub services: &'a BTreeSet<ServiceView>,
    pub labels: &'a BTreeMap<String, String>,
    pub routes: bool,
    /// Its addresses were drawn by itself, as those of phones and computers are.
    pub random: bool,
}

/// A kind, how sure, and what says so.
#[derive(Debug, Clone, PartialEq)]
pub struct Guess {
    pub kind: Kind,
    pub confidence: f32,
    pub why: String,
    /// The next best, said or not.
    pub second: Option<Second>,
}

/// A kind that was not said.
#[derive(Debug, Clone, PartialEq)]
pub struct Second {
    pub kind: Kind,
    pub confidence: f32,
    pub why: String,
}

impl Default for Guess {
    fn default() -> Self {
        Guess { kind: Kind::Unknown, confidence: 0.0, why: String::new(), second: None }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
    Routes,
}

#[derive(Debug)]
struct Rule {
    sign: Sign,
    /// Of a label rule: the only label it looks at.
    key: Option<&'static str>,
    pattern: &'static str,
    kind: Kind,
    confidence: f32,
}

const TABLES: &[&str] = &[
    include_str!("kinds/services.tsv"),
    include_str!("kinds/names.tsv"),
    include_str!("kinds/makers.tsv"),
    include_str!("kinds/dhcp.tsv"),
    include_str!("kinds/labels.tsv"),
];

static RULES: LazyLock<Vec<Rule>> =
    LazyLock::new(|| TABLES.iter().flat_map(|table| table.lines()).filter_map(rule).collect());

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
    let pattern = columns.next()?;
    let (key, pattern) = match pattern.split_once('=').filter(|_| sign == Sign::Label) {
        Some((key, pattern)) => (Some(key), pattern),
        None => (None, pattern),
    };
    Some(Rule { sign, key, pattern, kind: columns.next()?.parse().ok()?, confidence: columns.next()?.parse().ok()? })
}

/// For each kind the best of each sort of sign.
#[derive(Default)]
struct Tally(BTreeMap<Kind, BTreeMap<Sign, (f32, String)>>);

impl Tally {
    /// Of each sort only the best counts, so ten services of one program are no ten witnesses.
    fn take(&mut self, kind: Kind, sign: Sign, confidence: f32, why: impl FnOnce() -> String) {
        let entry = self.0.entry(kind).or_default().entry(sign).or_insert((0.0, String::new()));
        if confidence > entry.0 {
            *entry = (confidence, why());
        }
    }

    /// All kinds, the surest first.
    fn ranked(self) -> Vec<Second> {
        let mut ranked: Vec<Second> = self
            .0
            .into_iter()
            .map(|(kind, signs)| {
                let doubt: f32 = signs.values().map(|(confidence, _)| 1.0 - confidence).product();
                let confidence = ((1.0 - doubt) * 100.0).round() / 100.0;
                let why = signs.into_values().map(|(_, why)| why).collect::<Vec<_>>().join(", ");
                Second { kind, confidence, why }
            })
            .collect();
        ranked.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        ranked
    }
}

/// The best kind for `signs`.
#[must_use]
pub fn guess(signs: &Signs<'_>) -> Guess {
    let mut tally = Tally::default();
    if signs.routes {
        tally.take(Kind::Router, Sign::Routes, ROUTES, || "routes".into());
    }
    by_rules(signs, &mut tally);
    by_ports(signs, &mut tally);
    let asks = |key: &str| signs.labels.get(key).and_then(|name| clouds::known(name));
    let cloud = asks("asks_as_system").or_else(|| asks("asks"));
    if let Some(Cloud { what, kind: Some(kind), confidence, maker }) = cloud {
        tally.take(*kind, Sign::Asks, confidence * weight(signs, *maker), || format!("asks for {what}"));
    }
    choose(tally.ranked())
}

/// How much it counts that it asks for the services of `maker`. What somebody else made has that maker's app, and so
/// has what draws its own addresses: machines of one purpose keep theirs.
fn weight(signs: &Signs<'_>, maker: Option<&str>) -> f32 {
    let is_others = |vendor: &str| {
        !vendors::is_part_maker(vendor)
            && maker.is_some_and(|maker| !maker_is(vendor, maker) && !maker_is(maker, vendor))
    };
    if signs.random {
        APP_OF_RANDOM
    } else if signs.vendor.is_some_and(is_others) {
        APP_OF_OTHERS
    } else {
        1.0
    }
}

/// The surest that may be said, and the next.
fn choose(mut ranked: Vec<Second>) -> Guess {
    let is_said = |guess: &Second| guess.confidence >= if guess.kind == Kind::Iot { IOT_FROM } else { SAID_FROM };
    // Every camera is a thing of one purpose: who says the latter does not speak against the former.
    let best = ranked.iter().position(|guess| guess.kind != Kind::Iot && is_said(guess));
    let Some(best) = best.or_else(|| ranked.iter().position(is_said)) else {
        return Guess { second: ranked.into_iter().next(), ..Guess::default() };
    };
    let best = ranked.remove(best);
    let rival = ranked.iter().find(|other| other.kind != Kind::Iot && other.confidence + TIE > best.confidence);
    if rival.is_some_and(|rival| rival.kind.group() != best.kind.group()) {
        return Guess { second: Some(best), ..Guess::default() };
    }
    Guess { kind: best.kind, confidence: best.confidence, why: best.why, second: ranked.into_iter().next() }
}

fn by_rules(signs: &Signs<'_>, tally: &mut Tally) {
    let asked = signs.asked.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
    let friendly = signs.labels.get("friendly_name").map(String::as_str);
    let hosts: Vec<String> =
        signs.hosts.iter().copied().chain(friendly).map(|host| host.to_lowercase().replace([' ', '\''], "-")).collect();
    let labels: Vec<(&str, String)> =
        signs.labels.iter().map(|(key, value)| (key.as_str(), value.to_lowercase())).collect();
    let is_product = |key: &str| {
        let of_switch = ["lldp_", "cdp_", "dhcp"].iter().any(|start| key.starts_with(start));
        !NO_PRODUCT.contains(&key) && !of_switch && !key.ends_with("_id")
    };
    let products = || labels.iter().filter(|(key, _)| is_product(key)).map(|(_, value)| value.as_str());
    let models: Vec<&str> = hosts.iter().map(String::as_str).chain(products()).collect();
    let announced = ["maker", "manufacturer"].iter().filter_map(|key| signs.labels.get(*key).map(String::as_str));
    let makers: Vec<&str> = signs.vendor.into_iter().chain(announced).collect();
    let is_hit = |rule: &&Rule| match rule.sign {
        Sign::Service => signs.services.iter().any(|service| service_is(&service.name, rule.pattern)),
        Sign::Host => hosts.iter().any(|host| host_is(host, rule.pattern)),
        Sign::Word => hosts.iter().any(|host| words(host).any(|word| unnumbered(word) == rule.pattern)),
        Sign::Series => series_is(&makers, &models, rule.pattern),
        Sign::Vendor => signs.vendor.is_some_and(|vendor| maker_is(vendor, rule.pattern)),
        Sign::Class => signs.class.is_some_and(|class| class.starts_with(rule.pattern)),
        Sign::Asked => asked == rule.pattern,
        Sign::Label => match rule.key {
            Some(key) => {
                signs.labels.contains_key(key) && labels.iter().any(|(k, v)| *k == key && holds(v, rule.pattern))
            }
            None => products().any(|value| holds(value, rule.pattern)),
        },
        // These two are no rules.
        Sign::Asks | Sign::Routes => false,
    };
    let hits: Vec<&Rule> = RULES.iter().filter(is_hit).collect();
    for rule in &hits {
        // `galaxy-tab` says all that `galaxy-` says, and better; `chromecast audio` all that `chromecast` says.
        let is_outdone = |other: &&Rule| {
            other.sign == rule.sign
                && other.key == rule.key
                && other.pattern.len() > rule.pattern.len()
                && match rule.sign {
                    Sign::Host | Sign::Series => other.pattern.starts_with(rule.pattern),
                    Sign::Label => holds(other.pattern, rule.pattern),
                    _ => false,
                }
        };
        if hits.iter().any(is_outdone) {
            continue;
        }
        let sort = if rule.sign == Sign::Word { Sign::Host } else { rule.sign };
        tally.take(rule.kind, sort, rule.confidence, || match rule.key {
            Some(key) => format!("{} {}", key.replace('_', " "), rule.pattern),
            None => format!("{:?} {}", rule.sign, rule.pattern).to_lowercase(),
        });
    }
}

/// A port that is open and one that is spoken from are one sign, and one with the name of the service there.
fn by_ports(signs: &Signs<'_>, tally: &mut Tally) {
    let heard = signs.labels.get("speaks").map_or("", String::as_str).split(' ').filter_map(|talk| talk.parse().ok());
    let open = signs.services.iter().map(|service| Talk { way: Way::From, tcp: service.tcp, port: service.port });
    let talks: BTreeSet<Talk> = heard.chain(open).collect();
    for talk in talks {
        let is_so = |maker: &str| signs.vendor.is_some_and(|vendor| maker_is(vendor, maker));
        // What is true of one maker's machines is truer than what is true of all.
        let special = talk.says().iter().filter(|said| said.maker.is_some_and(is_so));
        let general = talk.says().iter().filter(|said| said.maker.is_none());
        for said in special.chain(general) {
            let why = || format!("speaks {} ({})", said.what, talk.to_string().replace(':', " "));
            tally.take(said.kind, Sign::Service, said.confidence, why);
        }
    }
}

/// `TP-Link` of `TP-Link Systems`: whole words from its start, in any case.
fn maker_is(vendor: &str, pattern: &str) -> bool {
    let start = vendor.get(..pattern.len()).is_some_and(|start| start.eq_ignore_ascii_case(pattern));
    start && !vendor.get(pattern.len()..).unwrap_or_default().starts_with(|c: char| c.is_alphanumeric())
}

/// `plug` in `smart plug`, not in `unplugged`.
fn holds(text: &str, pattern: &str) -> bool {
    // Where the pattern begins with a letter, a word must begin there.
    let inner = pattern.starts_with(|c: char| c.is_ascii_alphanumeric());
    text.match_indices(pattern).any(|(at, _)| !inner || !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric()))
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
fn series_is(makers: &[&str], models: &[&str], pattern: &str) -> bool {
    let Some((maker, start)) = pattern.split_once('/') else { return false };
    makers.iter().any(|vendor| maker_is(vendor, maker)) && models.iter().any(|model| holds(model, start))
}

/// `plug` of `plug2`.
fn unnumbered(word: &str) -> &str {
    word.trim_end_matches(|c: char| c.is_ascii_digit())
}

fn words(host: &str) -> impl Iterator<Item = &str> {
    host.split(|c: char| !c.is_alphanumeric())
}

#[cfg(test)]
mod tests;
