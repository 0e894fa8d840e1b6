//! # What a device asks for
//!
//! Names of the Internet that makers' machines ask for, and what they give away (`clouds.tsv`).
//! Only what stands in this list is ever kept: nobody's browsing is.

use std::{borrow::Cow, sync::LazyLock};

use crate::model::{Kind, hash_of};

/// One row of the list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cloud {
    /// A domain with everything below it.
    pub what: &'static str,
    pub maker: Option<&'static str>,
    /// What asks for it, as a rule, and how sure that is.
    pub kind: Option<Kind>,
    pub confidence: f32,
}

static CLOUDS: LazyLock<Clouds> = LazyLock::new(Clouds::read);
// Labels of a name looked at from its end; the longest entry has five.
const LABELS_MAX: usize = 8;
/// Some ten for each row: one in ten of the names that are not there is looked for all the same.
const BITS: usize = 8192;

/// In order, and which hashes of entries there are: most names are none, and are asked for with each connection.
struct Clouds {
    rows: Vec<Cloud>,
    bits: [u64; BITS / 64],
}

impl Clouds {
    fn read() -> Clouds {
        let mut rows: Vec<Cloud> = include_str!("clouds.tsv").lines().filter_map(row).collect();
        rows.sort_by_key(|cloud| cloud.what);
        let mut bits = [0; BITS / 64];
        for cloud in &rows {
            let (word, bit) = place(cloud.what);
            if let Some(word) = bits.get_mut(word) {
                *word |= bit;
            }
        }
        Clouds { rows, bits }
    }

    fn get(&self, what: &str) -> Option<&Cloud> {
        let (word, bit) = place(what);
        self.bits.get(word).filter(|word| *word & bit != 0)?;
        self.rows.get(self.rows.binary_search_by_key(&what, |cloud| cloud.what).ok()?)
    }
}

fn place(what: &str) -> (usize, u64) {
    let hash = hash_of(what.as_bytes());
    (hash as usize / 64 % (BITS / 64), 1 << (hash & 63))
}

fn row(line: &'static str) -> Option<Cloud> {
    let mut columns = line.split('\t');
    let what = columns.next().filter(|what| !what.starts_with('#') && !what.is_empty())?;
    let maker = columns.next().filter(|maker| *maker != "-");
    let kind = columns.next().and_then(|kind| kind.parse().ok());
    Some(Cloud { what, maker, kind, confidence: columns.next()?.parse().ok()? })
}

/// The most special entry that `name` is or lies below. Any case, with or without the last dot.
#[must_use]
pub fn known(name: &str) -> Option<&'static Cloud> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_small = !name.bytes().any(|byte| byte.is_ascii_uppercase());
    let name = if is_small { Cow::Borrowed(name) } else { Cow::Owned(name.to_ascii_lowercase()) };
    let mut rest = name.as_ref();
    let dots = rest.bytes().filter(|byte| *byte == b'.').count();
    for _ in LABELS_MAX..=dots {
        rest = rest.split_once('.')?.1;
    }
    loop {
        if let Some(cloud) = CLOUDS.get(rest) {
            return Some(cloud);
        }
        rest = rest.split_once('.')?.1;
    }
}

impl Cloud {
    /// What systems of many purposes ask for, whatever their apps ask for besides.
    #[must_use]
    pub const fn is_general(&self) -> bool {
        matches!(self.kind, None | Some(Kind::Phone | Kind::Tablet | Kind::Computer | Kind::Laptop))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_reads_and_stands_once() {
        let mut seen = std::collections::BTreeSet::new();
        for line in include_str!("clouds.tsv").lines().filter(|line| !line.starts_with('#')) {
            let cloud = row(line).unwrap_or_else(|| panic!("{line:?}"));
            assert_eq!(line.split('\t').count(), 4, "{line}");
            assert!(cloud.confidence > 0.0 && cloud.confidence < 1.0, "{line}");
            assert!(cloud.maker.is_some() || cloud.kind.is_some(), "{line} says nothing");
            assert!(seen.insert(cloud.what), "{line} stands twice");
            assert_eq!(cloud.what, cloud.what.to_ascii_lowercase(), "{line}");
        }
    }

    #[test]
    fn the_most_special_entry_is_found() {
        let cases = [
            ("www.fitbit.com", Some("fitbit.com")),
            ("BRIDGE.MeetHue.com.", Some("meethue.com")),
            ("meethue.com", Some("meethue.com")),
            ("scalews.withings.com", Some("scalews.withings.com")),
            ("notfitbit.com", None),
            ("fitbit.com.example.org", None),
            ("", None),
            (".", None),
            ("com", None),
        ];
        for (name, what) in cases {
            assert_eq!(known(name).map(|cloud| cloud.what), what, "{name}");
        }
        assert_eq!(known(&"a.".repeat(200)), None);
    }
}
