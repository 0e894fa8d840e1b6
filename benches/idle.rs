//! What Porchlight costs when nothing happens: 250 devices known and published, a household's chatter, one minute.
//!
//! `cargo bench --bench idle [-- --devices 250 --seconds 60 --rate 10 --settle 20]`. Needs root, iproute2 and
//! mosquitto. Peers on the same wire for the same minute: mosquitto, and, if they are installed, arpwatch and a bare
//! ARP watch with scapy. They do much less than Porchlight: they are a measure of size, not rivals.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench may stop at the first surprise")]
#![allow(clippy::disallowed_methods, reason = "a bench measures time")]

use std::{
    fs,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

#[allow(dead_code, reason = "each bench uses a part")]
mod home;

use home::{
    Helper, Home,
    broker::{Broker, Listener},
    daemon::Daemon,
    devices::{self, Devices},
    has, option,
    process::{self, Memory},
    report::{mib, ratio, row, title},
    wait,
};

const PATIENCE: Duration = Duration::from_secs(180);
/// What a home automation in Python begins with.
const SCAPY: &str = "
from scapy.all import ARP, sniff
seen = {}
sniff(iface='home0', store=False, filter=None, prn=lambda p: seen.update({p[ARP].hwsrc: p[ARP].psrc}) if ARP in p else None)
";

fn main() {
    if home::inner().is_some() {
        return devices::play();
    }
    let devices = option("devices").unwrap_or(250);
    let (seconds, rate) = (option("seconds").unwrap_or(60), option("rate").unwrap_or(10));
    let Some(home) = Home::build(if devices < 253 { 24 } else { 20 }) else { return };
    let Some(broker) = Broker::start(&home) else { return };
    let listener = Listener::start(&home);
    let mut peers = vec![("mosquitto", broker.helper.0.id())];
    let (arpwatch, scapy) = (arpwatch(&home), scapy(&home));
    peers.extend(arpwatch.iter().map(|(helper, _)| ("arpwatch", helper.0.id())));
    peers.extend(scapy.iter().map(|helper| ("bare scapy sniffer", helper.0.id())));
    let began = Instant::now();
    let unasked = sent(&home);
    let daemon = Daemon::start(&home, "homeassistant: {expose: all}\n");
    let _devices = Devices::start(&home, devices, rate, true);
    let all = devices as usize;
    if !wait(PATIENCE, || listener.count(true) >= all) {
        panic!("{} of {devices} published:\n{}", listener.count(true), daemon.log());
    }
    // The first writes and looks are not what a quiet hour is; nor are the first visits to ports, which take minutes.
    thread::sleep(Duration::from_secs(option("settle").unwrap_or(20).into()));
    let at_start = sent(&home);
    let pids: Vec<(&str, u32)> = [("porchlight", daemon.pid())].into_iter().chain(peers).collect();
    let before: Vec<f64> = pids.iter().map(|(_, pid)| process::seconds(*pid).unwrap_or_default()).collect();
    let messages = listener.messages();
    let (quiet, start_took) = (sent(&home), began.elapsed());
    thread::sleep(Duration::from_secs(seconds.into()));
    let quiet = (sent(&home) - quiet) as f64 / f64::from(seconds);
    let after: Vec<f64> = pids.iter().map(|(_, pid)| process::seconds(*pid).unwrap_or_default()).collect();

    title(&format!("{devices} devices known and published, {seconds} s of {rate} frames/s ({})", process::load()));
    let cost: Vec<(&str, Memory, f64)> = pids
        .iter()
        .zip(before.iter().zip(after))
        .filter_map(|((name, pid), (before, after))| {
            Some((*name, process::memory(*pid)?, (after - before) * 100.0 / f64::from(seconds)))
        })
        .collect();
    println!("  {:<20} {:>10} {:>10} {:>10} {:>12}", "", "RSS", "PSS", "its own", "CPU");
    for (name, memory, percent) in &cost {
        let [rss, pss, own] = [memory.rss, memory.pss, memory.anonymous].map(mib);
        println!("  {name:<20} {rss:>10} {pss:>10} {own:>10} {percent:>10.2} %");
    }
    let Some(((_, ours, percent), peers)) = cost.split_first() else { return };
    for (part, kib) in &ours.parts {
        row(&format!("of porchlight: {part}"), &mib(*kib));
    }
    for (name, memory, theirs) in peers {
        row(&format!("memory, to {name}"), &ratio(ours.rss as f64, memory.rss as f64));
        row(&format!("processor, to {name}"), &ratio(*percent, *theirs));
    }
    let start = at_start - unasked;
    row("packets sent from the start on", &format!("{start} in {:.0} s", start_took.as_secs_f64()));
    row("packets sent after that, a second", &format!("{quiet:.2}"));
    // What comes once an hour or a day is not in so short a time: as if all of the start came again every hour.
    row("a second over a day, extrapolated, at most", &format!("{:.2}", quiet + start as f64 / 3600.0));
    row("messages on the broker in that time", &(listener.messages() - messages).to_string());
    row("size of the program", &mib(fs::metadata(home::daemon::PROGRAM).map_or(0, |file| file.len() / 1024)));
}

/// Packets that left the host that Porchlight runs on, by its kernel.
fn sent(home: &Home) -> u64 {
    let counter = format!("/sys/class/net/{}/statistics/tx_packets", home::INTERFACE);
    let read = home.near("cat").arg(counter).output().expect("a counter");
    String::from_utf8_lossy(&read.stdout).trim().parse().expect("a number")
}

fn arpwatch(home: &Home) -> Option<(Helper, tempfile::TempDir)> {
    if !has("arpwatch") {
        eprintln!("arpwatch is not installed: not compared");
        return None;
    }
    let folder = tempfile::tempdir().ok()?;
    let data = folder.path().join("arp.dat");
    fs::write(&data, "").ok()?;
    let mut command = home.near("arpwatch");
    command.args(["-d", "-i", "home0", "-f"]).arg(&data).stdout(Stdio::null()).stderr(Stdio::null());
    Some((Helper(command.spawn().ok()?), folder))
}

fn scapy(home: &Home) -> Option<Helper> {
    let has_scapy = home.near("python3").args(["-c", "import scapy.all"]).stderr(Stdio::null()).status();
    if !has_scapy.is_ok_and(|status| status.success()) {
        eprintln!("scapy is not installed: not compared");
        return None;
    }
    let mut command = home.near("python3");
    command.args(["-c", SCAPY]).stdout(Stdio::null()).stderr(Stdio::null());
    Some(Helper(command.spawn().ok()?))
}
