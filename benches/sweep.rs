//! A /24 swept by ARP, and by arp-scan in the same run on the same wire: 30 devices, then every address taken.
//!
//! `cargo bench --bench sweep [-- --rounds 5]`. Needs root and iproute2; arp-scan if it is to be compared. Wire time and
//! counts are taken at the devices' end of the wire; each program is run as a user runs it, so the whole time holds
//! start, pacing, retries and the wait for late answers of each.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench may stop at the first surprise")]
#![allow(clippy::disallowed_methods, reason = "a bench measures time")]

use std::{collections::BTreeSet, net::Ipv4Addr, process::Command, time::Instant};

#[allow(dead_code, reason = "each bench uses a part")]
mod home;

use home::{
    Home, daemon,
    devices::{self, Devices, Report},
    frames, has, option, process,
    report::{Runs, ratio, row, title},
};

fn main() {
    if home::inner().is_some() {
        return devices::play();
    }
    let rounds = option("rounds").unwrap_or(5);
    for count in [30, 253] {
        let Some(home) = Home::build(24) else { return };
        compare(&home, count, rounds);
    }
}

/// What one program saw and took.
#[derive(Default)]
struct Side {
    last: Report,
    found: BTreeSet<Ipv4Addr>,
    missed: u64,
    invented: u64,
    wire_ms: Runs,
    answers_ms: Runs,
    whole_ms: Runs,
}

impl Side {
    fn add(&mut self, found: BTreeSet<Ipv4Addr>, report: Report, whole_ms: f64, devices: &BTreeSet<Ipv4Addr>) {
        self.missed += devices.difference(&found).count() as u64;
        self.invented += found.difference(devices).count() as u64;
        let since = |end: u64| end.saturating_sub(report.first_ns) as f64 / 1e6;
        self.wire_ms.add(since(report.last_ns));
        self.answers_ms.add(since(report.last_answer_ns));
        self.whole_ms.add(whole_ms);
        (self.found, self.last) = (found, report);
    }
}

fn compare(home: &Home, count: u32, rounds: u32) {
    let mut devices = Devices::start(home, count, 0, false);
    let all: BTreeSet<Ipv4Addr> = (0..count).map(frames::ip).collect();
    let folder = tempfile::tempdir().unwrap();
    let (mut ours, mut theirs) = (Side::default(), Side::default());
    let mut run = |side: &mut Side, command: &mut Command, read: fn(&str) -> BTreeSet<Ipv4Addr>| {
        // Neither is to profit from what the kernel knows of the run before.
        assert!(home::ip(&["-n", &home.near, "neigh", "flush", "dev", home::INTERFACE]));
        devices.report();
        let began = Instant::now();
        let done = command.output().unwrap();
        let whole = began.elapsed().as_secs_f64() * 1e3;
        let found = read(&String::from_utf8_lossy(&done.stdout));
        side.add(found, devices.report(), whole, &all);
    };
    for _ in 0..rounds {
        let mut scan = daemon::command(home, folder.path(), "");
        run(&mut ours, scan.args(["scan", "--json", "--only", "arp_sweep,capture"]), ours_found);
        if has("arp-scan") {
            let mut scan = home.near("arp-scan");
            run(&mut theirs, scan.args(["--interface", home::INTERFACE, "10.77.0.0/24"]), theirs_found);
        }
    }

    title(&format!("/24 with {count} devices, {rounds} rounds in turn ({})", process::load()));
    println!("  {:<52} {:>14} {:>14}", "", "porchlight", "arp-scan");
    let line = |what: &str, figure: &dyn Fn(&Side) -> String| {
        let peer = if theirs.whole_ms.len() > 0 { figure(&theirs) } else { "not installed".into() };
        println!("  {what:<52} {:>14} {peer:>14}", figure(&ours));
    };
    let both = |runs: &Runs| format!("{:.1} / {:.1}", runs.min(), runs.median());
    line("requests on the wire (last round)", &|side| side.last.asked.to_string());
    line("addresses asked for", &|side| side.last.addresses.to_string());
    line("answers on the wire", &|side| side.last.answered.to_string());
    line("found (last round)", &|side| side.found.len().to_string());
    line("missed in all rounds", &|side| side.missed.to_string());
    line("invented in all rounds", &|side| side.invented.to_string());
    line("first to last request, ms, least / median", &|side| both(&side.wire_ms));
    line("first request to last answer, ms", &|side| both(&side.answers_ms));
    line("the whole program, ms", &|side| both(&side.whole_ms));
    if theirs.whole_ms.len() > 0 {
        let lost = theirs.found.difference(&ours.found).count();
        row("found by arp-scan and not by porchlight", &lost.to_string());
        row("wire time", &ratio(ours.wire_ms.median(), theirs.wire_ms.median()));
        row("whole time", &ratio(ours.whole_ms.median(), theirs.whole_ms.median()));
    }
}

/// The addresses of the home in a scan's JSON.
fn ours_found(text: &str) -> BTreeSet<Ipv4Addr> {
    let scan: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let devices = scan["devices"].as_array().into_iter().flatten();
    let addresses = devices.flat_map(|device| device["addresses"].as_array().cloned().unwrap_or_default());
    addresses.filter_map(|ip| address(ip.as_str().or_else(|| ip["ip"].as_str())?)).collect()
}

fn theirs_found(text: &str) -> BTreeSet<Ipv4Addr> {
    text.lines().filter_map(|line| address(line.split_whitespace().next()?)).collect()
}

fn address(text: &str) -> Option<Ipv4Addr> {
    text.parse().ok().filter(|ip| *ip != frames::US)
}
