//! # Whose part it is, and whose device
//!
//! The registered maker of an address is often that of a radio module, or of a factory that builds for brands
//! (`parts.tsv`). The vendor of an address stays what the registry says; the maker of the device is unknown then, until
//! something else tells it: the services it uses, or what it says of itself.

use std::sync::LazyLock;

use crate::model::DeviceView;

/// What a maker of parts makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Short name, as the registry's table has it, or its beginning.
    pub maker: &'static str,
    /// It is the whole name: others are named so in front.
    is_whole: bool,
    /// For people: `Wi-Fi modules`.
    pub what: &'static str,
}

static TABLE: LazyLock<Vec<Part>> = LazyLock::new(|| include_str!("parts.tsv").lines().filter_map(part).collect());

fn part(line: &'static str) -> Option<Part> {
    let mut columns = line.split('\t');
    let (maker, what, _source) = (columns.next()?, columns.next()?, columns.next()?);
    let whole = maker.strip_suffix('$');
    Some(Part { maker: whole.unwrap_or(maker), is_whole: whole.is_some(), what })
}

/// The row of `vendor`, if the name on the box is probably another.
#[must_use]
pub fn by(vendor: &str) -> Option<Part> {
    let is_it = |part: &&Part| {
        let rest = vendor.get(part.maker.len()..);
        let start = vendor.get(..part.maker.len()).is_some_and(|start| start.eq_ignore_ascii_case(part.maker));
        // Whole words: Intelbras is not Intel.
        let may_end = |rest: &str| rest.is_empty() || !(part.is_whole || rest.starts_with(char::is_alphanumeric));
        start && rest.is_some_and(may_end)
    };
    TABLE.iter().find(is_it).copied()
}

/// Who made the device, as far as that is known: not who made the radio in it.
#[must_use]
pub fn maker(device: &DeviceView) -> Option<&str> {
    let vendor = device.vendor.as_deref()?;
    // What it says of itself is said of the device; a cloud that many brands use is a part like its module.
    let is_part = matches!(device.vendor_source, Some("oui" | "cloud")) && by(vendor).is_some();
    (!is_part).then_some(vendor)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::intel::vendors;

    #[test]
    fn every_row_is_whole_and_of_somebody_in_the_registry() {
        let rows: Vec<&str> =
            include_str!("parts.tsv").lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
        let registered = vendors::names();
        let mut seen = BTreeSet::new();
        for row in &rows {
            let columns: Vec<&str> = row.split('\t').collect();
            assert_eq!(columns.len(), 3, "{row}");
            assert!(columns.iter().all(|column| !column.trim().is_empty() && column.trim() == *column), "{row}");
            assert!(seen.insert(columns[0].to_lowercase()), "twice: {row}");
            let is_there = registered
                .iter()
                .any(|name| by(name).is_some_and(|part| part.maker == columns[0].trim_end_matches('$')));
            assert!(is_there, "nobody in the registry is named so: {row}");
        }
        assert_eq!(rows.len(), TABLE.len());
        assert!(rows.len() > 80, "{}", rows.len());
    }

    #[test]
    fn a_part_is_told_from_a_brand_by_whole_words() {
        for vendor in
            ["Espressif", "Realtek Semiconductor", "AzureWave", "Murata", "Foxconn", "Liteon", "Tuya", "Intel"]
        {
            assert!(by(vendor).is_some(), "{vendor}");
        }
        // Some of these begin as makers of parts do.
        for vendor in [
            "Intelbras",
            "Deltacast.tv",
            "Delta Solutions",
            "Quanta Storage",
            "Apple",
            "TP-Link",
            "AVM",
            "Alpsolar",
            "",
            "é",
        ] {
            assert_eq!(by(vendor), None, "{vendor}");
        }
    }

    #[test]
    fn the_maker_of_a_part_is_not_that_of_the_device_unless_something_else_says_so() {
        let blank = DeviceView::blank("d-7f3k2m".parse().expect("an id"));
        let view = |vendor: Option<&str>, source| DeviceView {
            vendor: vendor.map(str::to_owned),
            vendor_source: source,
            ..blank.clone()
        };
        assert_eq!(maker(&view(Some("Espressif"), Some("oui"))), None);
        assert_eq!(maker(&view(Some("Tuya"), Some("cloud"))), None);
        assert_eq!(maker(&view(Some("Shelly"), Some("cloud"))), Some("Shelly"));
        assert_eq!(maker(&view(Some("Wistron"), Some("snmp"))), Some("Wistron"));
        assert_eq!(maker(&view(Some("Apple"), Some("oui"))), Some("Apple"));
        assert_eq!(maker(&view(None, None)), None);
    }
}
