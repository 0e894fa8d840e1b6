//! Through the whole core: what a device does is one thing, whatever addresses it has; and floods of segments that belong
//! to nothing, beside what a restart leaves behind.

use porchlight::model::{MacAddr, Severity};

use crate::watch::{ACK, Host, SYN, Watch, arp, host, ip, mac, packet, segment, words};

const MS: u64 = 1000;
const RST: u8 = 4;

fn guess(watch: &mut Watch, client: Host, port: u16) {
    let ask = format!("USER root\r\nPASS guess-{port}\r\n");
    let script: [(bool, &[u8]); 3] =
        [(false, b"220 hello\r\n"), (true, ask.as_bytes()), (false, b"331 and?\r\n530 no\r\n")];
    watch.converse((client, port), (host(5), 21), &script, 20 * MS);
}

/// The guesser gets another address by the router, and goes on: one alert, one count, one device.
#[test]
fn who_changes_the_address_while_guessing_is_one_alert() {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5, 66]);
    (0..6).for_each(|n| guess(&mut watch, host(66), 40_000 + n));
    assert_eq!(watch.opened("brute_force"), 0, "six are few: {:?}", watch.told);
    for (at, address) in [(0, ip(67)), (1, ip(68)), (2, ip(69))] {
        watch.hear(&arp(mac(66), 1, address, [0xff; 6], ip(1)), 2000 * MS);
        (0..30).for_each(|n| guess(&mut watch, (mac(66), address), 41_000 + at * 100 + n));
        // So that the detector's own pause is over.
        watch.hear(&arp(mac(66), 1, address, [0xff; 6], ip(1)), 61_000 * MS);
    }
    let alerts: Vec<_> = watch.engine.view().alerts.values().filter(|a| a.detector == "brute_force").cloned().collect();
    assert!(watch.names("brute_force", 66) && watch.opened("brute_force") == 1, "{:?}", watch.told);
    assert!(alerts.len() == 1 && alerts[0].count >= 3 && alerts[0].attacker.device.is_some(), "{alerts:?}");
    // Another device, at an address the first one had, is another.
    watch.hear(&arp(mac(7), 1, ip(66), [0xff; 6], ip(1)), 2000 * MS);
    (0..20).for_each(|n| guess(&mut watch, (mac(7), ip(66)), 42_000 + n));
    assert!(watch.names("brute_force", 7) && watch.opened("brute_force") == 2, "{:?}", watch.told);
}

/// So many resets to one door of a host, from one machine or in many names.
#[test]
fn resets_of_nothing_are_a_flood_of_who_sends_them() {
    for is_forged in [false, true] {
        let mut watch = Watch::new();
        watch.at_home(&[1, 5, 66]);
        for n in 0..2000u16 {
            let from = if is_forged { [100, 64, (n >> 8) as u8, n as u8] } else { ip(66) };
            watch.hear(&packet((mac(66), from), host(5), 6, &segment(2000 + n, 445, RST)), 2 * MS);
        }
        assert!(watch.names("syn_flood", 66), "{is_forged}: {:?}", watch.told);
        assert_eq!(watch.opened("syn_flood"), 1, "{:?}", watch.told);
    }
}

/// The router is started anew, and with it all connections of the home are lost: clients speak on and are reset, by it and by
/// those outside; a server at home resets its own. This host was started a moment before.
#[test]
fn what_a_restart_leaves_behind_is_no_flood() {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5, 9]);
    let mut lost = |far: Host, near: Host, port: u16, client: u16, said: &[u8]| {
        watch.hear(&packet(near, far, 6, &words((client, port), ACK | 8, 77, said)), MS);
        watch.hear(&packet(far, near, 6, &segment(port, client, RST)), MS);
    };
    for n in 0..400u16 {
        let far = (mac(1), [203, 0, 113, (n % 200) as u8]);
        lost(far, host([5, 9][usize::from(n % 2)]), 443, 40_000 + n, b"still there?");
        if n < 250 {
            lost(host(5), host(9), 8123, 50_000 + n, b"");
        }
    }
    assert_eq!(watch.from(Severity::Low), [""; 0], "{:?}", watch.told);
}

/// A load test that ends each connection hard is none either.
#[test]
fn connections_that_their_client_ends_with_resets_are_no_flood() {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5, 9]);
    for n in 0..600u16 {
        for (from, to, ports, flags) in
            [(9, 5, (40_000 + n, 80), SYN), (5, 9, (80, 40_000 + n), SYN | ACK), (9, 5, (40_000 + n, 80), ACK)]
        {
            watch.hear(&packet(host(from), host(to), 6, &segment(ports.0, ports.1, flags)), MS);
        }
    }
    (0..600u16).for_each(|n| watch.hear(&packet(host(9), host(5), 6, &segment(40_000 + n, 80, RST)), MS));
    // That so many were open at a time is noted.
    let floods: Vec<_> = watch
        .told
        .iter()
        .filter(|told| told.attacker == Some(MacAddr(mac(9))) && told.severity > Severity::Low)
        .collect();
    assert!(floods.is_empty(), "{floods:?}");
}
