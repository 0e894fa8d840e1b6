//! The running part over small files.

use std::fs;

use crate::{capture::file::PcapWriter, model::LinkType};

use super::*;

fn capture(folder: &Path, name: &str, stamps: &[i128]) -> PathBuf {
    let path = folder.join(name);
    let mut out = PcapWriter::new(Vec::new(), LinkType::ETHERNET).expect("memory");
    let mut frame = vec![0xff; 6];
    frame.extend([0xb8, 0x27, 0xeb, 0, 0, 9, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 0xb8, 0x27, 0xeb, 0, 0, 9, 10, 0, 0, 9]);
    frame.extend([0, 0, 0, 0, 0, 0, 10, 0, 0, 1]);
    for stamp in stamps {
        out.frame(*stamp, 60, &frame).expect("memory");
    }
    fs::write(&path, out.finish().expect("memory")).expect("a file");
    path
}

#[test]
fn files_are_counted_each_and_talk_together() {
    let folder = tempfile::tempdir().expect("a folder");
    let late = capture(folder.path(), "a.pcap", &[9_000_000_000, 7_000_000_000]);
    let early = capture(folder.path(), "b.pcap", &[1_000_000_000]);
    let ticks = std::cell::Cell::new(0.0);
    let cpu = || {
        ticks.set(ticks.get() + 0.5);
        ticks.get()
    };
    let replayed = replay(&[late.clone(), early], &Settings::default(), cpu).expect("captures");
    let stats: Vec<_> =
        replayed.files.iter().map(|f| (f.packets, f.bytes, f.link, f.from, f.to, f.truncated)).collect();
    assert_eq!(
        stats,
        [
            (2, 84, Some("ethernet"), Some(Wall(7000)), Some(Wall(9000)), false),
            (1, 42, Some("ethernet"), Some(Wall(1000)), Some(Wall(1000)), false),
        ]
    );
    assert_eq!(replayed.protocols, BTreeMap::from([("arp", 3)]));
    assert_eq!((replayed.conversations.len(), replayed.conversations[0].bytes), (1, 180));
    assert_eq!((replayed.cpu_seconds, replayed.packets_per_second), (0.5, 6.0));
}

#[test]
fn a_file_that_is_none_stops_before_anything_is_played() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = capture(folder.path(), "a.pcap", &[1]);
    let bad = folder.path().join("b.pcap");
    fs::write(&bad, "hello").expect("a file");
    let error = replay(&[good, bad], &Settings::default(), || 0.0).expect_err("no capture");
    assert!(matches!(error, CaptureError::NotACapture { .. }), "{error}");
    let empty = replay(&[], &Settings::default(), || 0.0).expect("nothing to do");
    assert!(empty.files.is_empty() && empty.devices.is_empty());
}
