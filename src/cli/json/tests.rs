//! Each shape as it is printed.

use super::*;
use crate::model::{
    AlertId, AlertState, Category, DeviceId, Health as Condition, Kind, LeaveReason, MacAddr, NameSource, Presence,
    Severity, Source,
};

const AT: Wall = Wall(1_795_626_131_004);

fn shown(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

fn device() -> DeviceView {
    DeviceView {
        name: "Living room TV".into(),
        name_source: NameSource::Mdns,
        macs: vec![MacAddr([0xb8, 0x27, 0xeb, 1, 2, 3])],
        addresses: vec!["192.168.7.20".parse().unwrap(), "fe80::1".parse().unwrap()],
        hostname: Some("tv".into()),
        vendor: Some("Raspberry Pi".into()),
        vendor_source: Some("oui"),
        kind: Kind::Tv,
        kind_confidence: 0.93,
        area: Some(String::new()),
        presence: Presence::Home,
        presence_reason: "arp_reply",
        first_seen: AT,
        last_seen: AT,
        since: AT,
        sources: vec![Source::ArpSweep, Source::Mdns],
        services: vec![ServiceView { tcp: true, port: 80, name: "http".into(), product: None }],
        segment: Some("home".into()),
        ..DeviceView::blank("d-7f3k2m".parse().unwrap())
    }
}

#[test]
fn a_device() {
    assert_eq!(
        shown(&Device::from(&device())),
        concat!(
            r#"{"id":"d-7f3k2m","name":"Living room TV","name_source":"mdns","macs":["b8:27:eb:01:02:03"],"#,
            r#""addresses":["192.168.7.20","fe80::1"],"hostname":"tv","vendor":"Raspberry Pi","vendor_source":"oui","#,
            r#""maker":"Raspberry Pi","kind":"tv","kind_confidence":0.93,"os":null,"model":null,"area":null,"owner":null,"group":null,"#,
            r#""important":false,"trust":"unknown","randomised":false,"presence":"home","presence_reason":"arp_reply","#,
            r#""first_seen":"2026-11-25T17:02:11.004Z","last_seen":"2026-11-25T17:02:11.004Z","#,
            r#""since":"2026-11-25T17:02:11.004Z","sources":["arp_sweep","mdns"],"#,
            r#""services":[{"proto":"tcp","port":80,"name":"http","product":null}],"signal_dbm":null,"segment":"home"}"#
        )
    );
}

#[test]
fn a_window() {
    let mut window = WindowView {
        device: "d-7f3k2m".parse().unwrap(),
        start: AT,
        end: Wall(AT.0 + 60_000),
        open: false,
        sightings: 41,
        reconnects: 0,
        stitched: 0,
        min_dbm: Some(-71),
        max_dbm: None,
        last_dbm: None,
        segment: None,
        closed_because: Some(LeaveReason::NoAnswer),
    };
    assert_eq!(
        shown(&Window::from(&window)),
        concat!(
            r#"{"device":"d-7f3k2m","start":"2026-11-25T17:02:11.004Z","end":"2026-11-25T17:03:11.004Z","open":false,"#,
            r#""sightings":41,"reconnects":0,"min_dbm":-71,"max_dbm":null,"last_dbm":null,"segment":null,"#,
            r#""closed_because":"no_answer","stitched":0}"#
        )
    );
    (window.open, window.closed_because) = (true, None);
    assert!(shown(&Window::from(&window)).ends_with(r#""closed_because":null,"stitched":0}"#));
}

#[test]
fn an_alert() {
    let id = AlertId::mint(AT, 7);
    let device: DeviceId = "d-7f3k2m".parse().unwrap();
    let alert = AlertView {
        incident: id.clone(),
        id,
        sequence: 1,
        detector: "arp_spoof".into(),
        key: String::new(),
        category: Category::Spoofing,
        severity: Severity::Critical,
        confidence: 0.97,
        title: "Somebody poses as the router".into(),
        detail: String::new(),
        recommendation: "Look for it.".into(),
        attacker: Party { device: None, mac: Some(MacAddr([2, 0, 0, 0, 0, 1])), ip: "10.0.0.6".parse().ok() },
        attacker_name: None,
        victim: Party { device: Some(device), mac: None, ip: None },
        victim_name: Some("Router".into()),
        technique: vec!["T1557.002".into()],
        first_seen: AT,
        last_seen: AT,
        count: 3,
        state: AlertState::New,
        evidence: vec![("ip".into(), "10.0.0.1".into()), ("was".into(), "a".into()), ("ip".into(), "10.0.0.2".into())],
    };
    assert_eq!(
        shown(&Alert::from(&alert)),
        concat!(
            r#"{"id":"01M89TGQHW00000007","detector":"arp_spoof","category":"spoofing","severity":"critical","confidence":0.97,"#,
            r#""title":"Somebody poses as the router","detail":null,"recommendation":"Look for it.","#,
            r#""attacker":{"device":null,"mac":"02:00:00:00:00:01","ip":"10.0.0.6","name":null},"#,
            r#""victim":{"device":"d-7f3k2m","mac":null,"ip":null,"name":"Router"},"technique":["T1557.002"],"#,
            r#""first_seen":"2026-11-25T17:02:11.004Z","last_seen":"2026-11-25T17:02:11.004Z","count":3,"state":"new","#,
            r#""evidence":{"ip":["10.0.0.1","10.0.0.2"],"was":"a"}}"#
        )
    );
}

#[test]
fn an_event() {
    let row = EventRow {
        id: 1,
        at: AT,
        kind: "renamed".into(),
        device: "d-7f3k2m".parse().ok(),
        data: r#"{"from":"z","to":"a"}"#.into(),
    };
    assert_eq!(
        shown(&Event::from(&row)),
        r#"{"at":"2026-11-25T17:02:11.004Z","kind":"renamed","device":"d-7f3k2m","data":{"from":"z","to":"a"}}"#
    );
}

#[test]
fn the_health_of_a_scanner() {
    let down = Condition::Down { why: "no right to send".into(), advice: Some("setcap".into()) };
    let cases = [
        (
            Condition::Up,
            Some(AT),
            r#"{"scanner":"mdns","state":"ok","why":null,"seen":12,"sent":40,"last_success":"2026-11-25T17:02:11.004Z"}"#,
        ),
        (
            down,
            None,
            r#"{"scanner":"mdns","state":"failed","why":"no right to send","seen":12,"sent":40,"last_success":null}"#,
        ),
        (
            Condition::Off,
            None,
            r#"{"scanner":"mdns","state":"off","why":null,"seen":12,"sent":40,"last_success":null}"#,
        ),
    ];
    for (health, last_success, expected) in cases {
        let view = ScannerView { name: "mdns".into(), health, seen: 12, sent: 40, last_success };
        assert_eq!(shown(&Health::from(&view)), expected);
    }
}

#[test]
fn a_replay() {
    let file = ReplayFile {
        path: "a.pcap".into(),
        packets: 2,
        bytes: 120,
        truncated: false,
        link: Some("ethernet".into()),
        from: Some(AT.to_string()),
        to: None,
    };
    let replay = Replay {
        files: vec![file],
        protocols: [("arp".to_owned(), 2)].into(),
        packets_per_second: 9,
        cpu_seconds: 0.5,
        ..Replay::default()
    };
    assert_eq!(
        shown(&replay),
        concat!(
            r#"{"files":[{"path":"a.pcap","packets":2,"bytes":120,"truncated":false,"link":"ethernet","#,
            r#""from":"2026-11-25T17:02:11.004Z","to":null}],"alerts":[],"devices":[],"access_points":[],"conversations":[],"#,
            r#""protocols":{"arp":2},"credentials":[],"packets_per_second":9,"cpu_seconds":0.5}"#
        )
    );
}

#[test]
fn a_list_is_json_with_none_one_and_two_rows() {
    for rows in 0..3 {
        let mut out = Vec::new();
        let mut list = List::begin(&mut out, "devices").unwrap();
        for n in 0..rows {
            list.row(&format!("{{\"n\":{n}}}")).unwrap();
        }
        list.end().unwrap();
        let value: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["devices"].as_array().map(Vec::len), Some(rows));
    }
}
