//! # How many attacks are seen, and what is wrongly called one
//!
//! Plays every capture an index names, each through an engine of its own, and holds what was raised against
//! what the index says: which findings there must be and of whom, which may be, which must not.
//!
//! The index is text, tab-separated, with a head line; columns are found by name: `file`, `kind` (attack, benign,
//! broken), `class`, `attacker_ip`, `attacker_mac`, `victim_ip`, `victim_mac`, `must`, `may`, `must_not`, `frames`,
//! `seconds`.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
};

use serde::Serialize;

use super::{
    Ears, Replayed,
    calibrate::{Calibration, Seen},
    replay_knowing,
};
use crate::{
    capture::CaptureError,
    model::{AlertView, Severity},
    settings::Settings,
};

/// A broken file must be done with after so long.
const BROKEN_S: f64 = 10.0;
/// Rows of an index.
const ROWS_MAX: usize = 100_000;
/// Words in place of an address that mean: nobody may be named.
const NOBODY: [&str; 4] = ["spoofed", "reflectors", "random", "internet"];

/// One line of the index.
#[derive(Debug, Clone, Default)]
struct Row {
    file: String,
    kind: String,
    class: String,
    attackers: Vec<String>,
    victims: Vec<String>,
    must: Vec<Vec<String>>,
    must_words: Vec<String>,
    may: Vec<String>,
    must_not: Vec<String>,
    frames: u64,
    seconds: f64,
}

/// What came of one.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    pub file: String,
    pub kind: String,
    pub class: String,
    pub ok: bool,
    /// The subject is right, where it is scored.
    pub blamed: Option<bool>,
    /// Alerts at medium or above that should not be there.
    pub false_alerts: usize,
    pub seconds: f64,
    /// What is wrong, in words.
    pub why: Vec<String>,
    /// `detector severity subject` of each alert.
    pub raised: Vec<String>,
    /// What each finding was worth, and whether it was right.
    #[serde(skip)]
    seen: Vec<Seen>,
    /// Detectors that raise what must be, and whether the row is wrong without each.
    #[serde(skip)]
    worth: Vec<(String, bool)>,
}

/// All of them.
#[derive(Debug, Clone, Serialize)]
pub struct Score {
    pub attacks: (usize, usize),
    pub benign: (usize, usize),
    pub broken: (usize, usize),
    pub blamed: (usize, usize),
    pub false_alerts: usize,
    pub benign_hours: f64,
    /// Class to rows that are right, and rows.
    pub classes: BTreeMap<String, (usize, usize)>,
    pub rows: Vec<Verdict>,
}

/// Plays the index at `path`.
///
/// # Errors
/// The index cannot be read, or has no column `file`.
pub fn score(
    path: &Path,
    settings: &Settings,
    ears: Ears,
    cpu_seconds: &impl Fn() -> f64,
    mut progress: impl FnMut(usize, usize, &str),
) -> Result<Score, std::io::Error> {
    let text = std::fs::read_to_string(path)?;
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let rows = rows(&text).ok_or_else(|| std::io::Error::other("the index has no head line with a column `file`"))?;
    let mut verdicts = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        progress(at, rows.len(), &row.file);
        let started = cpu_seconds();
        let file = folder.join(&row.file);
        let played =
            catch_unwind(AssertUnwindSafe(|| replay_knowing(&[file], settings, ears, &Arc::default(), cpu_seconds)));
        verdicts.push(judge(row, played.ok(), cpu_seconds() - started));
    }
    Ok(sum(verdicts))
}

fn rows(text: &str) -> Option<Vec<Row>> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next()?.split('\t').collect();
    names.contains(&"file").then_some(())?;
    let rows = lines.filter(|line| !line.trim().is_empty()).take(ROWS_MAX).map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        let cell = |name: &str| {
            let at = names.iter().position(|known| *known == name);
            at.and_then(|at| cells.get(at)).map_or("", |cell| if *cell == "-" { "" } else { cell })
        };
        let list = |text: &str| -> Vec<String> {
            text.split(',').map(|word| word.trim().to_ascii_lowercase()).filter(|word| !word.is_empty()).collect()
        };
        Row {
            file: cell("file").to_owned(),
            kind: cell("kind").to_owned(),
            class: cell("class").to_owned(),
            attackers: [list(cell("attacker_ip")), list(cell("attacker_mac"))].concat(),
            victims: [list(cell("victim_ip")), list(cell("victim_mac"))].concat(),
            must: list(cell("must")).iter().map(|group| group.split('|').map(str::to_owned).collect()).collect(),
            must_words: list(cell("must")),
            may: list(cell("may")),
            must_not: list(cell("must_not")),
            frames: cell("frames").parse().unwrap_or_default(),
            seconds: cell("seconds").parse().unwrap_or_default(),
        }
    });
    Some(rows.collect())
}

fn judge(row: &Row, played: Option<Result<Replayed, CaptureError>>, seconds: f64) -> Verdict {
    let mut why = Vec::new();
    let mut blamed = None;
    let mut false_alerts = 0;
    let (mut raised, mut seen, mut worth) = (Vec::new(), Vec::new(), Vec::new());
    match (row.kind.as_str(), &played) {
        (_, None) => why.push("the program panicked".to_owned()),
        ("broken", Some(played)) => broken(row, played, seconds, &mut why),
        (_, Some(Err(error))) => why.push(format!("not played: {error}")),
        ("attack", Some(Ok(played))) => {
            blamed = attack(row, &played.alerts, &mut why);
            worth = worth_of(row, &played.alerts, why.is_empty());
        }
        (_, Some(Ok(played))) => false_alerts = benign(row, played, &mut why),
    }
    if let Some(Ok(played)) = &played {
        raised = played.alerts.iter().map(|alert| told(alert)).collect();
        seen = played.alerts.iter().filter_map(|alert| Some(Seen::new(alert, is_right(row, alert)?))).collect();
    }
    Verdict {
        file: row.file.clone(),
        kind: row.kind.clone(),
        class: row.class.clone(),
        ok: why.is_empty(),
        blamed,
        false_alerts,
        seconds: row.seconds,
        why,
        raised,
        seen,
        worth,
    }
}

/// Of each detector that raised what must be: whether the row, which is right, is wrong without it.
fn worth_of(row: &Row, alerts: &[Arc<AlertView>], is_right: bool) -> Vec<(String, bool)> {
    let wanted: BTreeSet<&String> = row.must.iter().flatten().collect();
    let raising = alerts.iter().map(|alert| &alert.detector).filter(|detector| wanted.contains(detector));
    let raising: BTreeSet<&String> = raising.collect();
    let falls = |detector: &String| {
        let others: Vec<_> = alerts.iter().filter(|alert| alert.detector != *detector).cloned().collect();
        let mut why = Vec::new();
        attack(row, &others, &mut why);
        is_right && !why.is_empty()
    };
    raising.into_iter().map(|detector| (detector.clone(), falls(detector))).collect()
}

/// Whether a finding is true by the index; `None` where it says nothing about it.
fn is_right(row: &Row, alert: &AlertView) -> Option<bool> {
    if row.must_not.contains(&alert.detector) {
        return Some(false);
    }
    match row.kind.as_str() {
        "attack" => row.must.iter().any(|group| group.contains(&alert.detector)).then_some(true),
        // What is only noted is no alarm, and what may be is not false.
        "benign" if alert.severity >= Severity::Medium => {
            (!row.may.iter().any(|word| word == "*" || *word == alert.detector)).then_some(false)
        }
        _ => None,
    }
}

fn told(alert: &AlertView) -> String {
    format!("{} {} {}", alert.detector, alert.severity, names(alert).join("/"))
}

/// How the subject is called: its hardware address, its address.
fn names(alert: &AlertView) -> Vec<String> {
    let mac = alert.attacker.mac.map(|mac| mac.to_string());
    mac.into_iter().chain(alert.attacker.ip.map(|ip| ip.to_string())).collect()
}

fn attack(row: &Row, alerts: &[Arc<AlertView>], why: &mut Vec<String>) -> Option<bool> {
    let nobody = row.attackers.iter().any(|word| NOBODY.contains(&word.as_str()));
    let is_scored = !row.attackers.is_empty();
    let mut right = true;
    for group in &row.must {
        let found: Vec<_> = alerts.iter().filter(|alert| group.contains(&alert.detector)).collect();
        if found.is_empty() {
            why.push(format!("not raised: {}", group.join("|")));
            continue;
        }
        let subject = |alert: &AlertView| {
            let named = names(alert);
            named.iter().any(|name| row.attackers.contains(name)) || (nobody && named.is_empty())
        };
        if is_scored && !found.iter().any(|alert| subject(alert)) {
            right = false;
            let whom: Vec<_> = found.iter().map(|alert| told(alert)).take(3).collect();
            why.push(format!("blames another: {}", whom.join(", ")));
        }
    }
    for alert in alerts {
        if row.must_not.contains(&alert.detector) {
            why.push(format!("must not be: {}", told(alert)));
        }
        let victim = names(alert).iter().any(|name| row.victims.contains(name) && !row.attackers.contains(name));
        if victim && alert.severity > Severity::Info {
            right = false;
            why.push(format!("blames the victim: {}", told(alert)));
        }
    }
    is_scored.then_some(right && !row.must_words.is_empty())
}

fn benign(row: &Row, played: &Replayed, why: &mut Vec<String>) -> usize {
    let tolerated = |alert: &AlertView| row.may.iter().any(|word| word == "*" || *word == alert.detector);
    let mut count = 0;
    for alert in &played.alerts {
        if row.must_not.contains(&alert.detector) {
            why.push(format!("must not be: {}", told(alert)));
        } else if alert.severity >= Severity::Medium && !tolerated(alert) {
            why.push(format!("false: {}", told(alert)));
        } else {
            continue;
        }
        count += 1;
    }
    count
}

fn broken(row: &Row, played: &Result<Replayed, CaptureError>, seconds: f64, why: &mut Vec<String>) {
    if seconds > BROKEN_S {
        why.push(format!("took {seconds:.1} s"));
    }
    for word in &row.must_words {
        match (word.as_str(), played) {
            ("clear_error", Ok(_)) => why.push("no error was told".to_owned()),
            ("decode", Err(error)) => why.push(format!("not played: {error}")),
            ("decode", Ok(played)) => {
                let frames: u64 = played.files.iter().map(|file| file.packets + file.customs).sum();
                if frames < row.frames {
                    why.push(format!("{frames} frames of {}", row.frames));
                }
            }
            _ => {}
        }
    }
}

fn sum(rows: Vec<Verdict>) -> Score {
    let count = |kind: &str| {
        let of: Vec<_> = rows.iter().filter(|row| row.kind == kind).collect();
        (of.iter().filter(|row| row.ok).count(), of.len())
    };
    let mut classes: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for row in &rows {
        let (right, all) = classes.entry(format!("{} {}", row.kind, row.class)).or_default();
        *right += usize::from(row.ok);
        *all += 1;
    }
    let scored = rows.iter().filter_map(|row| row.blamed);
    Score {
        attacks: count("attack"),
        benign: count("benign"),
        broken: count("broken"),
        blamed: (scored.clone().filter(|right| *right).count(), scored.count()),
        false_alerts: rows.iter().map(|row| row.false_alerts).sum(),
        benign_hours: rows.iter().filter(|row| row.kind == "benign").map(|row| row.seconds).sum::<f64>() / 3600.0,
        classes,
        rows,
    }
}

impl Score {
    /// One number per detector, and what it is worth, as text with tabs.
    #[must_use]
    pub fn calibration(&self) -> String {
        let mut table = Calibration::of(self.rows.iter().flat_map(|row| &row.seen));
        for row in &self.rows {
            row.worth.iter().for_each(|(detector, falls)| table.worth(detector, falls.then_some(row.class.as_str())));
        }
        table.table()
    }

    /// As people read it.
    #[must_use]
    pub fn table(&self) -> String {
        use std::fmt::Write as _;
        let mut out = String::new();
        for row in self.rows.iter().filter(|row| !row.ok) {
            let _ = writeln!(out, "{}\n    {}", row.file, row.why.join("\n    "));
        }
        let _ = writeln!(out, "\n{:<36} {:>5} {:>5}", "class", "right", "rows");
        for (class, (right, all)) in &self.classes {
            let _ = writeln!(out, "{class:<36} {right:>5} {all:>5}");
        }
        let share = |(right, all): (usize, usize)| {
            format!("{right} of {all} ({:.1} %)", 100.0 * right as f64 / all.max(1) as f64)
        };
        let _ = writeln!(out, "\nattacks raised         {}", share(self.attacks));
        let _ = writeln!(out, "right subject          {}", share(self.blamed));
        let _ = writeln!(out, "benign files silent    {}", share(self.benign));
        let _ = writeln!(
            out,
            "false alerts           {} in {:.1} hours of benign captures",
            self.false_alerts, self.benign_hours
        );
        let _ = writeln!(out, "broken files survived  {}", share(self.broken));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_read_by_the_names_of_its_columns() {
        let text =
            "kind\tfile\tmust\tattacker_ip\tattacker_mac\tmay\nattack\ta.pcap\ta|b,c\t10.0.0.1,10.0.0.2\t-\t*\n\n";
        let rows = rows(text).expect("an index");
        let row = rows.first().expect("a row");
        assert_eq!((row.file.as_str(), row.attackers.len(), row.may.as_slice()), ("a.pcap", 2, &["*".to_owned()][..]));
        assert_eq!(row.must, [vec!["a".to_owned(), "b".to_owned()], vec!["c".to_owned()]]);
        assert!(super::rows("class\tmust\n").is_none() && super::rows("").is_none());
    }

    #[test]
    fn what_is_missing_wrong_or_too_much_is_said() {
        let mut row = Row { kind: "attack".into(), must: vec![vec!["port_scan".into()]], ..Row::default() };
        row.must_words = vec!["port_scan".into()];
        let verdict = judge(&row, Some(Ok(Replayed::default())), 0.0);
        assert_eq!(verdict.why, ["not raised: port_scan"]);
        assert!(!judge(&row, None, 0.0).ok, "a panic is no success");
        let broken = Row { kind: "broken".into(), must_words: vec!["decode".into()], frames: 5, ..Row::default() };
        assert_eq!(judge(&broken, Some(Ok(Replayed::default())), 0.0).why, ["0 frames of 5"]);
        assert_eq!(judge(&broken, Some(Ok(Replayed::default())), 11.0).why.len(), 2);
        let quiet = Row { kind: "benign".into(), ..Row::default() };
        assert!(judge(&quiet, Some(Ok(Replayed::default())), 0.0).ok);
    }
}
