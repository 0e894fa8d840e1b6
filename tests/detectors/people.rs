//! What an alert says: all that a person needs to judge it; and it is silent once people have said so.

use porchlight::{
    engine::{Engine, Input, Settings},
    model::{Command, DeviceId, DeviceView, MacAddr, NetworkFacts, Remembered, Severity, Ticket},
};

use crate::watch::{Host, RST_ACK, SYN, Watch, arp, datagram, dns, host, ip, mac, packet, segment};

const MS: u64 = 1000;
const S: u64 = 1_000_000;

/// This host, under this address, asks for names that do not exist.
fn is_infected(watch: &mut Watch, who: Host, salt: u32) {
    for n in 0..40u16 {
        let letter = |i: u32| b'a' + ((u32::from(n) * 7919 + salt * 613 + i * 104_729 + i * i * 31) % 26) as u8;
        let name = format!("{}.info", (0..14).map(|i| char::from(letter(i))).collect::<String>());
        watch.hear(&packet(who, host(1), 17, &datagram(40_000 + n, 53, &dns(n, 0x0100, &name, 1))), 200 * MS);
        watch.hear(&packet(host(1), who, 17, &datagram(53, 40_000 + n, &dns(n, 0x8183, &name, 1))), 2 * MS);
    }
}

fn looks_for_ports(watch: &mut Watch, from: u8, of: u8) {
    for port in 100..160 {
        watch.hear(&packet(host(from), host(of), 6, &segment(50_000, port, SYN)), 20 * MS);
        watch.hear(&packet(host(of), host(from), 6, &segment(port, 50_000, RST_ACK)), MS);
    }
}

fn device(watch: &mut Watch, n: u8) -> DeviceId {
    let view = watch.engine.view();
    view.devices.values().find(|device| device.macs.contains(&MacAddr(mac(n)))).map(|device| device.id).expect("known")
}

/// Who, against whom, what, how often, from when to when: every alert says it in words.
#[test]
fn every_alert_says_who_what_and_how_often() {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5, 6, 7, 66]);
    is_infected(&mut watch, host(7), 1);
    looks_for_ports(&mut watch, 66, 6);
    for n in 0..40u8 {
        watch.hear(&arp(mac(66), 2, ip(1), mac(5), ip(5)), S);
        watch.hear(&arp(mac(66), 1, ip(66), [0xff; 6], ip(100 + n)), 20 * MS);
        if n % 5 == 0 {
            watch.hear(&arp(mac(1), 1, ip(1), [0xff; 6], ip(5)), MS);
        }
    }
    for n in 0..2000u16 {
        let echo = [&[8, 0, 0, 0][..], &n.to_be_bytes(), &[0, 1], &[7; 24]].concat();
        watch.hear(&packet(host(66), host(5), 1, &echo), 900);
    }
    let told: std::collections::BTreeSet<&str> = watch.told.iter().map(|told| told.detector.as_str()).collect();
    for detector in ["dga", "port_scan", "arp_spoof", "host_sweep", "icmp_flood"] {
        assert!(told.contains(detector), "{detector} of {told:?}");
    }
    for alert in watch.told.iter().map(|told| &told.alert).filter(|alert| alert.severity >= Severity::Low) {
        let is_somebodys = alert.attacker.device.is_some() || alert.victim.device.is_some();
        let words = [&alert.title, &alert.detail, &alert.recommendation];
        let is_whole = words.iter().all(|text| text.len() > 10 && !text.contains(['{', '}']));
        let counts = alert.evidence.iter().any(|(_, value)| value.parse::<u64>().is_ok_and(|count| count > 0));
        assert!(is_somebodys && is_whole && counts, "{alert:#?}");
        assert!(alert.count >= 1 && alert.first_seen <= alert.last_seen, "{alert:#?}");
    }
}

/// What people do not want to hear of a device is not told, of no victim, at once and after a restart; of others it is.
#[test]
fn what_people_muted_is_silent_from_frame_to_alert() {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5, 6, 66, 67]);
    looks_for_ports(&mut watch, 66, 5);
    assert!(watch.names("port_scan", 66), "{:?}", watch.told);
    let device = device(&mut watch, 66);
    let mute = Command::MuteDevice { detector: "port_scan".into(), device, days: 30 };
    watch.give(Input::Command(Ticket(1), mute), S);
    watch.told.clear();
    for _ in 0..3 {
        looks_for_ports(&mut watch, 66, 5);
        looks_for_ports(&mut watch, 66, 6);
        watch.give(Input::Tick, 2 * 3600 * S);
    }
    assert_eq!(watch.from(Severity::Info), [""; 0]);
    looks_for_ports(&mut watch, 67, 6);
    assert!(watch.names("port_scan", 67), "{:?}", watch.told);

    let view = watch.engine.view();
    let remembered = Remembered {
        instance: Some(view.instance),
        minted: view.minted,
        stopped: Some(view.now),
        devices: view.devices.values().map(|device| DeviceView::clone(device)).collect(),
        mutes: view.mutes.to_vec(),
        ..Remembered::default()
    };
    let mut again = Watch::new();
    let now = again.now_at(view.now);
    again.engine = Engine::new(&Settings::default(), NetworkFacts::default().into(), &remembered, 7, now);
    again.at_home(&[1, 5, 66]);
    looks_for_ports(&mut again, 66, 5);
    assert!(!again.names("port_scan", 66), "{:?}", again.told);
}
