//! What neighbours announce and what programs say, and whose word it is.

use super::*;

fn tlv(kind: u16, value: &[u8]) -> Vec<u8> {
    let head = kind << 9 | u16::try_from(value.len()).expect("short");
    [&head.to_be_bytes()[..], value].concat()
}

fn lldp(capabilities: u8, more: &[Vec<u8>]) -> Vec<u8> {
    let start = [
        tlv(1, &[4, 0xb8, 0x27, 0xeb, 0, 0, 1]),
        tlv(2, b"\x05gi7"),
        tlv(3, &[0, 120]),
        tlv(7, &[0, capabilities, 0, capabilities]),
    ];
    [start.concat(), more.concat(), tlv(0, &[])].concat()
}

fn cdp(pieces: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = vec![2, 180, 0, 0];
    for (kind, value) in pieces {
        body.extend(kind.to_be_bytes());
        body.extend(u16::try_from(value.len() + 4).expect("short").to_be_bytes());
        body.extend(*value);
    }
    let len = u16::try_from(body.len() + 8).expect("short");
    ethernet(ROUTER, len, &[&[0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0][..], &body].concat())
}

#[test]
fn neighbours_announce_themselves_and_where_this_host_hangs() {
    let switch = |more: &[Vec<u8>]| ethernet(ROUTER, 0x88cc, &lldp(4, more));
    let cases: &[(&str, Vec<u8>, &[&str])] = &[
        (
            "a switch",
            switch(&[
                tlv(5, b"cellar.lan"),
                tlv(6, b"Acme 8 port switch"),
                tlv(8, &[5, 1, 10, 0, 0, 4, 2, 0, 0, 0, 9, 0]),
            ]),
            &[
                "1 frame",
                "1 named cellar by lldp",
                "1 lldp_description=Acme 8 port switch",
                "1 lldp_chassis=b8:27:eb:00:00:01",
                "1 lldp_port=gi7",
                "1 lldp_capabilities=bridge",
                "1 management_address=10.0.0.4",
                "2 hangs_on=port gi7 of cellar",
            ],
        ),
        (
            "a switch without a name",
            switch(&[tlv(5, b"10.0.0.4")]),
            &[
                "1 frame",
                "1 lldp_chassis=b8:27:eb:00:00:01",
                "1 lldp_port=gi7",
                "1 lldp_capabilities=bridge",
                "2 hangs_on=port gi7 of b8:27:eb:00:00:01",
            ],
        ),
        (
            "a phone on the desk",
            ethernet(
                TV,
                0x88cc,
                &lldp(0x20, &[tlv(127, b"\x00\x12\xbb\x09Acme"), tlv(127, b"\x00\x12\xbb\x0aDesk 4")]),
            ),
            &[
                "9 frame",
                "9 lldp_chassis=b8:27:eb:00:00:01",
                "9 lldp_port=gi7",
                "9 lldp_capabilities=telephone",
                "9 manufacturer=Acme",
                "9 model=Desk 4",
            ],
        ),
        (
            "says it goes",
            ethernet(TV, 0x88cc, &[tlv(1, &[7, 1]), tlv(2, &[7, 1]), tlv(3, &[0, 0])].concat()),
            &["9 frame"],
        ),
        ("no LLDP", ethernet(TV, 0x88cc, &[1, 2, 3]), &["9 frame"]),
        (
            "cdp",
            cdp(&[(1, b"cellar"), (3, b"Gi0/7"), (4, &[0, 0, 0, 8]), (6, b"Acme GS-8")]),
            &[
                "1 frame",
                "1 named cellar by lldp",
                "1 cdp_platform=Acme GS-8",
                "1 cdp_port=Gi0/7",
                "1 cdp_capabilities=switch",
                "2 hangs_on=port Gi0/7 of cellar",
            ],
        ),
        ("no CDP", cdp(&[(3, b"1")]), &["1 frame"]),
    ];
    for (name, bytes, expected) in cases {
        assert_eq!(shown(bytes), *expected, "{name}");
    }
}

/// A TCP segment that carries `payload`.
fn tcp4(mac: MacAddr, from: [u8; 4], ttl: u8, ports: (u16, u16), flags: u8, payload: &[u8]) -> Vec<u8> {
    let segment = segment(ports, flags, &[], payload);
    let [a, b] = u16::try_from(segment.len() + 20).expect("short").to_be_bytes();
    let mut packet = vec![0x45, 0, a, b, 0, 1, 0x40, 0, ttl, 6, 0, 0];
    packet.extend(from);
    packet.extend([192, 0, 2, 7]);
    ethernet(mac, 0x0800, &[packet, segment].concat())
}

/// A SYN with options.
fn syn4(from: [u8; 4], ttl: u8, options: &[u8]) -> Vec<u8> {
    let segment = segment((40_000, 443), 2, options, &[]);
    let [a, b] = u16::try_from(segment.len() + 20).expect("short").to_be_bytes();
    let packet = [&[0x45, 0, a, b, 0, 1, 0x40, 0, ttl, 6, 0, 0][..], &from, &[192, 0, 2, 7], &segment].concat();
    ethernet(TV, 0x0800, &packet)
}

#[test]
fn the_shape_of_a_syn_hints_at_the_system_of_who_wrote_it() {
    let linux = [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7];
    let windows = [2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2];
    let apple = [2, 4, 5, 0xb4, 1, 3, 3, 6, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 4, 2, 0, 0];
    let cases: &[(&str, Vec<u8>, &[&str])] = &[
        ("linux", syn4(TV_IP, 64, &linux), &["9 os=Linux"]),
        ("windows", syn4(TV_IP, 128, &windows), &["9 os=Windows"]),
        ("apple", syn4(TV_IP, 64, &apple), &["9 os=macOS or iOS"]),
        ("windows behind a router", syn4(TV_IP, 127, &windows), &[]),
        ("a scanner", syn4(TV_IP, 64, &[2, 4, 5, 0xb4]), &[]),
        ("the Internet", syn4([198, 51, 100, 9], 64, &linux), &[]),
        ("a mix", syn4(TV_IP, 128, &linux), &[]),
    ];
    for (name, bytes, expected) in cases {
        assert_eq!(labels(bytes), *expected, "{name}");
    }
    assert!(stays("os", "Acme OS 3", "Linux") && !stays("os", "Linux", "Acme OS 3"));
}

/// A client's greeting that names a host.
fn hello(host: &str) -> Vec<u8> {
    let len = |n: usize| u16::try_from(n).expect("short").to_be_bytes();
    let entry = [&[0][..], &len(host.len()), host.as_bytes()].concat();
    let list = [&len(entry.len())[..], &entry].concat();
    let extensions = [&[0, 0][..], &len(list.len()), &list, &[0, 43, 0, 3, 2, 3, 4]].concat();
    let body =
        [&[3, 3][..], &[7; 32], &[0], &len(2), &[0x13, 1], &[1, 0], &len(extensions.len()), &extensions].concat();
    let handshake = [&[1, 0][..], &len(body.len()), &body].concat();
    [&[22, 3, 1][..], &len(handshake.len()), &handshake].concat()
}

#[test]
fn greetings_tell_the_program_and_whose_service_it_wants() {
    let bytes = hello("www.lgtvsdp.com");
    let seen = labels(&tcp4(TV, TV_IP, 64, (40_000, 8443), 0x18, &bytes));
    assert_eq!(seen.len(), 2);
    assert!(seen[0] == "9 asks=lgtvsdp.com" && seen[1].starts_with("9 ja4=t13d0102"), "{seen:?}");
    // What people look at is nobody's business; cut, there is no fingerprint.
    assert!(labels(&tcp4(TV, TV_IP, 64, (40_000, 443), 0x18, &hello("example.org")))[0].starts_with("9 ja4="));
    assert_eq!(labels(&tcp4(TV, TV_IP, 64, (40_000, 443), 0x18, &bytes[..bytes.len() - 3])), ["9 asks=lgtvsdp.com"]);
    assert_eq!(labels(&tcp4(ROUTER, [198, 51, 100, 9], 64, (40_000, 443), 0x18, &bytes)), [""; 0]);
    assert_eq!(labels(&tcp4(ROUTER, [10, 0, 1, 9], 63, (40_000, 443), 0x18, &bytes)), [""; 0]);
}

fn segment(ports: (u16, u16), flags: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let words = u8::try_from(5 + options.len() / 4).expect("short");
    let mut segment = Vec::new();
    segment.extend(ports.0.to_be_bytes());
    segment.extend(ports.1.to_be_bytes());
    segment.extend([0, 0, 0, 1, 0, 0, 0, 0, words << 4, flags, 0xfa, 0xf0, 0, 0, 0, 0]);
    segment.extend(options);
    segment.extend(payload);
    segment
}

fn labels(bytes: &[u8]) -> Vec<String> {
    shown(bytes).into_iter().filter(|line| !line.ends_with(" frame")).collect()
}

#[test]
fn a_connection_taken_from_others_tells_of_an_open_port() {
    let (accept, refuse, open) = (0x12, 0x14, 2);
    let taken = |port, flags| labels(&tcp4(TV, TV_IP, 64, (port, 40_000), flags, &[]));
    assert_eq!(taken(12_345, accept), ["9 accepts=12345"]);
    assert_eq!(taken(8_060, accept), ["9 speaks=from:tcp/8060"], "one that is listed says more");
    // Drawn by chance; refused; asked.
    assert_eq!((taken(40_001, accept), taken(12_345, refuse), taken(12_345, open)), (vec![], vec![], vec![]));
    // Beyond a router, and what we asked ourselves: to 10.0.0.2, this host.
    let mut routed = tcp4(TV, TV_IP, 63, (12_345, 40_000), accept, &[]);
    routed[..6].copy_from_slice(&OTHER.0);
    assert_eq!(labels(&routed), [""; 0]);
    let mut to_us = tcp4(TV, TV_IP, 64, (12_345, 40_000), accept, &[]);
    to_us[30..34].copy_from_slice(&[10, 0, 0, 2]);
    assert_eq!(labels(&to_us), [""; 0]);
}

#[test]
fn programs_name_themselves_and_nobody_else() {
    let get = b"GET / HTTP/1.1\r\nHost: www.lgtvsdp.com:80\r\nUser-Agent: Box/1 (Web0S)\r\n\r\n";
    let answer = b"HTTP/1.1 200 OK\r\nServer: lighttpd/1.4\r\n\r\n";
    let xml = b"<?xml version=\"1.0\"?><root xmlns=\"urn:schemas-upnp-org:device-1-0\"><device><friendlyName>Attic</friendlyName>\
        <manufacturer>Acme</manufacturer><modelName>QE55</modelName></device></root>";
    let with_head = [&b"HTTP/1.1 200 OK\r\n\r\n"[..], xml].concat();
    let own = |payload: &[u8]| labels(&tcp4(TV, TV_IP, 64, (40_000, 8080), 0x18, payload));
    let described = ["9 named Attic by ssdp", "9 manufacturer=Acme", "9 upnp_model=QE55"];
    assert_eq!(own(get), ["9 user_agent=Box/1 (Web0S)", "9 asks=lgtvsdp.com"]);
    assert_eq!(own(answer), ["9 http_server=lighttpd/1.4"]);
    assert_eq!(own(xml), described);
    assert_eq!(own(&with_head), described);
    assert_eq!(own(b"GET nothing here"), [""; 0]);

    // Whose word it is: the same bytes under a router's hardware address.
    let cases: &[(&str, [u8; 4], u8, bool)] = &[
        ("a host of this network", TV_IP, 64, true),
        ("the same, Windows", TV_IP, 128, true),
        ("the same, passed on by a router", TV_IP, 63, false),
        ("a host behind a host", TV_IP, 127, false),
        ("the Internet", [198, 51, 100, 9], 64, false),
        ("another network of the home", [10, 0, 1, 9], 64, false),
        ("link-local", [169, 254, 9, 9], 64, true),
        ("nobody", [0, 0, 0, 0], 64, false),
    ];
    for (name, from, ttl, is_own) in cases {
        let seen = labels(&tcp4(TV, *from, *ttl, (40_000, 80), 0x18, answer));
        assert_eq!(seen.iter().any(|line| line.contains("http_server")), *is_own, "{name}: {seen:?}");
    }
    let global = "2001:db8::9".parse().expect("an address");
    let afar = "2001:db8:1::9".parse().expect("an address");
    for (from, is_own) in [(global, true), (afar, false), (LINK_LOCAL, true)] {
        let bytes = packet6(TV, from, afar, 6, 64, &segment((40_000, 80), 0x18, &[], answer));
        assert_eq!(labels(&bytes).iter().any(|line| line.contains("http_server")), is_own, "{from}");
    }
}

#[test]
fn at_a_mirror_port_or_in_a_file_homes_addresses_are_believed() {
    let answer = b"HTTP/1.1 200 OK\r\nServer: lighttpd/1.4\r\n\r\n";
    let mut bare = home();
    bare.interfaces[0].subnets.clear();
    for (network, from, is_own) in [
        (&bare, [10, 9, 9, 9], true),
        (&NetworkFacts::default(), [10, 9, 9, 9], true),
        (&bare, [198, 51, 100, 9], false),
        (&NetworkFacts::default(), [198, 51, 100, 9], false),
    ] {
        let bytes = tcp4(TV, from, 64, (80, 40_000), 0x18, answer);
        let captured = Captured {
            link: LinkType::ETHERNET,
            interface: InterfaceId(2),
            at: Moment::default(),
            wire_len: 0,
            bytes: &bytes,
        };
        let mut out = Vec::new();
        Overheard::default().glean(&captured, &Frame::decode(LinkType::ETHERNET, &bytes), network, &mut out);
        assert_eq!(out.iter().any(|seen| matches!(seen.fact, Fact::Label { .. })), is_own, "{from:?}");
    }
}

#[test]
fn what_says_most_of_a_device_stays() {
    let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X)";
    let cases = [
        ("user_agent", phone, "Mozilla/5.0 (X11; Linux x86_64)", true),
        ("user_agent", "Wget", "okhttp/4.9", true),
        ("user_agent", "okhttp/4.9", "Box (a; b)", false),
        ("user_agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64)", phone, false),
        ("ja4", "t13d1516h2_a_b", "t13d1517h2_a_b", true),
        ("model", "A", "B", false),
    ];
    for (key, old, new, expected) in cases {
        assert_eq!(stays(key, old, new), expected, "{key}: {old} and {new}");
    }
}

#[test]
fn a_flood_of_documents_is_read_only_as_far_as_the_budget_goes() {
    let xml = b"<?xml version=\"1.0\"?><root xmlns=\"urn:schemas-upnp-org:device-1-0\"><device><modelName>Qaa</modelName></device></root>";
    let bytes = tcp4(TV, TV_IP, 64, (80, 40_000), 0x18, xml);
    let mut ears = Overheard::default();
    let mut read = |second: u64| {
        let at = Moment { mono: Mono::default() + Duration::from_secs(second), ..Moment::default() };
        let captured = Captured { link: LinkType::ETHERNET, interface: InterfaceId(2), at, wire_len: 0, bytes: &bytes };
        let mut out = Vec::new();
        for n in 0..1000 {
            // Each says something else; the same again is not told.
            let mut bytes = bytes.clone();
            let model = bytes.len() - b"Qaa</modelName></device></root>".len();
            bytes[model + 1..model + 3].copy_from_slice(&[b'a' + (n / 26 % 26) as u8, b'a' + (n % 26) as u8]);
            bytes[11] = (n / 676) as u8;
            let captured = Captured { bytes: &bytes, ..captured };
            ears.glean(&captured, &Frame::decode(LinkType::ETHERNET, &bytes), &home(), &mut out);
        }
        (out.iter().filter(|seen| matches!(seen.fact, Fact::Label { .. })).count(), ears.passed_over())
    };
    assert_eq!(read(0), (WORK_MAX as usize, 1000 - u64::from(WORK_MAX)));
    assert_eq!(read(1).0, WORK_MAX as usize);
}

/// What each frame shows to the same ears, one after the other.
fn labels_in_turn(frames: &[Vec<u8>]) -> Vec<String> {
    let mut ears = Overheard::default();
    let mut out = Vec::new();
    for bytes in frames {
        let captured =
            Captured { link: LinkType::ETHERNET, interface: InterfaceId(2), at: Moment::default(), wire_len: 0, bytes };
        ears.glean(&captured, &Frame::decode(LinkType::ETHERNET, bytes), &home(), &mut out);
    }
    out.iter().map(line).filter(|line| !line.ends_with(" frame")).collect()
}

#[test]
fn a_greeting_in_two_segments_is_one_greeting() {
    let whole = hello("www.lgtvsdp.com");
    let part = |place: usize, payload: &[u8]| {
        let mut bytes = tcp4(TV, TV_IP, 64, (40_000, 443), 0x18, payload);
        let sequence = 0xffff_ffffu32.wrapping_add(u32::try_from(place).expect("short"));
        bytes[14 + 20 + 4..14 + 20 + 8].copy_from_slice(&sequence.to_be_bytes());
        bytes
    };
    let ja4 = labels(&tcp4(TV, TV_IP, 64, (40_000, 443), 0x18, &whole)).pop().expect("a fingerprint");
    for cut in [60, whole.len() - 5] {
        let (start, rest) = whole.split_at(cut);
        let found = labels_in_turn(&[part(0, start), part(0, start), part(cut, rest)]);
        assert_eq!(found.last(), Some(&ja4), "cut at {cut}: {found:?}");
        assert!(found.contains(&"9 asks=lgtvsdp.com".to_owned()), "cut at {cut}: {found:?}");
        // The rest alone, or that of another place, is nothing.
        assert_eq!(labels_in_turn(&[part(cut, rest)]), [""; 0]);
        assert!(!labels_in_turn(&[part(0, start), part(cut + 1, rest)]).contains(&ja4));
    }
}

#[test]
fn quic_greets_like_tls() {
    let record = hello("www.lgtvsdp.com");
    let handshake = &record[5..];
    let crypto = |place: usize, piece: &[u8]| {
        let two = |n: usize| (u16::try_from(n).expect("short") | 0x4000).to_be_bytes();
        [&[6][..], &two(place), &two(piece.len()), piece].concat()
    };
    let datagram = |from: [u8; 4], is_second: bool, frames: &[u8]| {
        let mut frames = frames.to_vec();
        frames.resize(1162, 0);
        udp4(TV, from, [192, 0, 2, 7], (40_000, 443), &crate::wire::quic::closed(is_second, &[7; 8], 0, &frames))
    };
    let (start, rest) = handshake.split_at(50);
    let is_heard = |frames: &[Vec<u8>]| {
        let found = labels_in_turn(frames);
        assert!(found.is_empty() || (found.len() == 2 && found[0] == "9 asks=lgtvsdp.com"), "{found:?}");
        found.get(1).is_some_and(|ja4| ja4.starts_with("9 ja4=q13d0102"))
    };
    for is_second in [false, true] {
        assert!(is_heard(&[datagram(TV_IP, is_second, &crypto(0, handshake))]));
        let in_one = [crypto(50, rest), crypto(0, start)].concat();
        assert!(is_heard(&[datagram(TV_IP, is_second, &in_one)]));
        let (first, second) =
            (datagram(TV_IP, is_second, &crypto(50, rest)), datagram(TV_IP, is_second, &crypto(0, start)));
        assert!(is_heard(&[first.clone(), second.clone()]));
        assert!(!is_heard(std::slice::from_ref(&first)) && !is_heard(&[second.clone(), second]));
        assert!(!is_heard(&[datagram([198, 51, 100, 9], is_second, &crypto(0, handshake))]));
    }
    let mut spoiled = datagram(TV_IP, false, &crypto(0, handshake));
    *spoiled.last_mut().expect("bytes") ^= 1;
    assert!(!is_heard(&[spoiled]));
}

const STARTS: [&[u8]; 5] = [
    b"GET / HTTP/1.1\r\nUser-Agent: ",
    b"HTTP/1.1 200 OK\r\nServer: ",
    b"<?xml version=\"1.0\"?><root xmlns=\"urn:schemas-upnp-org:device-1-0\">",
    b"\x16\x03\x01\x01\x00\x01",
    b"",
];

proptest! {
    /// Whatever is said is its speaker's: nobody else gets a fact of it.
    #[test]
    fn made_up_words_stay_their_speakers(payload in vec(any::<u8>(), 0..300), start in 0..STARTS.len()) {
        let payload = [STARTS[start], &payload].concat();
        for bytes in [tcp4(TV, TV_IP, 64, (40_000, 80), 0x18, &payload), ethernet(TV, 0x88cc, &payload)] {
            for seen in shown(&bytes) {
                prop_assert!(seen.starts_with("9 "), "{seen}");
            }
        }
    }
}
