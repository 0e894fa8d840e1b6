//! When a device is announced first, and by which name: its entity ids come from it and stay. The
//! core decides, so it is in here.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use porchlight::{
    engine::{Engine, Input, Settings},
    model::{
        Change, Command, DeviceId, Fact, Heard, InterfaceFacts, InterfaceId, MacAddr, Moment, Mono, NetworkFacts,
        Observation, Presence, Proof, Remembered, Source, Span, Subject, Ticket, Wall,
    },
    mqtt::reconcile::{Published, reconcile},
};

use crate::home;

const START_MS: u64 = 1_000_000;

/// The core, and a broker that gets what it should hold.
struct Live {
    engine: Engine,
    published: Published,
    now: u64,
}

impl Live {
    fn new(remembered: &Remembered) -> Live {
        let network = NetworkFacts {
            interfaces: vec![InterfaceFacts {
                id: InterfaceId(2),
                name: "eth0".into(),
                mac: None,
                addresses: vec!["192.168.7.5".parse().expect("an address")],
                up: true,
                subnets: vec!["192.168.7.0/24".parse().expect("a subnet")],
                gateways: Vec::new(),
            }],
            labels: Vec::new(),
        };
        let mut settings = Settings::default();
        settings.exposure.all = true;
        settings.exposure.name_wait = Span::minutes(3);
        let engine = Engine::new(&settings, Arc::new(network), remembered, home::site().instance, at(START_MS));
        Live { engine, published: Published::default(), now: START_MS }
    }

    /// The leaves of the topics that are sent because of it.
    fn give(&mut self, input: Input<'_>) -> BTreeSet<String> {
        self.engine.handle(input, at(self.now));
        let mut sent = BTreeSet::new();
        for message in reconcile(&self.engine.view(), &home::site(), &self.published) {
            self.published.sent(&message);
            if message.topic.contains("d-") && !message.payload.is_empty() {
                sent.insert(message.topic.rsplit('/').next().expect("a leaf").to_owned());
            }
        }
        sent
    }

    fn hears(&mut self, mac: &str, fact: Fact) -> BTreeSet<String> {
        let ip = format!("192.168.7.{}", u8::from_str_radix(&mac[15..], 16).expect("hex"));
        let subject = Subject::both(mac.parse().expect("a MAC"), ip.parse().expect("an address"));
        let (source, interface) = (Source::Capture, Some(InterfaceId(2)));
        self.give(Input::Observation(Observation { source, interface, at: at(self.now), subject, fact }))
    }

    fn comes(&mut self, mac: &str) -> BTreeSet<String> {
        self.hears(mac, Fact::Alive { proof: Proof::ArpAnnounce, age: Duration::ZERO })
    }

    fn named(&mut self, mac: &str, name: &str, by: Heard) -> BTreeSet<String> {
        self.hears(mac, Fact::Named { name: name.into(), by })
    }

    fn wait(&mut self, seconds: u64) -> BTreeSet<String> {
        let end = self.now + seconds * 1_000;
        let mut sent = BTreeSet::new();
        while self.now < end {
            let wake = self.engine.next_wake().map_or(end, |wake| wake.0 / 1_000_000 + 1);
            self.now = wake.clamp(self.now + 1, end);
            sent.append(&mut self.give(Input::Tick));
        }
        sent
    }

    fn id(&mut self, mac: &str) -> DeviceId {
        let mac: MacAddr = mac.parse().expect("a MAC");
        let view = self.engine.view();
        let device = view.devices.values().find(|device| device.macs.contains(&mac));
        device.expect("known").id
    }

    /// The tracker's entity id, if it was announced.
    fn entity(&mut self, mac: &str) -> Option<String> {
        let topic = format!("homeassistant/device/porchlight_7f3a2c_{}/config", self.id(mac));
        let config: serde_json::Value = serde_json::from_slice(&self.published.at(&topic)?).expect("JSON");
        Some(config["components"]["tracker"]["default_entity_id"].as_str().expect("an entity").to_owned())
    }
}

fn at(ms: u64) -> Moment {
    Moment { mono: Mono(ms * 1_000_000), wall: Wall(1_795_600_000_000 + ms as i64) }
}

fn leaves(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|leaf| (*leaf).to_owned()).collect()
}

const ESP: &str = "24:6f:28:aa:4f:1a";

#[test]
fn entity_ids_wait_for_the_name_that_a_device_tells() {
    for by in [Heard::Dhcp, Heard::Mdns, Heard::Netbios] {
        let mut live = Live::new(&Remembered::default());
        // Who is there is told at once, whatever it is called.
        assert_eq!(live.comes(ESP), leaves(&["presence", "state", "fast"]), "{by:?}");
        assert_eq!(live.entity(ESP), None, "{by:?}");
        assert!(!live.wait(5).contains("config"), "{by:?}");
        let sent = live.named(ESP, "kitchen-lamp", by);
        assert!(sent.contains("config"), "{by:?}: {sent:?}");
        assert_eq!(live.entity(ESP).as_deref(), Some("device_tracker.kitchen_lamp"), "{by:?}");
        // Fixed: another name changes what it is called, not its entity ids.
        let id = live.id(ESP);
        live.give(Input::Command(Ticket(1), Command::Rename { device: id, name: Some("Lamp".into()) }));
        assert_eq!(live.entity(ESP).as_deref(), Some("device_tracker.kitchen_lamp"), "{by:?}");
    }
}

#[test]
fn a_device_without_a_name_is_announced_by_its_maker_after_three_minutes() {
    let mut live = Live::new(&Remembered::default());
    live.comes(ESP);
    assert!(!live.wait(179).contains("config"));
    assert!(live.wait(2).contains("config"));
    let entity = live.entity(ESP).expect("announced");
    assert!(entity.starts_with("device_tracker.espressif"), "{entity}");
    // The name that comes too late names the device, not the entities.
    live.named(ESP, "kitchen-lamp", Heard::Dhcp);
    assert_eq!(live.entity(ESP), Some(entity));
}

/// A home that is known for a while.
fn known() -> Live {
    let mut live = Live::new(&Remembered::default());
    live.comes("24:6f:28:aa:4f:01");
    live.wait(20 * 60);
    live
}

#[test]
fn who_joins_a_known_home_is_announced_at_once() {
    let mut live = known();
    assert!(!live.comes(ESP).contains("config"), "a name may come in the same breath");
    let id = live.id(ESP);
    live.now += 100;
    let changes = live.engine.handle(Input::Tick, at(live.now));
    // Without a change nobody would look at the picture.
    let is_told = changes.iter().any(|change| matches!(change, Change::DeviceChanged { device } if *device == id));
    assert!(is_told, "{changes:?}");
    assert!(live.give(Input::Tick).contains("config"));
    let entity = live.entity(ESP).expect("announced");
    assert!(entity.starts_with("device_tracker.espressif"), "{entity}");
    // With DHCP, the name is told before the first word by ARP, or right after it.
    let mut live = known();
    live.comes(ESP);
    assert!(live.named(ESP, "kitchen-lamp", Heard::Dhcp).contains("config"));
    assert_eq!(live.entity(ESP).as_deref(), Some("device_tracker.kitchen_lamp"));
}

#[test]
fn who_is_seen_to_enter_a_new_home_is_announced_at_once() {
    for (proof, is_entry) in [
        (Proof::DhcpRequest, true),
        (Proof::NdDad, true),
        (Proof::RouterSolicit, true),
        // Some boards repeat it every minute.
        (Proof::ArpAnnounce, false),
        (Proof::Mdns, false),
    ] {
        let mut live = Live::new(&Remembered::default());
        live.comes("24:6f:28:aa:4f:01");
        live.wait(20);
        live.hears(ESP, Fact::Alive { proof, age: Duration::ZERO });
        assert_eq!(live.wait(1).contains("config"), is_entry, "{proof}");
    }
}

#[test]
fn nobody_waits_for_a_name_where_a_person_gave_one_or_asked_for_the_device() {
    type Order = fn(DeviceId) -> Command;
    let orders: [(Order, &str); 4] = [
        (|device| Command::Rename { device, name: Some("Lamp".into()) }, "device_tracker.lamp"),
        (|device| Command::Expose { device }, "device_tracker.espressif"),
        (|device| Command::SetImportant { device, on: true }, "device_tracker.espressif"),
        (|device| Command::SetOwner { device, owner: Some("Anna".into()) }, "device_tracker.espressif"),
    ];
    for (order, expected) in orders {
        let mut live = Live::new(&Remembered::default());
        live.comes(ESP);
        let command = order(live.id(ESP));
        let sent = live.give(Input::Command(Ticket(1), command));
        assert!(sent.contains("config"), "{expected}: {sent:?}");
        let entity = live.entity(ESP).expect("announced");
        assert!(entity.starts_with(expected), "{entity}");
    }
}

#[test]
fn known_devices_wait_for_nothing_after_a_restart() {
    let mut live = Live::new(&Remembered::default());
    live.comes(ESP);
    live.wait(200);
    let before = live.entity(ESP);
    let view = live.engine.view();
    let remembered = Remembered {
        instance: Some(view.instance),
        minted: view.minted,
        stopped: Some(at(live.now).wall),
        devices: view.devices.values().map(|device| (**device).clone()).collect(),
        ..Remembered::default()
    };
    let mut again = Live::new(&remembered);
    again.now += 300_000;
    again.give(Input::Tick);
    assert_eq!(again.entity(ESP), before, "also on a broker that lost everything");
    assert!(before.is_some());
    // And a move of theirs is told with the very input that shows it.
    let device = again.id(ESP);
    again.wait(1);
    assert!(again.engine.view().devices[&device].presence != Presence::Away);
}
