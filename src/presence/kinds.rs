//! # What sort of thing a device is
//!
//! Rules are data (`kinds/*.tsv`): evidence, pattern, kind, confidence. Of each sort of evidence the best counts,
//! agreeing sorts add up, the best kind wins, and `unknown` is an answer: a kind below the bar, or one that another
//! of a wholly different sort equals, is not said. `docs/kinds.md` tells the whole of it.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use crate::{
    intel::{
        clouds::{self, Cloud},
        parts,
        ports::{Talk, Way},
    },
    model::{Kind, MacAddr, ServiceView},
};

mod rules;
mod table;
mod tally;
mod text;

use rules::{Looked, Rule, Sign};
use tally::{OwnWords, Tally, is_narrower};
use text::maker_is;
pub use text::places;

/// Below this it is not said.
pub const SAID_FROM: f32 = 0.55;
/// `iot` says little and is said of many: only of what is surely a thing of one purpose, and of none known.
const IOT_FROM: f32 = 0.8;
/// Two kinds of different groups so near to each other: neither is said.
const TIE: f32 = 0.03;
/// A default gateway, or a device that advertises routes.
const ROUTES: f32 = 0.9;
/// Words of names that are so much less sure than the surest say nothing beside it.
const NAME_MARGIN: f32 = 0.1;
/// It runs this program: some computer, if nothing says better which.
const OWN: f32 = 0.6;
/// What a maker's service says of devices that may only have its app.
const APP_OF_RANDOM: f32 = 0.5;
const APP_OF_OTHERS: f32 = 0.6;
/// Everything a kind is worked out from.
pub struct Signs<'a> {
    pub macs: Vec<MacAddr>,
    pub vendor: Option<&'a str>,
    pub hosts: Vec<&'a str>,
    pub class: Option<&'a str>,
    pub asked: &'a [u8],
    pub services: &'a BTreeSet<ServiceView>,
    pub labels: &'a BTreeMap<String, String>,
    pub routes: bool,
    /// The machine that this program runs on.
    pub own: bool,
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

/// One rule, for who measures what is told without it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence<'a> {
    /// `service`, `vendor`, `label`, `port`, `asks` and so on.
    pub sort: &'static str,
    /// What it looks for, as its table has it.
    pub pattern: &'a str,
    /// Of whose machines only it is true.
    pub maker: Option<&'a str>,
}

/// The best kind for `signs`.
#[must_use]
pub fn guess(signs: &Signs<'_>) -> Guess {
    guess_by(signs, |_| true)
}

/// The best kind by those rules that `counts` lets count.
#[must_use]
pub fn guess_by(signs: &Signs<'_>, counts: impl Fn(&Evidence<'_>) -> bool) -> Guess {
    let mut tally = Tally::default();
    if signs.routes {
        tally.take(Kind::Router, Sign::Routes, ROUTES, || "it is the way out of the network".into());
    }
    if signs.own {
        tally.take(Kind::Computer, Sign::Own, OWN, || "this program runs on it".into());
    }
    by_rules(signs, &counts, &mut tally);
    by_ports(signs, &counts, &mut tally);
    let asks = |key: &str| signs.labels.get(key).and_then(|name| clouds::known(name));
    let is_counted = |cloud: &&Cloud| counts(&Evidence { sort: "asks", pattern: cloud.what, maker: cloud.maker });
    let cloud = asks("asks_as_system").or_else(|| asks("asks")).filter(is_counted);
    if let Some(Cloud { what, kind: Some(kind), confidence, maker }) = cloud {
        // That it is a machine of its maker is no second witness: it may be whatever else its maker makes. Of a maker of
        // things of one purpose it is one of those.
        let is_makers = maker.is_some_and(|maker| signs.vendor.is_some_and(|vendor| is_same(vendor, maker)));
        let is_own = is_makers && *kind != Kind::Iot;
        let sign = if is_own { Sign::Vendor } else { Sign::Asks };
        tally.take(*kind, sign, confidence * weight(signs, *maker), || format!("asks the Internet for {what}"));
    }
    let own = tally.own_words();
    choose(tally.ranked(), own)
}

/// What a thing is for good: it has no other model tomorrow, only another program that words it otherwise.
#[must_use]
pub fn is_lasting(key: &str) -> bool {
    matches!(
        key,
        "model" | "maker" | "manufacturer" | "product" | "model_number" | "upnp_type" | "upnp_model" | "wsd_model"
    )
}

/// How the label `key` speaks with the value `new` in place of `old`: greater, it says more. Whose machine it is does not
/// count, so the order in which values come does not either.
#[must_use]
pub fn tells_more(key: &str, new: &str, old: &str) -> Ordering {
    rules::says(key, new).cmp(&rules::says(key, old))
}

/// How much it counts that it asks for the services of `maker`. What somebody else made has that maker's app, and so
/// has what draws its own addresses: machines of one purpose keep theirs.
fn weight(signs: &Signs<'_>, maker: Option<&str>) -> f32 {
    let is_others = |vendor: &str| parts::by(vendor).is_none() && maker.is_some_and(|maker| !is_same(vendor, maker));
    if signs.random {
        APP_OF_RANDOM
    } else if signs.vendor.is_some_and(is_others) {
        APP_OF_OTHERS
    } else {
        1.0
    }
}

fn is_same(vendor: &str, maker: &str) -> bool {
    maker_is(vendor, maker) || maker_is(maker, vendor)
}

/// The surest that may be said, and the next.
fn choose(mut ranked: Vec<Second>, own: OwnWords) -> Guess {
    let is_said = |guess: &Second| guess.confidence >= if guess.kind == Kind::Iot { IOT_FROM } else { SAID_FROM };
    // Every camera is a thing of one purpose: who says the latter does not speak against the former.
    let best = ranked.iter().position(|guess| guess.kind != Kind::Iot && is_said(guess));
    let Some(best) = best.or_else(|| ranked.iter().position(is_said)) else {
        return Guess { second: ranked.into_iter().next(), ..Guess::default() };
    };
    let wide = ranked.get(best).map_or(Kind::Unknown, |guess| guess.kind);
    let best = ranked.iter().position(|guess| is_narrower(guess, wide, own)).unwrap_or(best);
    let best = ranked.remove(best);
    // The wide kind is no rival of the narrow one.
    let is_other = |other: &&Second| other.kind != Kind::Iot && other.kind != wide;
    let rival = ranked.iter().filter(is_other).find(|other| other.confidence + TIE > best.confidence);
    if rival.is_some_and(|rival| rival.kind.group() != best.kind.group()) {
        return Guess { second: Some(best), ..Guess::default() };
    }
    Guess { kind: best.kind, confidence: best.confidence, why: best.why, second: ranked.into_iter().next() }
}

fn by_rules(signs: &Signs<'_>, counts: impl Fn(&Evidence<'_>) -> bool, tally: &mut Tally) {
    let looked = Looked::at(signs);
    let mut hits = looked.hits();
    hits.retain(|rule| counts(&rule.evidence()));
    // The maker's name in the machine's is no second witness besides the maker.
    let names_maker = |rule: &Rule| signs.vendor.is_some_and(|vendor| rule.names(vendor));
    let sorted = |rule: &Rule| if names_maker(rule) { Sign::Vendor } else { rule.sort() };
    let said: Vec<(&Rule, Sign)> = hits
        .iter()
        .filter(|rule| !hits.iter().any(|other| rule.is_outdone_by(other)))
        .map(|rule| (*rule, sorted(rule)))
        .collect();
    // Of the words of its names the surest count: `august-doorbell` is no lock, though August makes locks.
    let words = said.iter().filter(|(_, sort)| *sort == Sign::Host).map(|(rule, _)| rule.confidence());
    let surest = words.fold(0.0, f32::max);
    for (rule, sort) in said {
        if sort != Sign::Host || rule.confidence() + NAME_MARGIN >= surest {
            tally.take(rule.kind, sort, rule.confidence(), || rule.words());
        }
    }
}

/// A port that is open and one that is spoken from are one sign, and one with the name of the service there.
fn by_ports(signs: &Signs<'_>, counts: impl Fn(&Evidence<'_>) -> bool, tally: &mut Tally) {
    let heard = signs.labels.get("speaks").map_or("", String::as_str).split(' ').filter_map(|talk| talk.parse().ok());
    let open = signs.services.iter().map(|service| Talk { way: Way::From, tcp: service.tcp, port: service.port });
    let talks: BTreeSet<Talk> = heard.chain(open).collect();
    for talk in talks {
        let is_so = |maker: &str| signs.vendor.is_some_and(|vendor| maker_is(vendor, maker));
        // What is true of one maker's machines is truer than what is true of all.
        let special = talk.says().iter().filter(|said| said.maker.is_some_and(is_so));
        let general = talk.says().iter().filter(|said| said.maker.is_none());
        let port = talk.to_string();
        for said in special.chain(general) {
            if !counts(&Evidence { sort: "port", pattern: &port, maker: said.maker }) {
                continue;
            }
            let why = || format!("speaks {} ({})", said.what, port.replace(':', " "));
            tally.take(said.kind, Sign::Service, said.confidence, why);
        }
    }
}

#[cfg(test)]
mod tests;
