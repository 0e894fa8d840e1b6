//! # Floods of names and addresses
//!
//! Whoever shouts pushes out only itself: the family stays home, under its names, and every table keeps its size.

use std::time::Duration;

use porchlight::{
    engine::Input,
    model::{Fact, Heard, MacAddr, Observation, Proof, Source, Subject},
};

use crate::world::{ETH, GATEWAY, PHONE, World, at};

const MANY: u32 = 10_000;
const SISTER: (&str, &str) = ("5a:11:22:33:44:55", "192.168.7.50");
/// As many devices are kept as presence keeps, and some room.
const DEVICES_MAX: usize = 4_200;

fn family() -> World {
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(PHONE);
    home.dhcp(PHONE, "Annas-iPhone");
    home.comes(SISTER);
    home.dhcp(SISTER, "Maya-iPhone");
    home.run(60);
    home
}

fn hear(home: &mut World, source: Source, subject: Subject, fact: Fact) {
    let (interface, at) = (Some(ETH), at(home.now));
    home.give(Input::Observation(Observation { source, interface, at, subject, fact }));
}

fn is_whole(home: &mut World) {
    for (who, name) in [(PHONE, "Annas-iPhone"), (SISTER, "Maya-iPhone")] {
        let view = home.device(who);
        assert_eq!((view.name.as_str(), view.presence.is_here(), view.macs.len()), (name, true, 1));
    }
    let devices = home.engine.view().devices.len();
    assert!(devices <= DEVICES_MAX, "{devices}");
}

#[test]
fn ten_thousand_names_of_one_device_are_one_device_with_few_names() {
    let mut home = family();
    let liar = ("3c:22:fb:66:66:66", "192.168.7.66");
    home.comes(liar);
    let by = [Heard::Dhcp, Heard::Mdns, Heard::Llmnr, Heard::Netbios, Heard::Ssdp];
    for n in 0..MANY {
        let by = by[n as usize % by.len()];
        home.fact(liar, Fact::Named { name: format!("host-of-mine-{n}"), by });
        // Theirs too, to take them over.
        home.fact(liar, Fact::Named { name: "Annas-iPhone".into(), by });
        home.now += 50;
    }
    is_whole(&mut home);
    let view = home.device(liar);
    let names = view.facts.iter().filter(|(key, _)| key.starts_with("name.")).count();
    assert!(names <= 8 && view.facts.len() < 40, "{:?}", view.facts);
    assert_ne!(view.name, "Annas-iPhone");
    // A name must hold: who changes it each second is not told of each second.
    assert!(home.saw("renamed") < 20, "{} renames", home.saw("renamed"));
}

#[test]
fn ten_thousand_drawn_addresses_with_the_names_of_the_family_take_nobodys_place() {
    let mut home = family();
    for n in 0..MANY {
        let [_, b, c, d] = n.to_be_bytes();
        let drawn = Subject::mac(MacAddr([0x02 | (d & 0xfc), 0x66, d, b, c, d]));
        hear(&mut home, Source::Capture, drawn, Fact::Alive { proof: Proof::Frame, age: Duration::ZERO });
        let name = if n % 2 == 0 { "Annas-iPhone".to_owned() } else { format!("Phone-{n}") };
        hear(&mut home, Source::Capture, drawn, Fact::Named { name, by: Heard::Dhcp });
        home.now += 10;
        if n % 500 == 0 {
            home.seen(PHONE, Proof::ArpReply);
            home.seen(SISTER, Proof::ArpReply);
        }
    }
    home.run(30);
    is_whole(&mut home);
}

#[test]
fn ten_thousand_radios_with_drawn_addresses_take_nobodys_place() {
    let mut home = family();
    for n in 0..MANY {
        let [_, b, c, d] = n.to_be_bytes();
        // Resolvable private: the two highest bits are 01 (Core 5.4, Vol 6 Part B §1.3.2.2).
        let drawn = Subject::mac(MacAddr([0x40 | (d & 0x3f), 0xbe, d, b, c, d]));
        hear(&mut home, Source::Ble, drawn, Fact::Alive { proof: Proof::BleAdvert, age: Duration::ZERO });
        hear(&mut home, Source::Ble, drawn, Fact::Named { name: format!("Band {n}"), by: Heard::Bluetooth });
        hear(&mut home, Source::Ble, Subject::default(), Fact::Crowd(n));
        home.now += 10;
        if n % 500 == 0 {
            home.seen(PHONE, Proof::ArpReply);
            home.seen(SISTER, Proof::ArpReply);
        }
    }
    home.run(30);
    is_whole(&mut home);
}
