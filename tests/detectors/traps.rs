//! What other programs of this kind were found to do wrong, each as frames: their false alarms stay silent here, what
//! they missed is told.

use porchlight::model::{MacAddr, Severity};

use crate::watch::{ACK, RST_ACK, SYN, Watch, arp, datagram, dns, host, ip, mac, packet, segment};

/// Two phones join: each asks, as nobody, whether somebody has the address it wants (RFC 5227 §2.1.1).
#[test]
fn probes_for_a_free_address_claim_nothing() {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5]);
    for _ in 0..3 {
        for phone in [31, 32] {
            watch.hear(&arp(mac(phone), 1, [0; 4], [0xff; 6], ip(40)), 300_000);
        }
    }
    assert_eq!(watch.from(Severity::Low), [""; 0]);
}

/// The router is no exception from the rules: fifty forged answers in its name are told, of the forger.
#[test]
fn the_router_is_not_exempt() {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5, 66]);
    for n in 0..50 {
        watch.hear(&arp(mac(66), 2, ip(1), mac(5), ip(5)), 1_000_000);
        if n % 5 == 0 {
            watch.hear(&arp(mac(1), 1, ip(1), [0xff; 6], ip(5)), 1000);
        }
    }
    assert!(watch.names("arp_spoof", 66), "{:?}", watch.told);
    assert!(watch.told.iter().all(|told| told.attacker != Some(MacAddr(mac(1)))), "{:?}", watch.told);
    let opened = watch.told.iter().filter(|told| told.is_new && told.detector == "arp_spoof").count();
    assert_eq!(opened, 1, "one alert that grows, not one for each answer");
}

/// Answers to a ping are the asker's: who answers is no flooder.
#[test]
fn who_answers_a_ping_floods_nobody() {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5, 9]);
    for n in 0..40u8 {
        watch.hear(&packet(host(9), host(5), 1, &[8, 0, 0, 0, 0, 1, 0, n, 1, 2, 3, 4]), 150_000);
        watch.hear(&packet(host(5), host(9), 1, &[0, 0, 0, 0, 0, 1, 0, n, 1, 2, 3, 4]), 150_000);
    }
    assert_eq!(watch.from(Severity::Low), [""; 0]);
}

/// One look-up of an antivirus, long and odd as it is, is no tunnel.
#[test]
fn one_odd_name_is_no_tunnel() {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5]);
    let name = "7q3laqg6wohunnvj4jkor6kawqbqeaqbaeaq.a.e.example.org";
    for n in 0..3 {
        watch.hear(&packet(host(5), host(1), 17, &datagram(40_000 + n, 53, &dns(n, 0x0100, name, 16))), 20_000_000);
        watch.hear(&packet(host(1), host(5), 17, &datagram(53, 40_000 + n, &dns(n, 0x8180, name, 16))), 20_000);
    }
    assert_eq!(watch.from(Severity::Low), [""; 0]);
}

/// Two televisions answer for the same service: shared records have many owners (RFC 6762 §10.2).
#[test]
fn two_televisions_of_one_kind_are_no_poisoning() {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5]);
    let group = ([1, 0, 0x5e, 0, 0, 0xfb], [224, 0, 0, 251]);
    for n in 0..12u8 {
        let tv = 41 + n % 2;
        let mut answer = vec![0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        let service = b"\x0b_googlecast\x04_tcp\x05local\0";
        answer.extend(service);
        answer.extend([0, 12, 0, 1, 0, 0, 17, 148, 0, (4 + service.len()) as u8, 3, b't', b'v', b'0' + tv % 2]);
        answer.extend(service);
        watch.hear(&packet(host(tv), group, 17, &datagram(5353, 5353, &answer)), 2_000_000);
    }
    assert_eq!(watch.from(Severity::Low), [""; 0]);
}

/// A scan of a second host is news, however soon it follows the first.
#[test]
fn a_second_victim_is_told_as_well() {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5, 6, 66]);
    for victim in [5, 6] {
        for port in 1..60 {
            watch.hear(&packet(host(66), host(victim), 6, &segment(50_000, port, SYN)), 20_000);
            watch.hear(&packet(host(victim), host(66), 6, &segment(port, 50_000, RST_ACK)), 500);
        }
    }
    let victims: std::collections::BTreeSet<_> =
        watch.told.iter().filter(|told| told.detector == "port_scan").filter_map(|told| told.victim).collect();
    assert_eq!(victims.len(), 2, "{:?}", watch.told);
}

/// Neighbours are asked for by unicast all day (RFC 1122 §2.3.2.1).
#[test]
fn questions_to_one_host_are_how_tables_are_kept_fresh() {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5]);
    for _ in 0..60 {
        watch.hear(&arp(mac(5), 1, ip(5), mac(1), ip(1)), 30_000_000);
        watch.hear(&arp(mac(1), 2, ip(1), mac(5), ip(5)), 1000);
    }
    assert_eq!(watch.from(Severity::Low), [""; 0]);
}

/// File sharing: hundreds of hosts of the Internet at one port, most of which answer.
#[test]
fn file_sharing_is_no_scan() {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5]);
    for n in 0..200u16 {
        let far = (mac(1), [203, (n / 200) as u8 + 1, (n % 250) as u8, 9]);
        watch.hear(&packet(host(5), far, 6, &segment(40_000 + n, 51_413, SYN)), 200_000);
        if n % 3 != 0 {
            watch.hear(&packet(far, host(5), 6, &segment(51_413, 40_000 + n, SYN | ACK)), 20_000);
            watch.hear(&packet(host(5), far, 6, &segment(40_000 + n, 51_413, ACK)), 1000);
        }
    }
    assert_eq!(watch.from(Severity::Low), [""; 0]);
}

/// Wrong checksums are how offloading looks from inside: frames of this host are never judged by them.
#[test]
fn checksums_are_nobodys_fault() {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5]);
    for n in 0..100u16 {
        let mut wrong = packet(host(5), host(1), 17, &datagram(40_000 + n, 53, &dns(n, 0x0100, "www.example.org", 1)));
        let at = 14 + 20 + 6;
        wrong[at..at + 2].copy_from_slice(&[0xde, 0xad]);
        watch.hear(&wrong, 100_000);
    }
    assert_eq!(watch.from(Severity::Low), [""; 0]);
}

/// An alert about made-up names says which.
#[test]
fn made_up_names_are_in_the_evidence() {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5]);
    for n in 0..40u16 {
        let drawn: String = (0..14u32)
            .map(|i| char::from(b'a' + ((u32::from(n) * 7919 + i * 104_729 + i * i * 31) % 26) as u8))
            .collect();
        let name = format!("{drawn}.info");
        watch.hear(&packet(host(5), host(1), 17, &datagram(40_000 + n, 53, &dns(n, 0x0100, &name, 1))), 200_000);
        watch.hear(&packet(host(1), host(5), 17, &datagram(53, 40_000 + n, &dns(n, 0x8183, &name, 1))), 2000);
    }
    let told = watch.told.iter().find(|told| told.detector == "dga").expect("told");
    assert!(told.evidence.iter().any(|(key, value)| key == "samples" && value.contains(".info")), "{told:?}");
}
