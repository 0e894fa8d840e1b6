//! What each sort of evidence is worth on makers that no rule knows: every device of the tables again, with the rules out of
//! use that are its own maker's, or that are met by devices of its maker alone.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::Arc,
};

use porchlight::{
    intel::parts,
    model::{DeviceView, Kind},
    presence::kinds::Evidence,
};

use super::{
    held_out::guess,
    homes::{ALL, Thing, said, things},
};

/// Of hundred devices, so told: at least right, at most wrong. Most can only be told by what is their maker's.
const RIGHT_LEAST: usize = 30;
const WRONG_MOST: usize = 8;

/// A rule, by its sort and its pattern.
type Rule = (String, String);

/// A device, whose it is, and the rules that it meets.
struct Told {
    kind: Kind,
    maker: String,
    view: Arc<DeviceView>,
    met: BTreeSet<Rule>,
}

fn named(evidence: &Evidence<'_>) -> Rule {
    (evidence.sort.to_owned(), evidence.pattern.to_owned())
}

/// The first word of the maker on the box, or of its name where nothing tells the maker.
fn maker(thing: &Thing, view: &DeviceView) -> String {
    let vendor = view.vendor.as_deref().filter(|vendor| parts::by(vendor).is_none());
    let text = thing.maker.or(vendor).or(thing.host).unwrap_or("-");
    text.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default().to_lowercase()
}

fn told(thing: &Thing, view: Arc<DeviceView>) -> Told {
    let met = RefCell::new(BTreeSet::new());
    let _ = guess(&view, false, |evidence| met.borrow_mut().insert(named(evidence)));
    Told { kind: thing.kind, maker: maker(thing, &view), met: met.into_inner(), view }
}

impl Told {
    /// Of a maker that no rule knows: those of the others, that `makers` of more than one maker's devices meet.
    fn is_own(&self, evidence: &Evidence<'_>, makers: &BTreeMap<Rule, BTreeSet<String>>) -> bool {
        let named = named(evidence);
        let is_named = self.maker.len() > 2 && named.1.to_lowercase().contains(&self.maker);
        evidence.maker.is_some() || is_named || makers.get(&named).is_none_or(|makers| makers.len() < 2)
    }
}

#[test]
fn makers_that_no_rule_knows_are_rarely_told_wrong() {
    let mut all = Vec::new();
    for table in ALL {
        let things = things(table);
        let views = said(&things);
        all.extend(things.iter().zip(views).map(|(thing, view)| told(thing, view)));
    }
    let mut makers: BTreeMap<Rule, BTreeSet<String>> = BTreeMap::new();
    for told in &all {
        for rule in &told.met {
            makers.entry(rule.clone()).or_default().insert(told.maker.clone());
        }
    }
    let (mut right, mut open, mut wrong) = (0, 0, Vec::new());
    let mut worth: BTreeMap<(String, u8), [usize; 2]> = BTreeMap::new();
    for told in &all {
        let guessed = guess(&told.view, false, |evidence| !told.is_own(evidence, &makers));
        match guessed.kind {
            kind if kind == told.kind => right += 1,
            Kind::Unknown | Kind::Iot => open += 1,
            kind => {
                wrong.push(format!("{} {} {kind} {:.2}: {}", told.maker, told.kind, guessed.confidence, guessed.why))
            }
        }
        for rule in &told.met {
            let alone =
                guess(&told.view, false, |evidence| named(evidence) == *rule && !told.is_own(evidence, &makers));
            let one = (alone.kind != Kind::Unknown).then_some((alone.kind, alone.confidence));
            let Some((kind, sure)) = one.or(alone.second.map(|second| (second.kind, second.confidence))) else {
                continue;
            };
            if kind == Kind::Iot {
                continue;
            }
            let counts = worth.entry((rule.0.clone(), (sure * 10.0) as u8)).or_default();
            counts[usize::from(kind != told.kind)] += 1;
        }
    }
    let mut page = String::from("| evidence | confidence | right | wrong |\n|---|---|---|---|\n");
    for ((sort, tenth), [right, wrong]) in worth {
        let _ = writeln!(page, "| {sort} | 0.{tenth} | {right} | {wrong} |");
    }
    eprintln!("{right} right, {open} open, {} wrong of {}\n{page}", wrong.len(), all.len());
    assert!(right * 100 >= all.len() * RIGHT_LEAST && wrong.len() * 100 <= all.len() * WRONG_MOST, "{wrong:#?}");
}
