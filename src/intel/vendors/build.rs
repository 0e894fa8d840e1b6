//! # A table of makers from the registries
//!
//! What `packaging/vendors` does for the table in the program, for newer registries: the files that the IEEE Registration
//! Authority publishes (CSV: registry, assignment, name, address), in any number, become one table.

use std::collections::BTreeMap;

/// Prefixes of all registries together; there are about 60,000.
const ROWS_MAX: usize = 1 << 20;
/// Fewer are no registry, but some other file or half of one.
const ROWS_LEAST: usize = 1_000;
/// Bytes of a name.
const NAME_MAX: usize = 40;
/// What says how a company is founded, not who it is: whole words at the end of a name.
const FORMS: &[&str] = &[
    "inc",
    "incorporated",
    "ltd",
    "limited",
    "llc",
    "gmbh",
    "corp",
    "corporation",
    "co",
    "company",
    "ag",
    "sa",
    "s.a",
    "srl",
    "s.r.l",
    "spa",
    "s.p.a",
    "bv",
    "b.v",
    "nv",
    "n.v",
    "ab",
    "as",
    "a/s",
    "oy",
    "oyj",
    "kg",
    "mbh",
    "plc",
    "pte",
    "pty",
    "pvt",
    "private",
    "kk",
    "k.k",
    "sas",
    "sarl",
    "aps",
    "lp",
    "llp",
    "intl",
    "international",
    "technologies",
    "technology",
    "tech",
    "electronics",
    "electronic",
    "communications",
    "systems",
    "group",
    "holdings",
    "& co",
    "&",
    "and",
    "sdn",
    "bhd",
    "doo",
    "d.o.o",
    "kft",
    "sro",
    "s.r.o",
    "zoo",
    "z.o.o",
    "sp",
    "o.o",
    "ооо",
    "industrial",
    "co.ltd",
    "co.,ltd",
    "co.ltd.",
    "ltda",
    "of",
    "mobile",
];
/// What people call the maker when the registry is far from it: how the registered name begins.
const CALLED: &[(&str, &str)] = &[
    ("samsung", "Samsung"),
    ("huawei", "Huawei"),
    ("xiaomi", "Xiaomi"),
    ("beijing xiaomi", "Xiaomi"),
    ("tp-link", "TP-Link"),
    ("tplink", "TP-Link"),
    ("hewlett packard enterprise", "HPE"),
    ("hewlett packard", "HP"),
    ("hp inc", "HP"),
    ("asustek", "ASUS"),
    ("raspberry pi", "Raspberry Pi"),
    ("lg electronics", "LG"),
    ("lg innotek", "LG"),
    ("sony interactive", "Sony PlayStation"),
    ("sony", "Sony"),
    ("murata", "Murata"),
    ("hon hai", "Foxconn"),
    ("avm ", "AVM"),
    ("netgear", "Netgear"),
    ("ubiquiti", "Ubiquiti"),
    ("signify", "Philips Hue"),
    ("philips lighting", "Philips Hue"),
    ("seiko epson", "Epson"),
    ("brother indus", "Brother"),
    ("canon ", "Canon"),
    ("zte corp", "ZTE"),
    ("oneplus", "OnePlus"),
    ("guangdong oppo", "OPPO"),
    ("vivo mobile", "vivo"),
    ("motorola mobility", "Motorola"),
    ("hangzhou hikvision", "Hikvision"),
    ("zhejiang dahua", "Dahua"),
    ("routerboard", "MikroTik"),
    ("tuya", "Tuya"),
    ("vmware", "VMware"),
    ("shenzhen reolink", "Reolink"),
    ("reolink", "Reolink"),
    ("d-link", "D-Link"),
    ("dlink", "D-Link"),
    ("cisco-linksys", "Linksys"),
    ("linksys", "Linksys"),
    ("cisco meraki", "Cisco Meraki"),
    ("cisco", "Cisco"),
    ("intel corp", "Intel"),
    ("new h3c", "H3C"),
    ("hangzhou h3c", "H3C"),
    ("lcfc", "Lenovo"),
    ("honor device", "Honor"),
    ("tct mobile", "TCL"),
    ("tcl", "TCL"),
    ("sky uk", "Sky"),
    ("buffalo", "Buffalo"),
    ("ruckus", "Ruckus"),
    ("nokia", "Nokia"),
    ("arista", "Arista"),
    ("juniper", "Juniper"),
    ("fiberhome", "FiberHome"),
    ("mellanox", "Mellanox"),
    ("gd midea", "Midea"),
    ("midea", "Midea"),
    ("realme", "realme"),
    ("sagemcom", "Sagemcom"),
    ("sonos", "Sonos"),
    ("synology", "Synology"),
    ("qnap", "QNAP"),
    ("dell", "Dell"),
    ("lenovo", "Lenovo"),
    ("nintendo", "Nintendo"),
    ("bouffalo", "Bouffalo Lab"),
    ("silicon lab", "Silicon Labs"),
    ("nxp semi", "NXP"),
    ("giga-byte", "Gigabyte"),
];

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoTable {
    #[error("it is no registry: the columns Assignment and Organization Name are not there")]
    NoColumns,
    #[error("line {line} cannot be read")]
    Broken { line: u64 },
    #[error("it has {rows} makers: a registry has more")]
    Few { rows: usize },
    #[error("it has more makers than there are")]
    Many,
    #[error("`{0}` is no date such as 2026-06-25")]
    Date(String),
}

/// The table of all `files` together, as of `date`.
///
/// # Errors
/// A file that is no registry, or too small to be one.
pub fn build(files: &[&[u8]], date: &str) -> Result<Vec<u8>, NoTable> {
    let is_date = date.len() == 10 && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if !is_date {
        return Err(NoTable::Date(date.to_owned()));
    }
    let mut tables: [BTreeMap<Vec<u8>, String>; 3] = Default::default();
    for file in files {
        read(file, &mut tables)?;
    }
    let rows = tables.iter().map(BTreeMap::len).sum();
    if rows < ROWS_LEAST {
        return Err(NoTable::Few { rows });
    }
    let mut pool: Vec<u8> = Vec::new();
    let mut offsets: BTreeMap<&str, usize> = BTreeMap::new();
    for name in tables.iter().flat_map(BTreeMap::values) {
        offsets.entry(name).or_insert_with(|| {
            let at = pool.len();
            pool.push(u8::try_from(name.len()).unwrap_or(0));
            pool.extend(name.as_bytes());
            at
        });
    }
    let mut out = [b"VND1", date.as_bytes()].concat();
    for table in &tables {
        out.extend(u32::try_from(table.len()).map_err(|_| NoTable::Many)?.to_le_bytes());
    }
    for (prefix, name) in tables.iter().flatten() {
        let offset = u32::try_from(offsets.get(name.as_str()).copied().unwrap_or(0)).map_err(|_| NoTable::Many)?;
        let [a, b, c, 0] = offset.to_le_bytes() else { return Err(NoTable::Many) };
        out.extend(prefix);
        out.extend([a, b, c]);
    }
    out.extend(pool);
    Ok(out)
}

fn read(file: &[u8], tables: &mut [BTreeMap<Vec<u8>, String>; 3]) -> Result<(), NoTable> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file);
    let header = reader.headers().map_err(|_| NoTable::NoColumns)?.clone();
    let column = |name: &str| header.iter().position(|held| held.trim_start_matches('\u{feff}').trim() == name);
    let (Some(assignment), Some(organization)) = (column("Assignment"), column("Organization Name")) else {
        return Err(NoTable::NoColumns);
    };
    for record in reader.records() {
        let record =
            record.map_err(|error| NoTable::Broken { line: error.position().map_or(0, csv::Position::line) })?;
        let (Some(prefix), Some(name)) = (record.get(assignment), record.get(organization)) else { continue };
        let name = short(name);
        let is_nobody = matches!(name.to_lowercase().as_str(), "" | "private" | "ieee registration authority");
        let table = match prefix.trim().len() {
            6 => &mut tables[0],
            7 => &mut tables[1],
            9 => &mut tables[2],
            _ => continue,
        };
        if let Some(prefix) = unhex(prefix.trim()).filter(|_| !is_nobody) {
            if table.len() >= ROWS_MAX {
                return Err(NoTable::Many);
            }
            table.insert(prefix, name);
        }
    }
    Ok(())
}

/// `0050C2F71` is `00 50 c2 f7 10`.
fn unhex(digits: &str) -> Option<Vec<u8>> {
    let even = if digits.len().is_multiple_of(2) { digits.to_owned() } else { format!("{digits}0") };
    even.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// What people call a maker: `Apple` of `Apple, Inc.`.
fn short(registered: &str) -> String {
    let mut name = String::new();
    let mut depth = 0_u32;
    for c in registered.chars() {
        match c {
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            _ if depth == 0 => name.push(if c.is_control() { ' ' } else { c }),
            _ => {}
        }
    }
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let name = name.trim_matches([' ', ',', '.']);
    let lower = name.to_lowercase();
    if let Some((_, called)) = CALLED.iter().find(|(start, _)| lower.starts_with(start)) {
        return (*called).to_owned();
    }
    let plain = name.replace(',', " ");
    let mut words: Vec<&str> = plain.split_whitespace().collect();
    while let Some((last, rest)) = words.split_last()
        && !rest.is_empty()
        // "LG Electronics" is known as "LG", but one letter is nobody.
        && rest.concat().len() >= 2
        && FORMS.contains(&last.to_lowercase().trim_matches(['.', ',']))
    {
        words.pop();
    }
    let mut name = words.join(" ").trim_matches([' ', ',', '.', '&', '-']).to_owned();
    // A registry entry in capitals is shouted, not spelled so; short ones are acronyms.
    if name.chars().count() > 5 && name.chars().any(char::is_alphabetic) && name == name.to_uppercase() {
        name = name.split(' ').map(calmed).collect::<Vec<_>>().join(" ");
    }
    while name.len() > NAME_MAX {
        match name.rsplit_once(' ') {
            Some((start, _)) => name = start.to_owned(),
            None => {
                name.pop();
            }
        }
    }
    name
}

fn calmed(word: &str) -> String {
    let mut chars = word.chars();
    match chars.next() {
        Some(first) if word.chars().count() > 3 => first.to_string() + &chars.as_str().to_lowercase(),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_people_say() {
        let cases = [
            ("Apple, Inc.", "Apple"),
            ("TP-Link Systems Inc.", "TP-Link"),
            ("Espressif Inc.", "Espressif"),
            ("ASSMANN Electronic GmbH", "ASSMANN"),
            ("EDIMAX TECHNOLOGY CO., LTD.", "Edimax"),
            ("Samsung Electronics Co.,Ltd(Mobile)", "Samsung"),
            ("Texas Instruments", "Texas Instruments"),
            ("GmbH", "GmbH"),
            ("", ""),
        ];
        for (registered, name) in cases {
            let found = short(registered);
            assert!(found == name || found.eq_ignore_ascii_case(name), "{registered}: {found}");
        }
        assert!(short(&"Very Long Words of a Name ".repeat(9)).len() <= NAME_MAX);
    }

    fn registry(rows: usize) -> String {
        let mut text = "Registry,Assignment,Organization Name,Organization Address\n".to_owned();
        for row in 0..rows {
            text.push_str(&format!("MA-L,{row:06X},\"Maker {row}, Inc.\",\"Street 1, City\"\n"));
        }
        text + "MA-S,0050C2F71,Small Maker GmbH,x\nMA-M,70B3D57,Middle Maker AG,x\nMA-L,FFFFFF,Private,\n"
    }

    #[test]
    fn a_registry_becomes_a_table_that_reads() {
        let text = registry(1_500);
        let bytes = build(&[text.as_bytes()], "2027-01-31").expect("a table");
        let table = crate::intel::vendors::Table::new(bytes.leak()).expect("well formed");
        assert_eq!(table.date(), "2027-01-31");
        let named = |mac: &str| table.lookup(mac.parse().expect(mac));
        assert_eq!(named("00:00:0a:01:02:03"), Some("Maker 10"));
        assert_eq!(named("00:50:c2:f7:11:02"), Some("Small Maker"));
        assert_eq!(named("70:b3:d5:7f:11:02"), Some("Middle Maker"));
        assert_eq!(named("ff:fd:ff:01:02:03"), None);
    }

    #[test]
    fn what_is_no_registry_is_refused() {
        assert_eq!(build(&[registry(10).as_bytes()], "2027-01-31"), Err(NoTable::Few { rows: 12 }));
        assert_eq!(build(&[b"<html>not found</html>"], "2027-01-31"), Err(NoTable::NoColumns));
        assert_eq!(build(&[], "2027-01-31"), Err(NoTable::Few { rows: 0 }));
        assert!(matches!(build(&[registry(2_000).as_bytes()], "yesterday!"), Err(NoTable::Date(_))));
    }
}
