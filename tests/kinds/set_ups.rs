//! Recorded set-ups: what is said of each device against what it is, as a table that `docs/kinds.md` holds.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};

use porchlight::{
    cli::replay::replay,
    intel::parts,
    model::{DeviceView, Kind, MacAddr},
    settings::Settings,
};

use super::{fact, held_out};

/// Kinds: at least so many of hundred right, at most so many wrong. Makers: at least so many right.
const RIGHT_LEAST: usize = 85;
const WRONG_MOST: usize = 3;
const MAKERS_LEAST: usize = 95;
/// Of devices of other sorts, seen in passing.
const OTHERS_LEAST: usize = 80;
const BEGIN: &str = "<!-- measured: written by the test, see above -->\n";
const END: &str = "<!-- end of measured -->";

/// Right, wrong, said to be unknown.
#[derive(Default, Debug, Clone, Copy, PartialEq)]
pub struct Score {
    pub right: usize,
    pub wrong: usize,
    pub unknown: usize,
}

impl Score {
    pub fn count(&mut self, said: Kind, wanted: &str) {
        match said {
            Kind::Unknown => self.unknown += 1,
            said if said.word() == wanted => self.right += 1,
            _ => self.wrong += 1,
        }
    }

    pub fn all(self) -> usize {
        self.right + self.wrong + self.unknown
    }

    fn cells(self) -> String {
        let Score { right, wrong, unknown } = self;
        let all = self.all();
        format!("{right} of {all} ({:.1} %) | {wrong} | {unknown}", right as f32 * 100.0 / all as f32)
    }
}

/// One device of a capture, and what it is in truth.
pub struct Row {
    pub make: String,
    pub model: String,
    pub kind: String,
    pub view: std::sync::Arc<DeviceView>,
}

impl Row {
    /// The maker that is said; none where only the maker of a part is known.
    pub fn maker(&self) -> Option<&str> {
        parts::maker(&self.view)
    }

    pub fn is_maker_right(&self) -> bool {
        let (said, make) = (self.maker().unwrap_or_default().to_lowercase(), self.make.to_lowercase());
        !said.is_empty() && (said.contains(&make) || make.contains(&said))
    }
}

/// The folder of captures, if there is one.
pub fn corpus() -> Option<PathBuf> {
    std::env::var("PORCHLIGHT_CORPUS").ok().map(PathBuf::from)
}

/// The lines of a table below `corpus`, by the heads of their columns.
pub fn table(path: &str) -> Vec<BTreeMap<String, String>> {
    let text = fs::read_to_string(corpus().expect("a corpus").join(path)).expect(path);
    let mut lines = text.lines().map(|line| line.split('\t').map(str::to_owned));
    let heads: Vec<String> = lines.next().expect("heads").collect();
    lines.map(|line| heads.iter().cloned().zip(line).collect()).collect()
}

pub fn rows(path: &str) -> Vec<Row> {
    let folder = corpus().expect("a corpus");
    let row = |line: BTreeMap<String, String>| {
        let replayed = replay(&[folder.join(&line["file"])], &Settings::default(), || 0.0).expect(&line["file"]);
        let mac: MacAddr = line["mac"].parse().expect("a MAC");
        let view = replayed.devices.into_iter().find(|device| device.macs.contains(&mac)).expect(&line["file"]);
        Row { make: line["make"].clone(), model: line["model"].clone(), kind: line["kind"].clone(), view }
    };
    table(path).into_iter().map(row).collect()
}

/// The name without the digits of the device's own address: it is not to be known again by this page.
fn hidden(view: &DeviceView) -> String {
    let mac = view.macs.first().expect("one").to_string().replace(':', "");
    let mut name = view.name.clone();
    for digits in [12, 8, 7, 6, 5, 4] {
        let tail = &mac[mac.len() - digits..];
        for form in [tail.to_owned(), tail.to_uppercase(), view.macs[0].tail()] {
            name = name.replace(&form, "…");
        }
    }
    // Nor a serial number.
    let is_serial = |word: &str| word.bytes().filter(u8::is_ascii_digit).count() >= 6;
    name.split(' ').map(|word| if is_serial(word) { "…" } else { word }).collect::<Vec<_>>().join(" ")
}

fn page(rows: &[Row], others: &[Row]) -> String {
    let (mut kinds, mut makers, mut other_kinds) = (Score::default(), Score::default(), Score::default());
    let (mut named, mut lines) = (0, BTreeMap::<String, usize>::new());
    for row in rows {
        kinds.count(row.view.kind, &row.kind);
        *(match row.maker() {
            None => &mut makers.unknown,
            Some(_) if row.is_maker_right() => &mut makers.right,
            Some(_) => &mut makers.wrong,
        }) += 1;
        let source = row.view.name_source.to_string();
        named += usize::from(!source.starts_with("vendor") && source != "generic" && source != "address");
        let said = match row.view.kind {
            Kind::Unknown => {
                let second = fact(&row.view, "kind.second").map(|second| second.splitn(3, ' ').collect::<Vec<_>>());
                second.map_or("unknown".to_owned(), |second| format!("unknown (next: {} {})", second[0], second[1]))
            }
            kind => format!("{kind} {:.2}", row.view.kind_confidence),
        };
        let vendor = match (row.maker(), &row.view.vendor) {
            (Some(maker), _) => maker.to_owned(),
            (None, Some(part)) => format!("unknown (a part by {part})"),
            (None, None) => "unknown".to_owned(),
        };
        let line = format!(
            "| {} {} | {} | {said} | {vendor} | {} ({source}) |",
            row.make,
            row.model,
            row.kind,
            hidden(&row.view)
        );
        *lines.entry(line).or_default() += 1;
    }
    for row in others {
        other_kinds.count(row.view.kind, &row.kind);
    }
    let mut out = String::from("| | right | wrong | said to be unknown |\n|---|---|---|---|\n");
    let _ = writeln!(out, "| kind | {} |", kinds.cells());
    let _ = writeln!(out, "| maker | {} |", makers.cells());
    let _ = writeln!(out, "| kind, devices seen in passing | {} |", other_kinds.cells());
    let _ =
        writeln!(out, "\nBy a name of their own are shown {named} of {}; the rest by maker and kind.\n", rows.len());
    out.push_str(&held_out::page(rows));
    out.push_str(
        "\n| device | is | said, how sure | maker said | name shown (from) | files |\n|---|---|---|---|---|---|\n",
    );
    for (line, files) in lines {
        let _ = writeln!(out, "{line} {files} |");
    }
    let share = |part: usize, all: usize| part * 100 / all.max(1);
    assert!(share(kinds.right, kinds.all()) >= RIGHT_LEAST && share(kinds.wrong, kinds.all()) <= WRONG_MOST, "{out}");
    assert!(
        share(makers.right, makers.all()) >= MAKERS_LEAST && share(makers.wrong, makers.all()) <= WRONG_MOST,
        "{out}"
    );
    assert!(share(other_kinds.right, other_kinds.all()) >= OTHERS_LEAST && other_kinds.wrong == 0, "{out}");
    out
}

#[test]
fn set_ups_of_a_corpus_are_told_and_the_page_says_so() {
    if corpus().is_none() {
        return;
    }
    let rows = rows("benign/iot_setup/devices.tsv");
    let others = self::rows("benign/devices_other.tsv");
    let page = page(&rows, &others);
    eprintln!("{page}");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/kinds.md");
    let text = fs::read_to_string(path).expect("the page");
    let (before, rest) = text.split_once(BEGIN).expect("where it begins");
    let (held, after) = rest.split_once(END).expect("where it ends");
    // What is not right is argued in words.
    for row in &rows {
        let is_right = row.view.kind.word() == row.kind && row.is_maker_right();
        assert!(is_right || after.contains(&format!("**{}**", row.model)), "{} {} is not argued", row.make, row.model);
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, format!("{before}{BEGIN}{page}{END}{after}")).expect("written");
    } else {
        assert_eq!(held, page, "docs/kinds.md is old: UPDATE=1 PORCHLIGHT_CORPUS=DIR cargo test --test kinds");
    }
}
