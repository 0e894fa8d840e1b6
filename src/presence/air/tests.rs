//! Frames of an invented home, its neighbours and people who flood the air.

use proptest::prelude::*;

use super::*;
use crate::{
    model::{Captured, Fact, InterfaceId, LinkType, Observation, Wall},
    wire::Frame,
};

const AP: MacAddr = MacAddr([0x00, 0x11, 0x22, 0, 0, 1]);
const FOREIGN_AP: MacAddr = MacAddr([0x00, 0x11, 0x22, 0, 0, 2]);
const ROUTER: MacAddr = MacAddr([0x00, 0x11, 0x22, 0, 0, 3]);
const PHONE: MacAddr = MacAddr([0xda, 0x11, 0x22, 0, 0, 4]);
const TV: MacAddr = MacAddr([0x00, 0x11, 0x22, 0, 0, 5]);

struct Known;
impl Whose for Known {
    fn is_known(&self, mac: MacAddr) -> bool {
        mac == TV || mac == ROUTER
    }
    fn is_anchor(&self, mac: MacAddr) -> bool {
        mac == ROUTER
    }
}

fn at(seconds: u64) -> Moment {
    Moment { mono: Mono(seconds * 1_000_000_000), wall: Wall(i64::try_from(seconds).unwrap() * 1000) }
}

/// Control byte, flags, three addresses, body, behind a radiotap header of -48 dBm on channel 36.
fn frame(control: u8, flags: u8, macs: [MacAddr; 3], body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 15, 0, 0x2a, 0, 0, 0, 0, 0, 0x3c, 0x14, 0x40, 0x01, 0xd0];
    bytes.extend([control, flags, 0, 0]);
    macs.iter().for_each(|mac| bytes.extend(mac.0));
    bytes.extend([0, 0]);
    bytes.extend(body);
    bytes
}

fn beacon(bssid: MacAddr, ssid: &str, extra: &[u8]) -> Vec<u8> {
    let mut body = vec![0; 8];
    body.extend([100, 0, 0x11, 0, 0, u8::try_from(ssid.len()).unwrap()]);
    body.extend(ssid.as_bytes());
    body.extend(extra);
    frame(0x80, 0, [MacAddr::BROADCAST, bssid, bssid], &body)
}

/// Element 48 with one key management.
fn rsn(management: u8) -> Vec<u8> {
    vec![48, 20, 1, 0, 0, 0x0f, 0xac, 4, 1, 0, 0, 0x0f, 0xac, 4, 1, 0, 0, 0x0f, 0xac, management, 0, 0]
}

fn hear(air: &mut Air, bytes: &[u8], seconds: u64) -> (bool, Vec<String>) {
    let captured = Captured {
        link: LinkType::RADIOTAP,
        interface: InterfaceId(1),
        at: at(seconds),
        wire_len: u32::try_from(bytes.len()).unwrap(),
        bytes,
    };
    let decoded = Frame::decode(captured.link, bytes);
    let mut out = Vec::new();
    let ours = air.hear(&captured, &decoded, &Known, &mut out);
    for seen in &out {
        if let (Fact::AccessPoint(point), Some(mac)) = (&seen.fact, seen.subject.mac) {
            air.told(mac, point, seen.source, seen.at);
        }
    }
    (ours, out.iter().map(shown).collect())
}

fn shown(seen: &Observation) -> String {
    let who = seen.subject.mac.map_or(0, |mac| mac.0[5]);
    match &seen.fact {
        Fact::Alive { proof, .. } => format!("{who} {proof}"),
        Fact::Level(level) => format!("{who} {} dBm", level.dbm()),
        Fact::AccessPoint(point) => format!("{who} ap {}", point.ssid),
        other => format!("{who} {other:?}"),
    }
}

#[test]
fn only_who_talks_through_the_homes_network_is_a_device() {
    let alive = |who: u8| vec![format!("{who} frame"), format!("{who} -48 dBm")];
    let stranger = MacAddr([0x00, 0x55, 0, 0, 0, 9]);
    let cases: &[(&str, Vec<u8>, bool, Vec<String>)] = &[
        ("data of a phone", frame(0x08, 0x41, [AP, PHONE, ROUTER], &[1, 2]), true, alive(4)),
        ("null frame of a sleeper", frame(0x48, 0x11, [AP, PHONE, AP], &[]), true, alive(4)),
        ("poll of a sleeper", frame(0xa4, 0, [AP, PHONE, AP], &[]), false, alive(4)),
        ("a phone at the neighbours'", frame(0x08, 0x41, [FOREIGN_AP, PHONE, stranger], &[1, 2]), false, vec![]),
        ("a known device at the neighbours'", frame(0x08, 0x41, [FOREIGN_AP, TV, stranger], &[1]), false, alive(5)),
        ("passed on", frame(0x08, 0x42, [MacAddr::BROADCAST, AP, TV], &[1]), true, vec!["5 frame".into()]),
        ("passed on next door", frame(0x08, 0x42, [MacAddr::BROADCAST, FOREIGN_AP, stranger], &[1]), false, vec![]),
        ("to a sleeper: no sign of its life", frame(0x08, 0x42, [PHONE, AP, AP], &[1]), true, vec![]),
        (
            "a question under a random address",
            frame(0x40, 0, [MacAddr::BROADCAST, PHONE, MacAddr::BROADCAST], &[0, 0]),
            false,
            vec![],
        ),
        (
            "a stranger's question",
            frame(0x40, 0, [MacAddr::BROADCAST, stranger, MacAddr::BROADCAST], &[0, 0]),
            false,
            vec![],
        ),
        (
            "a known device's question",
            frame(0x40, 0, [MacAddr::BROADCAST, TV, MacAddr::BROADCAST], &[0, 0]),
            false,
            alive(5),
        ),
        ("somebody knocks", frame(0xb0, 0, [AP, PHONE, AP], &[0, 0, 1, 0, 0, 0]), false, vec![]),
        ("a forged farewell", frame(0xc0, 0, [MacAddr::BROADCAST, AP, AP], &[7, 0]), false, vec![]),
        ("ad hoc", frame(0x08, 0, [PHONE, stranger, AP], &[1]), false, vec![]),
        ("a group as sender", frame(0x08, 0x41, [AP, MacAddr([1, 0, 0x5e, 0, 0, 1]), ROUTER], &[1]), true, vec![]),
        ("between access points", frame(0x08, 0x43, [AP, FOREIGN_AP, ROUTER], &[0, 0, 0, 0, 0, 9, 1]), true, vec![]),
    ];
    for (name, bytes, ours, expected) in cases {
        let mut air = Air::new(&["Home".into()]);
        hear(&mut air, &beacon(AP, "Home", &rsn(2)), 100);
        hear(&mut air, &beacon(FOREIGN_AP, "Next door", &rsn(2)), 100);
        assert_eq!(hear(&mut air, bytes, 101), (*ours, expected.clone()), "{name}");
        for end in 0..bytes.len() {
            hear(&mut air, &bytes[..end], 102);
        }
    }
}

#[test]
fn beacons_say_name_channel_level_and_security() {
    let mut air = Air::new(&["Home".into()]);
    assert_eq!(hear(&mut air, &beacon(AP, "Home", &[&rsn(8)[..], &[61, 1, 44]].concat()), 1).1, ["1 ap Home"]);
    hear(&mut air, &beacon(FOREIGN_AP, "", &[3, 1, 6]), 1);
    let lines = |air: &mut Air, now: u64| -> Vec<String> {
        let view = Arc::clone(air.view(at(now)));
        view.points
            .iter()
            .map(|p| {
                format!(
                    "{} {:?} {:?} {:?} {} {} {}",
                    p.bssid.0[5], p.ssid, p.channel, p.level_dbm, p.security, p.own, p.stations
                )
            })
            .collect()
    };
    assert_eq!(
        lines(&mut air, 1),
        ["1 \"Home\" Some(44) Some(-48) wpa3 true 0", "2 \"\" Some(6) Some(-48) wep false 0"]
    );
    // An answer tells a hidden name; the next beacon does not take it away. Without elements the radio knows the channel.
    let mut answer = beacon(FOREIGN_AP, "Secret", &[]);
    answer[15] = 0x50;
    assert_eq!(hear(&mut air, &answer, 2).1, ["2 ap Secret"]);
    hear(&mut air, &beacon(FOREIGN_AP, "", &[]), 3);
    hear(&mut air, &frame(0x08, 0x41, [FOREIGN_AP, PHONE, PHONE], &[1]), 3);
    assert_eq!(
        lines(&mut air, 20),
        ["1 \"Home\" Some(44) Some(-48) wpa3 true 0", "2 \"Secret\" Some(36) Some(-48) wep false 1"]
    );
    // The same again is told to detectors once a minute; gone after an hour.
    let again =
        |air: &mut Air, second| hear(air, &beacon(AP, "Home", &[&rsn(8)[..], &[61, 1, 44]].concat()), second).1.len();
    assert_eq!((again(&mut air, 21), again(&mut air, 22), again(&mut air, 85)), (1, 0, 1));
    assert_eq!(lines(&mut air, 3_650).len(), 1);
    let first = Arc::clone(air.view(at(3_651)));
    assert!(Arc::ptr_eq(&first, air.view(at(3_652))), "nothing new: the same picture");
}

#[test]
fn who_carries_the_routers_frames_is_the_homes_and_a_name_told_by_a_scanner_too() {
    let mut air = Air::new(&[]);
    let through = frame(0x08, 0x41, [AP, PHONE, ROUTER], &[1]);
    assert_eq!(hear(&mut air, &through, 1), (false, vec![]));
    assert_eq!(hear(&mut air, &through, 2), (false, vec![]));
    assert!(hear(&mut air, &through, 3).0, "three times is no slip");
    assert!(!air.is_own(FOREIGN_AP));
    let said = AccessPoint { ssid: "Home".into(), channel: None, level: None, security: "wpa2".into(), own: true };
    air.told(TV, &said, Source::Wifi, at(4));
    hear(&mut air, &beacon(FOREIGN_AP, "Home", &[]), 5);
    assert!(air.is_own(FOREIGN_AP) && air.is_own(TV));
    // The monitor's own word is no proof of itself.
    let mut alone = Air::new(&[]);
    alone.told(AP, &said, Source::WifiMonitor, at(4));
    assert!(!alone.is_own(AP));
    let mut set = Air::new(&[AP.to_string()]);
    assert!(set.is_own(AP) && !set.is_own(FOREIGN_AP));
    set.adopt(&["*".into()]);
    assert!(set.is_own(FOREIGN_AP));
}

#[test]
fn floods_push_out_only_one_another() {
    let mut air = Air::new(&[AP.to_string(), "Home".into()]);
    hear(&mut air, &beacon(AP, "Home", &rsn(2)), 1);
    for n in 0..10_000u32 {
        let [_, b, c, d] = n.to_be_bytes();
        let forged = MacAddr([0x00, 0xee, 0, b, c, d]);
        hear(&mut air, &beacon(forged, &format!("Net {n}"), &[]), 2);
        let random = MacAddr([0x02, 0xee, 0, b, c, d]);
        hear(&mut air, &frame(0x40, 0, [MacAddr::BROADCAST, random, MacAddr::BROADCAST], &[]), 2);
        hear(&mut air, &frame(0x08, 0x41, [forged, random, random], &[]), 2);
    }
    let view = Arc::clone(air.view(at(20)));
    assert_eq!(view.points.len(), POINTS_MAX + 1);
    assert_eq!((view.points[0].bssid, view.points[0].own), (AP, true));
    assert_eq!(view.dropped, 10_000 - POINTS_MAX as u64);
    assert_eq!((air.stations.len(), air.passers.len()), (STATIONS_MAX, STATIONS_MAX));
    assert_eq!(air.crowd(Mono(20_000_000_000)), Some(STATIONS_MAX as u32));
}

#[test]
fn a_crowd_is_told_seldom_and_ends() {
    let mut air = Air::new(&[]);
    let minute = |n: u64| Mono(n * 60_000_000_000);
    assert_eq!(air.crowd(minute(1)), None);
    let mut told = Vec::new();
    for n in 1..60 {
        air.counted(Source::Ble, 10 + (n % 3) as u32 * 10, minute(n));
        let crowd = air.crowd(minute(n));
        if told.last() != Some(&crowd) {
            told.push(crowd);
        }
    }
    assert!((2..=7).contains(&told.len()), "{told:?}");
    assert_eq!(air.crowd(minute(75)), None, "nobody counts any more");
    air.counted(Source::Ble, 4, minute(80));
    assert_eq!(air.crowd(minute(80)), Some(4), "the first count is told at once");
}

#[test]
fn a_device_is_told_every_five_seconds() {
    let mut air = Air::new(&["*".into()]);
    let data = frame(0x08, 0x41, [AP, PHONE, ROUTER], &[1]);
    let told = (0..100u64).filter(|n| !hear(&mut air, &data, 100 + n / 10).1.is_empty()).count();
    assert_eq!(told, 2);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Whatever is in the air: few words a frame, all of stations, names clean and short.
    #[test]
    fn no_frame_is_too_odd(
        frames in prop::collection::vec((any::<[u8; 2]>(), prop::sample::select(vec![AP, PHONE, TV, ROUTER, FOREIGN_AP]), prop::collection::vec(any::<u8>(), 0..90)), 1..8),
        cut in 0usize..140,
    ) {
        let mut air = Air::new(&["Home".into(), AP.to_string()]);
        for (n, (head, mac, body)) in frames.iter().enumerate() {
            let mut bytes = frame(head[0], head[1], [*mac, PHONE, AP], body);
            bytes.truncate(cut.max(20));
            let captured = Captured {
                link: LinkType::RADIOTAP,
                interface: InterfaceId(1),
                at: at(n as u64),
                wire_len: 0,
                bytes: &bytes,
            };
            let mut out = Vec::new();
            air.hear(&captured, &Frame::decode(captured.link, &bytes), &Known, &mut out);
            prop_assert!(out.len() <= 5, "{out:?}");
            for seen in out {
                prop_assert!(seen.subject.mac.is_some_and(|mac| mac.is_station()) && seen.interface.is_none());
                if let Fact::AccessPoint(point) = &seen.fact {
                    prop_assert!(point.ssid.chars().count() <= 32 && !point.ssid.chars().any(char::is_control));
                }
            }
        }
    }
}
