//! # The tables of rules, read
//!
//! Read once, at the first device. Rules stand by sort of sign, label and first letter: of thousands only those are looked at
//! that begin as something does which the device says.

use std::{ops::Range, sync::LazyLock};

use super::rules::{Part, Rule, Sign};
use crate::model::Kind;

/// All of them, one after the other.
pub static TEXT: &str = concat!(
    include_str!("services.tsv"),
    include_str!("names.tsv"),
    include_str!("makers.tsv"),
    include_str!("dhcp.tsv"),
    include_str!("labels.tsv"),
    include_str!("addresses.tsv"),
    include_str!("together.tsv"),
    include_str!("words.tsv"),
);

/// A line has so many and more.
const BYTES_OF_ONE: usize = 28;
/// Between parts that must be met together.
const AND: &str = " & ";

pub static RULES: LazyLock<Rules> = LazyLock::new(Rules::read);

/// Rules of one sort of sign, of one label or none, that look for something of the same first byte.
#[derive(Debug)]
pub struct Group {
    pub sign: Sign,
    pub key: Option<&'static str>,
    pub first: u8,
    hash: u16,
    rules: Range<u32>,
}

/// See the page above.
#[derive(Debug)]
pub struct Rules {
    all: Box<[Rule]>,
    groups: Box<[Group]>,
}

impl Rules {
    fn read() -> Rules {
        let (mut at, mut last, mut all) = (0, ("", Kind::Unknown), Vec::with_capacity(TEXT.len() / BYTES_OF_ONE));
        for end in memchr::memchr_iter(b'\n', TEXT.as_bytes()) {
            let rule = TEXT.get(at..end).and_then(|line| rule_of(at, line, &mut last));
            all.extend(rule.map(|rule| (order(&rule), rule)));
            at = end + 1;
        }
        all.sort_unstable_by_key(|(order, _)| *order);
        let all: Box<[Rule]> = all.into_iter().map(|(_, rule)| rule).collect();
        let group = |rule: &Rule| (rule.part.sign, rule.part.key(), rule.part.first);
        let (mut groups, mut from): (Vec<Group>, u32) = (Vec::new(), 0);
        for rules in all.chunk_by(|one, two| group(one) == group(two)) {
            let to = from + u32::try_from(rules.len()).unwrap_or_default();
            if let Some((sign, key, first)) = rules.first().map(group) {
                groups.push(Group { sign, key, first, hash: hash(key.unwrap_or_default()), rules: from..to });
            }
            from = to;
        }
        Rules { all, groups: groups.into_boxed_slice() }
    }

    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Those of one sign.
    pub fn of_sign(&self, sign: Sign) -> &[Group] {
        let (from, to) = (
            self.groups.partition_point(|group| group.sign < sign),
            self.groups.partition_point(|group| group.sign <= sign),
        );
        self.groups.get(from..to).unwrap_or_default()
    }

    /// Those of one label, or of all that tell of the product.
    pub fn of_label(&self, key: Option<&str>) -> impl Iterator<Item = &Group> {
        let (all, hash) = (self.of_sign(Sign::Label), hash(key.unwrap_or_default()));
        let from = all.partition_point(|group| group.hash < hash);
        let same = all.get(from..).unwrap_or_default().iter().take_while(move |group| group.hash == hash);
        same.filter(move |group| group.key == key)
    }

    pub fn of(&self, group: &Group) -> &[Rule] {
        self.all.get(group.rules.start as usize..group.rules.end as usize).unwrap_or_default()
    }
}

/// As a number, for thousands are sorted: by group, then as they stand in the table. Two labels may have the same here, and
/// then are several groups.
fn order(rule: &Rule) -> u64 {
    let key = u64::from(hash(rule.part.key().unwrap_or_default()));
    (rule.part.sign as u64) << 56 | key << 40 | u64::from(rule.part.first) << 32 | u64::from(rule.part.at)
}

/// Of the key of a label.
fn hash(key: &str) -> u16 {
    key.bytes().fold(0, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
}

/// The rule on `line`, which begins at `at`. `None` for a remark.
#[cfg(test)]
pub fn rule(at: usize, line: &'static str) -> Option<Rule> {
    rule_of(at, line, &mut ("", Kind::Unknown))
}

/// The same; `last` is the word and kind read last, which the next is mostly of.
fn rule_of(at: usize, line: &'static str, last: &mut (&'static str, Kind)) -> Option<Rule> {
    let (evidence, rest) = cut(line)?;
    let (text, rest) = cut(rest)?;
    let (kind, sure) = cut(rest)?;
    if last.0 != kind {
        *last = (kind, kind.parse().ok()?);
    }
    let at = at + evidence.len() + 1;
    let (part, together) = if evidence == "all" {
        // Read anew each time that the first part is met, which is seldom: only looked at here.
        parts(at, text).try_for_each(|part| part.map(drop))?;
        (parts(at, text).next()??, u8::try_from(text.len()).ok()?)
    } else {
        (part(evidence, at, text)?, 0)
    };
    Some(Rule { part, kind: last.1, sure: hundredths(sure)?, together })
}

fn cut(text: &'static str) -> Option<(&'static str, &'static str)> {
    let tab = memchr::memchr(b'\t', text.as_bytes())?;
    Some((text.get(..tab)?, text.get(tab + 1..)?))
}

/// `0.9` and `0.85`.
fn hundredths(text: &str) -> Option<u8> {
    let (tenths, rest) = match text.strip_prefix("0.")?.as_bytes() {
        [tenths] => (*tenths, b'0'),
        [tenths, rest] => (*tenths, *rest),
        _ => return None,
    };
    (tenths.is_ascii_digit() && rest.is_ascii_digit()).then(|| (tenths - b'0') * 10 + (rest - b'0'))
}

/// The parts of what must be met together: `vendor=Maker & class=udhcp`, at `at`.
pub fn parts(at: usize, text: &'static str) -> impl Iterator<Item = Option<Part>> {
    let mut next = at;
    text.split(AND).map(move |one| {
        let at = next;
        next += one.len() + AND.len();
        let (word, text) = one.split_once('=')?;
        part(word, at + word.len() + 1, text)
    })
}

fn part(evidence: &str, at: usize, text: &'static str) -> Option<Part> {
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
    let part = Part { sign, at: u32::try_from(at).ok()?, len: u8::try_from(text.len()).ok()?, skip, first: 0 };
    Some(Part { first: *part.looked_for().as_bytes().first()?, ..part })
}
