//! Names asked for on the link, and addresses that answer an echo.

use super::*;

fn labels(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).expect("short"));
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// A message with one question and, if there is one, a record for it.
fn message(flags: u16, name: &str, kind: u16, record: Option<(u16, &[u8])>) -> Vec<u8> {
    let mut bytes = vec![0, 7];
    bytes.extend(flags.to_be_bytes());
    bytes.extend([0, 1, 0, u8::from(record.is_some()), 0, 0, 0, 0]);
    bytes.extend([&labels(name)[..], &kind.to_be_bytes(), &[0, 1]].concat());
    if let Some((kind, data)) = record {
        let len = u16::try_from(data.len()).expect("short");
        bytes.extend([&[0xc0, 12][..], &kind.to_be_bytes(), &[0, 1, 0, 0, 0, 30], &len.to_be_bytes(), data].concat());
    }
    bytes
}

#[test]
fn llmnr_names_only_whom_it_comes_from() {
    const GROUP: [u8; 4] = [224, 0, 0, 252];
    let says = |body: &[u8]| udp4(TV, TV_IP, [10, 0, 0, 7], (5355, 50_000), body);
    let asks = |kind: u16| udp4(TV, TV_IP, GROUP, (50_000, 5355), &message(0, "anna-pc", kind, None));
    let pointer = labels("anna-pc");
    let cases: &[(&str, Vec<u8>, &[&str])] = &[
        ("asks for its own name", asks(255), &["9@10.0.0.9 frame", "9@10.0.0.9 named anna-pc by llmnr"]),
        ("asks for another's", asks(1), &["9@10.0.0.9 frame"]),
        (
            "answers for its name",
            says(&message(0x8000, "anna-pc", 1, Some((1, &TV_IP)))),
            &["9 frame", "9 named anna-pc by llmnr"],
        ),
        ("answers for another", says(&message(0x8000, "anna-pc", 1, Some((1, &[10, 0, 0, 4])))), &["9 frame"]),
        (
            "answers for its address",
            says(&message(0x8000, "9.0.0.10.in-addr.arpa", 12, Some((12, &pointer)))),
            &["9 frame", "9 named anna-pc by llmnr"],
        ),
        (
            "answers for another's address",
            says(&message(0x8000, "4.0.0.10.in-addr.arpa", 12, Some((12, &pointer)))),
            &["9 frame"],
        ),
        ("knows of a conflict", says(&message(0x8400, "anna-pc", 1, Some((1, &TV_IP)))), &["9 frame"]),
        ("is not sure yet", says(&message(0x8100, "anna-pc", 1, Some((1, &TV_IP)))), &["9 frame"]),
        ("poisons", says(&message(0x8000, "WPAD", 1, Some((1, &TV_IP)))), &["9 frame"]),
        ("no LLMNR", says(&[1, 2]), &["9 frame"]),
    ];
    for (name, bytes, expected) in cases {
        assert_eq!(shown(bytes), *expected, "{name}");
    }
}

/// A host asked from an address of a prefix answers from its own there, without soliciting anybody it knows.
#[test]
fn an_answer_shows_the_address_it_comes_from_unless_a_router_passed_it_on() {
    let to = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7);
    let answer = |kind: u8, hops: u8, from: &str| {
        packet6(TV, from.parse().expect("an address"), to, 58, hops, &[kind, 0, 0, 0, 0, 1, 0, 1])
    };
    let cases: &[(u8, u8, &str, &str)] = &[
        (129, 64, "2001:db8::9", "9@2001:db8::9 icmp_reply"),
        (129, 128, "fd00::9", "9@fd00::9 icmp_reply"),
        (129, 255, "2001:db8::9", "9@2001:db8::9 icmp_reply"),
        (4, 64, "2001:db8::9", "9@2001:db8::9 icmp_reply"),
        (129, 63, "2001:db8::9", "9 icmp_reply"),
        (129, 57, "2001:db8::9", "9 icmp_reply"),
        (129, 1, "fe80::9", "9@fe80::9 icmp_reply"),
        (128, 64, "2001:db8::9", "9 frame"),
        (1, 64, "2001:db8::9", "9 frame"),
    ];
    for (kind, hops, from, expected) in cases {
        assert_eq!(shown(&answer(*kind, *hops, from)), [*expected], "{kind} {hops} {from}");
    }
}
