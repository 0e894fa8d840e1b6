//! Through the whole core: what scanners and frames show becomes an alert, and what is no trouble does not.

use porchlight::{
    engine::Input,
    model::{AccessPoint, Command, Fact, Heard, Kind, MacAddr, Proof, Severity, Subject, Ticket, Trust},
};

use crate::watch::{ACK, RST_ACK, SYN, Told, Watch, datagram, ip, mac, packet, segment};

const STEP: u64 = 1_000_000;

/// What this detector told.
fn by<'a>(watch: &'a Watch, detector: &str) -> Vec<&'a Told> {
    watch.told.iter().filter(|told| told.detector == detector).collect()
}

/// A home in which host `n` is such a thing.
fn home(n: u8, kind: Kind, trust: Trust) -> Watch {
    let mut watch = Watch::new();
    let subject = Subject { mac: Some(MacAddr(mac(n))), ip: Some(ip(n).into()) };
    watch.see(subject, Fact::Alive { proof: Proof::ArpReply, age: std::time::Duration::ZERO }, STEP);
    let device = watch.engine.view().devices.values().next().map(|device| device.id).expect("a device");
    for command in [Command::SetKind { device, kind: Some(kind) }, Command::Trust { device, trust }] {
        watch.give(Input::Command(Ticket(1), command), STEP);
    }
    watch
}

#[test]
fn who_answers_for_a_name_nobody_has_is_named() {
    let mut watch = Watch::new();
    let liar = Subject::ip(ip(9).into());
    let fact = Fact::AnsweredForNobody { protocol: "llmnr", name: "files-bcdfg".into() };
    watch.see(liar, fact, STEP);
    assert_eq!(by(&watch, "name_poison").first().map(|told| told.severity), Some(Severity::Critical));
    let mut watch = Watch::new();
    watch.see(liar, Fact::Named { name: "laptop".into(), by: Heard::Llmnr }, STEP);
    assert!(by(&watch, "name_poison").is_empty());
}

#[test]
fn the_own_network_without_a_lock_is_told() {
    let hear = |security: &str, own: bool| -> Vec<Severity> {
        let mut watch = Watch::new();
        let (ssid, security) = ("home".into(), security.into());
        let point = AccessPoint { ssid, channel: None, level: None, security, own };
        watch.see(Subject::mac(MacAddr(mac(200))), Fact::AccessPoint(point), STEP);
        by(&watch, "weak_wifi").iter().map(|told| told.severity).collect()
    };
    assert_eq!(hear("open", true), [Severity::Medium]);
    assert!(hear("open", false).is_empty() && hear("wpa2", true).is_empty());
}

#[test]
fn a_door_without_a_lock_is_listed_and_a_web_page_is_not() {
    let mut watch = home(5, Kind::Printer, Trust::Unknown);
    let subject = Subject { mac: Some(MacAddr(mac(5))), ip: Some(ip(5).into()) };
    for (port, name) in [(23, "telnet"), (80, "http")] {
        watch.see(subject, Fact::Service { tcp: true, port, name: name.into() }, STEP);
    }
    // A newcomer is told of after a minute.
    watch.give(Input::Tick, 120 * STEP);
    let told = by(&watch, "insecure_service");
    assert_eq!(told.len(), 1, "{:?}", watch.told);
}

#[test]
fn pairing_offers_by_the_dozen_are_told() {
    let mut watch = Watch::new();
    watch.see(Subject::default(), Fact::PairingOffers(45), STEP);
    assert_eq!(by(&watch, "ble_spam").len(), 1);
    let mut watch = Watch::new();
    watch.see(Subject::default(), Fact::Crowd(45), STEP);
    assert!(by(&watch, "ble_spam").is_empty());
}

fn logs_in(watch: &mut Watch, port: u16) {
    let (me, other) = ((mac(9), ip(9)), (mac(5), ip(5)));
    watch.hear(&packet(me, other, 6, &segment(40_000, port, SYN)), STEP);
    watch.hear(&packet(other, me, 6, &segment(port, 40_000, SYN | ACK)), 1000);
    watch.hear(&packet(me, other, 6, &segment(40_000, port, ACK)), 1000);
}

#[test]
fn a_lamp_that_logs_in_is_told_and_a_laptop_is_not() {
    let mut lamp = home(9, Kind::Light, Trust::Unknown);
    logs_in(&mut lamp, 22);
    assert_eq!(by(&lamp, "iot_deviation").first().map(|told| told.severity), Some(Severity::Medium));
    let mut laptop = home(9, Kind::Laptop, Trust::Unknown);
    logs_in(&mut laptop, 22);
    assert!(by(&laptop, "iot_deviation").is_empty());
    let mut web = home(9, Kind::Light, Trust::Unknown);
    logs_in(&mut web, 80);
    assert!(by(&web, "iot_deviation").is_empty());
}

#[test]
fn a_camera_that_asks_for_everybody_is_told_and_a_tv_with_a_browser_is_low() {
    let worst = |kind: Kind| {
        let mut watch = home(9, kind, Trust::Unknown);
        for n in 0..120u16 {
            let mut name = vec![3, b'w', b'w', b'w', 7];
            name.extend(format!("site{n:03}").bytes());
            name.extend([3, b'c', b'o', b'm', 0, 0, 1, 0, 1]);
            let [high, low] = n.to_be_bytes();
            let ask = [&[high, low, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &name].concat();
            let mut answer = [&[high, low, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0][..], &name].concat();
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 203, 0, 113, low]);
            let (me, router) = ((mac(9), ip(9)), (mac(1), ip(1)));
            watch.hear(&packet(me, router, 17, &datagram(5000, 53, &ask)), 10 * STEP);
            watch.hear(&packet(router, me, 17, &datagram(53, 5000, &answer)), 1000);
        }
        by(&watch, "proxyware").iter().map(|told| told.severity).max()
    };
    assert_eq!(worst(Kind::Camera), Some(Severity::High));
    assert_eq!(worst(Kind::Tv), Some(Severity::Low));
    assert_eq!(worst(Kind::Laptop), None);
}

#[test]
fn whom_a_person_trusts_may_look_around() {
    let worst = |trust: Trust| {
        let mut watch = home(9, Kind::Laptop, trust);
        for port in 100..140 {
            let (me, other) = ((mac(9), ip(9)), (mac(5), ip(5)));
            watch.hear(&packet(me, other, 6, &segment(50_000, port, SYN)), 20_000);
            watch.hear(&packet(other, me, 6, &segment(port, 50_000, RST_ACK)), 1000);
        }
        by(&watch, "port_scan").iter().map(|told| told.severity).max()
    };
    assert_eq!(worst(Trust::Unknown), Some(Severity::Medium));
    assert_eq!(worst(Trust::Trusted), Some(Severity::Low));
}
