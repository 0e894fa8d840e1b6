//! Files of every format, whole, cut and damaged.

use std::{
    io::{Cursor, Write},
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use proptest::{collection::vec, prelude::*};

use super::*;

type Read = (Vec<(u32, u16, i128, u32, Vec<u8>)>, bool);

fn try_all(bytes: &[u8]) -> Result<Read, CaptureError> {
    let mut reader = read(Cursor::new(bytes.to_vec()), Path::new("x.pcap"))?;
    let mut frames = Vec::new();
    while let Some(frame) = reader.next() {
        frames.push((frame.interface.0, frame.link.0, frame.stamp_ns, frame.wire_len, frame.bytes.to_vec()));
    }
    assert_eq!(reader.frames(), frames.len() as u64);
    Ok((frames, reader.is_truncated()))
}

fn all(bytes: &[u8]) -> Read {
    try_all(bytes).expect("a capture")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(bytes).expect("memory");
    out.finish().expect("memory")
}

fn pcap(frames: &[(i128, &[u8])]) -> Vec<u8> {
    let mut out = PcapWriter::new(Vec::new(), LinkType::ETHERNET).expect("memory");
    for (stamp, bytes) in frames {
        out.frame(*stamp, 0, bytes).expect("memory");
    }
    out.finish().expect("memory")
}

/// A pcapng block in either order.
fn block(order: Order, kind: u32, body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    body.resize(body.len().next_multiple_of(4), 0);
    let total = u32::try_from(body.len() + 12).expect("short");
    let number = |n: u32| if order == Order::Big { n.to_be_bytes() } else { n.to_le_bytes() };
    [&number(kind)[..], &number(total), &body, &number(total)].concat()
}

fn numbers(order: Order, numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|n| if order == Order::Big { n.to_be_bytes() } else { n.to_le_bytes() }).collect()
}

fn section(order: Order) -> Vec<u8> {
    block(order, 0x0a0d_0d0a, &numbers(order, &[0x1a2b_3c4d, 0x0001_0000, u32::MAX, u32::MAX]))
}

fn interface(order: Order, link: u16, options: &[u8]) -> Vec<u8> {
    let link = if order == Order::Big { link.to_be_bytes() } else { link.to_le_bytes() };
    block(order, 1, &[&link[..], &[0, 0], &numbers(order, &[0]), options].concat())
}

fn packet(order: Order, interface: u32, ticks: u64, bytes: &[u8]) -> Vec<u8> {
    let len = u32::try_from(bytes.len()).expect("short");
    let head = [interface, (ticks >> 32) as u32, ticks as u32, len, len + 100];
    block(order, 6, &[&numbers(order, &head)[..], bytes].concat())
}

#[test]
fn pcap_is_read_in_both_orders_and_resolutions_and_packed() {
    let header = |magic: [u8; 4], big: bool| {
        let number = |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() };
        let mut bytes = [&magic[..], &[0; 12], &number(65535), &number(0x1000_0001)].concat();
        bytes.extend([7, 5, 2, 60].into_iter().flat_map(number));
        bytes.extend([1, 2]);
        bytes
    };
    let cases: &[(&str, Vec<u8>, i128)] = &[
        ("big", header([0xa1, 0xb2, 0xc3, 0xd4], true), 7_000_005_000),
        ("little", header([0xd4, 0xc3, 0xb2, 0xa1], false), 7_000_005_000),
        ("big, ns", header([0xa1, 0xb2, 0x3c, 0x4d], true), 7_000_000_005),
        ("little, ns", header([0x4d, 0x3c, 0xb2, 0xa1], false), 7_000_000_005),
    ];
    for (name, bytes, stamp) in cases {
        let expected = (vec![(0, 1, *stamp, 60, vec![1, 2])], false);
        assert_eq!(all(bytes), expected, "{name}");
        assert_eq!(all(&gzip(bytes)), expected, "{name}, packed");
    }
}

#[test]
fn a_cut_file_gives_what_was_whole_and_says_so() {
    let whole = pcap(&[(1, &[1; 20]), (2, &[2; 20])]);
    for keep in 4..=whole.len() {
        let (frames, truncated) = all(&whole[..keep]);
        let expected = keep.saturating_sub(24) / 36;
        assert_eq!((frames.len(), truncated), (expected, keep < 24 || (keep - 24) % 36 != 0), "{keep} bytes");
    }
    let packed = gzip(&whole);
    let (frames, truncated) = all(&packed[..packed.len() - 9]);
    assert!(frames.len() <= 2 && truncated);
    // A record that claims more than any frame holds.
    let mut lie = whole.clone();
    lie[24 + 8..24 + 12].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(all(&lie), (vec![], true));
    // Captured more than the wire had: believed as captured.
    assert_eq!(all(&whole).0[0].3, 20);
}

#[test]
fn pcapng_is_read_with_all_its_oddities() {
    for order in [Order::Big, Order::Little] {
        let code = |n: u16| if order == Order::Big { n.to_be_bytes() } else { n.to_le_bytes() };
        let resolution = |value: u8| [&code(9)[..], &code(1), &[value, 0, 0, 0]].concat();
        let offset = |s: i64| {
            let s = if order == Order::Big { s.to_be_bytes() } else { s.to_le_bytes() };
            [&code(14)[..], &code(8), &s].concat()
        };
        let file = [
            section(order),
            interface(order, 1, &[]),
            block(order, 0x0bad, &[9; 7]), // custom
            interface(order, 113, &[resolution(9), offset(100), code(0).to_vec(), code(0).to_vec()].concat()),
            interface(order, 1, &resolution(0x80 | 10)),
            packet(order, 0, 1_000_000, &[1]),
            block(order, 0x8765, &[]), // unknown
            packet(order, 1, 5, &[2, 2]),
            packet(order, 2, 2048, &[3]),
            packet(order, 9, 0, &[4]), // of no interface
            block(order, 3, &[&numbers(order, &[3])[..], &[5, 5, 5]].concat()),
            packet(order, 0, (-3i64).cast_unsigned(), &[6]),
            section(order),
            interface(order, 101, &[]),
            packet(order, 0, 7, &[7]),
        ]
        .concat();
        let (frames, truncated) = all(&file);
        let shown: Vec<_> =
            frames.iter().map(|(i, link, ns, _, bytes)| (*i, *link, *ns, bytes[0], bytes.len())).collect();
        assert_eq!(
            shown,
            [
                (0, 1, 1_000_000_000, 1, 1),
                (1, 113, 100_000_000_005, 2, 2),
                (2, 1, 2_000_000_000, 3, 1),
                (0, 1, 2_000_000_000, 5, 3),
                (0, 1, -3_000, 6, 1),
                (3, 101, 7_000, 7, 1),
            ],
            "{order:?}"
        );
        assert!(!truncated);
        for keep in 12..file.len() {
            let (some, _) = all(&file[..keep]);
            assert!(frames.starts_with(&some), "{keep} bytes give other frames");
        }
    }
}

#[test]
fn absurd_resolutions_and_lengths_are_survived() {
    let order = Order::Little;
    for resolution in 0..=255u8 {
        let options = [9, 0, 1, 0, resolution, 0, 0, 0];
        let file = [section(order), interface(order, 1, &options), packet(order, 0, u64::MAX >> 1, &[1])].concat();
        assert_eq!(all(&file).0.len(), 1, "resolution {resolution}");
    }
    for total in [0u32, 4, 11, 13, u32::MAX, 64 << 20] {
        let lie = [&section(order)[..], &numbers(order, &[6, total]), &[0; 40]].concat();
        assert_eq!(all(&lie), (vec![], true), "block of {total}");
    }
}

#[test]
fn snoop_is_read() {
    let order = Order::Big;
    let head = [&b"snoop\0\0\0"[..], &numbers(order, &[2, 4])].concat();
    let record = [&numbers(order, &[60, 3, 28, 0, 7, 5])[..], &[1, 2, 3, 0]].concat();
    assert_eq!(all(&[&head[..], &record].concat()), (vec![(0, 1, 7_000_005_000, 60, vec![1, 2, 3])], false));
    assert_eq!(all(&[&head[..], &record[..26]].concat()), (vec![], true));
}

#[test]
fn what_is_no_capture_is_called_so() {
    for bytes in [&b""[..], b"ab", b"<html>", &[0; 64], &gzip(b"hello, world"), &[0x1f, 0x8b, 9, 9]] {
        let error = try_all(bytes).expect_err("no capture");
        assert!(matches!(error, CaptureError::NotACapture { .. }), "{error}");
        assert!(error.to_string().starts_with("x.pcap is no capture file"), "{error}");
    }
    assert!(matches!(open(Path::new("/nonexistent")), Err(CaptureError::File { .. })));
    assert!(matches!(open(Path::new("/")), Err(CaptureError::File { .. })));
}

proptest! {
    #[test]
    fn what_is_written_reads_back(frames in vec((0i128..1 << 61, vec(any::<u8>(), 0..99)), 0..9)) {
        let borrowed: Vec<(i128, &[u8])> = frames.iter().map(|(stamp, bytes)| (*stamp, &bytes[..])).collect();
        let (found, truncated) = all(&pcap(&borrowed));
        let found: Vec<_> = found.into_iter().map(|(_, _, stamp, _, bytes)| (stamp, bytes)).collect();
        prop_assert_eq!((found, truncated), (frames, false));
    }

    #[test]
    fn flipped_bytes_are_survived(at in 0usize..400, by in 1u8.., order: bool, tail in vec(any::<u8>(), 0..60)) {
        let order = if order { Order::Big } else { Order::Little };
        let files = [
            pcap(&[(1, &[1; 20]), (2, &[2; 20])]),
            [section(order), interface(order, 1, &[]), packet(order, 0, 1, &[1; 20]), packet(order, 0, 2, &[2; 20])].concat(),
        ];
        for mut file in files {
            file.extend(&tail);
            let at = at % file.len();
            file[at] ^= by;
            if let Ok((frames, _)) = try_all(&file) {
                prop_assert!(frames.iter().map(|frame| frame.4.len()).sum::<usize>() <= file.len());
            }
        }
    }
}
