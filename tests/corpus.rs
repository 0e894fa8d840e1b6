//! Captures through the whole core: small ones made here, and any folder of real ones named by
//! `PORCHLIGHT_CORPUS`. Nothing may panic, nothing may take long, and what was whole is counted.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use porchlight::{
    capture::file::{self, PcapWriter},
    cli::replay::{Ears, Replayed, replay, replay_knowing},
    model::{LinkType, MacAddr, Party, Severity},
    settings::Settings,
};

const TV: [u8; 6] = [0xb8, 0x27, 0xeb, 0, 0, 9];
const ROUTER: [u8; 6] = [0xb8, 0x27, 0xeb, 0, 0, 1];
const SECOND: i128 = 1_000_000_000;
/// Some day in 2026.
const START: i128 = 1_790_000_000 * SECOND;

fn ethernet(from: [u8; 6], kind: u16, rest: &[u8]) -> Vec<u8> {
    [&[0xff; 6][..], &from, &kind.to_be_bytes(), rest].concat()
}

fn arp(operation: u8, mac: [u8; 6], ip: [u8; 4], target: [u8; 4]) -> Vec<u8> {
    [&[0, 1, 8, 0, 6, 4, 0, operation][..], &mac, &ip, &[0; 6], &target].concat()
}

fn udp(from: [u8; 4], to: [u8; 4], ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(payload.len() + 8).expect("short");
    let [a, b] = (len + 20).to_be_bytes();
    let mut packet = vec![0x45, 0, a, b, 0, 0, 0, 0, 255, 17, 0, 0];
    packet.extend([from, to].concat());
    for number in [ports.0, ports.1, len, 0] {
        packet.extend(number.to_be_bytes());
    }
    packet.extend(payload);
    packet
}

fn dhcp_request(mac: [u8; 6]) -> Vec<u8> {
    let mut bytes = vec![1, 1, 6, 0, 0, 0, 0, 7];
    bytes.extend([0; 20]);
    bytes.extend(mac);
    bytes.extend([0; 10 + 64 + 128]);
    bytes.extend([99, 130, 83, 99, 53, 1, 3, 55, 3, 1, 3, 6, 12, 2, b't', b'v', 255]);
    udp([0; 4], [255; 4], (68, 67), &bytes)
}

fn mdns_host(ip: [u8; 4]) -> Vec<u8> {
    let record = [&b"\x02tv\x05local\x00\x00\x01\x80\x01\x00\x00\x00\x78\x00\x04"[..], &ip].concat();
    udp(ip, [224, 0, 0, 251], (5353, 5353), &[&[0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0][..], &record].concat())
}

fn pcap(link: LinkType, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut out = PcapWriter::new(Vec::new(), link).expect("memory");
    for (second, frame) in frames.iter().enumerate() {
        out.frame(START + second as i128 * SECOND, 0, frame).expect("memory");
    }
    out.finish().expect("memory")
}

/// Two interfaces, Ethernet and Linux cooked, one frame each.
fn pcapng(first: &[u8], second: &[u8]) -> Vec<u8> {
    let block = |kind: u32, body: &[u8]| {
        let mut body = body.to_vec();
        body.resize(body.len().next_multiple_of(4), 0);
        let total = u32::try_from(body.len() + 12).expect("short").to_le_bytes();
        [&kind.to_le_bytes()[..], &total, &body, &total].concat()
    };
    let packet = |interface: u8, bytes: &[u8]| {
        let len = u32::try_from(bytes.len()).expect("short").to_le_bytes();
        block(6, &[&[interface, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0][..], &len, &len, bytes].concat())
    };
    [
        block(0x0a0d_0d0a, &[&0x1a2b_3c4du32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat()),
        block(1, &[1, 0, 0, 0, 0, 0, 0, 0]),
        block(1, &[113, 0, 0, 0, 0, 0, 0, 0]),
        packet(0, first),
        packet(1, second),
    ]
    .concat()
}

fn play(folder: &Path, name: &str, bytes: &[u8]) -> Replayed {
    let path = folder.join(name);
    fs::write(&path, bytes).expect("a file");
    replay(&[path], &Settings::default(), || 0.0).expect(name)
}

/// Name, file, frames, protocols in alphabetic order.
fn captures() -> Vec<(&'static str, Vec<u8>, u64, Vec<&'static str>)> {
    let join = vec![
        ethernet(TV, 0x0800, &dhcp_request(TV)),
        ethernet(TV, 0x0806, &arp(1, TV, [0; 4], [10, 0, 0, 9])),
        ethernet(TV, 0x0806, &arp(1, TV, [10, 0, 0, 9], [10, 0, 0, 9])),
        ethernet(TV, 0x0800, &mdns_host([10, 0, 0, 9])),
        ethernet(ROUTER, 0x0806, &arp(2, ROUTER, [10, 0, 0, 1], [10, 0, 0, 9])),
    ];
    let tagged = ethernet(TV, 0x8100, &[&[0, 7, 8, 6][..], &arp(1, TV, [10, 0, 0, 9], [10, 0, 0, 1])].concat());
    let cooked = [&[0, 1, 0, 1, 0, 6][..], &TV, &[0, 0, 8, 6], &arp(1, TV, [10, 0, 0, 9], [10, 0, 0, 1])].concat();
    let radio = [&[0, 0, 8, 0, 0, 0, 0, 0, 0x08, 0x41, 0, 0][..], &ROUTER, &TV, &ROUTER, &[0, 0, 9, 9]].concat();
    let whole = pcap(LinkType::ETHERNET, &join);
    vec![
        ("pcapng.pcapng", pcapng(&join[0], &cooked), 2, vec!["arp", "dhcp"]),
        ("cut.pcap", whole[..whole.len() - 5].to_vec(), 4, vec!["arp", "dhcp", "mdns"]),
        ("join.pcap", whole, 5, vec!["arp", "dhcp", "mdns"]),
        ("vlan.pcap", pcap(LinkType::ETHERNET, &[tagged]), 1, vec!["arp"]),
        ("sll.pcap", pcap(LinkType::LINUX_SLL, &[cooked]), 1, vec!["arp"]),
        ("radio.pcap", pcap(LinkType::RADIOTAP, &[radio]), 1, vec!["wifi"]),
        ("unknown.pcap", pcap(LinkType(195), &[vec![1, 2, 3]]), 1, vec!["other"]),
        ("empty.pcap", pcap(LinkType::ETHERNET, &[]), 0, vec![]),
    ]
}

#[test]
fn each_kind_of_capture_is_counted_and_its_device_found() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes, frames, protocols) in captures() {
        let replayed = play(folder.path(), name, &bytes);
        let file = &replayed.files[0];
        assert_eq!((file.packets, file.truncated), (frames, name == "cut.pcap"), "{name}");
        assert_eq!(replayed.protocols.keys().copied().collect::<Vec<_>>(), protocols, "{name}");
        let is_found = replayed.devices.iter().any(|device| device.macs.contains(&MacAddr(TV)));
        // Who speaks in a network in the air that nobody called the own is a neighbour, and no device.
        let is_nobody = matches!(name, "unknown.pcap" | "empty.pcap" | "radio.pcap");
        assert_eq!(is_found, !is_nobody, "{name}: {:?}", replayed.devices);
        // The same file gives the same home.
        let again = play(folder.path(), name, &bytes);
        assert_eq!(again.devices, replayed.devices, "{name}");
    }
}

/// A small generator of numbers (splitmix64), so that a failure happens again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut n = self.0;
        n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((n ^ (n >> 31)) % below.max(1) as u64).expect("below a usize")
    }
}

/// Flips bits of whole files, and of frames in files that stay whole.
#[test]
fn flipped_bits_are_survived_in_files_and_in_frames() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut dice = Dice(7);
    for round in 0..40 {
        for (name, bytes, frames, _) in captures() {
            let mut bytes = bytes;
            for _ in 0..=dice.roll(4) {
                let at = dice.roll(bytes.len());
                bytes[at] ^= 1 << dice.roll(8);
            }
            let path = folder.path().join(name);
            fs::write(&path, &bytes).expect("a file");
            if let Ok(replayed) = replay(&[path], &Settings::default(), || 0.0) {
                assert!(replayed.files[0].packets <= frames + 1, "{name}, round {round}");
            }
        }
        let noise: Vec<Vec<u8>> =
            (0..50).map(|_| (0..dice.roll(200)).map(|_| dice.roll(256) as u8).collect()).collect();
        for link in [0, 1, 9, 101, 105, 113, 127, 192, 239, 276] {
            let replayed = play(folder.path(), "noise.pcap", &pcap(LinkType(link), &noise));
            assert_eq!(replayed.files[0].packets, 50, "link {link}, round {round}");
        }
    }
}

/// The kernel holds back the middle of transfers. What detectors raise of a capture, at more than information, they raise
/// without it too: of each Ethernet capture of `PORCHLIGHT_CORPUS`, by detector and by whom it names.
#[test]
fn what_the_kernel_lets_pass_raises_the_same_alerts() {
    let Some(folder) = std::env::var_os("PORCHLIGHT_CORPUS").map(PathBuf::from) else { return };
    let index = fs::read_to_string(folder.join("INDEX.tsv")).expect("an index");
    let told = |path: &Path, ears: Ears| -> Option<BTreeSet<(String, String)>> {
        let played = replay_knowing(&[path.to_owned()], &Settings::default(), ears, &Arc::default(), || 0.0).ok()?;
        let loud = played.alerts.iter().filter(|alert| alert.severity > Severity::Info);
        let who = |party: &Party| party.ip.map(|ip| ip.to_string()).or(party.mac.map(|mac| mac.to_string()));
        Some(loud.map(|alert| (alert.detector.clone(), who(&alert.attacker).unwrap_or_default())).collect())
    };
    let (mut played, mut missing) = (0, Vec::new());
    for line in index.lines().filter(|line| line.split('\t').nth(1) == Some("attack")) {
        let name = line.split('\t').next().unwrap_or_default();
        let (Some(all), Some(live)) = (told(&folder.join(name), Ears::All), told(&folder.join(name), Ears::Live))
        else {
            continue;
        };
        played += 1;
        missing.extend(all.difference(&live).map(|(detector, who)| format!("{name}: {detector} {who}")));
    }
    // Long answers to Heartbleed stay outside: in the midst of a transfer any bytes may look like one.
    assert!(missing.len() * 40 <= played, "{} of {played}:\n{}", missing.len(), missing.join("\n"));
}

/// Cut anywhere and with bits flipped anywhere, each through the whole core: no panic, also none that a detector is
/// benched for, and no stall. `PORCHLIGHT_CORPUS_ROUNDS` says how often for each file of `PORCHLIGHT_CORPUS`.
fn mangle(bytes: &[u8], name: &str, rounds: usize, dice: &mut Dice, folder: &Path, bad: &mut Vec<String>) -> usize {
    let path = folder.join("mangled.pcap");
    let mut played = 0;
    let round = |bytes: &[u8], what: String, bad: &mut Vec<String>| {
        fs::write(&path, bytes).expect("a file");
        let before = cpu();
        let outcome = std::panic::catch_unwind(|| replay(std::slice::from_ref(&path), &Settings::default(), || 0.0));
        let took = cpu() - before;
        match outcome {
            Err(_) => bad.push(format!("{name}, {what}: panicked")),
            Ok(Ok(replayed)) if !replayed.failed.is_empty() => {
                bad.push(format!("{name}, {what}: {} failed", replayed.failed.join(", ")));
            }
            Ok(_) if took > Duration::from_secs(20) => bad.push(format!("{name}, {what}: took {took:?}")),
            Ok(Ok(_)) => return 1,
            Ok(Err(_)) => {}
        }
        0
    };
    for n in 0..rounds {
        let cut = dice.roll(bytes.len());
        played += round(&bytes[..cut], format!("cut at {cut}"), bad);
        let mut flipped = bytes.to_vec();
        for _ in 0..=dice.roll(8) {
            if !flipped.is_empty() {
                let at = dice.roll(flipped.len());
                flipped[at] ^= 1 << dice.roll(8);
            }
        }
        played += round(&flipped, format!("flip {n}"), bad);
    }
    played
}

#[test]
fn a_capture_that_is_cut_or_flipped_anywhere_is_survived() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut dice, mut bad) = (Dice(13), Vec::new());
    for (name, bytes, ..) in captures() {
        mangle(&bytes, name, 12, &mut dice, folder.path(), &mut bad);
    }
    let corpus = std::env::var_os("PORCHLIGHT_CORPUS").map(PathBuf::from);
    let rounds = std::env::var("PORCHLIGHT_CORPUS_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let mut files = Vec::new();
    if let Some(corpus) = &corpus {
        walk(corpus, &mut files);
        files.sort();
    }
    let mut played = 0;
    for path in &files {
        let Ok(bytes) = fs::read(path) else { continue };
        played += mangle(&bytes, &path.display().to_string(), rounds, &mut dice, folder.path(), &mut bad);
    }
    if corpus.is_some() {
        println!("{} files, {rounds} cuts and {rounds} flips each, {played} of them still captures", files.len());
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            walk(&entry, files);
        } else if ["gz", "pcap", "pcapng", "cap"].iter().any(|e| entry.extension().is_some_and(|found| found == *e)) {
            files.push(entry);
        }
    }
}

/// What an index file says of a capture: what must be, and frames. Columns are found by their heads.
fn index(folder: &Path) -> Vec<(PathBuf, String, u64)> {
    let Ok(text) = fs::read_to_string(folder.join("INDEX.tsv")) else { return Vec::new() };
    let mut lines = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let heads = lines.next().unwrap_or_default();
    let column = |name: &str| heads.iter().position(|head| *head == name).expect("a column");
    let (file, must, frames) = (column("file"), column("must"), column("frames"));
    lines.map(|row| (folder.join(row[file]), row[must].to_owned(), row[frames].parse().unwrap_or(0))).collect()
}

/// Processor time of this thread: other work on the machine does not count (proc_pid_schedstat(5)).
fn cpu() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0))
}

#[test]
fn a_folder_of_real_captures_is_survived() {
    let Some(folder) = std::env::var_os("PORCHLIGHT_CORPUS").map(PathBuf::from) else { return };
    let mut files = Vec::new();
    walk(&folder, &mut files);
    files.sort();
    assert!(!files.is_empty(), "no captures in {}", folder.display());
    let index = index(&folder);
    let (mut frames, mut errors, mut bad) = (0, Vec::new(), Vec::new());
    let started = cpu();
    let mut slowest = (Duration::ZERO, PathBuf::new());
    for path in &files {
        let before = cpu();
        let outcome = replay(std::slice::from_ref(path), &Settings::default(), || 0.0);
        let took = cpu() - before;
        if took > slowest.0 {
            slowest = (took, path.clone());
        }
        if took > Duration::from_secs(10) {
            bad.push(format!("{}: {took:?}", path.display()));
        }
        let expected = index.iter().find(|(file, ..)| file == path);
        let must = |word: &str| expected.is_some_and(|(_, must, _)| must.split([',', '|']).any(|m| m == word));
        match outcome {
            Ok(replayed) => {
                let read = replayed.files[0].packets + replayed.files[0].customs;
                frames += replayed.files[0].packets;
                if must("clear_error") {
                    bad.push(format!("{}: read without an error", path.display()));
                }
                if let Some((_, _, listed)) = expected.filter(|(_, _, listed)| read < *listed) {
                    bad.push(format!("{}: {read} frames of {listed}", path.display()));
                }
            }
            Err(error) => {
                if must("decode") {
                    bad.push(format!("{}: {error}", path.display()));
                }
                errors.push(format!("{}: {error}", path.display()));
            }
        }
    }
    println!(
        "{} files, {frames} frames, {} errors, {:.1} s of processor time, slowest {:.1} s ({})",
        files.len(),
        errors.len(),
        (cpu() - started).as_secs_f64(),
        slowest.0.as_secs_f64(),
        slowest.1.display()
    );
    for error in &errors {
        println!("error: {error}");
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    // The readers again, over every file with bits flipped: survival is all that is asked.
    let mut dice = Dice(11);
    for path in &files {
        let Ok(mut bytes) = fs::read(path) else { continue };
        for _ in 0..8 {
            let at = dice.roll(bytes.len());
            bytes[at] ^= 1 << dice.roll(8);
        }
        if let Ok(mut reader) = file::read(std::io::Cursor::new(bytes), path) {
            while reader.next().is_some_and(|frame| frame.bytes.len() <= 256 * 1024) {}
        }
    }
}

/// What docs/DETECTION.md says of the captures of `PORCHLIGHT_CORPUS`, and not less: every class of attack, and nothing
/// of what its row forbids.
#[test]
fn what_is_published_of_the_captures_is_true() {
    let Some(folder) = std::env::var_os("PORCHLIGHT_CORPUS").map(PathBuf::from) else { return };
    let index = folder.join("INDEX.tsv");
    if !index.exists() {
        return;
    }
    let said = std::process::Command::new(env!("CARGO_BIN_EXE_porchlight"))
        .args(["replay", "--json", "--score"])
        .arg(&index)
        .env_clear()
        .output()
        .expect("started");
    let told: serde_json::Value = serde_json::from_slice(&said.stdout).expect("JSON");
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/DETECTION.md")).expect("the page");
    for (key, line) in [("attacks", "attacks raised, right subject"), ("broken", "broken files survived")] {
        let [right, all] = [0_usize, 1].map(|at| told[key][at].as_u64().expect(key));
        let line = page.lines().find(|it| it.contains(line)).expect(line);
        let mut published = line.split(' ').filter_map(|word| word.parse::<u64>().ok());
        let (known, of) = (published.next().expect(line), published.next().expect(line));
        println!("{key}: {right} of {all}, published {known} of {of}");
        if all != of {
            // Other captures than those.
            return;
        }
        assert!(right >= known, "{key}: {right} of {all}, published {known}");
    }
    let rows = told["rows"].as_array().expect("rows");
    let lookalikes = ["benign_failover", "benign_arp", "benign_p2p", "benign_mdns", "benign_discovery"];
    for row in rows.iter().filter(|row| lookalikes.iter().any(|class| row["class"] == *class)) {
        assert_eq!(row["ok"], true, "{row}");
    }
}
