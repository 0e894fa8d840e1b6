//! # One rule, and whether it is met
//!
//! Rules are lines of the tables beside this file: evidence, pattern, kind, confidence. A line of evidence `all` has
//! several parts that must all be met (`vendor=Maker & class=udhcp`); it counts as what it says of the maker.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use crate::model::Kind;

use super::{
    Evidence, Signs,
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
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    pub sign: Sign,
    /// As the table has it.
    text: &'static str,
    /// Where the pattern begins in it: after the key of a label.
    skip: u8,
    /// What the text must hold that it is held against: the first byte of what is looked for there.
    first: u8,
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

#[derive(Debug)]
pub struct Rule {
    /// The first, or the only one.
    pub part: Part,
    all: Option<Box<All>>,
    pub kind: Kind,
    pub confidence: f32,
}

/// What must be met together.
#[derive(Debug)]
struct All {
    text: &'static str,
    besides: Vec<Part>,
}

pub const TABLES: &[&str] = &[
    include_str!("services.tsv"),
    include_str!("names.tsv"),
    include_str!("makers.tsv"),
    include_str!("dhcp.tsv"),
    include_str!("labels.tsv"),
    include_str!("addresses.tsv"),
    include_str!("together.tsv"),
    include_str!("words.tsv"),
];

pub static RULES: LazyLock<Box<[Rule]>> =
    LazyLock::new(|| TABLES.iter().flat_map(|table| table.lines()).filter_map(rule).collect());

/// What a label alone can meet: by its key, and, under none, what is held against all that tell of the product.
static OF_LABELS: LazyLock<BTreeMap<Option<&str>, Vec<&Rule>>> = LazyLock::new(|| {
    let mut all: BTreeMap<Option<&str>, Vec<&Rule>> = BTreeMap::new();
    let alone = |rule: &&Rule| rule.besides().is_empty() && matches!(rule.part.sign, Sign::Label | Sign::Series);
    RULES.iter().filter(alone).for_each(|rule| all.entry(rule.part.key()).or_default().push(rule));
    all
});

pub fn rule(line: &'static str) -> Option<Rule> {
    let mut columns = line.split('\t');
    let (evidence, text) = (columns.next()?, columns.next()?);
    let (kind, confidence) = (columns.next()?.parse().ok()?, columns.next()?.parse().ok()?);
    let (part, all) = if evidence == "all" {
        let mut parts = text.split(" & ").map(|text| text.split_once('=').and_then(|(word, text)| part(word, text)));
        let part = parts.next()??;
        (part, Some(Box::new(All { text, besides: parts.collect::<Option<Vec<_>>>()? })))
    } else {
        (part(evidence, text)?, None)
    };
    Some(Rule { part, all, kind, confidence })
}

fn part(evidence: &str, text: &'static str) -> Option<Part> {
    let sign = match evidence {
        "service" => Sign::Service,
        "host" => Sign::Host,
        "word" => Sign::Word,
        "series" => Sign::Series,
        "vendor" => Sign::Vendor,
        "mac" => Sign::Mac,
        "trade" => Sign::Trade,
        "class" => Sign::Class,
        "classword" => Sign::ClassWord,
        "ending" => Sign::Ending,
        "asked" => Sign::Asked,
        "label" => Sign::Label,
        _ => return None,
    };
    let key = text.split_once('=').filter(|_| sign == Sign::Label).map(|(key, _)| key);
    let skip = u8::try_from(key.map_or(0, |key| key.len() + 1)).ok()?;
    let mut part = Part { sign, text, skip, first: 0 };
    let looked_for = match sign {
        Sign::Service => bare(part.pattern()),
        Sign::Series => part.pattern().split_once('/').map_or("", |(_, start)| start),
        _ => part.pattern(),
    };
    part.first = *looked_for.as_bytes().first()?;
    Some(part)
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
        self.text.get(usize::from(self.skip)..).unwrap_or_default()
    }

    /// Of a label: the only one that is looked at.
    pub fn key(&self) -> Option<&'static str> {
        self.text.get(..usize::from(self.skip.checked_sub(1)?))
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
    fn text(&self) -> &'static str {
        self.all.as_ref().map_or(self.part.text, |all| all.text)
    }

    /// What must be met besides.
    pub fn besides(&self) -> &[Part] {
        self.all.as_ref().map_or(&[], |all| &all.besides)
    }

    /// For people.
    pub fn words(&self) -> String {
        std::iter::once(&self.part).chain(self.besides()).map(Part::words).collect::<Vec<_>>().join(" and ")
    }

    pub fn evidence(&self) -> Evidence<'static> {
        Evidence { sort: self.part.sign.name(), pattern: self.text(), maker: self.part.maker() }
    }

    /// Of which sort it is a witness. What several parts say together is not said by each again; class and options are both
    /// those of the program that asks for an address.
    pub const fn sort(&self) -> Sign {
        match self.part.sign {
            _ if self.all.is_some() => Sign::Together,
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
    let (of_key, of_products) = (OF_LABELS.get(&Some(key)), OF_LABELS.get(&None).filter(|_| is_product(key)));
    if of_key.is_none() && of_products.is_none() {
        return Vec::new();
    }
    let value = value.to_lowercase();
    let bytes = Bytes::of(std::iter::once(value.as_str()));
    let is_met = |part: &Part| {
        let start = match part.sign {
            Sign::Series => part.pattern().split_once('/').map_or("", |(_, start)| start),
            _ => part.pattern(),
        };
        bytes.has(part.first) && holds(&value, start)
    };
    let rules = of_key.into_iter().chain(of_products).flatten();
    let hits: Vec<&Rule> = rules.copied().filter(|rule| is_met(&rule.part)).collect();
    let mut said: Vec<_> = hits
        .iter()
        .filter(|rule| !hits.iter().any(|other| rule.is_outdone_by(other)))
        .map(|rule| ((rule.confidence * 100.0) as u16, rule.kind, rule.text()))
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

    pub fn is_hit(&self, rule: &Rule) -> bool {
        self.has(rule.part.sign) && self.is_met(&rule.part) && rule.besides().iter().all(|part| self.is_met(part))
    }

    fn is_met(&self, part: &Part) -> bool {
        let pattern = part.pattern();
        let bytes = match part.sign {
            Sign::Service => Some(&self.offered),
            Sign::Host | Sign::Word => Some(&self.starts),
            Sign::Series => Some(&self.told),
            Sign::Label => Some(&self.said),
            Sign::Vendor => Some(&self.vendor),
            _ => None,
        };
        if bytes.is_some_and(|bytes| !bytes.has(part.first)) {
            return false;
        }
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
