//! What is kept, what is blanked, what is bounded.

use proptest::prelude::*;

use super::*;
use crate::{
    capture::file,
    model::{AlertId, AlertState, Category, InterfaceId, LinkType, Wall},
};

const ANNA: [u8; 6] = [2, 0, 0, 0, 0, 9];
const ROUTER: [u8; 6] = [2, 0, 0, 0, 0, 1];
const OTHER: [u8; 6] = [2, 0, 0, 0, 0, 7];
const CANARY: &[u8] = b"canary-4711-geheim";

fn at(ms: u64) -> Moment {
    Moment { mono: Mono(ms * 1_000_000), wall: Wall(1_795_000_000_000 + ms as i64) }
}

fn heard(bytes: &[u8], ms: u64) -> Captured<'_> {
    let wire_len = bytes.len() as u32;
    Captured { link: LinkType::ETHERNET, interface: InterfaceId(2), at: at(ms), wire_len, bytes }
}

fn ip(from: [u8; 6], protocol: u8, rest: &[u8]) -> Vec<u8> {
    let mut bytes = [&ROUTER[..], &from, &[8, 0, 0x45, 0]].concat();
    bytes.extend((20 + rest.len() as u16).to_be_bytes());
    bytes.extend([0, 0, 0, 0, 64, protocol, 0, 0, 192, 168, 7, from[5], 192, 168, 7, 1]);
    bytes.extend(rest);
    bytes
}

fn tcp(from: [u8; 6], port: u16, payload: &[u8]) -> Vec<u8> {
    let mut segment = [40_000_u16.to_be_bytes(), port.to_be_bytes()].concat();
    segment.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, 24, 255, 255, 0, 0, 0, 0]);
    segment.extend(payload);
    ip(from, 6, &segment)
}

fn udp(from: [u8; 6], port: u16, payload: &[u8]) -> Vec<u8> {
    let mut datagram = [40_000_u16.to_be_bytes(), port.to_be_bytes()].concat();
    datagram.extend((8 + payload.len() as u16).to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    ip(from, 17, &datagram)
}

fn alert(n: u64, by: Option<[u8; 6]>) -> AlertView {
    let id = AlertId::mint(Wall(0), n);
    AlertView {
        incident: id.clone(),
        id,
        sequence: n,
        detector: "port_scan".into(),
        key: String::new(),
        category: Category::Scan,
        severity: Severity::Medium,
        confidence: 0.9,
        title: "Anna searches".into(),
        detail: String::new(),
        recommendation: String::new(),
        attacker: Party { device: None, mac: by.map(MacAddr), ip: None },
        attacker_name: None,
        victim: Party::default(),
        victim_name: None,
        technique: vec![],
        first_seen: Wall(0),
        last_seen: Wall(0),
        count: 1,
        state: AlertState::New,
        evidence: vec![],
    }
}

/// Stamp in ms and bytes of each frame.
fn frames(pcapng: Vec<u8>) -> Vec<(i64, Vec<u8>)> {
    let mut reader = file::read(std::io::Cursor::new(pcapng), "x.pcapng".as_ref()).expect("a capture");
    let mut out = Vec::new();
    while let Some(frame) = reader.next() {
        out.push((frame.wall.0 - 1_795_000_000_000, frame.bytes.to_vec()));
    }
    assert!(!reader.is_truncated());
    out
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    what.is_empty() || bytes.windows(what.len()).any(|window| window == what)
}

#[test]
fn an_alert_has_the_frames_of_its_parties_from_before_and_after() {
    let mut evidence = Evidence::new(&Settings { pre_s: 10, post_s: 5, ..Settings::default() });
    for second in 0..30 {
        evidence.hear(&heard(&tcp(ANNA, 80, b""), second * 1000));
        evidence.hear(&heard(&tcp(OTHER, 80, b""), second * 1000 + 1));
    }
    evidence.raised(&alert(1, Some(ANNA)), at(29_500));
    evidence.raised(&alert(1, Some(ANNA)), at(29_501));
    assert_eq!(evidence.due(at(34_000).mono, false), vec![]);
    for second in 30..40 {
        let now = at(second * 1000).mono;
        let packs = evidence.due(now, false);
        if let Some(pack) = packs.first() {
            assert_eq!((packs.len(), second, pack.name.len()), (1, 35, 18));
            assert!(contains(&pack.bytes, b"port_scan medium: Anna searches"));
            let stamps: Vec<i64> = frames(pack.bytes.clone()).iter().map(|(ms, _)| *ms).collect();
            assert_eq!(stamps, (20..35).map(|second| second * 1000).collect::<Vec<_>>());
        }
        evidence.hear(&heard(&tcp(ANNA, 80, b""), second * 1000));
    }
    assert_eq!(evidence.next_due(), None);
}

#[test]
fn news_and_a_storm_of_alerts_write_nothing_more() {
    let mut evidence = Evidence::new(&Settings::default());
    evidence.hear(&heard(&tcp(ANNA, 80, b""), 0));
    evidence.raised(&AlertView { severity: Severity::Info, ..alert(1, None) }, at(1));
    evidence.raised(&AlertView { state: AlertState::Observed, ..alert(2, None) }, at(1));
    assert_eq!(evidence.next_due(), None);
    let mut packs = 0;
    for n in 0..200 {
        evidence.raised(&alert(n, None), at(n * 10));
        packs += evidence.due(Mono(u64::MAX), true).len();
    }
    assert_eq!((packs, evidence.dropped()), (FILES_PER_HOUR, 200 - FILES_PER_HOUR as u64));
    evidence.raised(&alert(900, None), at(2 * 3_600_000));
    assert!(evidence.next_due().is_some(), "an hour later there is room again");
}

#[test]
fn what_was_said_is_blanked_whatever_protocol_it_is_of() {
    let secret = |start: &str| [start.as_bytes(), CANARY, b"\r\n\r\n"].concat();
    let cases: Vec<(&str, Vec<u8>, &[u8])> = vec![
        // what              frame                          what stays
        ("telnet", tcp(ANNA, 23, CANARY), b""),
        ("ftp", tcp(ANNA, 21, &secret("PASS ")), b""),
        ("ftp at another port", tcp(ANNA, 2121, &secret("PASS ")), b""),
        (
            "basic",
            tcp(ANNA, 80, &secret("GET /page HTTP/1.1\r\nHost: x.example\r\nAuthorization: Basic ")),
            b"GET /page HTTP/1.1\r\nHost: x.example\r\n",
        ),
        ("cookie", tcp(ANNA, 8080, &secret("GET / HTTP/1.1\r\nCookie: id=")), b"GET / HTTP/1.1\r\n"),
        (
            "a form",
            tcp(ANNA, 80, &secret("POST /login HTTP/1.1\r\nHost: x\r\n\r\nuser=a&password=")),
            b"POST /login HTTP/1.1\r\nHost: x\r\n",
        ),
        ("a question", tcp(ANNA, 80, &secret("GET /login?password=")), b"GET /login?"),
        ("a head that is cut", tcp(ANNA, 80, &secret("GET / HTTP/1.1\r\nHost: ")[..40]), b"GET / HTTP/1.1\r\n"),
        ("an answer", tcp(ANNA, 80, &secret("HTTP/1.1 200 OK\r\nSet-Cookie: ")), b"HTTP/1.1 200 OK\r\n"),
        ("no request", tcp(ANNA, 80, &secret("GETX /")), b""),
        ("behind a record of TLS", tcp(ANNA, 443, &secret("\u{17}\u{3}\u{3}\u{0}\u{4}")), b""),
        (
            "behind a greeting of TLS",
            tcp(ANNA, 443, &secret("\u{16}\u{3}\u{1}\u{0}\u{4}abcd")),
            b"\x16\x03\x01\x00\x04abcd",
        ),
        ("SSH, then words", tcp(ANNA, 22, &secret("SSH-2.0-OpenSSH_9\r\n")), b"SSH-2.0-OpenSSH_9\r\n"),
        ("snmp", udp(ANNA, 161, CANARY), b""),
        ("syslog", udp(ANNA, 514, CANARY), b""),
        ("a ping", ip(ANNA, 1, &[&[8, 0, 0, 0, 0, 1, 0, 1][..], CANARY].concat()), b""),
        ("another protocol of IP", ip(ANNA, 99, CANARY), b""),
        (
            "a later fragment",
            {
                let mut f = ip(ANNA, 6, CANARY);
                f[20] = 0x00;
                f[21] = 0x40;
                f
            },
            b"",
        ),
        ("another kind of Ethernet", [&ROUTER[..], &ANNA, &[0x88, 0xb5, 1, 2, 3, 4, 5, 6, 7, 8], CANARY].concat(), b""),
    ];
    for (name, frame, stays) in cases {
        let mut evidence = Evidence::new(&Settings::default());
        evidence.hear(&heard(&frame, 10));
        evidence.raised(&alert(1, Some(ANNA)), at(20));
        evidence.hear(&heard(&frame, 30));
        let last = evidence.last(Duration::from_secs(60), at(40), 1 << 20);
        let packs = evidence.due(Mono(0), true);
        for bytes in [&last, &packs[0].bytes] {
            assert!(!contains(bytes, CANARY) && !contains(bytes, &CANARY[7..]), "{name}");
            let kept = frames(bytes.clone());
            assert_eq!(kept.len(), 2, "{name}");
            assert!(contains(&kept[0].1, stays), "{name}: {}", String::from_utf8_lossy(&kept[0].1));
            assert_eq!((kept[0].1.len(), &kept[0].1[..14]), (frame.len(), &frame[..14]), "{name}");
        }
    }
}

#[test]
fn what_devices_say_of_the_network_is_whole() {
    let arp = [&[0xff; 6][..], &ANNA, &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1], &ANNA, &[10, 0, 0, 9], &[0; 6], &[10, 0, 0, 1]]
        .concat();
    for frame in [arp, udp(ANNA, 53, b"a question"), udp(ANNA, 67, &[7; 500])] {
        let mut evidence = Evidence::new(&Settings::default());
        evidence.hear(&heard(&frame, 10));
        assert_eq!(frames(evidence.last(Duration::from_secs(60), at(40), 1 << 20)), [(10, frame)]);
    }
}

#[test]
fn files_go_by_age_and_by_size_and_are_the_owners() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let shelf = Shelf::new(folder.path());
    let settings = Settings { keep_mib: 1, ..Settings::default() };
    let now = Wall(i64::MAX / 4);
    let pack = |name: &str| Pack { name: name.into(), bytes: vec![7; 700_000] };
    let real = Wall(
        std::fs::metadata(folder.path())
            .and_then(|d| d.modified())
            .map_or(0, |at| at.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)),
    );
    shelf.put(&pack("a"), &settings, real).expect("written");
    let path = shelf.put(&pack("b"), &settings, real).expect("written");
    assert_eq!((file_of(folder.path(), "a"), file_of(folder.path(), "b")), (None, Some(path.clone())));
    assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    let path = shelf.put(&Pack { name: "c".into(), bytes: vec![1] }, &settings, now).expect("written");
    assert_eq!((file_of(folder.path(), "b"), file_of(folder.path(), "c")), (None, Some(path)));
}

/// All that is held, the newest first.
fn everything(ring: &Ring) -> Vec<(Mono, Vec<u8>)> {
    let mut all = Vec::new();
    ring.newest_first(|captured| {
        all.push((captured.at.mono, captured.bytes.to_vec()));
        true
    });
    let mut forward = Vec::new();
    ring.newest(all.len(), |captured| forward.push((captured.at.mono, captured.bytes.to_vec())));
    assert!(forward.iter().rev().eq(&all), "the same both ways");
    all
}

// A day of a home's own talk, ten frames a second.
#[test]
fn a_quiet_home_pays_for_ten_minutes_only() {
    let mut ring = Ring::new(32 << 20);
    for n in 0..60_000_u64 {
        ring.push(&heard(&[7; 120], n * 100));
    }
    let count = everything(&ring).len();
    assert_eq!(count, 6_001, "all of ten minutes");
    assert!(ring.held() < 6_100 * (120 + 80) / 4, "{} bytes", ring.held());
}

proptest! {
    /// Frames of any size in a small ring: never more than its bytes, always the newest, each as it came.
    #[test]
    fn a_ring_holds_the_newest_and_no_more_than_it_may(
        sizes in prop::collection::vec(1_usize..300, 1..200),
        pause in prop::sample::select(vec![1, 20_000, 90_000, 700_000]),
    ) {
        let mut ring = Ring::new(2048);
        let all: Vec<Vec<u8>> = sizes.iter().enumerate().map(|(n, len)| vec![n as u8; *len]).collect();
        for (n, bytes) in all.iter().enumerate() {
            ring.push(&heard(bytes, n as u64 * pause));
            prop_assert!(ring.held() <= 2048);
            let oldest = everything(&ring).last().map(|(at, _)| *at);
            prop_assert!(oldest >= Some(at(n as u64 * pause).mono - ring::REACH));
            let held: Vec<Vec<u8>> = everything(&ring).into_iter().map(|(_, bytes)| bytes).collect();
            prop_assert!(!held.is_empty());
            let expected: Vec<Vec<u8>> = all[..=n].iter().rev().take(held.len()).cloned().collect();
            prop_assert_eq!(held, expected);
        }
    }

    #[test]
    fn any_frame_is_survived_and_keeps_its_length(bytes in prop::collection::vec(any::<u8>(), 0..200), link in prop_oneof![Just(1_u16), Just(101), Just(105), Just(113), Just(127), Just(276)]) {
        let frame = Frame::decode(LinkType(link), &bytes);
        prop_assert_eq!(mask::blank(&frame, &bytes).len(), bytes.len());
    }
}
