//! # One rule, and whether it is met
//!
//! Rules are lines of the tables beside this file: evidence, pattern, kind, confidence. A line of evidence `all` has
//! several parts that must all be met (`vendor=Maker & class=udhcp`); it counts as what it says of the maker.

use std::collections::BTreeSet;

use crate::model::Kind;

use super::{
    Evidence, Signs,
    table::{Group, RULES, TEXT, parts},
    text::{bare, has_words, holds, humps, maker_is, pieces, unnumbered, words},
};

/// Labels of programs, people and services, not of the product: looked at only by rules that name them.
const NO_PRODUCT: &[&str] = &[
    "asks",
    "asks_as_system",
    "speaks",
    "accepts",
    "vlan",
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
    // By air or by cable is no product either.
    "link",
];

/// Between the name of a printer and that of the computer that shares it (CUPS, macOS).
const SHARED: &str = " @ ";
/// What is then another's.
const PRINTING: &[&str] = &["ipp", "ipps", "printer", "pdl-datastream"];
/// Shorter texts are no name of a maker, and no words within a word.
const NAME_MIN: usize = 3;
/// How rules name an address that the device drew itself.
const RANDOM: &str = "random";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    Service,
    Host,
    Word,
    /// What a longer word ends in.
    Ending,
    Series,
    Vendor,
    /// A word of the maker's name.
    Trade,
    Mac,
    Class,
    /// A word of the class.
    ClassWord,
    Asked,
    /// What several signs say together.
    Together,
    Label,
    Asks,
    Routes,
    Own,
}

/// One thing that is looked for. There are thousands: it is kept small.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    pub sign: Sign,
    /// Where its text stands in the table: rules come in this order.
    pub at: u32,
    pub len: u8,
    /// Where the pattern begins in it: after the key of a label.
    pub skip: u8,
    /// What the text must hold that it is held against: the first byte of what is looked for there.
    pub first: u8,
}

/// Which bytes there are: nearly all rules fail at their first letter.
#[derive(Debug, Clone, Copy, Default)]
struct Bytes([u64; 4]);

impl Bytes {
    fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Bytes {
        let mut bytes = Bytes::default();
        texts.flat_map(str::bytes).for_each(|byte| bytes.add(byte));
        bytes
    }
    const fn add(&mut self, byte: u8) {
        self.0[(byte >> 6) as usize] |= 1 << (byte & 63);
    }
    const fn has(&self, byte: u8) -> bool {
        self.0[(byte >> 6) as usize] >> (byte & 63) & 1 != 0
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The first, or the only one.
    pub part: Part,
    pub kind: Kind,
    /// In hundredths.
    pub sure: u8,
    /// Bytes of the text of all parts that must be met together; 0 if it is one alone.
    pub together: u8,
}

impl Sign {
    const fn name(self) -> &'static str {
        match self {
            Sign::Service => "service",
            Sign::Host => "host",
            Sign::Word => "word",
            Sign::Series => "series",
            Sign::Vendor => "vendor",
            Sign::Mac => "mac",
            Sign::Trade => "trade",
            Sign::Class => "class",
            Sign::ClassWord => "classword",
            Sign::Ending => "ending",
            Sign::Together => "together",
            Sign::Asked => "asked",
            Sign::Label => "label",
            Sign::Asks => "asks",
            Sign::Routes => "routes",
            Sign::Own => "own",
        }
    }
}

impl Part {
    pub fn pattern(&self) -> &'static str {
        let at = self.at as usize;
        TEXT.get(at + usize::from(self.skip)..at + usize::from(self.len)).unwrap_or_default()
    }

    /// Of a label: the only one that is looked at.
    pub fn key(&self) -> Option<&'static str> {
        let (at, skip) = (self.at as usize, usize::from(self.skip.checked_sub(1)?));
        TEXT.get(at..at + skip)
    }

    /// Of the pattern what a text of the device must hold.
    pub fn looked_for(&self) -> &'static str {
        match self.sign {
            Sign::Service => bare(self.pattern()),
            Sign::Series => self.pattern().split_once('/').map_or("", |(_, start)| start),
            _ => self.pattern(),
        }
    }

    /// `it is named tv`, `made by Brother`: how a person would say it.
    fn words(&self) -> String {
        let pattern = self.pattern();
        match (self.sign, self.key()) {
            (Sign::Service, _) => format!("offers {pattern}"),
            (Sign::Host | Sign::Word, _) => format!("its name has {:?}", pattern.trim_matches(['-', '_'])),
            (Sign::Series, _) => {
                let (maker, model) = pattern.split_once('/').unwrap_or(("", pattern));
                format!("a model {:?} of {maker}", model.trim_matches(['-', '_']))
            }
            (Sign::Vendor, _) => format!("made by {pattern}"),
            (Sign::Mac, _) => format!("an address that begins {}", pattern.trim_end_matches(':')),
            (Sign::Class, _) => format!("its DHCP class is {pattern:?}"),
            (Sign::ClassWord, _) => format!("its DHCP class has {pattern:?}"),
            (Sign::Trade, _) => format!("its maker is called {:?}", pattern.trim_end_matches('*')),
            (Sign::Ending, _) => format!("its name ends in {pattern:?}"),
            (Sign::Asked, _) => "the DHCP options it asks for".to_owned(),
            (Sign::Label, Some("link")) => format!("joins by {pattern}"),
            (Sign::Label, Some(key)) => format!("its {} has {pattern:?}", key.replace('_', " ")),
            (Sign::Label | Sign::Together | Sign::Asks | Sign::Routes | Sign::Own, _) => {
                format!("it says {pattern:?} of itself")
            }
        }
    }

    fn maker(&self) -> Option<&'static str> {
        match self.sign {
            Sign::Vendor => Some(self.pattern()),
            Sign::Series => self.pattern().split_once('/').map(|(maker, _)| maker),
            _ => None,
        }
    }
}

impl Rule {
    pub fn confidence(&self) -> f32 {
        f32::from(self.sure) / 100.0
    }

    /// As the table has it.
    fn text(&self) -> &'static str {
        let at = self.part.at as usize;
        let text = if self.together == 0 {
            TEXT.get(at..at + usize::from(self.part.len))
        } else {
            // Of several parts each begins with its word.
            at.checked_sub(self.part.sign.name().len() + 1).and_then(|at| TEXT.get(at..at + usize::from(self.together)))
        };
        text.unwrap_or_default()
    }

    /// What must be met besides.
    pub fn besides(&self) -> impl Iterator<Item = Part> {
        let text = if self.together == 0 { "" } else { self.text() };
        let at = self.part.at as usize - if text.is_empty() { 0 } else { self.part.sign.name().len() + 1 };
        parts(at, text).skip(1).flatten()
    }

    /// For people.
    pub fn words(&self) -> String {
        std::iter::once(self.part).chain(self.besides()).map(|part| part.words()).collect::<Vec<_>>().join(" and ")
    }

    pub fn evidence(&self) -> Evidence<'static> {
        Evidence { sort: self.part.sign.name(), pattern: self.text(), maker: self.part.maker() }
    }

    /// Of which sort it is a witness. What several parts say together is not said by each again; class and options are both
    /// those of the program that asks for an address.
    pub const fn sort(&self) -> Sign {
        match self.part.sign {
            _ if self.together > 0 => Sign::Together,
            Sign::Word | Sign::Ending => Sign::Host,
            Sign::Trade => Sign::Vendor,
            Sign::ClassWord | Sign::Asked => Sign::Class,
            sign => sign,
        }
    }

    /// Its pattern is the name of the maker: `miele` in the name of a machine of Miele says again who made it.
    pub fn names(&self, vendor: &str) -> bool {
        let name = self.part.pattern().trim_matches(['-', '_', ' ']);
        let is_text = matches!(self.part.sign, Sign::Host | Sign::Word | Sign::Label);
        let may_name = matches!(self.part.key(), None | Some("model" | "manufacturer" | "upnp_software"));
        let start = vendor.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        is_text && may_name && name.len() >= NAME_MIN && start
    }

    /// `galaxy-tab` says all that `galaxy-` says, and better; `chromecast audio` all that `chromecast` says.
    pub fn is_outdone_by(&self, other: &Rule) -> bool {
        let (one, two) = (&self.part, &other.part);
        two.sign == one.sign
            && two.key() == one.key()
            && two.pattern().len() > one.pattern().len()
            && match one.sign {
                Sign::Host | Sign::Series | Sign::Mac | Sign::Vendor => two.pattern().starts_with(one.pattern()),
                Sign::Ending => two.pattern().ends_with(one.pattern()),
                Sign::Label => holds(two.pattern(), one.pattern()),
                _ => false,
            }
    }
}

/// What rules make of a label alone, the surest first. Series count whoever the maker is: that may come later.
pub fn says(key: &str, value: &str) -> Vec<(u16, Kind, &'static str)> {
    let is_product = is_product(key);
    if !is_product && RULES.of_label(Some(key)).next().is_none() {
        return Vec::new();
    }
    let of_products = is_product.then(|| RULES.of_label(None).chain(RULES.of_sign(Sign::Series)));
    let groups = RULES.of_label(Some(key)).chain(of_products.into_iter().flatten());
    let value = value.to_lowercase();
    let bytes = Bytes::of(std::iter::once(value.as_str()));
    let alone = groups.filter(|group| bytes.has(group.first)).flat_map(|group| RULES.of(group));
    let is_met = |rule: &&Rule| rule.together == 0 && holds(&value, rule.part.looked_for());
    let hits: Vec<&Rule> = alone.filter(is_met).collect();
    let mut said: Vec<_> = hits
        .iter()
        .filter(|rule| !hits.iter().any(|other| rule.is_outdone_by(other)))
        .map(|rule| ((rule.confidence() * 100.0) as u16, rule.kind, rule.text()))
        .collect();
    said.sort_unstable_by(|a, b| b.cmp(a));
    said
}

/// The signs of a device, made ready to be held against rules.
pub struct Looked<'a> {
    signs: &'a Signs<'a>,
    asked: String,
    macs: Vec<String>,
    hosts: Vec<String>,
    /// Of all its names, with their numbers and without: there are many rules about words.
    words: BTreeSet<String>,
    labels: Vec<(&'a str, String)>,
    /// What labels say of the product, and the program that its maker names after it.
    products: Vec<String>,
    software: Option<String>,
    /// Words of the DHCP class and of the maker's name.
    class_words: BTreeSet<String>,
    trades: Vec<String>,
    services: BTreeSet<String>,
    makers: Vec<&'a str>,
    /// What names and their words begin with; what is anywhere in labels; in names and labels of the product; what
    /// services begin with; what the vendor's name begins with.
    starts: Bytes,
    said: Bytes,
    told: Bytes,
    offered: Bytes,
    vendor: Bytes,
}

impl<'a> Looked<'a> {
    pub fn at(signs: &'a Signs<'a>) -> Self {
        let friendly = signs.labels.get("friendly_name").map(String::as_str);
        let shares = signs.hosts.iter().any(|host| host.contains(SHARED));
        let own = || signs.hosts.iter().copied().filter(|host| !host.contains(SHARED)).chain(friendly);
        let announced = ["maker", "manufacturer"].iter().filter_map(|key| signs.labels.get(*key).map(String::as_str));
        let hosts: Vec<String> = own().map(|host| host.to_lowercase().replace([' ', '\''], "-")).collect();
        let humps = own().flat_map(humps).filter(|word| word.len() >= NAME_MIN);
        let humps = humps.map(str::to_lowercase);
        let humps: Vec<String> = humps.collect();
        let class = signs.class.unwrap_or_default();
        let class_words = words(class).flat_map(|word| std::iter::once(word).chain(pieces(word)));
        let class_words = class_words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
        let trades = words(signs.vendor.unwrap_or_default()).map(str::to_lowercase).collect();
        let words = hosts.iter().map(String::as_str).flat_map(words).chain(humps.iter().map(String::as_str));
        let words = words.flat_map(|word| [word, unnumbered(word)]);
        let words: BTreeSet<String> = words.filter(|word| !word.is_empty()).map(str::to_owned).collect();
        let labels: Vec<(&str, String)> =
            signs.labels.iter().map(|(key, value)| (key.as_str(), value.to_lowercase())).collect();
        let products: Vec<String> =
            labels.iter().filter(|(key, _)| is_product(key)).map(|(_, value)| value.clone()).collect();
        let services = signs.services.iter().map(|service| bare(&service.name).to_ascii_lowercase());
        let services: BTreeSet<String> =
            services.filter(|name| !shares || !PRINTING.contains(&name.as_str())).collect();
        let software = signs.labels.get("upnp_software").map(|text| text.to_lowercase());
        let mut starts = Bytes::default();
        // Of a word within a name, behind a hyphen, too.
        let begun = hosts.iter().flat_map(|host| host.split_inclusive('-')).chain(words.iter().map(String::as_str));
        begun.filter_map(|text| text.as_bytes().first()).for_each(|byte| starts.add(*byte));
        let mut offered = Bytes::default();
        services.iter().filter_map(|name| name.as_bytes().first()).for_each(|byte| offered.add(*byte));
        let mut vendor = Bytes::default();
        if let Some(first) = signs.vendor.and_then(|vendor| vendor.as_bytes().first()) {
            vendor.add(first.to_ascii_lowercase());
            vendor.add(first.to_ascii_uppercase());
        }
        Looked {
            starts,
            said: Bytes::of(labels.iter().map(|(_, value)| value.as_str())),
            told: Bytes::of(hosts.iter().chain(&products).chain(&software).map(String::as_str)),
            software,
            class_words,
            trades,
            offered,
            vendor,
            words,
            asked: signs.asked.iter().map(u8::to_string).collect::<Vec<_>>().join(","),
            macs: signs.macs.iter().map(ToString::to_string).chain(signs.random.then(|| RANDOM.to_owned())).collect(),
            hosts,
            labels,
            products,
            services,
            makers: signs.vendor.into_iter().chain(announced).collect(),
            signs,
        }
    }

    /// There is something that a rule of this sort could be met by. Most devices say little, and rules are many.
    fn has(&self, sign: Sign) -> bool {
        match sign {
            Sign::Service => !self.services.is_empty(),
            Sign::Host | Sign::Word | Sign::Ending => !self.hosts.is_empty(),
            Sign::Series => {
                let is_named = !self.hosts.is_empty() || !self.products.is_empty() || self.software.is_some();
                !self.makers.is_empty() && is_named
            }
            Sign::Vendor | Sign::Trade => self.signs.vendor.is_some(),
            Sign::Mac => !self.macs.is_empty(),
            Sign::Class | Sign::ClassWord => self.signs.class.is_some(),
            Sign::Asked => !self.asked.is_empty(),
            Sign::Label => !self.labels.is_empty(),
            // These are no rules.
            Sign::Together | Sign::Asks | Sign::Routes | Sign::Own => false,
        }
    }

    /// The rules that are met, in the order of the tables.
    pub fn hits(&self) -> Vec<&'static Rule> {
        let may_be = |group: &&Group| {
            let is_said = |key| self.labels.iter().any(|(held, _)| *held == key);
            self.has(group.sign) && self.begins(group.sign, group.first) && group.key.is_none_or(is_said)
        };
        let is_hit = |rule: &&Rule| self.is_met(&rule.part) && rule.besides().all(|part| self.is_met(&part));
        let groups = RULES.groups().iter().filter(may_be);
        let mut hits: Vec<&Rule> = groups.flat_map(|group| RULES.of(group)).filter(is_hit).collect();
        hits.sort_unstable_by_key(|rule| rule.part.at);
        hits
    }

    /// Something that a rule of this sort is held against has this byte where its pattern begins.
    fn begins(&self, sign: Sign, first: u8) -> bool {
        let bytes = match sign {
            Sign::Service => &self.offered,
            Sign::Host | Sign::Word => &self.starts,
            Sign::Series => &self.told,
            Sign::Label => &self.said,
            Sign::Vendor => &self.vendor,
            _ => return true,
        };
        bytes.has(first)
    }

    fn is_met(&self, part: &Part) -> bool {
        let pattern = part.pattern();
        match part.sign {
            Sign::Service => self.services.contains(bare(pattern)),
            Sign::Host => self.named(pattern),
            Sign::Word => self.words.contains(pattern),
            Sign::Series => {
                let hosts = self.hosts.iter().map(String::as_str);
                let texts = hosts.chain(self.products.iter().chain(&self.software).map(String::as_str));
                series_is(&self.makers, texts, pattern)
            }
            Sign::Vendor => self.signs.vendor.is_some_and(|vendor| maker_is(vendor, pattern)),
            Sign::Mac => self.macs.iter().any(|mac| mac.starts_with(pattern)),
            Sign::Class => self.signs.class.is_some_and(|class| class.starts_with(pattern)),
            Sign::ClassWord => self.class_words.contains(pattern),
            Sign::Trade => match pattern.strip_suffix('*') {
                Some(start) => self.trades.iter().any(|word| word.starts_with(start)),
                None => self.trades.iter().any(|word| word == pattern),
            },
            Sign::Ending => self.words.iter().any(|word| word.len() > pattern.len() + 1 && word.ends_with(pattern)),
            Sign::Asked => self.asked == pattern,
            Sign::Label => match part.key() {
                Some(key) => self.labels.iter().any(|(held, value)| *held == key && holds(value, pattern)),
                None => self.products.iter().any(|value| holds(value, pattern)),
            },
            // These are no rules.
            Sign::Together | Sign::Asks | Sign::Routes | Sign::Own => false,
        }
    }

    /// `iphone` at the start, or as a word of its own: `annas-iphone`.
    fn named(&self, pattern: &str) -> bool {
        let is_long = pattern.len() >= 4;
        (is_long && self.words.contains(pattern))
            || self.hosts.iter().any(|host| host.starts_with(pattern) || (is_long && has_words(host, pattern)))
    }
}

fn is_product(key: &str) -> bool {
    let of_switch = ["lldp_", "cdp_", "dhcp"].iter().any(|start| key.starts_with(start));
    !NO_PRODUCT.contains(&key) && !of_switch && !key.ends_with("_id")
}

/// `D-Link/dcs-`: a word that begins so in a name or model, on a device of that maker.
fn series_is<'a>(makers: &[&str], mut models: impl Iterator<Item = &'a str>, pattern: &str) -> bool {
    let Some((maker, start)) = pattern.split_once('/') else { return false };
    makers.iter().any(|vendor| maker_is(vendor, maker)) && models.any(|model| holds(model, start))
}
