//! # What a file says of devices
//!
//! A table (CSV: the delimiter is found out, columns stand in any order) or a list of objects (JSON, YAML), such as
//! the `whitelist` of net-sentry's settings. Every fault is told with its line, and a file with faults is not used.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::model::{Kind, MacAddr, Trust};

/// More lines than any home has devices.
pub const ROWS_MAX: usize = 10_000;
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Characters of a name, and of notes (`home-assistant.md` has the same bound on what is typed there).
const TEXT_MAX: usize = 255;

/// What is said of one device. What is `None` stays as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Of the file; of lists without lines, the place in the list.
    pub line: u64,
    pub mac: MacAddr,
    pub name: Option<String>,
    pub kind: Option<Kind>,
    pub group: Option<String>,
    pub owner: Option<String>,
    pub notes: Option<String>,
    pub important: Option<bool>,
    pub trust: Option<Trust>,
}

impl Default for Row {
    fn default() -> Self {
        let mac = MacAddr([0; 6]);
        Row {
            line: 0,
            mac,
            name: None,
            kind: None,
            group: None,
            owner: None,
            notes: None,
            important: None,
            trust: None,
        }
    }
}

/// A line that cannot be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    pub line: u64,
    pub what: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Mac,
    Name,
    Kind,
    /// A free word: a kind if it is one, else a group.
    Category,
    Group,
    Owner,
    Notes,
    Important,
    Trust,
}

impl Column {
    fn named(name: &str) -> Option<Column> {
        Some(match name.trim().to_lowercase().replace([' ', '-'], "_").as_str() {
            "mac" | "mac_address" | "address" => Column::Mac,
            "name" | "custom_name" => Column::Name,
            "kind" | "type" => Column::Kind,
            "category" => Column::Category,
            "group" => Column::Group,
            "owner" => Column::Owner,
            "notes" | "note" | "comment" => Column::Notes,
            "important" => Column::Important,
            "trust" | "trusted" => Column::Trust,
            _ => return None,
        })
    }
}

/// Reads a file of either sort.
///
/// # Errors
/// Every fault of the file.
pub fn read(text: &str) -> Result<Vec<Row>, Vec<Fault>> {
    let text = text.trim_start_matches('\u{feff}');
    let start = text.trim_start();
    let (rows, mut faults) = if start.starts_with(['[', '{']) {
        match serde_json::from_str(text) {
            Ok(json) => list(&json),
            Err(error) => (Vec::new(), vec![Fault { line: error.line() as u64, what: error.to_string() }]),
        }
    } else if is_yaml(text) {
        // The same bounds as for settings: no anchors that blow up.
        match serde_saphyr::from_str::<Json>(text) {
            Ok(json) => list(&json),
            Err(error) => {
                let line = error.location().map_or(1, |at| at.line());
                (Vec::new(), vec![Fault { line, what: error.to_string() }])
            }
        }
    } else {
        table(text)
    };
    let mut seen: BTreeMap<MacAddr, u64> = BTreeMap::new();
    for row in &rows {
        if let Some(first) = seen.insert(row.mac, row.line) {
            faults.push(Fault { line: row.line, what: format!("{} stands in line {first} already", row.mac) });
        }
    }
    if rows.is_empty() && faults.is_empty() {
        faults.push(Fault { line: 1, what: "there is no device in it".into() });
    }
    faults.sort_by_key(|fault| fault.line);
    if faults.is_empty() { Ok(rows) } else { Err(faults) }
}

/// `- …` or `whitelist:` where a table would have its columns.
fn is_yaml(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.any(|line| line == "---" || line.starts_with("- ") || matches!(line, "whitelist:" | "devices:"))
}

/// The delimiter that the first line has most of.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#')).unwrap_or_default();
    let count = |delimiter: u8| first.bytes().filter(|byte| *byte == delimiter).count();
    DELIMITERS.into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

fn table(text: &str) -> (Vec<Row>, Vec<Fault>) {
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(text))
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(text.as_bytes());
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) => return (rows, vec![Fault { line: 1, what: error.to_string() }]),
    };
    let mut lines = Lines { text: text.as_bytes(), at: 0, line: 1 };
    let head = lines.of(0);
    let columns: Vec<Option<Column>> = header.iter().map(Column::named).collect();
    for (name, _) in header.iter().zip(&columns).filter(|(_, column)| column.is_none()) {
        let known = "mac, name, kind, group, owner, notes, important, trust";
        faults.push(Fault { line: head, what: format!("`{name}` is no column: {known} are") });
    }
    if !columns.contains(&Some(Column::Mac)) {
        faults.push(Fault { line: head, what: "there is no column `mac`".into() });
    }
    if !faults.is_empty() {
        return (rows, faults);
    }
    for record in reader.records() {
        if rows.len() >= ROWS_MAX {
            faults.push(Fault { line: 0, what: format!("more than {ROWS_MAX} devices") });
            break;
        }
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = lines.of(error.position().map_or(0, csv::Position::byte));
                faults.push(Fault { line, what: error.to_string() });
                continue;
            }
        };
        if record.iter().all(str::is_empty) {
            continue;
        }
        let line = lines.of(record.position().map_or(0, csv::Position::byte));
        if record.len() > columns.len() {
            let what = format!("{} values for {} columns: put quotes around text", record.len(), columns.len());
            faults.push(Fault { line, what });
            continue;
        }
        let cells = columns.iter().zip(&record).filter_map(|(column, cell)| Some(((*column)?, cell.to_owned())));
        row(line, cells, &mut rows, &mut faults);
    }
    (rows, faults)
}

/// Which line a record begins in. The reader's own count stands before the blank lines and remarks that it skips.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// Of the first record at or after `byte`, which only grows.
    fn of(&mut self, byte: u64) -> u64 {
        let byte = usize::try_from(byte).unwrap_or(usize::MAX).max(self.at);
        let breaks = |part: &[u8]| part.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.line += breaks(self.text.get(self.at..byte).unwrap_or_default());
        self.at = byte;
        while let Some(first) = self.text.get(self.at) {
            let skipped = match first {
                b'\r' | b'\n' => 1,
                b'#' => self.text.iter().skip(self.at).take_while(|byte| **byte != b'\n').count(),
                _ => break,
            };
            let end = self.at + skipped;
            self.line += breaks(self.text.get(self.at..end).unwrap_or_default());
            self.at = end;
        }
        self.line
    }
}

/// Objects in a list, or in a list below `whitelist` or `devices`.
fn list(json: &Json) -> (Vec<Row>, Vec<Fault>) {
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    let entries = json.as_array().or_else(|| ["whitelist", "devices"].iter().find_map(|key| json.get(key)?.as_array()));
    let Some(entries) = entries else {
        let what = "it holds neither a list of devices nor one below `whitelist` or `devices`".to_owned();
        return (rows, vec![Fault { line: 1, what }]);
    };
    if entries.len() > ROWS_MAX {
        return (rows, vec![Fault { line: 0, what: format!("more than {ROWS_MAX} devices") }]);
    }
    for (entry, place) in entries.iter().zip(1..) {
        let Some(object) = entry.as_object() else {
            faults.push(Fault { line: place, what: format!("entry {place} is no object") });
            continue;
        };
        let cells = object.iter().filter_map(|(key, value)| {
            let text = match value {
                Json::String(text) => text.clone(),
                Json::Bool(_) | Json::Number(_) => value.to_string(),
                _ => String::new(),
            };
            Some((Column::named(key)?, text))
        });
        row(place, cells, &mut rows, &mut faults);
    }
    (rows, faults)
}

fn row(line: u64, cells: impl Iterator<Item = (Column, String)>, rows: &mut Vec<Row>, faults: &mut Vec<Fault>) {
    let mut row = Row { line, ..Row::default() };
    let before = faults.len();
    let mut has_mac = false;
    for (column, cell) in cells.filter(|(_, cell)| !cell.trim().is_empty()) {
        let cell = cell.trim();
        let done = match column {
            Column::Mac => {
                has_mac = true;
                cell.parse::<MacAddr>().and_then(|mac| {
                    row.mac = mac;
                    if mac.is_station() { Ok(()) } else { Err(format!("`{cell}` is no device's address")) }
                })
            }
            Column::Kind => cell.to_lowercase().parse().map(|kind| row.kind = Some(kind)),
            Column::Category => match cell.to_lowercase().parse() {
                Ok(kind) => {
                    row.kind = row.kind.or(Some(kind));
                    Ok(())
                }
                Err(_) => text(cell).map(|group| row.group = row.group.take().or(Some(group))),
            },
            Column::Name => text(cell).map(|name| row.name = Some(name)),
            Column::Group => text(cell).map(|group| row.group = Some(group)),
            Column::Owner => text(cell).map(|owner| row.owner = Some(owner)),
            Column::Notes => text(cell).map(|notes| row.notes = Some(notes)),
            Column::Important => yes(cell).map(|important| row.important = Some(important)),
            Column::Trust => trust(cell).map(|trust| row.trust = Some(trust)),
        };
        if let Err(what) = done {
            faults.push(Fault { line, what });
        }
    }
    if !has_mac {
        faults.push(Fault { line, what: "it names no MAC address".into() });
    }
    if faults.len() == before {
        rows.push(row);
    }
}

fn text(cell: &str) -> Result<String, String> {
    let long = cell.chars().count() > TEXT_MAX;
    if long { Err(format!("longer than {TEXT_MAX} characters")) } else { Ok(cell.to_owned()) }
}

fn yes(cell: &str) -> Result<bool, String> {
    match cell.to_lowercase().as_str() {
        "yes" | "true" | "on" | "1" | "x" => Ok(true),
        "no" | "false" | "off" | "0" => Ok(false),
        _ => Err(format!("`{cell}` is neither yes nor no")),
    }
}

/// `trusted: false` of a whitelist: known, and not trusted.
fn trust(cell: &str) -> Result<Trust, String> {
    let lower = cell.to_lowercase();
    lower.parse().or_else(|_| match yes(&lower) {
        Ok(true) => Ok(Trust::Trusted),
        Ok(false) => Ok(Trust::Untrusted),
        Err(_) => Err(format!("`{cell}` is none of trusted, guest, unknown, untrusted, yes, no")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: &str = "b8:27:eb:01:02:03";

    fn one(text: &str) -> Row {
        let rows = read(text).unwrap_or_else(|faults| panic!("{text:?}: {faults:?}"));
        assert_eq!(rows.len(), 1, "{text:?}");
        rows.into_iter().next().expect("one")
    }

    #[test]
    fn tables_of_any_order_and_delimiter_read_the_same() {
        let expected = Row {
            line: 2,
            mac: MAC.parse().expect("a MAC"),
            name: Some("TV; big, black".into()),
            kind: Some(Kind::Tv),
            group: Some("living".into()),
            owner: Some("Anna".into()),
            notes: None,
            important: Some(true),
            trust: Some(Trust::Trusted),
        };
        for text in [
            "mac,name,kind,group,owner,notes,important,trust\nB8-27-EB-01-02-03,\"TV; big, black\",tv,living,Anna,,yes,trusted\n",
            "trust;important;owner;group;kind;name;MAC\ntrusted;yes;Anna;living;TV;\"TV; big, black\";b827.eb01.0203\n",
            "\u{feff}Name\tMAC Address\tKind\tGroup\tOwner\tImportant\tTrust\r\n\"TV; big, black\"\tb827eb010203\ttv\tliving\tAnna\ttrue\tyes\r\n\r\n",
            "mac|name|type|group|owner|important|trusted\nb8:27:eb:01:02:03|TV; big, black|tv|living|Anna|x|true\n# end\n",
        ] {
            assert_eq!(one(text), expected, "{text}");
        }
    }

    #[test]
    fn lists_read_and_so_does_a_whitelist() {
        let expected = Row {
            line: 1,
            mac: MAC.parse().expect("a MAC"),
            name: Some("My Phone".into()),
            group: Some("mobile".into()),
            trust: Some(Trust::Trusted),
            ..Row::default()
        };
        for text in [
            r#"[{"mac_address": "B8:27:EB:01:02:03", "name": "My Phone", "category": "mobile", "trusted": true}]"#,
            r#"{"whitelist": [{"mac_address": "B8:27:EB:01:02:03", "name": "My Phone", "category": "mobile", "trusted": true}]}"#,
            "scan:\n  continuous: false\nwhitelist:\n  - mac_address: \"B8:27:EB:01:02:03\"\n    name: \"My Phone\"\n    category: \"mobile\"\n    trusted: true\n",
            "- mac_address: b8:27:eb:01:02:03\n  name: My Phone\n  category: mobile\n  trusted: true\n",
        ] {
            assert_eq!(one(text), expected, "{text}");
        }
        // A category that is a kind is one.
        let row = one(r#"[{"mac": "b8:27:eb:01:02:03", "category": "Phone", "trusted": false}]"#);
        assert_eq!((row.kind, row.group, row.trust), (Some(Kind::Phone), None, Some(Trust::Untrusted)));
    }

    #[test]
    fn every_fault_has_its_line() {
        let cases: [(&str, &[u64]); 13] = [
            ("", &[1]),
            ("mac,name\n", &[1]),
            ("name,kind\nTV,tv\n", &[1]),
            ("mac,colour\nb8:27:eb:01:02:03,red\n", &[1]),
            ("mac,kind\nb8:27:eb:01:02:03,toaster\nnonsense,tv\nb8:27:eb:01:02:04,tv\n", &[2, 3]),
            ("mac,important\nb8:27:eb:01:02:03,very\n", &[2]),
            ("mac,trust\nb8:27:eb:01:02:03,friend\n", &[2]),
            ("mac,name\nb8:27:eb:01:02:03,a\n\nb8:27:eb:01:02:03,b\n", &[4]),
            ("mac,name\nff:ff:ff:ff:ff:ff,all\n", &[2]),
            ("mac,name\nb8:27:eb:01:02:03,a,b\n", &[2]),
            ("mac,name\n,somebody\n", &[2]),
            ("[{\"mac\": \"b8:27:eb:01:02:03\"}, 7, {\"name\": \"x\"}]", &[2, 3]),
            ("[\n{\"mac\" 7}]", &[2]),
        ];
        for (text, lines) in cases {
            let faults = read(text).expect_err(text);
            let found: Vec<u64> = faults.iter().map(|fault| fault.line).collect();
            assert_eq!(found, lines, "{text:?}: {faults:?}");
        }
        let long = format!("mac,name\n{MAC},{}\n", "x".repeat(300));
        assert!(read(&long).is_err());
        assert!(read("whitelist:\n\t- [").is_err());
        assert!(read("{}").is_err());
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(text in ".{0,400}", head in "(mac,name\n|\\[|whitelist:\n- |)") {
            let _ = read(&format!("{head}{text}"));
        }
    }
}
