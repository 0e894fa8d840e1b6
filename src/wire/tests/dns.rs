//! DNS: names that lead astray, messages that claim more than they hold.

use crate::wire::dns::{Data, Message, Name, Section, kind};

/// A header with counts, and a body.
pub fn message(flags: u16, counts: [u16; 4], body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x12, 0x34];
    bytes.extend(flags.to_be_bytes());
    bytes.extend(counts.into_iter().flat_map(u16::to_be_bytes));
    bytes.extend(body);
    bytes
}

#[test]
fn names_end_wherever_pointers_lead() {
    let long = [&[63][..], &[b'a'; 63]].concat().repeat(5);
    // Each pointer leads to the one before: backwards all the way, and still too many.
    let mut ladder = vec![1, b'x', 0];
    for step in 0..70u8 {
        ladder.extend([0xc0, if step == 0 { 12 } else { 12 + 3 + (step - 1) * 2 }]);
    }
    let top = ladder.len() - 2;
    let cases: &[(&str, &[u8], usize, &str)] = &[
        ("root", &[0], 0, "."),
        ("plain", b"\x03www\x07example\x00", 0, "www.example"),
        ("dot within a label", b"\x06Bob. B\x05local\x00", 0, "Bob\\. B.local"),
        ("control and broken text", b"\x03a\nb\x02\xff\xc3\x00", 0, "a\\010b.\\255\\195"),
        ("umlaut", "\u{4}Tür\u{0}".as_bytes(), 0, "Tür"),
        ("pointer back", b"\x05local\x00\x02tv\xc0\x0c", 7, "tv.local"),
        ("pointer to itself", &[0xc0, 12], 0, "…"),
        ("pointer forward", &[0xc0, 14, 0], 0, "…"),
        ("pointer into the header", &[0xc0, 4], 0, "."),
        ("two that point at each other", &[0xc0, 14, 0xc0, 12], 2, "…"),
        ("a loop through a label", &[1, b'a', 0xc0, 12], 0, "a…"),
        ("reserved length bits", &[0x80, 1], 0, "…"),
        ("cut label", &[9, b'a'], 0, "…"),
        ("cut pointer", &[0xc0], 0, "…"),
        ("ladder of pointers", &ladder, top, "…"),
        ("too long", &long, 0, "aaa"),
    ];
    for (name, body, at, expected) in cases {
        let bytes = message(0, [1, 0, 0, 0], body);
        let found = Name::new(&bytes, 12 + at).to_string();
        if *name == "too long" {
            assert!(found.ends_with('…') && found.len() < 300, "{name}: {found}");
        } else {
            assert_eq!(found, *expected, "{name}");
        }
    }
}

#[test]
fn records_are_read_as_far_as_they_are_whole() {
    let body = [
        &b"\x02tv\x05local\x00\x00\x01\x00\x01"[..],
        &[0xc0, 12, 0, 1, 0x80, 1, 0, 0, 0, 120, 0, 4, 10, 0, 0, 9],
        &[0xc0, 12, 0, 28, 0, 1, 0, 0, 0, 120, 0, 16],
        &[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9],
        &[0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 120, 0, 8, 0, 0, 0, 0, 0x1f, 0x90, 0xc0, 12],
        &[0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 120, 0, 7, 3, b'a', b'=', b'1', 1, b'b', 9],
    ]
    .concat();
    let bytes = message(0x8400, [1, 2, 1, 9], &body);
    let read = Message::read(&bytes).expect("a message");
    assert!(read.is_response() && read.is_authoritative() && !read.is_truncated());
    assert_eq!(
        read.questions().map(|q| (q.name.to_string(), q.kind)).collect::<Vec<_>>(),
        [("tv.local".into(), kind::A)]
    );
    let mut records = read.records();
    let shown: Vec<String> = records
        .by_ref()
        .map(|record| {
            let data = match record.data() {
                Data::A(ip) => ip.to_string(),
                Data::Aaaa(ip) => ip.to_string(),
                Data::Srv { port, target, .. } => format!("{port} {target}"),
                Data::Txt(strings) => format!("{:?}", strings.map(String::from_utf8_lossy).collect::<Vec<_>>()),
                other => format!("{other:?}"),
            };
            format!("{:?} {} {} {data}", record.section, record.name, record.ttl_s)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "Answer tv.local 120 10.0.0.9",
            "Answer tv.local 120 fe80::9",
            "Authority tv.local 120 8080 tv.local",
            "Additional tv.local 120 [\"a=1\", \"b\"]",
        ]
    );
    assert!(records.cut, "nine additionals were claimed and one was there");
    assert_eq!(read.answers().count(), 2);
    assert_eq!(read.records().filter(|r| r.section == Section::Authority).count(), 1);
    assert!(Message::read(&bytes[..11]).is_none());
}
