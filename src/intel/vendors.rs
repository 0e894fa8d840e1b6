//! # Who made it
//!
//! The first bytes of a globally administered MAC name the maker. The table is that of the IEEE
//! registries MA-L, MA-M, MA-S and IAB (24, 28, 36 and 36 bits), built by `packaging/vendors`, kept as it
//! is in the program: looking up is a binary search, nothing is unpacked at start.

use crate::model::MacAddr;

// Layout: see `packaging/vendors`.
const TABLE: &[u8] = include_bytes!("vendors.bin");
const HEADER: usize = 4 + 10 + 3 * 4;
// Bytes of the prefix in the three tables; an offset of 3 bytes follows each.
const WIDTHS: [usize; 3] = [3, 4, 5];

/// Date of the registries in the table.
pub const SNAPSHOT: &str = match std::str::from_utf8(TABLE.split_at(4).1.split_at(10).0) {
    Ok(date) => date,
    Err(_) => "unknown",
};

/// Makers of radios and boards that others build into what they sell under their own name.
const BUILT_IN: &[&str] = &[
    "AMPAK",
    "AltoBeam",
    "Askey",
    "AzureWave",
    "Bouffalo",
    "Broadcom",
    "Chongqing Fugui",
    "Cloud Network Technology",
    "Delta",
    "Espressif",
    "Fn-link",
    "Foxconn",
    "GainSpan",
    "Gaoshengda",
    "Guangzhou Shiyuan",
    "Hi-flying",
    "Hui Zhou Gaoshengda",
    "Intel",
    "Liteon",
    "MediaTek",
    "Microchip",
    "Murata",
    "NXP",
    "Pegatron",
    "Qualcomm",
    "Quectel",
    "Realtek",
    "Renesas",
    "Sichuan AI-Link",
    "Silicon Labs",
    "Shenzhen Bilian",
    "Texas Instruments",
    "Tuya",
    "USI",
    "Universal Global",
    "WNC",
];

/// Names on the box of makers whose registered name nobody knows: they sell under their brands only.
const BRANDS: &[(&str, &str)] = &[
    ("Assmann", "Assmann (Digitus, ednet)"),
    ("D&M", "Denon, Marantz"),
    ("HMD Global", "HMD Global (Nokia)"),
    ("Hangzhou Ezviz Software", "EZVIZ"),
    ("Physical Graph", "SmartThings"),
    ("TP Vision Belgium", "Philips (TP Vision)"),
    ("Transom Post OpCo LLC dba Bose", "Bose"),
    ("eQ-3 Entwicklung", "eQ-3 (Homematic)"),
];

/// The name on the box is probably another: the address is that of a part.
#[must_use]
pub fn is_part_maker(vendor: &str) -> bool {
    BUILT_IN.iter().any(|maker| vendor.starts_with(maker))
}

/// Short name of the maker, such as `Apple`. `None` for addresses drawn by the device itself.
#[must_use]
pub fn lookup(mac: MacAddr) -> Option<&'static str> {
    if mac.is_local() || mac.is_multicast() {
        return None;
    }
    let [a, b, c, d, e, _] = mac.0;
    // The longest prefix wins: MA-M and MA-S are parts of MA-L blocks of the registry itself.
    named(2, &[a, b, c, d, e & 0xf0]).or_else(|| named(1, &[a, b, c, d & 0xf0])).or_else(|| named(0, &[a, b, c]))
}

fn named(table: usize, prefix: &[u8]) -> Option<&'static str> {
    let (start, count, pool) = bounds(table)?;
    let width = *WIDTHS.get(table)? + 3;
    let rows = TABLE.get(start..start + count * width)?;
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        let row = rows.get(middle * width..(middle + 1) * width)?;
        let (key, offset) = row.split_at(width - 3);
        match key.cmp(prefix) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => return text(pool + number(offset)).map(branded),
        }
    }
    None
}

fn branded(name: &'static str) -> &'static str {
    BRANDS.iter().find(|(registered, _)| *registered == name).map_or(name, |(_, brand)| brand)
}

/// Where a table begins, its number of rows, and where the pool begins.
fn bounds(table: usize) -> Option<(usize, usize, usize)> {
    let (mut at, mut found) = (HEADER, None);
    for (index, width) in WIDTHS.iter().enumerate() {
        let count = number(TABLE.get(14 + index * 4..18 + index * 4)?);
        if index == table {
            found = Some((at, count));
        }
        at += count * (width + 3);
    }
    found.map(|(start, count)| (start, count, at))
}

fn text(at: usize) -> Option<&'static str> {
    let len = usize::from(*TABLE.get(at)?);
    std::str::from_utf8(TABLE.get(at + 1..at + 1 + len)?).ok()
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
        assert!(SNAPSHOT.len() == 10 && SNAPSHOT.starts_with("20"), "{SNAPSHOT}");
        for (table, width) in WIDTHS.iter().enumerate() {
            let (start, count, pool) = bounds(table).expect("three tables");
            assert!(count > 1_000, "table {table} has {count}");
            let rows: Vec<&[u8]> = TABLE[start..start + count * (width + 3)].chunks(width + 3).collect();
            assert!(rows.windows(2).all(|two| two[0][..*width] < two[1][..*width]), "table {table} is sorted");
            for row in rows {
                let name = text(pool + number(&row[*width..])).expect("a name in UTF-8");
                assert!(!name.is_empty() && name.len() <= 40, "{name:?}");
            }
        }
    }
}
