//! Names as they come, and what is made of them.

use super::*;

#[test]
fn names_are_cleaned() {
    let cases = [
        ("Annas-iPhone.local.", Some("Annas-iPhone")),
        ("tv.lan", Some("tv")),
        ("Printer (2)", Some("Printer")),
        ("Printer (2).local (3)", Some("Printer")),
        ("evil\u{0}\nname", Some("evil name")),
        (".local", Some(".local")),
        (" . ", None),
        (";; Warning: malformed packet", None),
        ("192.168.7.9", None),
        ("aa:bb:cc:dd:ee:ff", None),
        ("Kitchen (upstairs)", Some("Kitchen (upstairs)")),
    ];
    for (raw, expected) in cases {
        assert_eq!(clean(raw).as_deref(), expected, "{raw:?}");
    }
    assert_eq!(clean(&"é".repeat(90)).map(|n| n.chars().count()), Some(60));
}

#[test]
fn slugs_are_plain_and_never_empty() {
    let id = DeviceId::mint(1, 1);
    let cases = [("Anna's phone", "anna_s_phone"), ("Büro – Drucker", "buro_drucker"), ("__x__", "x")];
    for (name, expected) in cases {
        assert_eq!(slug(name, id), expected);
    }
    assert_eq!(slug("!!!", id), format!("device_{}", &id.to_string()[4..]));
    assert!(slug(&"long name ".repeat(9), id).len() <= SLUG_MAX);
}

#[test]
fn a_better_source_wins_and_a_rank_is_stable() {
    let (id, mac) = (DeviceId::mint(1, 1), "24:6f:28:aa:4f:1a".parse().ok());
    let at = |s: u64| Mono(s * 1_000_000_000);
    let mut names = Names::default();
    let best = |names: &Names, kind| names.best(Some("Espressif"), kind, mac, id);
    assert_eq!(best(&names, Kind::Unknown), ("Espressif 4f:1a".into(), NameSource::VendorTail));
    names.hear(Heard::Dhcp, "esp-AA4F1A", at(0));
    assert_eq!(best(&names, Kind::Unknown), ("esp-AA4F1A".into(), NameSource::Generic));
    assert_eq!(best(&names, Kind::Light), ("Espressif light".into(), NameSource::VendorKind));
    names.hear(Heard::Mdns, "Desk lamp.local", at(1));
    assert_eq!(best(&names, Kind::Light).0, "Desk lamp");
    names.hear(Heard::Ssdp, "Lamp", at(2));
    assert_eq!(best(&names, Kind::Light).0, "Desk lamp", "a lower rank replaces nothing");
    assert!(!names.hear(Heard::Mdns, "Other lamp", at(210)));
    assert_eq!(best(&names, Kind::Light).0, "Desk lamp", "not yet stable");
    assert!(!names.hear(Heard::Mdns, "Desk lamp", at(220)) && names.due().is_none());
    names.hear(Heard::Mdns, "Other lamp", at(225));
    assert_eq!(names.due(), None, "it has both names");
    names.hear(Heard::Mdns, "New lamp", at(230));
    assert_eq!(names.due(), Some(at(830)));
    assert!(names.ripen(at(830)));
    assert_eq!(best(&names, Kind::Light).0, "New lamp");
    names.own = Some("Mine".into());
    assert_eq!(best(&names, Kind::Light), ("Mine".into(), NameSource::Own));
}

#[test]
fn of_several_names_said_at_once_the_same_is_taken_and_kept() {
    let at = |s: u64| Mono(s * 1_000_000_000);
    let said = ["Living Room TV", "LG webOS TV OLED55C1", "tv", "Living-Room-TV"];
    for first in 0..said.len() {
        let mut names = Names::default();
        // Announced anew each hour, beginning with another.
        for hour in 0..30 {
            for turn in 0..said.len() {
                names.hear(Heard::Mdns, said[(first + turn) % said.len()], at(1 + hour * 3_600 + turn as u64));
            }
            names.ripen(at(hour * 3_600 + 1_800));
            assert_eq!(names.heard().next(), Some((NameSource::Mdns, "Living Room TV")), "{first} {hour}");
        }
        // Renamed in earnest: the old one is not heard any more.
        names.hear(Heard::Mdns, "Bedroom TV", at(120_000));
        names.ripen(at(120_601));
        assert_eq!(names.heard().next(), Some((NameSource::Mdns, "Bedroom TV")), "{first}");
        // One of its others, a day later and alone.
        names.hear(Heard::Mdns, "tv", at(300_000));
        names.ripen(at(300_601));
        assert_eq!(names.heard().next(), Some((NameSource::Mdns, "tv")), "{first}");
    }
}

#[test]
fn the_host_name_is_what_it_goes_by_on_the_network() {
    use Heard::{Dhcp, Dns, Kernel, Llmnr, Mdns, MdnsHost, Netbios, Snmp, Ssdp};
    type Row<'a> = (&'a [(Heard, &'a str)], Option<&'a str>);
    let cases: &[Row] = &[
        (&[(Mdns, "Living Room TV"), (MdnsHost, "Living-Room-TV.local")], Some("Living-Room-TV")),
        (&[(Mdns, "Living Room TV"), (Ssdp, "TV of Anna")], None),
        (&[(Dhcp, "anna-pc"), (MdnsHost, "anna-pc-2"), (Dns, "old-pc")], Some("anna-pc")),
        (&[(Dhcp, "wlan0"), (Dns, "plug-hall")], Some("plug-hall")),
        (&[(Dhcp, "wlan0")], Some("wlan0")),
        (&[(Dhcp, "wlan0"), (Dns, "wlan0.home")], Some("wlan0")),
        (&[(Dns, "wlan0")], Some("wlan0")),
        (&[(Dns, "192-168-7-9")], None),
        (&[(Dhcp, "localhost")], None),
        (&[(Dhcp, "iPhone"), (MdnsHost, "Bens-iPhone")], Some("Bens-iPhone")),
        (&[(Dhcp, "iPhone")], Some("iPhone")),
        (&[(MdnsHost, "0f1e2d3c-0f1e-0f1e-0f1e-0123456789ab"), (Llmnr, "hall")], Some("hall")),
        (&[(Netbios, "ANNA-PC"), (Llmnr, "anna-pc-of-many-letters")], Some("ANNA-PC")),
        (&[(Snmp, "Printer in the hall, second floor")], None),
        (&[(Snmp, "hall-printer")], Some("hall-printer")),
        (&[(Kernel, "watcher"), (Dhcp, "other")], Some("watcher")),
        (&[(Kernel, "3f9c1a2b4d5e")], None),
    ];
    for (heard, expected) in cases {
        let mut names = Names::default();
        for (by, name) in *heard {
            names.hear(*by, name, Mono(1));
        }
        assert_eq!(names.hostname(), *expected, "{heard:?}");
    }
}

#[test]
fn names_of_interfaces_and_drawn_numbers_say_nothing() {
    for name in [
        "wlan0",
        "ETH0",
        "eth1",
        "ath10",
        "br0",
        "enp3s0",
        "wlp0s20f3",
        "enx001122334455",
        "wwp0s1",
        "localhost",
        "(none)",
        "12345",
        "001122334455",
        "00-11-22-33-44-55",
        "0f1e2d3c-0f1e-0f1e-0f1e-0123456789ab",
    ] {
        assert!(is_nothing(name) && is_generic(name), "{name}");
    }
    for name in ["wlan", "ethel", "enno", "plug-7", "wland0", "deadbeef", "en-suite", "ap1", "hall-001122334455"] {
        assert!(!is_nothing(name), "{name}");
    }
}

#[test]
fn a_name_is_shown_as_people_write_it() {
    let id = DeviceId::mint(1, 1);
    let shown = |heard: &[(Heard, &str)]| {
        let mut names = Names::default();
        for (by, name) in heard {
            names.hear(*by, name, Mono(1));
        }
        names.best(Some("Acme"), Kind::Tv, None, id).0
    };
    use Heard::{Dhcp, Mdns, Ssdp};
    let cases: &[(&[(Heard, &str)], &str)] = &[
        (&[(Dhcp, "Living-Room-TV"), (Mdns, "Living Room TV")], "Living Room TV"),
        (&[(Dhcp, "livingroomtv"), (Ssdp, "Living Room TV")], "Living Room TV"),
        (&[(Dhcp, "Living-Room-TV"), (Mdns, "Kitchen TV")], "Living-Room-TV"),
        (&[(Dhcp, "tv-77"), (Mdns, "TV-77")], "tv-77"),
        (&[(Dhcp, "wlan0")], "Acme TV"),
    ];
    for (heard, expected) in cases {
        assert_eq!(shown(heard), *expected, "{heard:?}");
    }
}
