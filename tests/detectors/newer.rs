//! Through the whole core: attacks as captures show them that begin in the middle, are cut short or go ways that few
//! take, each with what looks like it; and what a restart must not cost.

use std::{net::IpAddr, sync::Arc};

use porchlight::{
    engine::{Engine, Input, Settings},
    model::{
        AccessPoint, Command, DeviceView, Fact, Kind, Listener, MacAddr, NetworkFacts, OwnSockets, Proof, Remembered,
        Severity, Subject, Ticket, Trust,
    },
};

use crate::watch::{ACK, FIN, SYN, Told, Watch, arp, datagram, ip, mac, packet, segment};

const MS: u64 = 1000;
const S: u64 = 1_000_000;

fn by<'a>(watch: &'a Watch, detector: &str) -> Vec<&'a Told> {
    watch.told.iter().filter(|told| told.detector == detector).collect()
}

fn worst(watch: &Watch, detector: &str) -> Option<(Severity, Option<MacAddr>)> {
    by(watch, detector).iter().map(|told| (told.severity, told.attacker)).max_by_key(|(severity, _)| *severity)
}

/// Host `n` is there, and a person says what it is.
fn meet(watch: &mut Watch, n: u8, kind: Kind, trust: Trust) {
    let subject = Subject { mac: Some(MacAddr(mac(n))), ip: Some(ip(n).into()) };
    watch.see(subject, Fact::Alive { proof: Proof::ArpReply, age: std::time::Duration::ZERO }, S);
    let view = watch.engine.view();
    let is_it = |device: &&Arc<DeviceView>| device.macs.contains(&MacAddr(mac(n)));
    let device = view.devices.values().find(is_it).map(|device| device.id).expect("a device");
    for command in [Command::SetKind { device, kind: Some(kind) }, Command::Trust { device, trust }] {
        watch.give(Input::Command(Ticket(1), command), S);
    }
}

#[test]
fn an_open_network_of_a_device_is_told_and_a_guest_network_is_not() {
    let hear = |kind: Kind, trust: Trust, security: &str| {
        let mut watch = Watch::new();
        meet(&mut watch, 9, kind, trust);
        let (ssid, security) = ("Free".into(), security.into());
        let point = AccessPoint { ssid, channel: None, level: None, security, own: false };
        watch.see(Subject::mac(MacAddr(mac(10))), Fact::AccessPoint(point), S);
        worst(&watch, "rogue_ap").map(|(severity, _)| severity)
    };
    assert_eq!(hear(Kind::Laptop, Trust::Unknown, "open"), Some(Severity::Medium));
    assert_eq!(hear(Kind::Plug, Trust::Unknown, "open"), Some(Severity::Low));
    assert_eq!(hear(Kind::Laptop, Trust::Unknown, "wpa2"), None);
    assert_eq!(hear(Kind::AccessPoint, Trust::Trusted, "open"), None);
}

#[test]
fn a_database_for_everybody_on_this_host_is_told_and_resolved() {
    let picture = |ports: &[&str]| {
        let at = |at: &&str| Listener { tcp: true, at: at.parse().expect("an address"), uid: 0 };
        Fact::Sockets(Arc::new(OwnSockets { listeners: ports.iter().map(at).collect(), ..OwnSockets::default() }))
    };
    let own = Subject::ip(ip(250).into());
    let run = |port: &str| {
        let mut watch = Watch::new();
        (0..3).for_each(|_| watch.see(own, picture(&[port, "0.0.0.0:22"]), 60 * S));
        worst(&watch, "risky_listener").map(|(severity, _)| severity)
    };
    assert_eq!(run("0.0.0.0:6379"), Some(Severity::Low));
    assert_eq!(run("127.0.0.1:6379"), None);
}

/// A question and its answer.
fn look_up(watch: &mut Watch, server: [u8; 4], id: u8, name: &str) {
    let mut asked = vec![name.len() as u8];
    asked.extend(name.bytes());
    asked.extend(b"\x07example\x03com\0\0\x01\0\x01");
    let ask = [&[0, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &asked].concat();
    let mut answer = [&[0, id, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0][..], &asked].concat();
    answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 0, 0, 4, 93, 184, 216, 34]);
    let (me, router) = ((mac(9), ip(9)), mac(1));
    watch.hear(&packet(me, (router, server), 17, &datagram(40_000 + u16::from(id), 53, &ask)), S);
    watch.hear(&packet((router, server), me, 17, &datagram(53, 40_000 + u16::from(id), &answer)), MS);
}

#[test]
fn a_name_server_nobody_handed_out_is_told_and_a_well_known_one_is_not() {
    let run = |server: [u8; 4]| {
        let mut watch = Watch::new();
        let mut ack = vec![2, 1, 6, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0];
        ack.extend(ip(9));
        ack.resize(28, 0);
        ack.extend(mac(9));
        ack.resize(236, 0);
        ack.extend([99, 130, 83, 99, 53, 1, 5, 54, 4, 192, 168, 7, 1, 6, 4, 192, 168, 7, 1, 255]);
        watch.hear(&packet((mac(1), ip(1)), (mac(9), ip(9)), 17, &datagram(67, 68, &ack)), S);
        watch.hear(&arp(mac(9), 1, ip(9), [0xff; 6], ip(1)), S);
        (0..12).for_each(|n| look_up(&mut watch, server, n, &format!("host{n}")));
        worst(&watch, "rogue_resolver")
    };
    assert_eq!(run([203, 0, 113, 53]), Some((Severity::Medium, Some(MacAddr(mac(9))))));
    assert!(run([8, 8, 8, 8]).is_none_or(|(severity, _)| severity < Severity::Medium));
    assert_eq!(run(ip(1)), None);
}

#[test]
fn a_device_that_is_every_name_by_mdns_is_told_and_one_with_several_names_is_not() {
    let say = |from: u8, name: &str, is_answer: bool| {
        let mut bytes = vec![0, 0, if is_answer { 0x84 } else { 0 }, 0, 0, u8::from(!is_answer), 0];
        bytes.extend([u8::from(is_answer), 0, 0, 0, 0, name.len() as u8]);
        bytes.extend(name.bytes());
        bytes.extend(b"\x05local\0\0\x01");
        bytes.extend(if is_answer { [0x80, 1] } else { [0, 1] });
        if is_answer {
            bytes.extend([0, 0, 0, 120, 0, 4]);
            bytes.extend(ip(from));
        }
        let group = ([1, 0, 0x5e, 0, 0, 0xfb], [224, 0, 0, 251]);
        packet((mac(from), ip(from)), group, 17, &datagram(5353, 5353, &bytes))
    };
    let run = |announces: bool| {
        let mut watch = Watch::new();
        let names = ["files", "prinnt", "intranett", "backup"];
        if announces {
            names.iter().for_each(|name| watch.hear(&say(9, name, true), S));
        }
        for name in names {
            watch.hear(&say(5, name, false), 10 * S);
            watch.hear(&say(9, name, true), 20 * MS);
        }
        worst(&watch, "name_poison")
    };
    assert_eq!(run(false), Some((Severity::Medium, Some(MacAddr(mac(9))))));
    assert_eq!(run(true), None);
}

#[test]
fn a_flood_with_which_the_capture_begins_and_ends_is_told_and_a_large_network_is_not() {
    let run = |count: u32, again: bool| {
        let mut watch = Watch::new();
        for _ in 0..if again { 2 } else { 1 } {
            for n in 0..count {
                let [a, b, c, d] = n.wrapping_mul(2_654_435_761).to_be_bytes();
                let frame = [&[0xff; 6][..], &[2, a, b, c, d, 9], &[8, 0], &[0; 46]].concat();
                watch.hear(&frame, MS);
            }
        }
        watch.give(Input::Tick, 6 * S);
        worst(&watch, "mac_flood").map(|(severity, _)| severity)
    };
    assert_eq!(run(900, false), Some(Severity::High));
    assert_eq!(run(150, false), None);
    assert_eq!(run(350, true), None, "all speak again");
}

/// An upload of so many MiB by datagrams, of which `kept` bytes were captured.
#[test]
fn an_upload_is_as_large_as_it_was_also_when_frames_are_cut() {
    let run = |mib: u64, kept: usize| {
        let mut watch = Watch::new();
        watch.hear(&arp(mac(9), 1, ip(9), [0xff; 6], ip(1)), S);
        let far = (mac(1), [203, 0, 113, 9]);
        let frame = packet((mac(9), ip(9)), far, 17, &datagram(50_500, 443, &[0x40; 1200]));
        for _ in 0..(mib << 20) / 1200 {
            watch.hear(frame.get(..kept.min(frame.len())).unwrap_or_default(), 100);
        }
        worst(&watch, "exfil").map(|(_, attacker)| attacker)
    };
    assert_eq!(run(80, 1500), Some(Some(MacAddr(mac(9)))));
    assert_eq!(run(80, 96), Some(Some(MacAddr(mac(9)))));
    assert_eq!(run(8, 96), None);
}

/// A thing speaks with a place: twenty kilobytes.
fn speaks(watch: &mut Watch, to: [u8; 4], port: u16, from: u16, gap_us: u64) {
    let (me, far) = ((mac(9), ip(9)), (mac(1), to));
    watch.hear(&packet(me, far, 6, &segment(from, port, SYN)), gap_us);
    watch.hear(&packet(far, me, 6, &segment(port, from, SYN | ACK)), MS);
    watch.hear(&packet(me, far, 6, &[segment(from, port, ACK), vec![7; 20_000]].concat()), MS);
    watch.hear(&packet(me, far, 6, &segment(from, port, FIN | ACK)), MS);
    watch.hear(&packet(far, me, 6, &segment(port, from, FIN | ACK)), MS);
}

#[test]
fn what_detectors_learned_survives_a_restart() {
    const DAY: u64 = 86_400 * S;
    let (maker, other): ([u8; 4], [u8; 4]) = ([47, 91, 92, 1], [203, 0, 113, 9]);
    let mut watch = Watch::new();
    meet(&mut watch, 9, Kind::Camera, Trust::Unknown);
    for day in 0..9 {
        speaks(&mut watch, maker, 8883, 40_000 + day, DAY);
    }
    let view = watch.engine.view();
    assert!(view.learned.by.contains_key("iot_deviation"), "{:?}", view.learned);
    let after = |is_learned: bool| {
        let remembered = Remembered {
            instance: Some(view.instance),
            minted: view.minted,
            stopped: Some(view.now),
            devices: view.devices.values().map(|device| DeviceView::clone(device)).collect(),
            learned: if is_learned { view.learned.as_ref().clone() } else { Default::default() },
            ..Remembered::default()
        };
        let mut again = Watch::new();
        // It was off for a minute, and the computer was started anew: its boot clock is young.
        let now = again.now_at(view.now);
        again.engine = Engine::new(&Settings::default(), Arc::new(NetworkFacts::default()), &remembered, 7, now);
        speaks(&mut again, maker, 8883, 41_000, S);
        assert!(by(&again, "iot_deviation").is_empty(), "{:?}", again.told);
        speaks(&mut again, other, 443, 41_001, S);
        worst(&again, "iot_deviation").map(|(severity, _)| severity)
    };
    assert_eq!(after(true), Some(Severity::Medium));
    assert_eq!(after(false), None, "it would have to learn for a week");
}

#[test]
fn what_was_learned_survives_new_settings() {
    const DAY: u64 = 86_400 * S;
    let mut watch = Watch::new();
    meet(&mut watch, 9, Kind::Camera, Trust::Unknown);
    for day in 0..9 {
        speaks(&mut watch, [47, 91, 92, 1], 8883, 40_000 + day, DAY);
    }
    let mut settings = Settings::default();
    settings.detectors.port_scan.exempt.clear();
    settings.detectors.port_scan.cooldown.0 *= 2;
    watch.give(Input::Adopt(Arc::new(settings)), S);
    speaks(&mut watch, [203, 0, 113, 9], 443, 41_001, S);
    let victims: Vec<Option<IpAddr>> = by(&watch, "iot_deviation").iter().map(|told| told.victim).collect();
    assert_eq!(victims, [Some([203, 0, 113, 9].into())]);
}
