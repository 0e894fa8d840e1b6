//! # Who made it
//!
//! The first bytes of a globally administered MAC name the maker. The table is that of the IEEE
//! registries MA-L, MA-M, MA-S and IAB (24, 28, 36 and 36 bits), built by `packaging/vendors`, kept as it
//! is in the program: looking up is a binary search, nothing is unpacked at start.

use std::sync::OnceLock;

use crate::model::MacAddr;

pub mod build;

// Layout: see `packaging/vendors`.
const TABLE: &[u8] = include_bytes!("vendors.bin");
const HEADER: usize = 4 + 10 + 3 * 4;
// Bytes of the prefix in the three tables; an offset of 3 bytes follows each.
const WIDTHS: [usize; 3] = [3, 4, 5];

/// The table in use: a newer one put in at start, else that of the program. Set once, before anybody looks.
static NEWER: OnceLock<Table> = OnceLock::new();

/// A table as `packaging/vendors` and [`build`] make it.
#[derive(Debug, Clone, Copy)]
pub struct Table(&'static [u8]);

/// Names on the box of makers whose registered name nobody knows: they sell under their brands only.
const BRANDS: &[(&str, &str)] = &[
    ("Assmann", "Assmann (Digitus, ednet)"),
    ("D&M", "Denon, Marantz"),
    ("Electro Voice Dynacord", "Bosch Security (Electro-Voice, Dynacord)"),
    ("General", "General (Fujitsu General)"),
    ("HMD Global", "HMD Global (Nokia)"),
    ("Hangzhou Ezviz Software", "EZVIZ"),
    ("Physical Graph", "SmartThings"),
    ("RPS", "Riello UPS"),
    ("TP Vision Belgium", "Philips (TP Vision)"),
    ("Transom Post OpCo LLC dba Bose", "Bose"),
    ("eQ-3 Entwicklung", "eQ-3 (Homematic)"),
];

/// Short name of the maker, such as `Apple`. `None` for addresses drawn by the device itself.
#[must_use]
pub fn lookup(mac: MacAddr) -> Option<&'static str> {
    table().lookup(mac)
}

/// Date of the registries in the table, such as `2026-06-25`.
#[must_use]
pub fn date() -> &'static str {
    table().date()
}

/// Makers' prefixes in the table.
#[must_use]
pub fn prefixes() -> usize {
    table().prefixes()
}

/// Uses `bytes` from now on, if they are a table newer than that of the program. To be called once, at start: who was
/// looked up before keeps the old word. The bytes stay for the life of the process, as those of the program do.
pub fn install(bytes: Vec<u8>) -> bool {
    Table::new(bytes.leak()).filter(|newer| newer.date() > Table(TABLE).date()).is_some_and(|t| NEWER.set(t).is_ok())
}

fn table() -> Table {
    NEWER.get().copied().unwrap_or(Table(TABLE))
}

impl Table {
    /// `None` if `bytes` are no table.
    #[must_use]
    pub fn new(bytes: &'static [u8]) -> Option<Table> {
        let table = Table(bytes);
        let date = table.date().as_bytes();
        let is_date = date.len() == 10 && date.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-');
        let (_, _, pool) = table.bounds(2)?;
        (bytes.starts_with(b"VND1") && is_date && pool < bytes.len()).then_some(table)
    }

    #[must_use]
    pub fn date(self) -> &'static str {
        self.0.get(4..14).and_then(|date| std::str::from_utf8(date).ok()).unwrap_or("unknown")
    }

    #[must_use]
    pub fn prefixes(self) -> usize {
        (0..WIDTHS.len()).filter_map(|table| self.bounds(table)).map(|(_, count, _)| count).sum()
    }

    #[must_use]
    pub fn lookup(self, mac: MacAddr) -> Option<&'static str> {
        if mac.is_local() || mac.is_multicast() {
            return None;
        }
        let [a, b, c, d, e, _] = mac.0;
        // The longest prefix wins: MA-M and MA-S are parts of MA-L blocks of the registry itself.
        self.named(2, &[a, b, c, d, e & 0xf0])
            .or_else(|| self.named(1, &[a, b, c, d & 0xf0]))
            .or_else(|| self.named(0, &[a, b, c]))
    }

    fn named(self, table: usize, prefix: &[u8]) -> Option<&'static str> {
        let (start, count, pool) = self.bounds(table)?;
        let width = *WIDTHS.get(table)? + 3;
        let rows = self.0.get(start..start + count * width)?;
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low + (high - low) / 2;
            let row = rows.get(middle * width..(middle + 1) * width)?;
            let (key, offset) = row.split_at(width - 3);
            match key.cmp(prefix) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return self.text(pool + number(offset)).map(branded),
            }
        }
        None
    }

    /// Where a table begins, its number of rows, and where the pool begins.
    fn bounds(self, table: usize) -> Option<(usize, usize, usize)> {
        let (mut at, mut found) = (HEADER, None);
        for (index, width) in WIDTHS.iter().enumerate() {
            let count = number(self.0.get(14 + index * 4..18 + index * 4)?);
            if index == table {
                found = Some((at, count));
            }
            at += count * (width + 3);
        }
        found.map(|(start, count)| (start, count, at))
    }

    fn text(self, at: usize) -> Option<&'static str> {
        let len = usize::from(*self.0.get(at)?);
        std::str::from_utf8(self.0.get(at + 1..at + 1 + len)?).ok()
    }
}

/// Every name of the table of the program.
#[cfg(test)]
pub(super) fn names() -> std::collections::BTreeSet<&'static str> {
    let mut names = std::collections::BTreeSet::new();
    let all = Table(TABLE);
    for (table, width) in WIDTHS.iter().enumerate() {
        let Some((start, count, pool)) = all.bounds(table) else { continue };
        let rows = TABLE.get(start..start + count * (width + 3)).unwrap_or_default();
        names.extend(rows.chunks(width + 3).filter_map(|row| all.text(pool + number(row.get(*width..)?))).map(branded));
    }
    names
}

fn branded(name: &'static str) -> &'static str {
    BRANDS.iter().find(|(registered, _)| *registered == name).map_or(name, |(_, brand)| brand)
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_maker_is_found_by_the_longest_prefix() {
        let cases = [
            ("b8:27:eb:01:02:03", Some("Raspberry Pi")),
            ("3c:22:fb:01:02:03", Some("Apple")),
            ("24:6f:28:aa:4f:1a", Some("Espressif")),
            ("00:00:0c:01:02:03", Some("Cisco")),
            ("84:c5:a6:01:02:03", Some("Intel")),
            // An individual address block: 36 bits of a prefix that is the registry's own.
            ("00:50:c2:f7:11:02", Some("RF Code")),
            ("5a:27:eb:01:02:03", None),
            ("ff:ff:ff:ff:ff:ff", None),
        ];
        for (mac, vendor) in cases {
            assert_eq!(lookup(mac.parse().expect(mac)), vendor, "{mac}");
        }
    }

    #[test]
    fn every_row_is_sorted_and_names_somebody() {
        assert_eq!(&TABLE[..4], b"VND1");
        let all = Table::new(TABLE).expect("a table");
        assert!(all.date().starts_with("20") && all.prefixes() > 50_000, "{}", all.date());
        for (table, width) in WIDTHS.iter().enumerate() {
            let (start, count, pool) = all.bounds(table).expect("three tables");
            assert!(count > 1_000, "table {table} has {count}");
            let rows: Vec<&[u8]> = TABLE[start..start + count * (width + 3)].chunks(width + 3).collect();
            assert!(rows.windows(2).all(|two| two[0][..*width] < two[1][..*width]), "table {table} is sorted");
            for row in rows {
                let name = all.text(pool + number(&row[*width..])).expect("a name in UTF-8");
                assert!(!name.is_empty() && name.len() <= 40, "{name:?}");
            }
        }
    }

    #[test]
    fn what_is_no_table_or_an_older_one_is_not_used() {
        assert!(!install(Vec::new()) && !install(b"VND1".to_vec()) && !install(TABLE.to_vec()));
        let cut = TABLE.get(..5_000).expect("longer").to_vec();
        assert!(!install(cut));
        let mut far = b"VND12099-01-01".to_vec();
        far.extend([0xff; 12]);
        assert!(!install(far), "the pool lies outside");
        assert_eq!(date(), Table(TABLE).date());
    }
}
