//! # What devices are called, and which are shown

use std::sync::Arc;

use porchlight::{
    engine::{Input, Settings},
    model::{Command, Fact, HaFact, HaName, Heard, Remembered, Tier, Trust},
};

use crate::world::{GATEWAY, PHONE, World, ip, mac};

#[test]
fn a_rename_changes_the_name_only() {
    let mut home = World::new();
    home.comes(PHONE);
    home.named(PHONE, "Annas-iPhone");
    let id = home.id(PHONE);
    assert!(home.order(Command::Trust { device: id, trust: Trust::Trusted }));
    let before = home.device(PHONE);
    assert_eq!((before.tier, before.slug.as_deref()), (Tier::Basic, Some("annas_iphone")));
    assert!(home.order(Command::Rename { device: id, name: Some("Anna's phone".into()) }));
    let after = home.device(PHONE);
    assert_eq!(
        (after.id, after.name.as_str(), &after.slug, after.tier),
        (id, "Anna's phone", &before.slug, Tier::Basic)
    );
    let lines = home.lines.len();
    assert!(home.order(Command::Rename { device: id, name: Some("Anna's phone".into()) }));
    assert_eq!(home.lines.len(), lines + 1, "the same again is only answered");
    assert!(Arc::ptr_eq(&after, &home.device(PHONE)), "and its view is the same one");
}

/// Frames with a tag, heard at a trunk or a mirror port.
#[test]
fn the_vlan_is_the_segment_where_nobody_gave_the_network_a_name() {
    let (plug, router) = (("10:d5:61:00:00:07", "10.20.0.7"), ("2c:3a:fd:00:00:01", "10.20.0.1"));
    let vlan = |id: &str| Fact::Label { key: "vlan", value: id.into() };
    let mut home = World::new();
    for who in [PHONE, plug, router] {
        home.comes(who);
        home.fact(who, vlan("20"));
    }
    assert_eq!(home.device(plug).segment.as_deref(), Some("VLAN 20"));
    let stay = home.device(plug).window.clone().expect("it is here");
    assert_eq!(stay.segment.as_deref(), Some("VLAN 20"));
    assert_eq!(home.device(PHONE).segment.as_deref(), Some("home"), "the name that a person gave says more");
    // Whoever routes is in all of them, and so is who is heard in two.
    home.fact(router, Fact::Routes);
    assert_eq!(home.device(router).segment, None);
    home.fact(plug, vlan("30"));
    assert_eq!(home.device(plug).segment, None);
    // It was moved: with its new address the new tag counts alone.
    home.comes((plug.0, "10.30.0.7"));
    home.fact(plug, vlan("30"));
    assert_eq!(home.device(plug).segment.as_deref(), Some("VLAN 30"));
}

/// Whatever is learned, in whatever order: also what changes neither the name shown nor the kind.
#[test]
fn what_is_learned_is_seen_at_once() {
    let mut home = World::new();
    home.comes(PHONE);
    let named = |by: Heard| Fact::Named { name: format!("called-by-{by}"), by };
    let dhcp = |class: &str| Fact::Dhcp { asked: vec![1, 3, 6], vendor_class: Some(class.into()), client_id: None };
    let cases: &[(Fact, &str, &str)] = &[
        (named(Heard::Kernel), "name.kernel", "called-by-kernel"),
        (named(Heard::Mdns), "name.mdns", "called-by-mdns"),
        (named(Heard::MdnsHost), "name.mdns_host", "called-by-mdns_host"),
        (named(Heard::Ssdp), "name.ssdp", "called-by-ssdp"),
        (named(Heard::Dns), "name.dns", "called-by-dns"),
        (named(Heard::Netbios), "name.netbios", "called-by-netbios"),
        (named(Heard::Llmnr), "name.llmnr", "called-by-llmnr"),
        (named(Heard::Snmp), "name.snmp", "called-by-snmp"),
        (dhcp("x"), "vendor_class", "x"),
        (dhcp("y"), "vendor_class", "y"),
        (Fact::Label { key: "note", value: "z".into() }, "label.note", "z"),
        (Fact::Routes, "routes", "yes"),
    ];
    for (fact, key, value) in cases {
        home.fact(PHONE, fact.clone());
        let view = home.device(PHONE);
        let seen = view.facts.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str());
        assert_eq!(seen, Some(*value), "{key}");
    }
    let mut home = World::new();
    home.comes(PHONE);
    home.fact(PHONE, named(Heard::Ssdp));
    home.fact(PHONE, named(Heard::Dns));
    let view = home.device(PHONE);
    assert_eq!((view.name.as_str(), view.hostname.as_deref()), ("called-by-ssdp", Some("called-by-dns")));
    // What comes with the first is another name of it, what comes later a new one.
    home.run(130);
    home.fact(PHONE, Fact::Named { name: "other".into(), by: Heard::Dns });
    home.run(700);
    assert_eq!(home.device(PHONE).hostname.as_deref(), Some("other"), "a new one that held long enough");
}

#[test]
fn names_of_home_assistant_are_taken_and_never_oscillate() {
    let mut home = World::new();
    home.comes(PHONE);
    let names = |name: &str| {
        HaFact::Names(vec![HaName {
            name: Some(name.into()),
            macs: vec![mac(PHONE.0)],
            area: Some("Hall".into()),
            ..HaName::default()
        }])
    };
    home.give(Input::Told(names("Anna")));
    assert_eq!((home.device(PHONE).name.as_str(), home.device(PHONE).area.as_deref()), ("Anna", Some("Hall")));
    let lines = home.lines.len();
    home.give(Input::Told(names("Anna")));
    assert_eq!(home.lines.len(), lines, "the same list again changes nothing");
    let id = home.id(PHONE);
    assert!(home.order(Command::Rename { device: id, name: Some("Mine".into()) }));
    home.give(Input::Told(names("Other")));
    assert_eq!(home.device(PHONE).name, "Mine");
    // Typed there for our own device: above other integrations' names, below our own; the area is theirs.
    assert!(home.order(Command::Rename { device: id, name: None }));
    let typed = HaName { name: Some("Typed".into()), by_user: true, ours: Some(id), ..HaName::default() };
    let HaFact::Names(mut list) = names("Other") else { unreachable!() };
    list.push(typed);
    home.give(Input::Told(HaFact::Names(list)));
    assert_eq!((home.device(PHONE).name.as_str(), home.device(PHONE).area.as_deref()), ("Typed", Some("Hall")));
    home.give(Input::Told(names("Other")));
    assert_eq!(home.device(PHONE).name, "Other", "cleared there, the name from before is back");
    // Two entries claim one address: nobody's name.
    let both = |name: &str| HaName { name: Some(name.into()), ips: vec![ip(GATEWAY.1)], ..HaName::default() };
    home.comes(GATEWAY);
    home.run(700);
    home.give(Input::Told(HaFact::Names(vec![both("A"), both("B")])));
    assert!(!["A", "B"].contains(&home.device(GATEWAY).name.as_str()));
    home.give(Input::Told(HaFact::Names(vec![both("A")])));
    assert_eq!(home.device(GATEWAY).name, "A");
}

#[test]
fn the_limit_keeps_newcomers_out_and_takes_nothing_away() {
    let mut settings = Settings::default();
    settings.exposure.limit = 2;
    let mut home = World::with(settings, &Remembered::default());
    let who: Vec<(String, String)> =
        (0..4).map(|n| (format!("3c:22:fb:00:03:{n:02x}"), format!("192.168.7.{}", 80 + n))).collect();
    let mut ids = Vec::new();
    for (mac, ip) in &who {
        home.comes((mac, ip));
        ids.push(home.id((mac, ip)));
    }
    for id in &ids[..3] {
        assert!(home.order(Command::Trust { device: *id, trust: Trust::Trusted }));
    }
    let view = home.engine.view();
    let tiers: Vec<Tier> = ids.iter().map(|id| view.devices[id].tier).collect();
    assert_eq!((tiers, view.limit_reached), (vec![Tier::Basic, Tier::Basic, Tier::None, Tier::None], true));
    assert!(home.order(Command::Hide { device: ids[0], by_ha: true }));
    let view = home.engine.view();
    assert_eq!(
        (view.devices[&ids[0]].tier, view.devices[&ids[2]].tier, view.limit_reached),
        (Tier::None, Tier::Basic, false)
    );
    assert!(home.order(Command::Expose { device: ids[3] }), "asked for, the limit does not count");
    assert_eq!(home.engine.view().devices[&ids[3]].tier, Tier::Full);
    assert!(home.order(Command::Forget { device: ids[3] }));
    let view = home.engine.view();
    assert!(view.tombstones.contains_key(&ids[3]) && !view.devices.contains_key(&ids[3]));
}

// What resolvers and scripts print when they fail is nobody's name.
#[test]
fn an_error_is_no_name() {
    let mut home = World::new();
    home.comes(PHONE);
    let before = home.device(PHONE).name.clone();
    let texts = [
        ";; Warning: Message parser reports malformed message packet.",
        ";; connection timed out; no servers could be reached",
        "** server can't find 40.7.168.192.in-addr.arpa: NXDOMAIN",
        "192.168.7.40",
        "40.7.168.192.in-addr.arpa",
        "3c:22:fb:01:02:03",
        "",
        "\u{0}\u{7}",
    ];
    for text in texts {
        for by in Heard::ALL {
            home.fact(PHONE, Fact::Named { name: text.into(), by: *by });
        }
        let phone = home.device(PHONE);
        assert_eq!((phone.name.as_str(), phone.hostname.as_deref()), (before.as_str(), None), "{text:?}");
    }
    home.named(PHONE, "Annas-iPhone");
    assert_eq!(home.device(PHONE).name, "Annas-iPhone");
}

#[test]
fn an_agent_s_number_names_the_maker_where_the_address_names_none() {
    let mut home = World::new();
    home.comes(PHONE);
    let before = home.device(PHONE).vendor.clone();
    let maker = |name: &str| Fact::Label { key: "maker", value: name.into() };
    home.fact(PHONE, maker("Synology, or so it says"));
    assert_eq!(home.device(PHONE).vendor, before, "only makers of the table");
    home.fact(PHONE, maker("Synology"));
    let after = home.device(PHONE);
    match before {
        None => assert_eq!((after.vendor.as_deref(), after.vendor_source), (Some("Synology"), Some("snmp"))),
        before => assert_eq!(after.vendor, before, "the address is the better witness"),
    }
}
