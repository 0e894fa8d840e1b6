//! Frames that are kept with an alert: what is written, reads back, in order and at its length; what was said is blank.
//!
//! Input: pieces of two bytes of length, a byte of time, and a frame.
#![no_main]

use std::{io::Cursor, path::Path, time::Duration};

use libfuzzer_sys::fuzz_target;
use porchlight::{
    capture::{
        evidence::{Evidence, Settings},
        file,
    },
    model::{Captured, InterfaceId, LinkType, Moment, Mono, Wall},
    wire::{Frame, Transport},
};

/// What is kept of a segment, and of anything else.
const TCP_MAX: usize = 512;
const WHOLE_MAX: usize = 1600;
const LAST_MAX: usize = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    let mut evidence = Evidence::new(&Settings { ring_mib: 1, ..Settings::default() });
    let (mut rest, mut ms, mut heard) = (bytes, 1_u64, Vec::new());
    while let [high, low, pause, after @ ..] = rest {
        let len = usize::from(u16::from_be_bytes([*high, *low])).min(after.len());
        let (bytes, next) = after.split_at(len);
        ms += u64::from(*pause);
        let link =
            [LinkType::ETHERNET, LinkType::RAW_IP, LinkType::RADIOTAP, LinkType::LINUX_SLL2][usize::from(pause % 4)];
        let at = moment(ms);
        evidence.hear(&Captured { link, interface: InterfaceId(1), at, wire_len: len as u32, bytes });
        // What has no byte is no evidence.
        if !bytes.is_empty() {
            heard.push((link, bytes));
        }
        rest = next;
        if heard.len() == 64 {
            break;
        }
    }
    let written = evidence.last(Duration::from_secs(3600), moment(ms), LAST_MAX);
    let mut reader = file::read(Cursor::new(written), Path::new("kept")).expect("what we write is a capture");
    // The newest are kept, if not all are.
    let mut read = Vec::new();
    while let Some(frame) = reader.next() {
        read.push((frame.link, frame.bytes.to_vec()));
    }
    assert!(read.len() <= heard.len());
    for ((link, kept), (heard_link, original)) in read.iter().rev().zip(heard.iter().rev()) {
        assert_eq!(link, heard_link);
        assert!(
            kept.len() == original.len().min(WHOLE_MAX) || kept.len() == TCP_MAX,
            "{} {}",
            kept.len(),
            original.len()
        );
        is_blank(&Frame::decode(*link, kept), &Frame::decode(*link, &original[..kept.len()]));
    }
});

/// Of a datagram of a protocol that nobody knows, nothing is shown.
fn is_blank(kept: &Frame<'_>, original: &Frame<'_>) {
    if let (Some(Transport::Udp(kept)), Some(Transport::Udp(original))) = (&kept.transport, &original.transport)
        && original.source > 5355
        && original.destination > 5355
    {
        assert!(kept.payload.iter().all(|byte| *byte == b'.'), "{:?}", kept.payload);
    }
}

fn moment(ms: u64) -> Moment {
    Moment { mono: Mono(ms * 1_000_000), wall: Wall(1_795_600_000_000 + ms as i64) }
}
