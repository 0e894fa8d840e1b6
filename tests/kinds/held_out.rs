//! How much is known of makers that no rule knows: the same devices with the rules of their own maker out of use.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use porchlight::{
    intel::vendors,
    model::{DeviceView, Kind},
    presence::kinds::{Evidence, Guess, Signs, guess_by},
};

use super::set_ups::{Row, Score};

/// Words of a maker's rules: brands, series, services, domains and types that are its own. A rule that holds one of them in
/// its pattern, or is marked as the maker's, is the maker's.
const OWN: &[(&str, &[&str])] = &[
    ("Fitbit", &["fitbit", "aria"]),
    ("D-Link", &["d-link", "dlink", "dch", "dcs-", "dsp", "dhnap", "iothub", "cellvision", "dir-", "dap-"]),
    ("Edimax", &["edimax", "ic-", "sp-"]),
    ("ednet", &["assmann", "ednet", "icomen", "yunext"]),
    ("eQ-3", &["eq-3", "keq", "homematic", "hmip", "ccu", "max"]),
    ("Philips", &["philips", "hue", "ipbridge", "bsb"]),
    ("TP-Link", &["tp-link", "tplink", "hs1", "hs2", "kasa", "tapo", "9999"]),
    (
        "Belkin",
        &[
            "belkin",
            "wemo",
            "xbcs",
            "lswf",
            "f7c",
            "controllee",
            "insight",
            "upnp_type=bridge",
            "upnp_type=lightswitch",
        ],
    ),
    ("Smarter", &["smarter", "kettle"]),
];
/// Halves of the makers drawn anew so often.
const DRAWS: u64 = 50;

/// The kind of a device by the rules that `counts` lets count; `vendor` only as the registry has it if `plain`.
pub fn guess(view: &DeviceView, plain: bool, counts: impl Fn(&Evidence<'_>) -> bool) -> Guess {
    let fact = |wanted: &str| view.facts.iter().find(|(key, _)| key == wanted).map(|(_, value)| value.as_str());
    let below = |start: &'static str| {
        view.facts.iter().filter_map(move |(key, value)| Some((key.strip_prefix(start)?, value.as_str())))
    };
    let asked: Vec<u8> =
        fact("dhcp_asked").unwrap_or_default().split(',').filter_map(|code| code.parse().ok()).collect();
    let vendor = if plain { view.macs.iter().find_map(|mac| vendors::lookup(*mac)) } else { view.vendor.as_deref() };
    guess_by(
        &Signs {
            macs: view.macs.clone(),
            vendor,
            hosts: below("name.").map(|(_, name)| name).collect(),
            class: fact("vendor_class"),
            asked: &asked,
            services: &view.services.iter().cloned().collect(),
            labels: &below("label.").map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            routes: fact("routes").is_some() || view.is_gateway,
            own: view.is_own,
            random: view.randomised,
        },
        counts,
    )
}

fn is_own(make: &str, evidence: &Evidence<'_>) -> bool {
    let words = OWN.iter().find(|(maker, _)| *maker == make).expect("listed").1;
    let (pattern, maker) = (evidence.pattern.to_lowercase(), evidence.maker.unwrap_or_default().to_lowercase());
    words.iter().any(|word| pattern.contains(word) || maker.contains(word))
}

/// A rule that knows a model: a series of numbers, or a text with a number in it.
fn is_model(evidence: &Evidence<'_>) -> bool {
    let is_text = matches!(evidence.sort, "host" | "label" | "service" | "asks");
    evidence.sort == "series" || (is_text && evidence.pattern.contains(|c: char| c.is_ascii_digit()))
}

/// The next of a row of numbers that look drawn (Marsaglia, Xorshift RNGs, 2003).
fn drawn(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

/// What is left without rules, as a table.
pub fn page(rows: &[Row]) -> String {
    let score = |plain: bool, counts: &dyn Fn(&Row, &Evidence<'_>) -> bool| {
        let mut score = Score::default();
        for row in rows {
            score.count(guess(&row.view, plain, |evidence| counts(row, evidence)).kind, &row.kind);
        }
        score
    };
    for row in rows {
        let all = guess(&row.view, false, |_| true);
        assert_eq!((all.kind, all.confidence), (row.view.kind, row.view.kind_confidence), "{} {}", row.make, row.model);
    }
    let no_models = score(false, &|_, evidence| !is_model(evidence));
    let no_makers = score(true, &|row, evidence| !is_own(&row.make, evidence));
    let after_a_look = ["icomen", "yunext", "Assmann", "from:tcp/10000"];
    let no_looks = score(true, &|_, evidence| !after_a_look.iter().any(|word| evidence.pattern.contains(word)));
    let mut out = String::from("| the same, without | right | wrong | said to be unknown |\n|---|---|---|---|\n");
    for (what, Score { right, wrong, unknown }) in [
        ("series and numbers of models", no_models),
        ("what was written after a look at these files", no_looks),
        ("all rules of the device's own maker", no_makers),
    ] {
        let _ = writeln!(out, "| {what} | {right} | {wrong} | {unknown} |");
    }
    let (least, most, wrong) = halves(rows);
    let _ = writeln!(
        out,
        "\nWith the rules of a random half of the makers out of use, drawn {DRAWS} times: {least} to {most} of {} right, at \
         most {wrong} wrong.",
        rows.len()
    );
    assert!(no_models.wrong <= 1 && no_looks.wrong <= 1 && no_makers.wrong <= 1 && wrong <= 1, "{out}");
    out
}

/// Least and most right, and most wrong.
fn halves(rows: &[Row]) -> (usize, usize, usize) {
    let makes: BTreeSet<&str> = rows.iter().map(|row| row.make.as_str()).collect();
    // What is said of a row with and without its maker's rules; other makers' rules are not about it.
    let both: Vec<[Kind; 2]> = rows
        .iter()
        .map(|row| {
            let without = guess(&row.view, true, |evidence| !is_own(&row.make, evidence));
            [row.view.kind, without.kind]
        })
        .collect();
    let (mut seed, mut scores) = (1, Vec::new());
    for _ in 0..DRAWS {
        let mut order: BTreeMap<u64, &str> = makes.iter().map(|make| (drawn(&mut seed), *make)).collect();
        let kept = order.split_off(&order.keys().copied().nth(makes.len() / 2).expect("half"));
        let mut score = Score::default();
        for (row, said) in rows.iter().zip(&both) {
            let is_out = !kept.values().any(|make| *make == row.make);
            score.count(said[usize::from(is_out)], &row.kind);
        }
        scores.push(score);
    }
    let right = scores.iter().map(|score| score.right);
    let wrong = scores.iter().map(|score| score.wrong).max().unwrap_or(0);
    (right.clone().min().unwrap_or(0), right.max().unwrap_or(0), wrong)
}
