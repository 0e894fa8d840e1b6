//! Conversations made of frames built here.

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;
use crate::model::{InterfaceId, LinkType, MacAddr, Wall};

const SYN: u8 = 2;
const ACK: u8 = 16;
const RST: u8 = 4;
const FIN: u8 = 1;

fn at(ms: u64) -> Moment {
    Moment { mono: Mono(ms * 1_000_000), wall: Wall(ms as i64) }
}

fn ip(host: u8) -> [u8; 4] {
    [192, 168, 7, host]
}

fn frame(from: u8, to: u8, protocol: u8, transport: &[u8]) -> Vec<u8> {
    let mut bytes = vec![2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from, 8, 0, 0x45, 0];
    bytes.extend((20 + transport.len() as u16).to_be_bytes());
    bytes.extend([0, 0, 0, 0, 64, protocol, 0, 0]);
    bytes.extend(ip(from));
    bytes.extend(ip(to));
    bytes.extend(transport);
    bytes
}

fn tcp(from: (u8, u16), to: (u8, u16), flags: u8, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(from.1.to_be_bytes());
    bytes.extend(to.1.to_be_bytes());
    bytes.extend(sequence.to_be_bytes());
    bytes.extend([0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    bytes.extend(payload);
    frame(from.0, to.0, 6, &bytes)
}

fn with_ack(mut bytes: Vec<u8>, ack: u32) -> Vec<u8> {
    bytes[42..46].copy_from_slice(&ack.to_be_bytes());
    bytes
}

fn hear(traffic: &mut Traffic, bytes: &[u8], ms: u64) -> Vec<Noticed> {
    let captured = Captured {
        link: LinkType::ETHERNET,
        interface: InterfaceId(0),
        at: at(ms),
        wire_len: bytes.len() as u32,
        bytes,
    };
    let mut out = Vec::new();
    traffic.wake(at(ms), &mut out);
    traffic.take(&captured, &Frame::decode(LinkType::ETHERNET, bytes), at(ms), &mut out);
    out
}

fn words(noticed: &[Noticed]) -> Vec<String> {
    noticed
        .iter()
        .map(|one| match &one.what {
            What::Opened(start) => format!("{}→{} opened {start:?}", one.talk.client.port, one.talk.server.port),
            What::Outcome(outcome) => format!("{outcome:?}"),
            What::Said { bytes, by_client, .. } => format!("{by_client} {}", String::from_utf8_lossy(bytes)),
            What::Closed { .. } => "Closed".into(),
            What::Login(login) => format!("login {} {}", login.user, login.ok),
            What::Credential(credential) => format!("secret {} {}", credential.user, credential.length),
            other => format!("{other:?}"),
        })
        .collect()
}

#[test]
fn who_is_heard_second_is_known_from_then_on() {
    // A kernel's filter leaves bare acknowledgements outside: what is heard first is what the other side says.
    let (client, server) = ((5, 50_000), (9, 4444));
    let mac = |host: u8| Some(MacAddr([2, 0, 0, 0, 0, host]));
    let ends = |noticed: &[Noticed]| noticed.last().map(|one| (one.talk.client.mac, one.talk.server.mac));
    let mut traffic = Traffic::new(1);
    let first = hear(&mut traffic, &tcp(server, client, ACK, 100, b"Microsoft Windows"), 0);
    assert_eq!(ends(&first), Some((None, mac(9))));
    let second = hear(&mut traffic, &tcp(client, server, ACK, 1, b"tftp -i 10.0.0.9"), 10);
    assert_eq!(ends(&second), Some((mac(5), mac(9))));
    let mut traffic = Traffic::new(1);
    let udp = |from: (u8, u16), to: (u8, u16)| {
        let mut bytes = [from.1.to_be_bytes(), to.1.to_be_bytes()].concat();
        bytes.extend([0, 12, 0, 0, 1, 2, 3, 4]);
        frame(from.0, to.0, 17, &bytes)
    };
    hear(&mut traffic, &udp((5, 50_000), (9, 5060)), 0);
    let answer = hear(&mut traffic, &udp((9, 5060), (5, 50_000)), 10);
    assert_eq!(ends(&answer), Some((mac(5), mac(9))));
}

/// The same segment, but it says what it has of the other side.
fn having(mut segment: Vec<u8>, acknowledged: u32) -> Vec<u8> {
    if let Some(field) = segment.get_mut(42..46) {
        field.copy_from_slice(&acknowledged.to_be_bytes());
    }
    segment
}

#[test]
fn what_a_kernel_holds_back_stops_nobody_from_reading_on() {
    let (client, server) = ((5, 50_000), (9, 80));
    let ask = b"GET /door HTTP/1.1\r\nAuthorization: Basic YW5uYTpwYXNz\r\n\r\n";
    let page = b"HTTP/1.1 401 No\r\nContent-Length: 4000\r\n\r\nfirst of the page";
    let (asked, whole) = (ask.len() as u32, page.len() as u32 - 17 + 4000);
    let post = b"POST /x HTTP/1.1\r\nContent-Length: 3000\r\n\r\na=1&b=";
    let posted = post.len() as u32 - 6 + 3000;
    let mut traffic = Traffic::new(1);
    let frames = [
        tcp(client, server, SYN, 1, b""),
        having(tcp(server, client, SYN | ACK, 1, b""), 2),
        having(tcp(client, server, ACK, 2, ask), 2),
        having(tcp(server, client, ACK, 2, page), 2 + asked),
        // The rest of the page passes unseen; the last of it does not, and waits until somebody has it all.
        having(tcp(server, client, ACK, 2 + whole - 4, b"</p>"), 2 + asked),
        having(tcp(client, server, ACK, 2 + asked, post), 2 + whole),
        // The rest of what is posted passes unseen.
        having(tcp(server, client, ACK, 2 + whole, page), 2 + asked + posted),
        having(tcp(client, server, ACK, 2 + asked + posted, ask), 2 + whole + whole),
        having(tcp(server, client, ACK, 2 + whole + whole, page), 2 + asked + posted + asked),
    ];
    let all: Vec<Noticed> = frames.iter().zip(0..).flat_map(|(frame, ms)| hear(&mut traffic, frame, ms)).collect();
    let told: Vec<(&str, u16)> = all
        .iter()
        .filter_map(|one| match &one.what {
            What::HttpRequest(http) | What::HttpAnswer(http) => Some((http.path.as_str(), http.status)),
            _ => None,
        })
        .collect();
    let once = [("/door", 0), ("/door", 401), ("/x", 0), ("/x", 401), ("/door", 0), ("/door", 401)];
    assert_eq!(told, once);
    let firsts = all.iter().filter(|one| matches!(one.what, What::Said { from: 0, .. })).count();
    assert_eq!(firsts, 2, "what comes behind a hole is not the beginning");
}

#[test]
fn an_attempt_has_one_outcome() {
    let (client, server) = ((5, 50_000), (9, 22));
    let cases: &[(&str, &[(Vec<u8>, u64)], &[&str])] = &[
        (
            "accepted",
            &[
                (tcp(client, server, SYN, 1, b""), 0),
                (tcp(server, client, SYN | ACK, 1, b""), 1),
                (tcp(client, server, ACK, 2, b""), 2),
            ],
            &["50000→22 opened Syn", "Answered", "Completed"],
        ),
        (
            "refused, then again",
            &[
                (tcp(client, server, SYN, 1, b""), 0),
                (tcp(server, client, RST | ACK, 1, b""), 1),
                (tcp(server, client, RST | ACK, 1, b""), 2),
            ],
            &["50000→22 opened Syn", "Refused", "Closed"],
        ),
        (
            "silent, though it was repeated",
            &[
                (tcp(client, server, SYN, 1, b""), 0),
                (tcp(client, server, SYN, 1, b""), 1000),
                (tcp((7, 1), (8, 2), SYN, 1, b""), 6000),
            ],
            &["50000→22 opened Syn", "Silent", "1→2 opened Syn"],
        ),
        (
            "first seen in the middle, from the server",
            &[(tcp(server, client, ACK, 1, b"x"), 0), (tcp(client, server, ACK, 1, b"y"), 1)],
            &["50000→22 opened Stray(Flags(16))", "Answered", "false x", "Completed", "true y"],
        ),
        (
            "a stray that is refused",
            &[(tcp(client, server, FIN, 1, b""), 0), (tcp(server, client, RST | ACK, 1, b""), 1)],
            &["50000→22 opened Stray(Flags(1))", "Refused", "Closed"],
        ),
    ];
    for (name, frames, expected) in cases {
        let mut traffic = Traffic::new(1);
        let heard: Vec<Noticed> = frames.iter().flat_map(|(bytes, ms)| hear(&mut traffic, bytes, *ms)).collect();
        assert_eq!(words(&heard), *expected, "{name}");
    }
}

#[test]
fn a_login_is_told_with_its_outcome_and_without_its_secret() {
    let (client, server) = ((5, 50_000), (9, 21));
    let mut traffic = Traffic::new(1);
    let script: &[(bool, &str)] = &[
        (false, "220 hello\r\n"),
        (true, "USER anna\r\n"),
        (false, "331 secret please\r\n"),
        (true, "PASS canary-one\r\n"),
        (false, "530 no\r\n"),
        (true, "USER anna\r\nPASS canary-two\r\n"),
        (false, "230 welcome\r\n"),
    ];
    let mut next = [10u32, 20];
    let mut heard = Vec::new();
    heard.extend(hear(&mut traffic, &tcp(client, server, SYN, 9, b""), 0));
    heard.extend(hear(&mut traffic, &tcp(server, client, SYN | ACK, 19, b""), 1));
    for (n, (by_client, text)) in script.iter().enumerate() {
        let (from, to) = if *by_client { (client, server) } else { (server, client) };
        let side = usize::from(!by_client);
        heard.extend(hear(&mut traffic, &tcp(from, to, ACK, next[side], text.as_bytes()), n as u64 + 2));
        next[side] += text.len() as u32;
    }
    let told: Vec<String> =
        words(&heard).into_iter().filter(|word| word.contains("login") || word.contains("secret a")).collect();
    assert_eq!(told, ["secret a*** medium", "login a*** false", "secret a*** medium", "login a*** true"]);
    assert!(heard.iter().all(|one| matches!(one.what, What::Said { .. }) || !format!("{one:?}").contains("canary")));
}

#[test]
fn what_is_cut_in_pieces_is_put_together_while_the_other_is_silent() {
    let (client, server) = ((5, 50_000), (9, 9999));
    let long = "x".repeat(1500);
    // Who says what; what is told as a whole.
    let table: &[(&str, &[(bool, &str)], &[&str])] = &[
        ("one piece", &[(true, "hello"), (false, "you")], &[]),
        ("two", &[(true, "hel"), (true, "lo"), (false, "you")], &["true hello"]),
        ("a little more", &[(true, "hello hello hello"), (true, "!"), (false, "you")], &["true hello hello hello!"]),
        ("each in turn", &[(true, "a"), (false, "b"), (true, "c"), (false, "d")], &[]),
        ("the server", &[(true, "hello"), (false, "y"), (false, "ou")], &["false you"]),
        ("a transfer", &[(true, "get"), (false, &long), (false, &long), (false, &long)], &[]),
        ("a request in two, then a transfer", &[(true, "g"), (true, "et"), (false, &long)], &["true get"]),
    ];
    for (name, script, expected) in table {
        let mut traffic = Traffic::new(1);
        let mut heard = hear(&mut traffic, &tcp(client, server, SYN, 9, b""), 0);
        heard.extend(hear(&mut traffic, &tcp(server, client, SYN | ACK, 19, b""), 1));
        let mut next = [10u32, 20];
        for (by_client, text) in *script {
            let (from, to) = if *by_client { (client, server) } else { (server, client) };
            let at = &mut next[usize::from(!by_client)];
            heard.extend(hear(&mut traffic, &tcp(from, to, ACK, *at, text.as_bytes()), 2));
            *at += text.len() as u32;
        }
        let joined = heard.iter().filter_map(|one| match &one.what {
            What::Joined { by_client, bytes, .. } => Some(format!("{by_client} {}", String::from_utf8_lossy(bytes))),
            _ => None,
        });
        assert_eq!(joined.collect::<Vec<_>>(), *expected, "{name}");
    }
}

#[test]
fn each_byte_alone_costs_few_tellings() {
    let (client, server) = ((5, 50_000), (9, 9999));
    let mut traffic = Traffic::new(1);
    hear(&mut traffic, &tcp(client, server, SYN, 9, b""), 0);
    hear(&mut traffic, &tcp(server, client, SYN | ACK, 19, b""), 1);
    let all = (0..5000u32).flat_map(|n| hear(&mut traffic, &tcp(client, server, ACK, 10 + n, b"x"), 2));
    let joined = all.filter(|one| matches!(one.what, What::Joined { .. })).count();
    assert!((1..50).contains(&joined), "{joined}");
}

/// The same packet by IPv6.
fn six(bytes: &[u8]) -> Vec<u8> {
    let address = |last: &[u8]| [&[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], last].concat();
    let mut out = [&bytes[..12], &[0x86, 0xdd, 0x60, 0, 0, 0]].concat();
    out.extend((bytes.len() as u16 - 34).to_be_bytes());
    out.extend([bytes[23], 64]);
    out.extend([address(&bytes[26..30]), address(&bytes[30..34]), bytes[34..].to_vec()].concat());
    out
}

#[test]
fn what_a_capture_cut_off_is_not_closed_up() {
    let (client, server) = ((5, 50_000), (9, 80));
    let ask =
        |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\nUser-Agent: b\r\nX-Long: {}\r\n\r\n", "y".repeat(300));
    let (one, two) = (ask("/one"), ask("/two"));
    for by in [&<[u8]>::to_vec as &dyn Fn(&[u8]) -> Vec<u8>, &six] {
        let mut traffic = Traffic::new(1);
        let mut heard = hear(&mut traffic, &by(&tcp(client, server, SYN, 9, b"")), 0);
        heard.extend(hear(&mut traffic, &by(&tcp(server, client, SYN | ACK, 19, b"")), 1));
        let (at, answer) = (10 + one.len() as u32, b"HTTP/1.1 204 None\r\n\r\n");
        for (sequence, said, text) in [(10, 20, &one), (at, 20 + answer.len() as u32, &two)] {
            let mut bytes = by(&tcp(client, server, ACK, sequence, text.as_bytes()));
            bytes.truncate(bytes.len() - 200);
            heard.extend(hear(&mut traffic, &bytes, 2));
            let got = with_ack(tcp(server, client, ACK, said, answer), sequence + text.len() as u32);
            heard.extend(hear(&mut traffic, &by(&got), 2));
        }
        let end = at + two.len() as u32;
        heard.extend(hear(&mut traffic, &by(&tcp(client, server, FIN | ACK, end, b"")), 3));
        heard.extend(hear(&mut traffic, &by(&tcp(server, client, RST | ACK, 20, b"")), 4));
        let asked = heard.iter().filter_map(|one| match &one.what {
            What::HttpRequest(http) => Some(http.path.as_str()),
            _ => None,
        });
        assert_eq!(asked.collect::<Vec<_>>(), ["/one", "/two"]);
    }
}

#[test]
fn who_has_said_all_is_still_answered() {
    let (client, server) = ((5, 50_000), (9, 21));
    let ask = b"USER anna\r\nPASS canary\r\n";
    let asked = 10 + ask.len() as u32;
    let answer = |flags: u8, text: &str| tcp(server, client, flags, 27, text.as_bytes());
    // How the client ends, what comes then, and whether the answer is heard.
    let table = [
        ("it says no more", FIN | ACK, vec![answer(ACK, "530 no\r\n")], true),
        ("both say no more at once", FIN | ACK, vec![answer(FIN | ACK, "530 no\r\n")], true),
        ("it is gone", RST | ACK, vec![answer(ACK, "530 no\r\n")], false),
        (
            "the answer comes after its sender's end",
            FIN | ACK,
            vec![answer(FIN | ACK, ""), answer(ACK, "530 no\r\n")],
            false,
        ),
    ];
    for (name, flags, frames, told) in table {
        let mut traffic = Traffic::new(1);
        let mut heard = hear(&mut traffic, &tcp(client, server, SYN, 9, b""), 0);
        heard.extend(hear(&mut traffic, &tcp(server, client, SYN | ACK, 19, b""), 1));
        heard.extend(hear(&mut traffic, &tcp(server, client, ACK, 20, b"220 h\r\n"), 2));
        heard.extend(hear(&mut traffic, &tcp(client, server, ACK, 10, ask), 3));
        heard.extend(hear(&mut traffic, &tcp(client, server, flags, asked, b""), 4));
        heard.extend(frames.iter().flat_map(|frame| hear(&mut traffic, frame, 5)));
        let words = words(&heard);
        assert_eq!(words.iter().any(|word| word.starts_with("login")), told, "{name}: {words:?}");
        assert_eq!(words.iter().filter(|word| *word == "Closed").count(), 1, "{name}: {words:?}");
    }
}

#[test]
fn a_router_is_not_who_speaks_through_it() {
    let mut neighbours = Neighbours::default();
    let router = MacAddr([2, 0, 0, 0, 0, 1]);
    for host in 0..20u8 {
        let mut bytes = frame(1, 9, 17, &[0, 1, 0, 2, 0, 8, 0, 0]);
        bytes.splice(26..30, [93, 184, 216, host]);
        neighbours.hear(&Frame::decode(LinkType::ETHERNET, &bytes), 1);
    }
    assert_eq!(neighbours.own(Ipv4Addr::new(93, 184, 216, 5).into(), Some(router)), None);
    let bytes = frame(5, 9, 17, &[0, 1, 0, 2, 0, 8, 0, 0]);
    neighbours.hear(&Frame::decode(LinkType::ETHERNET, &bytes), 1);
    let own = MacAddr([2, 0, 0, 0, 0, 5]);
    assert_eq!(neighbours.own(Ipv4Addr::from(ip(5)).into(), Some(own)), Some(own));
}

#[test]
fn a_host_with_an_address_of_the_internet_is_no_way_there() {
    // Network and host.
    type Address = (u8, u8);
    let v6 = |(to, from): (u8, u8), next: u8, (source, target): (Address, Address), inner: &[u8]| {
        let hosts = [[2, 0, 0, 0, 0, to], [2, 0, 0, 0, 0, from]].concat();
        let mut bytes = [&hosts[..], &[0x86, 0xdd, 0x60, 0, 0, 0, 0, inner.len() as u8, next, 255]].concat();
        for (net, host) in [source, target] {
            bytes.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, net, 0, 0, 0, 0, 0, 0, 0, host]);
        }
        bytes.extend(inner);
        bytes
    };
    let packet = |to: u8, address: Address| v6((to, 1), 59, ((99, 7), address), &[]);
    let asks = |host: u8| v6((1, host), 58, ((1, host), (1, 1)), &[&[135u8][..], &[0; 23]].concat());
    // What is heard; whether 5 and the router 1 are ways to the Internet.
    let table = [
        ("asks, then is spoken to", vec![asks(5), packet(5, (1, 5))], [false, false]),
        ("is spoken to, then asks", vec![packet(5, (1, 5)), asks(5)], [false, false]),
        ("under two addresses", vec![packet(5, (1, 5)), packet(5, (1, 6)), asks(5)], [false, false]),
        ("a neighbour's question tells of both", vec![packet(5, (1, 5)), asks(6)], [false, false]),
        ("the router", vec![asks(5), packet(1, (50, 1)), packet(5, (1, 5))], [false, true]),
        ("own first, then others'", vec![packet(1, (1, 1)), packet(1, (50, 1)), asks(5)], [false, true]),
        ("nothing is known of the network", vec![packet(5, (1, 5))], [true, false]),
    ];
    for (name, frames, expected) in table {
        let mut neighbours = Neighbours::default();
        for bytes in &frames {
            neighbours.hear(&Frame::decode(LinkType::ETHERNET, bytes), 1);
        }
        let is_way = [5, 1].map(|n| neighbours.is_way_out(MacAddr([2, 0, 0, 0, 0, n])));
        assert_eq!(is_way, expected, "{name}");
    }
}

#[test]
fn a_million_invented_conversations_push_out_none_that_was_answered() {
    let mut traffic = Traffic::new(1);
    let (client, server) = ((5, 50_000), (9, 22));
    hear(&mut traffic, &tcp(client, server, SYN, 1, b""), 0);
    hear(&mut traffic, &tcp(server, client, SYN | ACK, 1, b""), 0);
    hear(&mut traffic, &tcp(client, server, ACK, 2, b""), 0);
    for n in 0..60_000u32 {
        let mut bytes = tcp((7, n as u16), (9, 80), SYN, n, b"");
        let [a, b, c, d] = n.to_be_bytes();
        bytes.splice(6..12, [2, 9, a, b, c, d]);
        bytes.splice(26..30, [172, 16 | a, b + 1, d]);
        hear(&mut traffic, &bytes, 1 + u64::from(n / 100));
    }
    let before = traffic.flows.len();
    assert!(before <= FLOWS_MAX / 4 + 1 && traffic.pressure().0 > 0, "{before} {:?}", traffic.pressure());
    let heard = hear(&mut traffic, &tcp(server, client, ACK, 2, b"still here"), 2000);
    assert!(!words(&heard).iter().any(|word| word.contains("opened")), "{:?}", words(&heard));
}

proptest! {
    #[test]
    fn any_segments_are_survived_within_the_caps(
        segments in proptest::collection::vec((any::<bool>(), 0u8..64, any::<u32>(), proptest::collection::vec(any::<u8>(), 0..600)), 0..60)
    ) {
        let mut traffic = Traffic::new(1);
        for (n, (by_client, flags, sequence, payload)) in segments.into_iter().enumerate() {
            let (from, to) = if by_client { ((5, 50_000), (9, 80)) } else { ((9, 80), (5, 50_000)) };
            hear(&mut traffic, &tcp(from, to, flags, sequence % 4000, &payload), n as u64 * 10);
            let held: usize = traffic.flows.iter().map(|(_, flow)| held(flow)).sum();
            prop_assert_eq!(held, traffic.buffered);
        }
    }
}

/// Captures are cut to save room: what counts is what was sent.
#[test]
fn bytes_are_counted_as_sent_also_when_frames_are_cut() {
    let datagram = |len: u16| [&[0x9c, 0x40, 1, 0xbb][..], &(8 + len).to_be_bytes(), &[0, 0], &[7; 1200]].concat();
    for (name, whole, headers) in
        [("tcp", tcp((9, 40_000), (5, 443), ACK, 1, &[7; 1200]), 54), ("udp", frame(9, 5, 17, &datagram(1200)), 42)]
    {
        for kept in [whole.len(), headers + 60, headers] {
            let mut traffic = Traffic::new(7);
            let mut grown = 0;
            for n in 0..1000 {
                let out = hear(&mut traffic, &whole[..kept], n);
                grown =
                    out.iter().filter(|one| one.what == What::Grew).map(|one| one.talk.bytes[0]).max().unwrap_or(grown);
            }
            assert!(grown >= 1 << 20, "{name}, {kept} bytes kept: {grown}");
        }
    }
}

/// Live, the kernel keeps long segments back: how much there was is told by who received it.
#[test]
fn a_transfer_that_was_not_seen_is_counted_by_its_acknowledgements() {
    let sent = |ack: u32| {
        let mut traffic = Traffic::new(7);
        let (me, far) = ((9, 40_000), (5, 443));
        let mut out = Vec::new();
        for (n, bytes) in [
            tcp(me, far, SYN, 1000, b""),
            with_ack(tcp(far, me, SYN | ACK, 5000, b""), 1001),
            with_ack(tcp(me, far, ACK, 1001, b"PUT"), 5001),
            with_ack(tcp(far, me, ACK, 5001, b"thanks"), ack),
            with_ack(tcp(me, far, FIN | ACK, ack, b""), 5007),
            with_ack(tcp(far, me, FIN | ACK, 5007, b""), ack.wrapping_add(1)),
        ]
        .into_iter()
        .enumerate()
        {
            out.extend(hear(&mut traffic, &bytes, n as u64));
        }
        let grown = out.iter().filter(|one| one.what == What::Grew).count();
        (out.last().map(|one| one.talk.bytes).unwrap_or_default(), grown)
    };
    assert_eq!(sent(1004), ([3, 6], 0), "all was seen");
    assert_eq!(sent(1001 + (80 << 20)).1, 1);
    let (bytes, _) = sent(1001 + (80 << 20));
    assert!(bytes[0].abs_diff(80 << 20) <= 2 && bytes[1] <= 7, "{bytes:?}");
    assert_eq!(sent(900).0[0], 3, "acknowledged before it began");
}
