//! # Filters the kernel runs before it copies
//!
//! Classic BPF, assembled here from named steps so that it reads as text. A frame the filter turns
//! away costs no copy. [`Filter::home`] lets through what tells who is here, whatever else the
//! network carries: everything sent to a group but streams, ARP, ICMP, ICMPv6, IGMP, the first and
//! answering packet of each TCP connection, the protocols by which devices introduce themselves, and
//! the openings of conversations: TLS handshakes, requests and answers of HTTP, QUIC's Initial
//! packets, questions of DNS. Told by their first bytes, so of what follows nothing comes.
//! [`Filter::conversations`] lets through besides what detectors need of conversations: how they end, what is said in
//! short segments, as people and commands do, the heads of long messages by which Windows is administrated (SMB, calls of
//! DCE/RPC on whatever port, Kerberos), answers of DNS, short datagrams and the heads of long ones, fragments and rare
//! protocols. Transfers, which are
//! most of what a network carries, stay outside.
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

// linux/bpf_common.h: load half word and byte at a fixed place and relative to X, load a word relative
// to X, load the frame's length, X = 4 * (byte & 15), X = n, X = A, A & n, A >> n, A + X, jump if
// equal, jump if greater, jump if any bit, return.
const LOAD_HALF: u16 = 0x28;
const LOAD_BYTE: u16 = 0x30;
const LOAD_HALF_X: u16 = 0x48;
const LOAD_BYTE_X: u16 = 0x50;
const LOAD_WORD_X: u16 = 0x40;
const LOAD_LEN: u16 = 0x80;
const X_HEADER_LEN: u16 = 0xb1;
const X_IS: u16 = 0x01;
const X_IS_A: u16 = 0x07;
const AND: u16 = 0x54;
const SHIFT_RIGHT: u16 = 0x74;
const ADD_X: u16 = 0x0c;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_GREATER: u16 = 0x25;
const JUMP_BITS: u16 = 0x45;
const RETURN: u16 = 0x06;

// Offsets in an Ethernet frame: type, then IPv4 (RFC 791 §3.1) and IPv6 (RFC 8200 §3) from byte 14.
const ETHER_TYPE: u32 = 12;
const V4_FRAGMENT: u32 = 20;
const V4_PROTOCOL: u32 = 23;
const START: u32 = 14;
const V6_NEXT: u32 = 20;
const V6_LEN: u32 = 40;
// In TCP (RFC 9293 §3.1): the byte with the header's length in words in its upper half, and the byte
// of flags, of which SYN is the second bit.
const TCP_LEN: u32 = 12;
const TCP_FLAGS: u32 = 13;
const SYN: u32 = 0x02;
const FLAGS: u32 = 0x3f;
const FIN_SYN_RST: u32 = 0x07;
const PSH: u32 = 0x08;
// In UDP (RFC 768): ports, and the first byte of data.
const UDP_TO: u32 = 2;
const UDP_DATA: u32 = 8;

const DNS: u32 = 53;
const HTTPS: u32 = 443;
/// Answers of Kerberos, whose tickets are long (RFC 4120 §7.2.1).
const KERBEROS: u32 = 88;
/// The first byte and the version of QUIC's Initial packets, versions 1 and 2 (RFC 9000 §17.2.2, RFC
/// 9369 §3.1 and §3.2): the upper four bits say long header, fixed bit, Initial.
const QUIC: [(u32, u32); 2] = [(0xc0, 1), (0xd0, 0x6b33_43cf)];
/// A handshake record of TLS (RFC 8446 §5.1): its kind and its major version.
const HANDSHAKE: u32 = 0x1603;
/// A heartbeat of TLS (RFC 6520 §3), the last minor version that has any (RFC 8446 §5.1), and the upper byte of the length
/// that a long record has: from 1,024 to 18,432 bytes (RFC 5246 §6.2.3). Of other segments one in 16 million begins so.
const HEARTBEAT: u32 = 0x1803;
const HEARTBEAT_MINOR: u32 = 3;
const HEARTBEAT_LEN: std::ops::RangeInclusive<u32> = 4..=72;
/// The first four bytes of HTTP's requests and answers, of UPnP's events, and of a document that
/// comes in a segment of its own.
const WORDS: [&[u8; 4]; 10] =
    [b"GET ", b"POST", b"HTTP", b"HEAD", b"PUT ", b"OPTI", b"SUBS", b"NOTI", b"PROP", b"<?xm"];
/// Longer datagrams to a group are television and music, not announcements: seven packets of a
/// transport stream and their headers (RFC 2250) make 1,370 bytes.
const STREAM_FROM: u32 = 1_200;
/// What is longer is a piece of a transfer: commands, logins and answers to them are shorter, and so are questions of
/// names that carry data (RFC 6891 §6.2.5: answers of up to 1,232 bytes pass by their port).
const SHORT: u32 = 1_000;

/// Of SSH: where a packet's message number stands (RFC 4253 §6), the longest packet of a key exchange that is looked for,
/// and the numbers: KEXINIT (§12), and the two messages of an exchange (RFC 5656 §7.1; post-quantum ones have a kilobyte).
const SSH_MESSAGE: u32 = 5;
const SSH_PACKET_MAX: u32 = 4096;
const SSH_KEYS: [u32; 3] = [20, 30, 31];

/// Of DCE/RPC version 5.0 (C706 §12.6.4): where its kind stands, and the kinds that a client sends: request, bind, another
/// context, third part of a login. Its port is told by another service, so none can be named.
const RPC: u32 = 0x0500;
const RPC_KIND: u32 = 2;
const RPC_KINDS: [u32; 4] = [0, 11, 14, 16];
/// Of SMB behind its length (MS-SMB2 §2.1, §2.2.1.2; MS-CIFS §2.2.3.1): where its name stands; version 3, 1, and compressed;
/// where the command of versions 2 and 3 stands; and what a server reads out of files, which is a transfer.
const SMB_NAME: u32 = 4;
const SMB_NAMES: [u32; 3] = [0xfe53_4d42, 0xff53_4d42, 0xfc53_4d42];
const SMB_COMMAND: u32 = 16;
const SMB_READ: u32 = 0x0800;
/// Of Kerberos over TCP (RFC 4120 §7.2.2): behind the length, what it is (§5.10), from the first question to the last answer.
const KERBEROS_KIND: u32 = 4;
const KERBEROS_KINDS: [u32; 4] = [0x6a, 0x6b, 0x6c, 0x6d];
/// The longest ticket: tokens of Windows have up to 48,000 bytes (MaxTokenSize).
const KERBEROS_MAX: u32 = 0xffff;
/// Kept of such a head: what is looked at of one message of SMB, and the headers before it. What follows is a transfer, and
/// a card puts up to 64 KiB of it together.
pub const SNAP_HEAD: u32 = 2_304;

/// Kept of a long datagram: all headers, and what it begins with.
pub const SNAP_MARK: u32 = 128;

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

    /// No frame at all.
    #[must_use]
    pub fn nothing() -> Filter {
        Filter { program: vec![Instruction { code: RETURN, yes: 0, no: 0, value: 0 }] }
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
                Do(X_IS_A, 0),
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
        Filter::build(false)
    }

    /// That, and what detectors need of conversations. For Ethernet.
    #[must_use]
    pub fn conversations() -> Filter {
        Filter::build(true)
    }

    fn build(conversations: bool) -> Filter {
        use Line::{Do, Here, Jump};
        // Where what only detectors want goes.
        let rare = if conversations { "keep" } else { "drop" };
        let mut lines = vec![
            // The lowest bit of the first byte marks a group address.
            Do(LOAD_BYTE, 0),
            Jump(JUMP_BITS, 0x01, "", "one"),
            // What is said to a group is wanted, unless it is long and would not be wanted otherwise.
            Do(LOAD_LEN, 0),
            Jump(JUMP_GREATER, STREAM_FROM, "", "keep"),
            Do(LOAD_HALF, ETHER_TYPE),
            Jump(JUMP_EQUAL, 0x86dd, "v6", ""),
            Jump(JUMP_EQUAL, 0x0800, "v4", "keep"),
            Here("one"),
            Do(LOAD_HALF, ETHER_TYPE),
            Jump(JUMP_EQUAL, 0x0806, "keep", ""),
            Jump(JUMP_EQUAL, 0x86dd, "v6", ""),
            Jump(JUMP_EQUAL, 0x0800, "", rare),
            Here("v4"),
            Do(LOAD_BYTE, V4_PROTOCOL),
            Jump(JUMP_EQUAL, 1, "keep", ""),
            Jump(JUMP_EQUAL, 2, "keep", ""),
            // Later fragments carry no ports: the 13 bits of the offset must be zero.
            Do(LOAD_HALF, V4_FRAGMENT),
            Jump(JUMP_BITS, 0x1fff, rare, ""),
            // From here on X is the length of the IP header.
            Do(X_HEADER_LEN, START),
            Do(LOAD_BYTE, V4_PROTOCOL),
            Jump(JUMP_EQUAL, 6, "tcp", ""),
            Jump(JUMP_EQUAL, 17, "udp", rare),
            Here("v6"),
            Do(LOAD_BYTE, V6_NEXT),
            Jump(JUMP_EQUAL, 58, "keep", ""),
            Do(X_IS, V6_LEN),
            Jump(JUMP_EQUAL, 6, "tcp", ""),
            Jump(JUMP_EQUAL, 17, "", rare),
            Here("udp"),
            Do(LOAD_HALF_X, START),
        ];
        ports(&mut lines);
        if conversations {
            lines.extend([Jump(JUMP_EQUAL, DNS, "keep", ""), Jump(JUMP_EQUAL, KERBEROS, "keep", "")]);
        }
        lines.push(Do(LOAD_HALF_X, START + UDP_TO));
        ports(&mut lines);
        let short = if conversations { "short" } else { "drop" };
        lines.extend([Jump(JUMP_EQUAL, DNS, "keep", ""), Jump(JUMP_EQUAL, HTTPS, "", short)]);
        lines.extend([Do(LOAD_BYTE_X, START + UDP_DATA), Do(AND, 0xf0)]);
        let [(first, version), (first2, version2)] = QUIC;
        lines.extend([
            Jump(JUMP_EQUAL, first, "", "quic 2"),
            Do(LOAD_WORD_X, START + UDP_DATA + 1),
            Jump(JUMP_EQUAL, version, "keep", "drop"),
            Here("quic 2"),
            Jump(JUMP_EQUAL, first2, "", "drop"),
            Do(LOAD_WORD_X, START + UDP_DATA + 1),
            Jump(JUMP_EQUAL, version2, "keep", "drop"),
        ]);
        if conversations {
            lines.extend([
                // The other side of QUIC is a transfer.
                Here("short"),
                Do(LOAD_HALF_X, START),
                Jump(JUMP_EQUAL, HTTPS, "drop", ""),
                Do(LOAD_LEN, 0),
                Jump(JUMP_GREATER, SHORT, "", "keep"),
                // A flood of long ones is counted by their heads; television stays outside.
                Do(LOAD_BYTE, 0),
                Jump(JUMP_BITS, 0x01, "drop", "mark"),
            ]);
        }
        lines.extend([Here("tcp"), Do(LOAD_BYTE_X, START + TCP_FLAGS)]);
        if conversations {
            lines.extend([
                // How it began and ended; no flag at all is what no system sends.
                Jump(JUMP_BITS, FIN_SYN_RST, "keep", ""),
                Jump(JUMP_BITS, FLAGS, "", "keep"),
                // Whoever waits for an answer pushes what it said (RFC 9293 §3.9.1.2).
                Jump(JUMP_BITS, PSH, "", "long"),
                Do(LOAD_LEN, 0),
                Jump(JUMP_GREATER, SHORT, "", "keep"),
                Here("long"),
            ]);
        } else {
            lines.push(Jump(JUMP_BITS, SYN, "keep", ""));
        }
        lines.extend([
            // X moves on by the length of the TCP header: words in the upper four bits, in bytes.
            Do(LOAD_BYTE_X, START + TCP_LEN),
            Do(AND, 0xf0),
            Do(SHIFT_RIGHT, 2),
            Do(ADD_X, 0),
            Do(X_IS_A, 0),
            Do(LOAD_HALF_X, START),
            Jump(JUMP_EQUAL, HANDSHAKE, "keep", ""),
            Do(LOAD_WORD_X, START),
        ]);
        lines.extend(WORDS.map(|word| Jump(JUMP_EQUAL, u32::from_be_bytes(*word), "keep", "")));
        if conversations {
            lines.extend([
                Do(LOAD_HALF_X, START),
                Jump(JUMP_EQUAL, HEARTBEAT, "", "no heartbeat"),
                Do(LOAD_BYTE_X, START + 2),
                Jump(JUMP_GREATER, HEARTBEAT_MINOR, "no heartbeat", ""),
                Do(LOAD_BYTE_X, START + 3),
                Jump(JUMP_GREATER, *HEARTBEAT_LEN.end(), "no heartbeat", ""),
                Jump(JUMP_GREATER, *HEARTBEAT_LEN.start() - 1, "head", ""),
                Here("no heartbeat"),
            ]);
            windows(&mut lines);
            // Keys of SSH are exchanged in long messages, and without those nothing of a login can be told: a length, the
            // padding's, and the message's number.
            lines.extend([Jump(JUMP_GREATER, SSH_PACKET_MAX, "drop", ""), Do(LOAD_BYTE_X, START + SSH_MESSAGE)]);
            lines.extend(SSH_KEYS.map(|number| Jump(JUMP_EQUAL, number, "keep", "")));
        }
        lines.extend([Here("drop"), Do(RETURN, 0), Here("keep"), Do(RETURN, SNAP)]);
        if conversations {
            lines.extend([Here("head"), Do(RETURN, SNAP_HEAD), Here("mark"), Do(RETURN, SNAP_MARK)]);
        }
        Filter { program: assemble(&lines) }
    }

    /// The program, for the kernel.
    #[must_use]
    pub fn program(&self) -> &[Instruction] {
        &self.program
    }
}

/// Heads of long messages between machines of Windows. X is where the payload begins less [`START`], and A its first word,
/// as it is afterwards.
fn windows(lines: &mut Vec<Line>) {
    use Line::{Do, Here, Jump};
    lines.extend([Do(LOAD_HALF_X, START), Jump(JUMP_EQUAL, RPC, "", "smb"), Do(LOAD_BYTE_X, START + RPC_KIND)]);
    lines.extend(RPC_KINDS.map(|kind| Jump(JUMP_EQUAL, kind, "head", "")));
    lines.extend([Here("smb"), Do(LOAD_WORD_X, START + SMB_NAME)]);
    let [third, first, packed] = SMB_NAMES;
    lines.extend([
        Jump(JUMP_EQUAL, first, "head", ""),
        Jump(JUMP_EQUAL, packed, "head", ""),
        Jump(JUMP_EQUAL, third, "", "kerberos"),
        Do(LOAD_HALF_X, START + SMB_COMMAND),
        Jump(JUMP_EQUAL, SMB_READ, "drop", "head"),
        Here("kerberos"),
        Do(LOAD_WORD_X, START),
        Jump(JUMP_GREATER, KERBEROS_MAX, "drop", ""),
        Do(LOAD_BYTE_X, START + KERBEROS_KIND),
    ]);
    lines.extend(KERBEROS_KINDS.map(|kind| Jump(JUMP_EQUAL, kind, "head", "")));
    lines.push(Do(LOAD_WORD_X, START));
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

mod run;
#[cfg(test)]
mod tests;
