//! # Filters the kernel runs before it copies
//!
//! Classic BPF, assembled here from named steps so that it reads as text. A frame the filter turns
//! away costs no copy. [`Filter::home`] lets through what tells who is here, whatever else the
//! network carries: everything sent to a group, ARP, ICMP, ICMPv6, IGMP, the first and answering
//! packet of each TCP connection, and the protocols by which devices introduce themselves.
//!
//! The kernel takes VLAN tags out of the frame before it asks the filter, so offsets are fixed.

/// One step as the kernel has it (`struct sock_filter`, linux/filter.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    pub code: u16,
    pub yes: u8,
    pub no: u8,
    pub value: u32,
}

/// Which frames are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    program: Vec<Instruction>,
}

/// Bytes kept of each frame; no frame of a home is longer (GRO joins up to 64 KiB).
pub const SNAP: u32 = 0xffff;

// linux/bpf_common.h: load half word and byte at a fixed place and relative to X, X = 4 * (byte & 15),
// jump if equal, jump if any bit, return.
const LOAD_HALF: u16 = 0x28;
const LOAD_BYTE: u16 = 0x30;
const LOAD_HALF_X: u16 = 0x48;
const LOAD_BYTE_X: u16 = 0x50;
const X_HEADER_LEN: u16 = 0xb1;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_BITS: u16 = 0x45;
const RETURN: u16 = 0x06;
const A_TO_X: u16 = 0x07;

// Offsets in an Ethernet frame: type, then IPv4 (RFC 791 §3.1) and IPv6 (RFC 8200 §3) from byte 14.
const ETHER_TYPE: u32 = 12;
const V4_FRAGMENT: u32 = 20;
const V4_PROTOCOL: u32 = 23;
const V4_START: u32 = 14;
const V6_NEXT: u32 = 20;
const V6_TRANSPORT: u32 = 54;
// In TCP (RFC 9293 §3.1): the byte of flags, of which SYN is the second bit.
const TCP_FLAGS: u32 = 13;
const SYN: u32 = 0x02;

/// UDP ports by which devices say who they are: DHCP, DHCPv6, mDNS, SSDP, NetBIOS names, LLMNR, WS-Discovery.
pub const PORTS: [u32; 9] = [67, 68, 546, 547, 5353, 1900, 137, 5355, 3702];

// Of radiotap: the low byte of its length. Of 802.11: control frames that name no sender, subtypes 13 and 12.
const RADIO_LENGTH: u32 = 2;
const ACKNOWLEDGEMENT: u32 = 0xd4;
const CLEAR_TO_SEND: u32 = 0xc4;
/// Beacons of today have some five hundred bytes.
const SNAP_AIR: u32 = 1024;

enum Line {
    Do(u16, u32),
    /// Code, value, where to if so, where to if not; an empty name is the next line.
    Jump(u16, u32, &'static str, &'static str),
    Here(&'static str),
}

impl Filter {
    /// Every frame whole.
    #[must_use]
    pub fn everything() -> Filter {
        Filter { program: vec![Instruction { code: RETURN, yes: 0, no: 0, value: SNAP }] }
    }

    /// What tells who is in the air: all but acknowledgements, which name no sender and are half of what is
    /// sent, and of long frames the beginning. For 802.11 behind radiotap.
    #[must_use]
    pub fn air() -> Filter {
        use Line::{Do, Here, Jump};
        Filter {
            program: assemble(&[
                // The radio header's length, of which a high byte would be odd; then the first byte behind it.
                Do(LOAD_BYTE, RADIO_LENGTH),
                Do(A_TO_X, 0),
                Do(LOAD_BYTE_X, 0),
                Jump(JUMP_EQUAL, ACKNOWLEDGEMENT, "drop", ""),
                Jump(JUMP_EQUAL, CLEAR_TO_SEND, "drop", ""),
                Do(RETURN, SNAP_AIR),
                Here("drop"),
                Do(RETURN, 0),
            ]),
        }
    }

    /// Only what tells who is here. For Ethernet.
    #[must_use]
    pub fn home() -> Filter {
        use Line::{Do, Here, Jump};
        let mut lines = vec![
            // The lowest bit of the first byte marks a group address.
            Do(LOAD_BYTE, 0),
            Jump(JUMP_BITS, 0x01, "keep", ""),
            Do(LOAD_HALF, ETHER_TYPE),
            Jump(JUMP_EQUAL, 0x0806, "keep", ""),
            Jump(JUMP_EQUAL, 0x86dd, "v6", ""),
            Jump(JUMP_EQUAL, 0x0800, "", "drop"),
            Do(LOAD_BYTE, V4_PROTOCOL),
            Jump(JUMP_EQUAL, 1, "keep", ""),
            Jump(JUMP_EQUAL, 2, "keep", ""),
            // Later fragments carry no ports: the 13 bits of the offset must be zero.
            Do(LOAD_HALF, V4_FRAGMENT),
            Jump(JUMP_BITS, 0x1fff, "drop", ""),
            Do(X_HEADER_LEN, V4_START),
            Do(LOAD_BYTE, V4_PROTOCOL),
            Jump(JUMP_EQUAL, 6, "v4 tcp", ""),
            Jump(JUMP_EQUAL, 17, "", "drop"),
            Do(LOAD_HALF_X, V4_START),
        ];
        ports(&mut lines);
        lines.push(Do(LOAD_HALF_X, V4_START + 2));
        ports(&mut lines);
        lines.extend([
            Do(RETURN, 0),
            Here("v4 tcp"),
            Do(LOAD_BYTE_X, V4_START + TCP_FLAGS),
            Jump(JUMP_BITS, SYN, "keep", "drop"),
            Here("v6"),
            Do(LOAD_BYTE, V6_NEXT),
            Jump(JUMP_EQUAL, 58, "keep", ""),
            Jump(JUMP_EQUAL, 6, "v6 tcp", ""),
            Jump(JUMP_EQUAL, 17, "", "drop"),
            Do(LOAD_HALF, V6_TRANSPORT),
        ]);
        ports(&mut lines);
        lines.push(Do(LOAD_HALF, V6_TRANSPORT + 2));
        ports(&mut lines);
        lines.extend([
            Do(RETURN, 0),
            Here("v6 tcp"),
            Do(LOAD_BYTE, V6_TRANSPORT + TCP_FLAGS),
            Jump(JUMP_BITS, SYN, "keep", "drop"),
            Here("drop"),
            Do(RETURN, 0),
            Here("keep"),
            Do(RETURN, SNAP),
        ]);
        Filter { program: assemble(&lines) }
    }

    /// The program, for the kernel.
    #[must_use]
    pub fn program(&self) -> &[Instruction] {
        &self.program
    }
}

fn ports(lines: &mut Vec<Line>) {
    lines.extend(PORTS.map(|port| Line::Jump(JUMP_EQUAL, port, "keep", "")));
}

/// Turns names into distances. Every name used above is marked once, and no jump is longer than 255
/// lines; a test runs the program, so a slip here cannot hide.
fn assemble(lines: &[Line]) -> Vec<Instruction> {
    let place = |name: &str, after: usize| -> u8 {
        let mut at = 0;
        for line in lines {
            match line {
                Line::Here(here) if *here == name => return u8::try_from(at - after).unwrap_or(u8::MAX),
                Line::Here(_) => {}
                Line::Do(..) | Line::Jump(..) => at += 1,
            }
        }
        0
    };
    let mut program: Vec<Instruction> = Vec::new();
    for line in lines {
        let after = program.len() + 1;
        match *line {
            Line::Do(code, value) => program.push(Instruction { code, yes: 0, no: 0, value }),
            Line::Jump(code, value, yes, no) => {
                program.push(Instruction { code, yes: place(yes, after), no: place(no, after), value });
            }
            Line::Here(_) => {}
        }
    }
    program
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The kernel's rules for the steps used: a load past the end turns the frame away.
    fn run(program: &[Instruction], frame: &[u8]) -> u32 {
        let (mut a, mut x, mut at) = (0u32, 0u32, 0usize);
        let byte = |place: u32| frame.get(place as usize).map(|b| u32::from(*b));
        loop {
            let step = program[at];
            at += 1;
            let (base, half) = match step.code {
                LOAD_BYTE | LOAD_HALF => (0, step.code == LOAD_HALF),
                LOAD_BYTE_X | LOAD_HALF_X => (x, step.code == LOAD_HALF_X),
                X_HEADER_LEN => {
                    let Some(found) = byte(step.value) else { return 0 };
                    x = 4 * (found & 15);
                    continue;
                }
                JUMP_EQUAL | JUMP_BITS => {
                    let so = if step.code == JUMP_EQUAL { a == step.value } else { a & step.value != 0 };
                    at += usize::from(if so { step.yes } else { step.no });
                    continue;
                }
                RETURN => return step.value,
                other => panic!("step {other:#x} is not used"),
            };
            let loaded = match (byte(base + step.value), byte(base + step.value + 1)) {
                (Some(high), Some(low)) if half => Some(high << 8 | low),
                (Some(one), _) if !half => Some(one),
                _ => None,
            };
            let Some(loaded) = loaded else { return 0 };
            a = loaded;
        }
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
        let mut header = vec![0; 20];
        header[13] = flags;
        header
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
            ("a dns answer", v4(5, 0, 17, &udp(53, 40000)), false),
            ("video", v4(5, 0, 17, &udp(443, 50000)), false),
            ("a later fragment that looks like dhcp", v4(5, 100, 17, &udp(68, 67)), false),
            ("a first fragment", v4(5, 0x2000, 17, &udp(68, 67)), true),
            ("connection opens", v4(5, 0, 6, &tcp(0x02)), true),
            ("connection answered", v4(15, 0, 6, &tcp(0x12)), true),
            ("bulk", v4(5, 0, 6, &tcp(0x10)), false),
            ("neighbour advertisement", v6(58, &[136]), true),
            ("dhcpv6", v6(17, &udp(547, 546)), true),
            ("quic", v6(17, &udp(443, 546 + 1000)), false),
            ("connection opens over v6", v6(6, &tcp(0x02)), true),
            ("bulk over v6", v6(6, &tcp(0x18)), false),
        ];
        for (name, bytes, kept) in cases {
            assert_eq!(run(program.program(), bytes), if *kept { SNAP } else { 0 }, "{name}");
            assert_eq!(run(Filter::everything().program(), bytes), SNAP, "{name}");
        }
    }

    #[test]
    fn every_step_leads_forward_and_inside() {
        for filter in [Filter::home(), Filter::everything()] {
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
}
