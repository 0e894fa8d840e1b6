//! The example home of the contract, and parts to make others.

use std::{collections::BTreeSet, sync::Arc};

use porchlight::{
    model::{
        AlertState, AlertView, Category, DeviceId, DeviceView, HaInfo, Health, HomeView, Household, Kind, LinkMac,
        NameSource, Party, PersonView, Presence, ScannerView, Severity, Source, Tier, Trust, Wall,
    },
    mqtt::{Commands, Site},
};

pub fn wall(text: &str) -> Wall {
    text.parse().expect("a time")
}

pub fn id(text: &str) -> DeviceId {
    text.parse().expect("a device id")
}

pub fn site() -> Site {
    Site {
        base: "porchlight".into(),
        node: "home".into(),
        prefix: "homeassistant".into(),
        instance: 0x7f3a2c,
        version: "0.1.0",
        started: wall("2026-11-25T16:00:02Z"),
        mqtt: 5,
        commands: Commands::All,
        link_mac: LinkMac::Auto,
        expose_limit: 40,
        page: Some("http://192.168.7.5:8060".into()),
        ha: HaInfo { connected: true, version: Some((2026, 11)), ..HaInfo::default() },
        foreign_macs: BTreeSet::new(),
    }
}

/// A device nobody knows anything of.
pub fn device(id: DeviceId, name: &str) -> DeviceView {
    DeviceView {
        id,
        name: name.into(),
        name_source: NameSource::Dhcp,
        own_name: None,
        // Fixed when it was first announced.
        slug: Some(porchlight::mqtt::device_slug(name, id)),
        macs: Vec::new(),
        addresses: Vec::new(),
        hostname: None,
        vendor: None,
        vendor_source: None,
        kind: Kind::Unknown,
        kind_confidence: 0.0,
        os: None,
        model: None,
        area: None,
        owner: None,
        group: None,
        notes: None,
        important: false,
        alerts: true,
        trust: Trust::Unknown,
        randomised: false,
        is_own: false,
        is_gateway: false,
        presence: Presence::Home,
        presence_reason: "arp_reply",
        first_seen: wall("2026-11-01T08:00:00Z"),
        last_seen: wall("2026-11-25T17:05:12Z"),
        since: wall("2026-11-25T17:02:11Z"),
        sources: vec![Source::Capture],
        services: Vec::new(),
        signal_dbm: None,
        segment: None,
        away_after_s: 0,
        tier: Tier::None,
        exposed: false,
        hidden: false,
        away_for_s: 0,
        window: None,
        facts: Arc::new([]),
    }
}

pub fn phone() -> DeviceView {
    DeviceView {
        own_name: Some("Anna's phone".into()),
        name_source: NameSource::Own,
        macs: vec!["3c:22:fb:01:02:03".parse().expect("a MAC")],
        addresses: vec!["192.168.7.31".parse().expect("an address")],
        hostname: Some("annas-iphone".into()),
        vendor: Some("Apple".into()),
        model: Some("iPhone".into()),
        kind: Kind::Phone,
        owner: Some("Anna".into()),
        important: true,
        trust: Trust::Trusted,
        presence_reason: "dhcp_ack",
        signal_dbm: Some(-61),
        tier: Tier::Full,
        ..device(id("d-7f3k2m"), "Anna's phone")
    }
}

/// Who carries the phone.
pub fn anna() -> PersonView {
    PersonView {
        id: "p-daaddd".parse().expect("a person's id"),
        name: "Anna".into(),
        home: true,
        since: wall("2026-11-25T17:02:11Z"),
        reason: "dhcp_ack",
        device: Some(phone().id),
        confidence: Some(1.0),
        identity: "fresh",
        unsure: false,
        shown: true,
    }
}

pub fn spy() -> DeviceView {
    DeviceView {
        macs: vec!["24:6f:28:aa:4f:1a".parse().expect("a MAC")],
        addresses: vec!["192.168.7.77".parse().expect("an address")],
        vendor: Some("Espressif".into()),
        ..device(id("d-9q2w1x"), "Espressif 4f:1a")
    }
}

pub fn router() -> DeviceView {
    DeviceView {
        macs: vec!["b8:27:eb:00:00:01".parse().expect("a MAC")],
        addresses: vec!["192.168.7.1".parse().expect("an address")],
        kind: Kind::Router,
        is_gateway: true,
        trust: Trust::Trusted,
        tier: Tier::Basic,
        ..device(id("d-gatewy"), "Router")
    }
}

pub fn alert() -> AlertView {
    AlertView {
        id: "01JD8Z7A0000000001".parse().expect("an alert id"),
        sequence: 3,
        detector: "arp_spoof".into(),
        key: String::new(),
        category: Category::Spoofing,
        severity: Severity::Critical,
        confidence: 0.97,
        title: "ARP spoofing of the gateway".into(),
        detail: "Espressif 4f:1a answers for 192.168.7.1".into(),
        recommendation: "Disconnect it".into(),
        attacker: Party { device: Some(spy().id), mac: Some(spy().macs[0]), ip: Some(spy().addresses[0]) },
        attacker_name: Some("Espressif 4f:1a".into()),
        victim: Party { device: Some(router().id), mac: Some(router().macs[0]), ip: Some(router().addresses[0]) },
        victim_name: Some("Router".into()),
        technique: vec!["T1557.002".into()],
        first_seen: wall("2026-11-25T17:04:40Z"),
        last_seen: wall("2026-11-25T17:05:10Z"),
        count: 3,
        state: AlertState::New,
        evidence: vec![("claims".into(), "192.168.7.1".into())],
        incident: "01JD8Z6Z0000000001".parse().expect("an alert id"),
    }
}

/// The home of the contract's examples.
pub fn view() -> HomeView {
    let mut view = of([phone(), spy(), router()]);
    view.household = Arc::new(Household {
        occupied: true,
        people_home: vec!["Anna".into(), "Ben".into()],
        groups: [("Children".to_owned(), true), ("Grandparents".to_owned(), false)].into(),
        devices_home: 31,
        unknown: vec![spy().id],
        new_today: 1,
        crowd: Some(12),
        ..Household::default()
    });
    view.alerts.insert(alert().id, Arc::new(alert()));
    view.alerts_today = 1;
    view.scanners.push(ScannerView {
        name: "arp_sweep".into(),
        health: Health::Up,
        seen: 31,
        sent: 254,
        last_success: Some(wall("2026-11-25T17:04:30Z")),
    });
    view
}

/// A home of these devices at the time of the examples.
pub fn of(devices: impl IntoIterator<Item = DeviceView>) -> HomeView {
    HomeView {
        now: wall("2026-11-25T17:05:20Z"),
        devices: devices.into_iter().map(|device| (device.id, Arc::new(device))).collect(),
        ..HomeView::default()
    }
}
