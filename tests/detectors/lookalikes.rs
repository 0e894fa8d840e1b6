//! What looks like trouble and is the way of a home, and what hides behind such looks: virtual routers, virus look-ups,
//! file sharing, a mirror port of one direction, two cards on one wire, a new router.

use porchlight::{
    engine::Settings,
    model::{Category, InterfaceFacts, InterfaceId, NetworkFacts, Severity, Sight},
};

use crate::watch::{ACK, Host, RST_ACK, SYN, Watch, arp, datagram, dns, host, ip, mac, packet, segment, words};

const MS: u64 = 1000;
const S: u64 = 1_000_000;

/// Routers that stand in for each other under an address that is nobody's card (RFC 5798 §7.3; HSRP).
const VIRTUAL: [[u8; 6]; 2] = [[0, 0, 0x5e, 0, 1, 2], [0, 0, 0x0c, 7, 0xac, 1]];

/// Host 2 or 3 serves the address of the router, host 1, for ten minutes: it says so, and answers who asks.
fn serves(watch: &mut Watch, virtual_mac: [u8; 6], real: u8) {
    let group = ([1, 0, 0x5e, 0, 0, 18], [224, 0, 0, 18]);
    watch.hear(&arp(virtual_mac, 2, ip(1), [0xff; 6], ip(1)), S);
    watch.hear(&arp(mac(real), 1, ip(real), [0xff; 6], ip(5)), S);
    for _ in 0..20 {
        watch.hear(&packet((virtual_mac, ip(real)), group, 112, &[0x21, 2, 100, 1, 0, 1, 0, 0, 192, 168, 7, 1]), S);
        watch.hear(&arp(mac(5), 1, ip(5), [0xff; 6], ip(1)), 20 * S);
        watch.hear(&arp(virtual_mac, 2, ip(1), mac(5), ip(5)), MS);
    }
}

#[test]
fn a_virtual_router_may_move_and_nobody_else_may_have_its_address() {
    for virtual_mac in VIRTUAL {
        let mut watch = Watch::new();
        watch.at_home(&[2, 3, 5, 66]);
        for real in [2, 3, 2, 3] {
            serves(&mut watch, virtual_mac, real);
        }
        assert_eq!(watch.from(Severity::Low), [""; 0], "it moves");
        for n in 0..15 {
            watch.hear(&arp(mac(66), 2, ip(1), mac(5), ip(5)), S);
            if n % 3 == 0 {
                watch.hear(&arp(mac(6), 1, ip(6), [0xff; 6], ip(1)), MS);
                watch.hear(&arp(virtual_mac, 2, ip(1), mac(6), ip(6)), MS);
            }
        }
        assert!(watch.names("arp_spoof", 66), "{:?}", watch.told);
    }
}

/// Letters as base 32 has them, other ones for each `n`.
fn code(n: u32, len: u32) -> String {
    let letter = |i: u32| b"abcdefghijklmnopqrstuvwxyz234567"[((n * 7919 + i * 104_729 + i * i * 31) % 32) as usize];
    (0..len).map(|i| char::from(letter(i))).collect()
}

fn look_up(watch: &mut Watch, n: u32, name: &str, kind: u16, gap_us: u64) {
    let (id, port) = (n as u16, 40_000 + (n % 20_000) as u16);
    watch.hear(&packet(host(5), host(1), 17, &datagram(port, 53, &dns(id, 0x0100, name, kind))), gap_us);
    watch.hear(&packet(host(1), host(5), 17, &datagram(53, port, &dns(id, 0x8180, name, kind))), 20 * MS);
}

/// A virus filter asks its cloud about files: forty odd names of one domain in an hour, all of which exist.
#[test]
fn a_virus_filter_is_neither_a_tunnel_nor_infected() {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5]);
    for n in 0..40 {
        look_up(&mut watch, n, &format!("{}.a.e.filter-cloud.net", code(n, 36)), 1, 90 * S);
    }
    assert_eq!(watch.from(Severity::Low), [""; 0]);
}

/// However long a tunnel is, it is one alert, which grows.
#[test]
fn a_tunnel_of_many_names_is_one_alert() {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5]);
    for n in 0..600 {
        look_up(&mut watch, n, &format!("{}.{}.t.example.org", code(n, 50), code(n + 1000, 40)), 16, 200 * MS);
    }
    assert_eq!(watch.opened("dns_tunnel"), 1, "{:?}", watch.told);
}

/// A domain that people know is left out by its name, with all below it, and no other domain is.
#[test]
fn a_domain_can_be_exempt_by_its_suffix() {
    let watch = |exempt: &[&str]| {
        let mut settings = Settings::default();
        let exempt: Vec<_> = exempt.iter().map(|text| (*text).to_owned().try_into().expect("an exempt one")).collect();
        settings.detectors.dns_tunnel.exempt.clone_from(&exempt);
        settings.detectors.dga.exempt = exempt;
        let mut watch = Watch::with(&settings);
        watch.at_home(&[1, 5]);
        watch
    };
    let told = |exempt: &[&str], domain: &str| {
        let mut carries = watch(exempt);
        for n in 0..100 {
            let name = format!("{}.{}.t.{domain}", code(n, 50), code(n + 1000, 40));
            look_up(&mut carries, n, &name, 16, 200 * MS);
        }
        let mut misses = watch(exempt);
        for n in 0..60u16 {
            let name = format!("{}.{domain}", code(u32::from(n), 14));
            misses.hear(&packet(host(5), host(1), 17, &datagram(50_000 + n, 53, &dns(n, 0x0100, &name, 1))), 200 * MS);
            misses.hear(&packet(host(1), host(5), 17, &datagram(53, 50_000 + n, &dns(n, 0x8183, &name, 1))), 2 * MS);
        }
        (carries.opened("dns_tunnel"), misses.opened("dga"))
    };
    assert_eq!(told(&[], "filter-cloud.net"), (1, 1));
    assert_eq!(told(&["filter-cloud.net"], "filter-cloud.net"), (0, 0));
    assert_eq!(told(&["filter-cloud.net"], "lookups.filter-cloud.net"), (0, 0));
    assert_eq!(told(&["filter-cloud.net"], "not-filter-cloud.net"), (1, 1));
}

/// File sharing both ways: two hundred peers call the port of a computer, and it calls them from that port.
#[test]
fn a_port_that_many_peers_use_is_no_scan() {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5]);
    let hello = b"\x13BitTorrent protocol\0\0\0\0\0\0\0\0";
    for n in 0..200u16 {
        let peer: Host = (mac(1), [198, 51, (n / 100) as u8 + 100, (n % 100) as u8 + 1]);
        if n % 2 == 0 {
            watch.converse((peer, 30_000 + n), (host(5), 12_345), &[(true, hello), (false, hello)], 20 * MS);
        } else if n % 3 == 0 {
            // Gone meanwhile.
            watch.hear(&packet(host(5), peer, 6, &segment(12_345, 20_000 + n, SYN)), 100 * MS);
            watch.hear(&packet(peer, host(5), 6, &segment(20_000 + n, 12_345, RST_ACK)), 20 * MS);
        } else {
            watch.converse((host(5), 12_345), (peer, 20_000 + n), &[(true, hello), (false, hello)], 20 * MS);
        }
    }
    let scans: Vec<_> = watch.told.iter().filter(|told| told.alert.category == Category::Scan).collect();
    assert!(scans.is_empty(), "{scans:?}");
    assert!(watch.told.iter().all(|told| told.detector != "p2p"), "it is information: {:?}", watch.told);
}

/// A mirror port that copies one direction alone: a film is watched, and a hundred pages read. It is said what is seen,
/// and nobody is suspected for answers that never pass here.
#[test]
fn one_direction_alone_makes_nobody_a_suspect() {
    let card = InterfaceFacts {
        id: InterfaceId(0),
        name: "eth0".into(),
        mac: None,
        addresses: Vec::new(),
        up: true,
        subnets: Vec::new(),
        gateways: Vec::new(),
    };
    let network = NetworkFacts { interfaces: vec![card], labels: Vec::new() };
    let mut watch = Watch::on(network, &Settings::default());
    for n in 0..60 {
        watch.hear(&arp(mac(5 + n % 3), 1, ip(5 + n % 3), [0xff; 6], ip(1)), 100 * MS);
    }
    for n in 0..120u16 {
        let far: Host = (mac(1), [198, 51, 100, (n % 40) as u8 + 1]);
        let ports = (40_000 + n, 443);
        watch.hear(&packet(host(5), far, 6, &words(ports, SYN, 100, b"")), 100 * MS);
        watch.hear(&packet(host(5), far, 6, &words(ports, ACK, 101, b"")), 20 * MS);
        watch.hear(&packet(host(5), far, 6, &words(ports, ACK, 101, &[0x17; 400])), MS);
        for _ in 0..85 {
            watch.hear(&packet(host(5), far, 6, &words(ports, ACK, 501, b"")), 10 * MS);
        }
    }
    assert_eq!(watch.from(Severity::Low), [""; 0]);
    let sights: Vec<Sight> = watch.engine.view().sights.iter().map(|(_, sight)| *sight).collect();
    assert_eq!(sights, [Sight::HalfMirror]);
}

/// Weak facts are no evidence: two ports of one host, an address that nobody looked up, a port that nobody knows.
#[test]
fn odd_but_harmless_conversations_are_not_told() {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5, 6]);
    let far: Host = (mac(1), [203, 0, 113, 9]);
    for (n, (server, port)) in [(host(6), 8123), (host(6), 47_808), (far, 39_717), (far, 443)].into_iter().enumerate() {
        watch.converse(
            (host(5), 40_000 + n as u16),
            (server, port),
            &[(true, b"\x01\x02hi"), (false, b"\x03ok")],
            20 * MS,
        );
    }
    assert_eq!(watch.from(Severity::Low), [""; 0]);
}

/// A server that is gone is called once a minute for hours: nobody waits for orders there.
#[test]
fn calls_in_vain_are_no_beacon() {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5]);
    let far: Host = (mac(1), [203, 0, 113, 9]);
    for n in 0..150u16 {
        watch.hear(&packet(host(5), far, 6, &segment(40_000 + n, 8443, SYN)), 60 * S);
        if n % 2 == 0 {
            watch.hear(&packet(far, host(5), 6, &segment(8443, 40_000 + n, RST_ACK)), 20 * MS);
        }
    }
    assert_eq!(watch.from(Severity::Low), [""; 0]);
}

/// Two hosts with one fixed address take it from each other thirteen times: one alert, and not one for each time.
#[test]
fn two_that_fight_for_an_address_are_one_alert() {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5, 6]);
    for n in 0..13 {
        watch.hear(&arp(mac(7 + n % 2), 1, ip(50), [0xff; 6], ip(50)), 10 * S);
    }
    let opened: Vec<_> = watch.told.iter().filter(|told| told.is_new).collect();
    assert_eq!(opened.len(), 1, "{opened:?}");
    assert_eq!(opened[0].detector, "ip_conflict");
}

/// A machine with two cards on one wire answers with either for both of its addresses, as Linux does unless told
/// otherwise (`arp_ignore`).
#[test]
fn two_cards_on_one_wire_are_no_forger() {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5, 6]);
    for n in 0..40 {
        let (asker, wanted) = (5 + n % 2, 20 + n / 2 % 2);
        watch.hear(&arp(mac(asker), 1, ip(asker), [0xff; 6], ip(wanted)), 30 * S);
        for card in [20, 21] {
            watch.hear(&arp(mac(card), 2, ip(wanted), mac(asker), ip(asker)), MS);
        }
    }
    let told: Vec<_> = watch.told.iter().filter(|told| told.detector == "arp_spoof").collect();
    assert!(told.is_empty(), "{told:?}");
    assert_eq!(watch.from(Severity::Medium), [""; 0]);
}

/// A new router with the address of the old one, which is switched off first.
#[test]
fn a_router_that_was_replaced_is_no_forger() {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5, 6]);
    let new = mac(200);
    for n in 0..20 {
        watch.hear(&arp(mac(5), 1, ip(5), [0xff; 6], ip(1)), 30 * S);
        if n == 15 {
            watch.hear(&arp(new, 1, ip(1), [0xff; 6], ip(1)), S);
        }
        if n >= 15 {
            watch.hear(&arp(new, 2, ip(1), mac(5), ip(5)), MS);
        }
    }
    assert_eq!(watch.from(Severity::Medium), [""; 0]);
}
