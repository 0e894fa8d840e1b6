//! The page over names that want to be obeyed.

use std::{path::PathBuf, sync::Arc};

use super::*;
use crate::{
    cli::{redact::Redactor, replay::FileStats},
    model::{AirView, AlertId, AlertState, Category, Kind, MacAddr, Party, PointView, ServiceView, WindowView},
};

const AT: Wall = Wall(1_795_626_131_000);
const HOSTILE: [&str; 4] = [
    "</title></style><script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'\u{202e}\u{0}\u{1b}[2J&lt;b&gt;",
    "<svg/onload=alert(1)>",
];

fn replayed(name: &str) -> Replayed {
    let id: crate::model::DeviceId = "d-7f3k2m".parse().unwrap();
    let stay = WindowView {
        device: id,
        start: AT,
        end: Wall(AT.0 + 60_000),
        open: false,
        sightings: 4,
        reconnects: 0,
        stitched: 0,
        min_dbm: None,
        max_dbm: None,
        last_dbm: None,
        segment: None,
        closed_because: None,
    };
    let device = DeviceView {
        name: name.into(),
        hostname: Some(name.into()),
        vendor: Some(name.into()),
        kind: Kind::Camera,
        kind_confidence: 0.9,
        macs: vec![MacAddr([0xb8, 0x27, 0xeb, 1, 2, 3])],
        addresses: vec![[192, 168, 7, 20].into()],
        services: vec![ServiceView { tcp: true, port: 80, name: name.into(), product: Some(name.into()) }],
        first_seen: AT,
        last_seen: Wall(AT.0 + 60_000),
        ..DeviceView::blank(id)
    };
    let alert = AlertId::mint(AT, 1);
    let alert = AlertView {
        incident: alert.clone(),
        id: alert,
        sequence: 1,
        detector: "arp_spoof".into(),
        key: String::new(),
        category: Category::Spoofing,
        severity: Severity::High,
        confidence: 0.9,
        title: name.into(),
        detail: name.into(),
        recommendation: "Look for it.".into(),
        attacker: Party { device: Some(id), mac: None, ip: Some([192, 168, 7, 66].into()) },
        attacker_name: Some(name.into()),
        victim: Party::default(),
        victim_name: Some(name.into()),
        technique: vec!["T1557.002".into()],
        first_seen: AT,
        last_seen: AT,
        count: 3,
        state: AlertState::New,
        evidence: vec![(name.into(), name.into())],
    };
    let file = FileStats {
        path: PathBuf::from(format!("/captures/{}.pcap", name.replace('/', "_"))),
        packets: 12_345,
        bytes: 2_000_000,
        customs: 0,
        truncated: true,
        link: Some("ethernet"),
        from: Some(AT),
        to: Some(Wall(AT.0 + 120_000)),
    };
    Replayed {
        files: vec![file],
        devices: vec![Arc::new(device)],
        alerts: vec![Arc::new(alert)],
        windows: vec![stay],
        air: Arc::new(AirView {
            points: vec![PointView {
                bssid: MacAddr([0x00, 0x1f, 0x33, 1, 2, 3]),
                ssid: name.into(),
                channel: Some(6),
                level_dbm: Some(-48),
                security: "wpa2".into(),
                own: true,
                stations: 2,
                first_seen: AT,
                last_seen: AT,
                sources: Vec::new(),
            }],
            dropped: 0,
        }),
        protocols: [("arp", 12_000), ("dns", 345)].into(),
        ..Replayed::default()
    }
}

#[test]
fn the_page_says_what_was_found() {
    let page = page(&replayed("Hall camera"), &Fit::default(), AT).unwrap();
    for part in [
        "Hall camera",
        "12,345",
        "1.9 MiB",
        "arp_spoof",
        "T1557.002",
        "Look for it.",
        "b8:27:eb:01:02:03",
        "2026-11-25 17:02:11",
        "class=\"stay\"",
        "class=\"mark high\"",
        "97.2 %",
        "cut short",
        "tcp/80",
        "Access points",
        "-48 dBm",
    ] {
        assert!(page.contains(part), "no {part:?} in\n{page}");
    }
}

#[test]
fn nothing_is_fetched_and_nothing_runs() {
    let page = page(&replayed("x"), &Fit::default(), AT).unwrap();
    for outside in ["http:", "https:", "//", "url(", "@import", "<script", "<link", "<img", "<iframe", "javascript:"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn a_hostile_name_is_shown_and_never_obeyed() {
    let harmless = page(&replayed("x"), &Fit::default(), AT).unwrap();
    let tags = |page: &str| page.matches('<').count();
    for name in HOSTILE {
        let page = page(&replayed(name), &Fit::default(), AT).unwrap();
        assert_eq!(tags(&page), tags(&harmless), "{name}: a tag came from a name");
        assert_eq!(page.matches('"').count(), harmless.matches('"').count(), "{name}: a quote came from a name");
        assert!(!page.contains(['\u{1b}', '\u{0}', '\u{202e}']), "{name}");
    }
}

#[test]
fn with_redact_the_page_names_nobody() {
    let fit = Fit(Some(Redactor::new([7; 16])));
    let page = page(&replayed("Annas camera"), &fit, AT).unwrap();
    for who in ["Anna", "b8:27", "00:1f:33", "192.168", "captures"] {
        assert!(!page.contains(who), "{who}");
    }
    assert!(page.contains("d-7f3k2m") && page.contains("Look for it."));
}

#[test]
fn an_empty_replay_has_a_page_too() {
    let page = page(&Replayed::default(), &Fit::default(), AT).unwrap();
    assert!(page.contains("Nothing odd was seen.") && page.contains("None."), "{page}");
}
