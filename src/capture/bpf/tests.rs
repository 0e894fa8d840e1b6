//! The filter, run as the kernel runs it.

use proptest::prelude::*;

use super::{run::keeps, *};

/// As [`Filter::keeps`], of a program alone.
fn run(program: &[Instruction], frame: &[u8]) -> u32 {
    keeps(program, frame, u32::try_from(frame.len()).unwrap_or(u32::MAX))
}

fn frame(group: bool, kind: u16, rest: &[u8]) -> Vec<u8> {
    let mut frame = vec![if group { 0x33 } else { 0x02 }, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    frame.extend(kind.to_be_bytes());
    frame.extend(rest);
    frame.resize(frame.len().max(60), 0);
    frame
}

fn v4(words: u8, offset: u16, protocol: u8, transport: &[u8]) -> Vec<u8> {
    let mut header = vec![0; usize::from(words) * 4];
    header[0] = 0x40 | words;
    header[6..8].copy_from_slice(&offset.to_be_bytes());
    header[9] = protocol;
    header.extend(transport);
    frame(false, 0x0800, &header)
}

fn v6(next: u8, transport: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 40];
    header[6] = next;
    header.extend(transport);
    frame(false, 0x86dd, &header)
}

fn udp(from: u16, to: u16) -> Vec<u8> {
    [from.to_be_bytes(), to.to_be_bytes(), [0, 8], [0, 0]].concat()
}

fn tcp(flags: u8) -> Vec<u8> {
    said(5, flags, &[])
}

/// A TCP segment with a header of so many words.
fn said(words: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut header = vec![0; usize::from(words) * 4];
    header[12] = words << 4;
    header[13] = flags;
    header.extend(payload);
    header
}

fn quic(to: u16, first: u8, version: u32) -> Vec<u8> {
    [&udp(50000, to)[..], &[first], &version.to_be_bytes(), &[8, 0, 0]].concat()
}

/// To a group, `len` bytes in all.
fn to_all(mut frame: Vec<u8>, len: usize) -> Vec<u8> {
    frame[0] = 1;
    frame.resize(len, 0x47);
    frame
}

#[test]
fn the_home_filter_keeps_introductions_and_turns_bulk_away() {
    let program = Filter::home();
    let cases: &[(&str, Vec<u8>, bool)] = &[
        ("any broadcast", frame(true, 0x88b5, &[]), true),
        ("arp to us", frame(false, 0x0806, &[]), true),
        ("unicast of an unknown kind", frame(false, 0x88b5, &[]), false),
        ("eapol to one station", frame(false, 0x888e, &[]), false),
        ("ping answer", v4(5, 0, 1, &[0; 8]), true),
        ("igmp", v4(6, 0, 2, &[0; 8]), true),
        ("dhcp renewal by unicast", v4(5, 0, 17, &udp(68, 67)), true),
        ("the same behind ip options", v4(8, 0, 17, &udp(68, 67)), true),
        ("mdns answer by unicast", v4(5, 0, 17, &udp(5353, 40000)), true),
        ("web discovery answer", v4(5, 0, 17, &udp(3702, 40000)), true),
        ("a dns question", v4(5, 0, 17, &udp(40000, 53)), true),
        ("a dns answer", v4(5, 0, 17, &udp(53, 40000)), false),
        ("television", to_all(v4(5, 0, 17, &udp(5004, 5004)), 1370), false),
        ("television over v6", to_all(v6(17, &udp(5004, 5004)), 1390), false),
        ("a short word to a group", to_all(v4(5, 0, 17, &udp(5004, 5004)), 200), true),
        ("a long announcement", to_all(v4(5, 0, 17, &udp(5353, 5353)), 1400), true),
        ("a long frame of another kind", to_all(frame(true, 0x88cc, &[]), 1400), true),
        ("quic opens", v4(5, 0, 17, &quic(443, 0xc3, 1)), true),
        ("the same behind ip options", v4(7, 0, 17, &quic(443, 0xc3, 1)), true),
        ("quic version 2 opens", v4(5, 0, 17, &quic(443, 0xd1, 0x6b33_43cf)), true),
        ("quic's handshake packet", v4(5, 0, 17, &quic(443, 0xe3, 1)), false),
        ("quic 1 as in 2", v4(5, 0, 17, &quic(443, 0xd3, 1)), false),
        ("quic of another version", v4(5, 0, 17, &quic(443, 0xc3, 9)), false),
        ("quic's short packet", v4(5, 0, 17, &quic(443, 0x43, 1)), false),
        ("quic on another port", v4(5, 0, 17, &quic(444, 0xc3, 1)), false),
        ("quic answered", v4(5, 0, 17, &[&udp(443, 50000)[..], &[0xc3, 0, 0, 0, 1]].concat()), false),
        ("video", v4(5, 0, 17, &udp(443, 50000)), false),
        ("a later fragment that looks like dhcp", v4(5, 100, 17, &udp(68, 67)), false),
        ("a first fragment", v4(5, 0x2000, 17, &udp(68, 67)), true),
        ("connection opens", v4(5, 0, 6, &tcp(0x02)), true),
        ("connection answered", v4(15, 0, 6, &tcp(0x12)), true),
        ("bulk", v4(5, 0, 6, &tcp(0x10)), false),
        ("a tls greeting", v4(5, 0, 6, &said(8, 0x18, &[22, 3, 1, 2, 0])), true),
        ("tls data", v4(5, 0, 6, &said(8, 0x18, &[23, 3, 3, 2, 0])), false),
        ("a greeting among options", v4(5, 0, 6, &said(6, 0x18, &[0, 0, 22, 3])), false),
        ("a request", v4(5, 0, 6, &said(5, 0x18, b"GET / HTTP/1.1\r\n")), true),
        ("an answer", v4(6, 0, 6, &said(15, 0x18, b"HTTP/1.1 200 OK\r\n")), true),
        ("a document", v4(5, 0, 6, &said(5, 0x18, b"<?xml version")), true),
        ("the middle of one", v4(5, 0, 6, &said(5, 0x18, b"<device><friendlyName>")), false),
        ("cut in the header", v4(5, 0, 6, &tcp(0x10)[..13]), false),
        ("neighbour advertisement", v6(58, &[136]), true),
        ("dhcpv6", v6(17, &udp(547, 546)), true),
        ("quic", v6(17, &udp(443, 546 + 1000)), false),
        ("quic opens over v6", v6(17, &quic(443, 0xcf, 1)), true),
        ("a question over v6", v6(17, &udp(40000, 53)), true),
        ("a tls greeting over v6", v6(6, &said(8, 0x18, &[22, 3, 3, 2, 0])), true),
        ("an answer over v6", v6(6, &said(5, 0x10, b"HTTP/1.0 200")), true),
        ("connection opens over v6", v6(6, &tcp(0x02)), true),
        ("bulk over v6", v6(6, &tcp(0x18)), false),
    ];
    for (name, bytes, kept) in cases {
        assert_eq!(run(program.program(), bytes), if *kept { SNAP } else { 0 }, "{name}");
        assert_eq!(run(Filter::everything().program(), bytes), SNAP, "{name}");
    }
}

#[test]
fn the_filter_for_the_air_turns_away_what_names_no_sender() {
    let program = Filter::air();
    // Radio headers of several lengths; what stands behind them decides.
    for len in [8u8, 13, 36, 56] {
        let frame = |first: u8| {
            let mut bytes = vec![0xd4; usize::from(len)];
            bytes[..4].copy_from_slice(&[0, 0, len, 0]);
            bytes.extend([first, 0, 0, 0, 1, 2, 3, 4, 5, 6]);
            bytes
        };
        // Acknowledgement, clear to send; beacon, question, farewell, data, null, poll of a sleeper, request to send.
        for first in [0xd4, 0xc4] {
            assert_eq!(run(program.program(), &frame(first)), 0, "{first:#x} behind {len}");
        }
        for first in [0x80, 0x40, 0xc0, 0x08, 0x88, 0x48, 0xa4, 0xb4] {
            assert_eq!(run(program.program(), &frame(first)), SNAP_AIR, "{first:#x} behind {len}");
        }
    }
    assert_eq!(run(program.program(), &[0, 0, 8, 0, 0, 0, 0, 0]), 0, "no frame behind the header");
    assert_eq!(run(program.program(), &[0, 0]), 0);
}

#[test]
fn every_step_leads_forward_and_inside() {
    for filter in [Filter::home(), Filter::conversations(), Filter::air(), Filter::everything()] {
        let program = filter.program();
        assert!(program.len() < 256 && program.last().map(|s| s.code) == Some(RETURN));
        for (at, step) in program.iter().enumerate() {
            let furthest = at + 1 + usize::from(step.yes.max(step.no));
            assert!(step.code == RETURN || furthest < program.len(), "step {at} leaves the program");
        }
    }
}

proptest! {
    #[test]
    fn a_cut_frame_is_never_kept_where_the_whole_was_not(bytes in proptest::collection::vec(any::<u8>(), 0..120), cut in 0usize..120) {
        let program = Filter::home();
        let whole = run(program.program(), &bytes);
        prop_assert!(whole == 0 || whole == SNAP);
        if whole == 0 {
            prop_assert_eq!(run(program.program(), &bytes[..cut.min(bytes.len())]), 0);
        }
    }
}

/// The head of a message of SMB, with its length before it and the command of version 3.
fn smb(version: u8, command: u8) -> Vec<u8> {
    [&[0, 0, 5, 0, version, b'S', b'M', b'B', 64, 0, 0, 0, 0, 0, 0, 0, command, 0][..], &[0; 50]].concat()
}

#[test]
fn a_tag_is_taken_out_before_and_a_cut_frame_keeps_its_length() {
    let filter = Filter::conversations();
    let plain = v4(5, 0, 6, &said(5, 0x18, b"USER anna\r\n"));
    for kind in [[0x81, 0], [0x88, 0xa8]] {
        let tagged = [&plain[..12], &kind, &[0, 7], &plain[12..]].concat();
        assert_eq!(filter.keeps(&tagged, 80), SNAP + 4);
    }
    assert_eq!(
        (filter.keeps(&plain, 80), filter.keeps(&plain, 1500)),
        (SNAP, 0),
        "the rest was cut by whoever wrote it"
    );
    assert_eq!(filter.keeps(&plain[..13], 80), 0);
}

#[test]
fn what_detectors_need_of_conversations_passes_and_transfers_do_not() {
    let long = [7_u8; 1100];
    let short = b"USER anna\r\n";
    let datagram = |from: u16, to: u16, len: usize| [udp(from, to), vec![7; len]].concat();
    let cases: Vec<(&str, Vec<u8>, bool, bool)> = vec![
        // what                               frame                              of conversations, of who is here
        ("a beginning", v4(5, 0, 6, &tcp(0x02)), true, true),
        ("a refusal", v4(5, 0, 6, &tcp(0x14)), true, false),
        ("an end", v6(6, &tcp(0x11)), true, false),
        ("a scan without a flag", v4(5, 0, 6, &tcp(0)), true, false),
        ("a scan with many", v6(6, &tcp(0x29)), true, false),
        ("an acknowledgement", v4(5, 0, 6, &tcp(0x10)), false, false),
        ("a command", v4(5, 0, 6, &said(5, 0x18, short)), true, false),
        ("a command with options", v6(6, &said(8, 0x18, short)), true, false),
        ("a piece of a transfer", v4(5, 0, 6, &said(5, 0x10, &long)), false, false),
        ("the end of one", v4(5, 0, 6, &said(5, 0x18, &long)), false, false),
        ("keys of SSH", v4(5, 0, 6, &said(8, 0x18, &[&[0, 0, 4, 0x34, 6, 20][..], &long].concat())), true, false),
        ("their answer", v6(6, &said(8, 0x10, &[&[0, 0, 4, 0x34, 6, 31][..], &long].concat())), true, false),
        ("a session of SSH", v4(5, 0, 6, &said(8, 0x18, &[&[0, 0, 4, 0x34, 6, 94][..], &long].concat())), false, false),
        ("encrypted", v4(5, 0, 6, &said(8, 0x18, &[&[0x9f, 1, 4, 0x34, 6, 20][..], &long].concat())), false, false),
        (
            "a call of administration",
            v4(5, 0, 6, &said(5, 0x10, &[&[5, 0, 0, 3, 16, 0][..], &long].concat())),
            true,
            false,
        ),
        ("what is called first", v6(6, &said(8, 0x18, &[&[5, 0, 11, 3, 16, 0][..], &long].concat())), true, false),
        ("its answer", v4(5, 0, 6, &said(5, 0x18, &[&[5, 0, 2, 3, 16, 0][..], &long].concat())), false, false),
        ("a login to files", v4(5, 0, 6, &said(5, 0x10, &[&smb(0xfe, 1)[..], &long].concat())), true, false),
        ("the same of old", v4(5, 0, 6, &said(5, 0x18, &[&smb(0xff, 1)[..], &long].concat())), true, false),
        ("a file that is read", v4(5, 0, 6, &said(5, 0x10, &[&smb(0xfe, 8)[..], &long].concat())), false, false),
        ("a heartbeat", v6(6, &said(8, 0x18, &[&[24, 3, 2, 64, 0, 2, 64, 0][..], &long].concat())), true, false),
        // One in 65,536 segments of a transfer begins with its kind and version.
        ("a film", v4(5, 0, 6, &said(5, 0x18, &[&[24, 3, 0x77, 64, 0][..], &long].concat())), false, false),
        ("another", v4(5, 0, 6, &said(5, 0x18, &[&[24, 3, 3, 0x9f, 0][..], &long].concat())), false, false),
        ("a short record", v4(5, 0, 6, &said(5, 0x18, &[&[24, 3, 3, 3, 0][..], &long].concat())), false, false),
        ("a ticket", v4(5, 0, 6, &said(5, 0x18, &[&[0, 0, 6, 9, 0x6d, 0x82][..], &long].concat())), true, false),
        (
            "a length and no ticket",
            v4(5, 0, 6, &said(5, 0x18, &[&[0, 0, 6, 9, 0x30, 0x82][..], &long].concat())),
            false,
            false,
        ),
        ("a long request", v4(5, 0, 6, &said(5, 0x18, &[b"POST ", &long[..]].concat())), true, true),
        ("an answer of DNS", v4(5, 0, 17, &datagram(53, 40_000, 1100)), true, false),
        ("an answer of Kerberos", v4(5, 0, 17, &datagram(88, 40_000, 1300)), true, false),
        ("a short datagram", v6(17, &datagram(40_000, 514, 100)), true, false),
        ("a long one", v4(5, 0, 17, &datagram(40_000, 5004, 1100)), true, false),
        ("television", to_all(v4(5, 0, 17, &udp(5004, 5004)), 1370), false, false),
        ("QUIC that goes on", v4(5, 0, 17, &datagram(443, 40_000, 40)), false, false),
        ("QUIC's other side", v4(5, 0, 17, &datagram(40_000, 443, 40)), false, false),
        ("QUIC's beginning", v4(5, 0, 17, &quic(443, 0xc3, 1)), true, true),
        ("a later fragment", v4(5, 100, 17, &long), true, false),
        ("another protocol", v4(5, 0, 47, &[0; 40]), true, false),
        ("another kind of Ethernet", frame(false, 0x88b5, &[0; 40]), true, false),
    ];
    let (wide, narrow) = (Filter::conversations(), Filter::home());
    let head = v4(5, 0, 6, &said(5, 0x10, &[&smb(0xfe, 9)[..], &[0; 9000]].concat()));
    assert_eq!(run(wide.program(), &v6(17, &datagram(40_000, 5004, 1100))), SNAP_MARK, "its head");
    assert_eq!(run(wide.program(), &head), SNAP_HEAD, "of a file that is written only the head");
    for (name, frame, in_wide, in_narrow) in cases {
        assert_eq!(run(wide.program(), &frame) != 0, in_wide, "{name}");
        assert_eq!(run(narrow.program(), &frame) != 0, in_narrow, "{name}, only who is here");
    }
}

proptest! {
    #[test]
    fn the_wider_filter_keeps_all_that_the_narrow_one_does(bytes in prop::collection::vec(any::<u8>(), 0..120), kind in prop_oneof![Just(0x0800_u16), Just(0x86dd), Just(0x0806), any::<u16>()]) {
        let mut bytes = bytes;
        if bytes.len() > 14 {
            bytes[12..14].copy_from_slice(&kind.to_be_bytes());
        }
        let (wide, narrow) = (run(Filter::conversations().program(), &bytes), run(Filter::home().program(), &bytes));
        prop_assert!(narrow == 0 || wide != 0 || narrow == wide, "{:?}", bytes);
    }
}
