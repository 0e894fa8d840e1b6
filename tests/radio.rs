//! Radio from end to end: what is heard in the air, through the engine, to what people see.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

#[path = "radio/air.rs"]
mod air;
#[path = "radio/live.rs"]
mod live;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use porchlight::{
    engine::{Engine, Input, Settings},
    model::{
        AccessPoint, Command, Fact, HaInfo, Health, Heard, HomeView, LinkMac, MacAddr, Moment, Mono, NetworkFacts,
        Observation, Presence, Proof, Remembered, Rssi, ScannerView, Source, Subject, Ticket, Tier, Wall,
    },
    mqtt::{
        Commands, Site,
        reconcile::{Published, reconcile},
    },
};
use serde_json::Value as Json;

use air::AP;

const TAG: MacAddr = MacAddr([0x00, 0x11, 0x22, 0, 0, 7]);

/// A home with nothing in it and a clock of its own.
struct Home {
    engine: Engine,
    at: Moment,
}

impl Home {
    fn new() -> Home {
        let at = Moment { mono: Mono(1_000_000_000_000), wall: Wall(1_795_000_000_000) };
        let settings = Settings::default();
        let engine = Engine::new(&settings, Arc::new(NetworkFacts::default()), &Remembered::default(), 0x7f3a2c, at);
        Home { engine, at }
    }

    fn pass(&mut self, time: Duration) {
        self.at =
            Moment { mono: self.at.mono + time, wall: Wall(self.at.wall.0 + i64::try_from(time.as_millis()).unwrap()) };
        self.engine.handle(Input::Tick, self.at);
    }

    fn observe(&mut self, source: Source, subject: Subject, fact: Fact) {
        let observation = Observation { source, interface: None, at: self.at, subject, fact };
        self.engine.handle(Input::Observation(observation), self.at);
    }

    fn view(&mut self) -> Arc<HomeView> {
        self.engine.view()
    }

    fn command(&mut self, command: Command) {
        self.engine.handle(Input::Command(Ticket(1), command), self.at);
    }
}

fn site() -> Site {
    Site {
        base: "porchlight".into(),
        node: "home".into(),
        prefix: "homeassistant".into(),
        instance: 0x7f3a2c,
        version: "0.1.0",
        started: Wall(0),
        mqtt: 5,
        commands: Commands::All,
        link_mac: LinkMac::Auto,
        expose_limit: 40,
        page: None,
        ha: HaInfo::default(),
        foreign_macs: BTreeSet::new(),
    }
}

/// What the broker would hold at a topic that ends so.
fn held(view: &HomeView, end: &str) -> Json {
    let sent = reconcile(view, &site(), &Published::default());
    let message = sent.iter().find(|message| message.topic.ends_with(end)).unwrap_or_else(|| panic!("{end} not sent"));
    serde_json::from_slice(&message.payload).expect("JSON")
}

fn label(key: &'static str, value: &str) -> Fact {
    Fact::Label { key, value: value.into() }
}

/// A tag becomes a tracker by Bluetooth, with level, charge and beacon; what has no charge has no such entity.
#[test]
fn a_bluetooth_device_has_its_entities_in_home_assistant() {
    let mut home = Home::new();
    let tag = Subject::mac(TAG);
    home.observe(Source::Ble, tag, Fact::Alive { proof: Proof::BleAdvert, age: Duration::ZERO });
    home.observe(Source::Ble, tag, Fact::Level(Rssi::new(-61).unwrap()));
    home.observe(Source::Ble, tag, Fact::Named { name: "Keys".into(), by: Heard::Bluetooth });
    home.observe(Source::Netlink, Subject::mac(AP), Fact::Alive { proof: Proof::Frame, age: Duration::ZERO });
    let view = home.view();
    let id = |mac: MacAddr| view.devices.values().find(|device| device.macs.contains(&mac)).expect("a device").id;
    let (tag_id, other_id) = (id(TAG), id(AP));
    for device in [tag_id, other_id] {
        home.command(Command::Expose { device });
    }
    home.pass(Duration::from_secs(600));
    let config = |view: &HomeView, id| held(view, &format!("_{id}/config"));
    let view = home.view();
    assert_eq!(view.devices[&tag_id].tier, Tier::Full);
    let before = config(&view, tag_id);
    assert!(before["components"].get("battery").is_none(), "nothing was said of a charge yet");
    assert_eq!(before["components"]["tracker"]["source_type"], "bluetooth_le");
    assert_eq!(before["components"]["connected"]["device_class"], "connectivity");
    assert_eq!(before["components"]["signal"]["device_class"], "signal_strength");

    home.observe(Source::Ble, tag, label("battery", "30 %"));
    home.observe(Source::Ble, tag, label("beacon", "eddystone https://a.example"));
    let view = home.view();
    let after = config(&view, tag_id);
    assert_eq!(after["components"]["battery"]["device_class"], "battery");
    assert_eq!(after["components"]["battery"]["unit_of_measurement"], "%");
    assert_eq!(after["components"]["beacon"]["enabled_by_default"], false);
    let state = held(&view, &format!("{tag_id}/state"));
    assert_eq!((&state["battery"], &state["beacon"]), (&30.into(), &"eddystone https://a.example".into()));
    assert_eq!(held(&view, &format!("{tag_id}/fast"))["signal"], -61);
    let other = config(&view, other_id);
    assert!(other["components"].get("battery").is_none() && other["components"].get("beacon").is_none());
    assert_eq!(other["components"]["tracker"]["source_type"], "router");
    assert_eq!(held(&view, &format!("{other_id}/state"))["battery"], Json::Null);
}

/// Access points are listed, own first, and nobody's device; the crowd is a number of the household.
#[test]
fn access_points_are_seen_and_are_no_devices() {
    let mut home = Home::new();
    let point = |ssid: &str, own: bool, dbm: i8| {
        Fact::AccessPoint(AccessPoint {
            ssid: ssid.into(),
            channel: Some(6),
            level: Rssi::new(dbm),
            security: "wpa2".into(),
            own,
        })
    };
    let neighbour = MacAddr([0x00, 0x11, 0x22, 0, 0, 2]);
    home.observe(Source::Wifi, Subject::mac(neighbour), point("Next door", false, -40));
    home.observe(Source::Wifi, Subject::mac(AP), point("Home", true, -50));
    home.observe(Source::Wifi, Subject::mac(MacAddr::BROADCAST), point("nobody", false, -50));
    home.observe(Source::Ble, Subject::default(), Fact::Crowd(7));
    let view = home.view();
    let shown: Vec<_> = view.air.points.iter().map(|p| (p.bssid, p.ssid.as_str(), p.own, p.level_dbm)).collect();
    assert_eq!(shown, [(AP, "Home", true, Some(-50)), (neighbour, "Next door", false, Some(-40))]);
    assert!(view.devices.is_empty());
    assert_eq!(view.household.crowd, Some(7));
    assert_eq!(held(&view, "household/state")["crowd"], 7);
    home.pass(Duration::from_secs(2 * 3600));
    let view = home.view();
    assert!(view.air.points.is_empty(), "not heard for two hours");
    assert_eq!(view.household.crowd, None);
}

/// A file from the air, with radio headers and bare: the same devices, and none without the home's name.
#[test]
fn a_capture_from_the_air_shows_the_devices_of_the_named_network() {
    let dir = tempfile::tempdir().unwrap();
    for (name, link) in [("radiotap", 127u32), ("bare", 105)] {
        let mut file =
            [&0xa1b2_c3d4u32.to_le_bytes()[..], &[2, 0, 4, 0], &[0; 8], &0xffffu32.to_le_bytes(), &link.to_le_bytes()]
                .concat();
        for (n, bare) in air::home().into_iter().cycle().take(90).enumerate() {
            let bytes = if link == 127 { air::heard(&bare) } else { bare };
            let len = u32::try_from(bytes.len()).unwrap().to_le_bytes();
            let seconds = 1_795_000_000 + u32::try_from(n / 9).unwrap();
            file.extend([&seconds.to_le_bytes()[..], &[0; 4], &len, &len, &bytes].concat());
        }
        let path = dir.path().join(format!("{name}.pcap"));
        std::fs::write(&path, file).unwrap();
        let replay = |set: &[&str]| -> Json {
            let path = path.to_str().unwrap();
            let done = assert_cmd::Command::new(env!("CARGO_BIN_EXE_porchlight"))
                .args(["replay", "--json", path])
                .args(set)
                .output()
                .unwrap();
            serde_json::from_slice(&done.stdout)
                .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&done.stderr)))
        };
        let macs = |seen: &Json| -> BTreeSet<String> {
            let devices = seen["devices"].as_array().unwrap().iter();
            devices
                .flat_map(|device| device["macs"].as_array().unwrap())
                .map(|mac| mac.as_str().unwrap().to_owned())
                .collect()
        };
        let unnamed = replay(&[]);
        assert!(macs(&unnamed).is_empty(), "{name}: {unnamed}");
        assert_eq!(unnamed["access_points"].as_array().unwrap().len(), 2, "{name}");
        assert!(unnamed["access_points"].as_array().unwrap().iter().all(|point| point["own"] == false), "{name}");
        let named = replay(&["--set", "presence.wifi_networks=[Home]"]);
        assert_eq!(macs(&named), BTreeSet::from([air::PHONE.to_string(), air::LAPTOP.to_string()]), "{name}");
        let by_address = replay(&["--set", &format!("presence.wifi_networks=['{AP}']")]);
        assert_eq!(macs(&by_address), macs(&named), "{name}");
        assert_eq!(macs(&replay(&["--set", "presence.wifi_networks=['*']"])).len(), 3, "{name}");
        let hidden = replay(&["--redact", "--set", "presence.wifi_networks=[Home]"]).to_string();
        assert!(!hidden.contains("Next door") && !hidden.contains("00:11:22"), "{hidden}");
    }
}

/// Bluetooth's word for a thing makes its kind.
#[test]
fn what_bluetooth_says_makes_a_kind() {
    let cases = [
        ("phone", "phone"),
        ("tablet", "tablet"),
        ("laptop", "laptop"),
        ("computer", "computer"),
        ("watch", "watch"),
        ("tag", "iot"),
        ("game console", "game_console"),
    ];
    for (word, kind) in cases {
        let mut home = Home::new();
        let tag = Subject::mac(TAG);
        home.observe(Source::Ble, tag, Fact::Alive { proof: Proof::BleAdvert, age: Duration::ZERO });
        home.observe(Source::Ble, tag, label("bluetooth", &format!("bluetooth {word}")));
        let view = home.view();
        let device = view.devices.values().next().expect("a device");
        assert_eq!(device.kind.word(), kind, "{word}");
    }
}

/// Ten thousand radios with as many names, and one that changes its name and beacon each time: the family stays
/// home under its name, and every table keeps its size.
#[test]
fn a_flood_of_bluetooth_pushes_nobody_out() {
    let mut home = Home::new();
    let phone = Subject::mac(MacAddr([0x3c, 0x22, 0xfb, 1, 2, 3]));
    let alive = || Fact::Alive { proof: Proof::BleAdvert, age: Duration::ZERO };
    home.observe(Source::Ble, phone, alive());
    let id = home.view().devices.values().next().expect("the phone").id;
    home.command(Command::Rename { device: id, name: Some("Anna's phone".into()) });
    home.command(Command::SetOwner { device: id, owner: Some("Anna".into()) });
    let game = Subject::mac(TAG);
    let mut most = 0;
    for n in 0..10_000u32 {
        let [_, b, c, d] = n.to_be_bytes();
        let stranger = Subject::mac(MacAddr([0x00, 0xbe, 0xef, b, c, d]));
        home.observe(Source::Ble, stranger, alive());
        home.observe(Source::Ble, stranger, Fact::Named { name: format!("Thing {n}"), by: Heard::Bluetooth });
        home.observe(Source::Ble, Subject::default(), Fact::Crowd(n));
        home.observe(Source::Ble, game, alive());
        home.observe(Source::Ble, game, Fact::Named { name: format!("Game {n}"), by: Heard::Bluetooth });
        home.observe(Source::Ble, game, label("beacon", &format!("eddystone https://{n}.example")));
        if n % 10 == 0 {
            home.observe(Source::Ble, phone, alive());
            home.pass(Duration::from_secs(1));
        }
        if n % 500 == 0 {
            most = most.max(home.view().devices.len());
        }
    }
    let view = home.view();
    let device = &view.devices[&id];
    assert_eq!((device.name.as_str(), device.presence.is_here()), ("Anna's phone", true));
    assert_eq!(view.household.people_home, ["Anna"]);
    assert!(most <= 4_096, "{most} devices");
    let played = view.devices.values().find(|device| device.macs.contains(&TAG)).expect("the game");
    assert!(played.facts.len() < 64, "{:?}", played.facts);
}

/// Who is heard only in the air does not leave because the monitor was unplugged; silence before a monitor that
/// listens is a departure.
#[test]
fn a_monitor_that_is_gone_makes_nobody_leave() {
    for (health, leaves) in
        [(Health::Up, true), (Health::Down { why: "no interface is in monitor mode".into(), advice: None }, false)]
    {
        let mut home = Home::new();
        let line = |name: &str, health: Health| {
            Input::Scanner(ScannerView { name: name.into(), health, seen: 0, last_success: None, sent: 0 })
        };
        home.engine.handle(line("netlink", Health::Up), home.at);
        home.engine.handle(line("wifi_monitor", Health::Up), home.at);
        home.observe(
            Source::WifiMonitor,
            Subject::mac(air::LAPTOP),
            Fact::Alive { proof: Proof::Frame, age: Duration::ZERO },
        );
        let id = home.view().devices.values().next().expect("the laptop").id;
        home.pass(Duration::from_secs(60));
        home.engine.handle(line("wifi_monitor", health.clone()), home.at);
        for _ in 0..48 {
            home.pass(Duration::from_secs(600));
            // The rest of the world goes on.
            home.observe(
                Source::Netlink,
                Subject::mac(AP),
                Fact::Alive { proof: Proof::ArpReply, age: Duration::ZERO },
            );
        }
        let left = home.view().devices[&id].presence == Presence::Away;
        assert_eq!(left, leaves, "{health}");
    }
}
