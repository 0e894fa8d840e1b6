//! # Homes for tests
//!
//! One plain home by hand, and any home at all for properties.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use proptest::{collection::vec, option, prelude::*, sample::select};

use crate::model::{
    AlertId, AlertState, AlertView, Category, DeviceId, DeviceView, HomeView, Household, Kind, LeaveReason, MacAddr,
    Mode, NameSource, Party, Presence, Proof, ServiceView, Severity, Source, Tier, Trust, Wall, WindowView,
};

pub(super) const INSTANCE: u32 = 0x7f_3a2c;
pub(super) const NOON: Wall = Wall(1_795_608_000_000);

pub(super) fn id(n: u32) -> DeviceId {
    DeviceId::mint(INSTANCE, n)
}

/// A television that has been here since noon.
pub(super) fn tv(n: u32) -> DeviceView {
    DeviceView {
        id: id(n),
        name: format!("TV {n}"),
        name_source: NameSource::Mdns,
        own_name: None,
        slug: Some(format!("tv_{n}")),
        macs: vec![MacAddr([0xb8, 0x27, 0xeb, 1, 2, n as u8])],
        addresses: vec![IpAddr::from([192, 168, 7, n as u8]), "fe80::1".parse().unwrap()],
        hostname: Some("tv".into()),
        vendor: Some("Raspberry Pi".into()),
        vendor_source: Some("oui"),
        kind: Kind::Tv,
        kind_confidence: 0.93,
        os: None,
        model: None,
        area: None,
        owner: None,
        group: Some("media".into()),
        notes: None,
        important: false,
        alerts: true,
        trust: Trust::Unknown,
        randomised: false,
        is_own: false,
        is_gateway: false,
        presence: Presence::Home,
        presence_reason: Proof::ArpReply.word(),
        first_seen: NOON,
        last_seen: NOON,
        since: NOON,
        sources: vec![Source::ArpSweep, Source::Mdns],
        services: vec![ServiceView { tcp: true, port: 80, name: "http".into(), product: None }],
        signal_dbm: None,
        segment: Some("home".into()),
        away_after_s: 0,
        tier: Tier::Basic,
        exposed: false,
        hidden: false,
        away_for_s: 0,
        window: Some(window(n, NOON, true)),
        facts: Arc::from([("mac".to_owned(), "b8:27:eb:01:02:03".to_owned())]),
    }
}

pub(super) fn window(n: u32, start: Wall, open: bool) -> WindowView {
    WindowView {
        device: id(n),
        start,
        end: Wall(start.0 + 60_000),
        open,
        sightings: 41,
        reconnects: 0,
        stitched: 0,
        min_dbm: None,
        max_dbm: None,
        last_dbm: None,
        segment: Some("home".into()),
        closed_because: (!open).then_some(LeaveReason::NoAnswer),
    }
}

pub(super) fn alert(n: u64, state: AlertState) -> AlertView {
    let id = AlertId::mint(Wall(NOON.0 + n as i64), n);
    AlertView {
        incident: id.clone(),
        id,
        sequence: n,
        detector: "arp_spoof".into(),
        key: "192.168.7.9".into(),
        category: Category::Spoofing,
        severity: Severity::Critical,
        confidence: 0.97,
        title: "Somebody poses as the router".into(),
        detail: "".into(),
        recommendation: "Look for the device.".into(),
        attacker: Party {
            device: None,
            mac: Some(MacAddr([2, 0, 0, 0, 0, 1])),
            ip: Some(IpAddr::from([192, 168, 7, 66])),
        },
        attacker_name: None,
        victim: Party { device: Some(self::id(1)), mac: None, ip: None },
        victim_name: Some("TV 1".into()),
        technique: vec!["T1557.002".into()],
        first_seen: NOON,
        last_seen: Wall(NOON.0 + n as i64),
        count: 3,
        state,
        evidence: vec![("ip".into(), "192.168.7.1".into()), ("ip".into(), "192.168.7.2".into())],
    }
}

/// A home of these devices.
pub(super) fn home(devices: impl IntoIterator<Item = DeviceView>) -> HomeView {
    let devices: BTreeMap<_, _> = devices.into_iter().map(|d| (d.id, Arc::new(d))).collect();
    HomeView {
        revision: 1,
        instance: INSTANCE,
        minted: 100,
        household: Arc::new(Household { mode: Mode::Night, ..Household::default() }),
        devices,
        ..HomeView::default()
    }
}

fn text() -> impl Strategy<Value = String> {
    // Quotes, templates, SQL and other scripts: text from the network is data.
    prop_oneof!["[ -~]{0,20}", "\\PC{0,12}", Just("'; drop table device; --".to_owned()), Just("{{ 7*7 }}".to_owned())]
}

fn maybe_text() -> impl Strategy<Value = Option<String>> {
    option::of(text())
}

fn mac() -> impl Strategy<Value = MacAddr> {
    any::<[u8; 6]>().prop_map(MacAddr)
}

fn ip() -> impl Strategy<Value = IpAddr> {
    prop_oneof![any::<[u8; 4]>().prop_map(IpAddr::from), any::<[u8; 16]>().prop_map(IpAddr::from)]
}

fn wall() -> impl Strategy<Value = Wall> {
    (0..4_000_000_000_000_i64).prop_map(Wall)
}

fn service() -> impl Strategy<Value = ServiceView> {
    (any::<bool>(), any::<u16>(), text(), maybe_text()).prop_map(|(tcp, port, name, product)| ServiceView {
        tcp,
        port,
        name,
        product,
    })
}

fn open_window(device: DeviceId) -> impl Strategy<Value = WindowView> {
    let levels = (option::of(any::<i8>()), option::of(any::<i8>()), option::of(any::<i8>()));
    (wall(), 0..1_000_000_i64, 0..u64::MAX / 2, any::<u32>(), levels, maybe_text()).prop_map(
        move |(start, length, sightings, reconnects, (min_dbm, max_dbm, last_dbm), segment)| WindowView {
            device,
            start,
            end: Wall(start.0 + length),
            open: true,
            sightings,
            reconnects,
            stitched: 0,
            min_dbm,
            max_dbm,
            last_dbm,
            segment,
            closed_because: None,
        },
    )
}

/// Any device that the model allows.
pub(super) fn any_device(n: u32) -> impl Strategy<Value = DeviceView> {
    let texts = vec(maybe_text(), 10);
    let lists = (
        vec(mac(), 0..4),
        vec(ip(), 0..4),
        vec(select(Source::ALL), 0..4),
        vec(service(), 0..4),
        vec((text(), text()), 0..6),
    );
    let words = (
        select(NameSource::ALL),
        select(Kind::ALL),
        select(Trust::ALL),
        select(Presence::ALL),
        select(Proof::ALL),
        select(Tier::ALL),
    );
    let numbers = (0.0_f32..=1.0, option::of(any::<i8>()), any::<u32>(), 0..u64::MAX / 2);
    let times = (wall(), wall(), wall());
    let open = option::of(open_window(id(n)));
    (text(), texts, lists, words, numbers, times, any::<[bool; 7]>(), open).prop_map(
        move |(name, texts, lists, words, numbers, times, flags, window)| {
            let mut texts = texts.into_iter();
            let mut text = || texts.next().flatten();
            DeviceView {
                id: id(n),
                name,
                name_source: words.0,
                own_name: text(),
                slug: text(),
                macs: lists.0,
                addresses: lists.1,
                hostname: text(),
                vendor: text(),
                vendor_source: flags[0].then_some("oui"),
                kind: words.1,
                kind_confidence: numbers.0,
                os: text(),
                model: text(),
                area: text(),
                owner: text(),
                group: text(),
                notes: text(),
                important: flags[0],
                alerts: flags[1],
                trust: words.2,
                randomised: flags[2],
                is_own: flags[3],
                is_gateway: flags[4],
                presence: words.3,
                presence_reason: words.4.word(),
                first_seen: times.0,
                last_seen: times.1,
                since: times.2,
                sources: lists.2,
                services: lists.3,
                signal_dbm: numbers.1,
                segment: None,
                away_after_s: numbers.2,
                tier: words.5,
                exposed: flags[5],
                hidden: flags[6],
                away_for_s: numbers.3,
                window,
                facts: lists.4.into(),
            }
        },
    )
}
