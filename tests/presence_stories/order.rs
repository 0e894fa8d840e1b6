//! # Whoever speaks first
//!
//! A device tells the same things today as yesterday, in another order. What is made of it is the same: its kind, who
//! made it, and what it is called.

use std::collections::BTreeMap;

use porchlight::model::{Fact, Heard, Kind};
use proptest::{prelude::*, sample::Index};

use crate::world::World;

/// A television with what it would be cast to, a module with two clouds and two makers, a box with many programs.
const DEVICES: [(&str, &str); 3] = [
    ("00:1a:11:01:02:03", "192.168.7.61"),
    ("00:4b:12:01:02:04", "192.168.7.62"),
    ("00:02:b3:01:02:05", "192.168.7.63"),
];

fn label(key: &'static str, value: &str) -> Fact {
    Fact::Label { key, value: value.into() }
}

fn named(by: Heard, name: &str) -> Fact {
    Fact::Named { name: name.into(), by }
}

fn offers(port: u16, name: &str) -> Fact {
    Fact::Service { tcp: true, port, name: name.into() }
}

fn asked(codes: &[u8], class: &str) -> Fact {
    Fact::Dhcp { asked: codes.to_vec(), vendor_class: Some(class.into()), client_id: None }
}

/// All that the devices say.
fn facts() -> Vec<(usize, Fact)> {
    let television = vec![
        label("model", "Chromecast"),
        label("upnp_model", "Cast television"),
        label("model", "OLED55C1"),
        label("cast_output", "video"),
        label("manufacturer", "Google Inc."),
        label("manufacturer", "LG Electronics"),
        label("upnp_type", "MediaRenderer"),
        label("upnp_type", "dial"),
        label("http_server", "webOS/1.0"),
        label("http_server", "Linux/4.9 UPnP/1.0"),
        offers(8009, "googlecast"),
        offers(8008, "http"),
        named(Heard::Mdns, "Living Room TV"),
        named(Heard::Mdns, "LG webOS TV OLED55C1"),
        named(Heard::Ssdp, "[LG] webOS TV"),
        named(Heard::Dhcp, "Living-Room-TV"),
        asked(&[1, 3, 6, 15, 26, 28, 51, 58, 59, 43], "dhcpcd-6.8.2:Linux-4.9:aarch64:TV"),
    ];
    let module = vec![
        label("asks", "roborock.com"),
        label("asks", "tuyaeu.com"),
        label("asks", "ecobee.com"),
        label("maker", "Withings"),
        label("maker", "Synology"),
        label("speaks", "from:tcp/6668"),
        label("speaks", "to:tcp/8883"),
        label("speaks", "from:tcp/80"),
        label("user_agent", "ESP32 HTTP Client/1.0"),
        label("user_agent", "okhttp/4.9"),
        label("homekit_category", "thermostat"),
        named(Heard::MdnsHost, "esp-0102"),
        named(Heard::MdnsHost, "hall-7"),
    ];
    let ports = (0..20_u16).map(|number| label("speaks", &format!("from:tcp/{}", 9_000 + number)));
    let machine = vec![
        label("model", "ProLiant"),
        label("model", "diskstation DS220"),
        label("tls_certificate", "synology.example"),
        label("tls_certificate", "proxmox.example"),
        label("upnp_software", "Linux UPnP/1.0 Synology/1.0"),
        label("upnp_software", "Plex/1.40"),
        label("friendly_name", "Cellar server"),
        label("friendly_name", "Cellar NAS"),
        offers(445, "smb"),
        offers(32_400, "plex"),
        offers(5_000, "http"),
        named(Heard::Mdns, "cellar"),
        named(Heard::Mdns, "Cellar NAS"),
        named(Heard::Mdns, "Cellar-NAS"),
    ];
    let all = [television, module, machine.into_iter().chain(ports).collect()];
    all.into_iter().enumerate().flat_map(|(who, facts)| facts.into_iter().map(move |fact| (who, fact))).collect()
}

type Known = BTreeMap<&'static str, (Kind, Option<String>, String, Option<String>)>;

/// What is made of the devices after they said all of it `rounds` times, each time in `order`.
fn known(order: &[(usize, Fact)], rounds: usize) -> Known {
    let mut home = World::new();
    for who in DEVICES {
        home.comes(who);
    }
    home.run(1);
    for _ in 0..rounds {
        for (who, fact) in order {
            home.fact(DEVICES[*who], fact.clone());
            home.run(1);
        }
    }
    // Long enough for any name to have held.
    home.run(1_300);
    let known = |who: (&'static str, &str)| {
        let view = home.device(who);
        (who.0, (view.kind, view.vendor.clone(), view.name.clone(), view.hostname.clone()))
    };
    DEVICES.map(known).into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_the_same_facts_ends_alike(swaps in prop::collection::vec(any::<(Index, Index)>(), 200), again in 1..3_usize) {
        let mut order = facts();
        let straight = known(&order, 1);
        for (a, b) in swaps {
            let (a, b) = (a.index(order.len()), b.index(order.len()));
            order.swap(a, b);
        }
        prop_assert_eq!(known(&order, again), straight);
    }
}

#[test]
fn a_television_that_is_cast_to_is_a_television() {
    let straight = known(&facts(), 1);
    let (kind, _, name, host) = &straight[DEVICES[0].0];
    assert_eq!((*kind, name.as_str(), host.as_deref()), (Kind::Tv, "Living Room TV", Some("Living-Room-TV")));
}
