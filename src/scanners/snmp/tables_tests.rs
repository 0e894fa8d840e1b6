//! Tables as switches of several makers give them: rows by the indices of the MIBs.

use proptest::{collection::vec, prelude::*};

use super::*;

fn mac(last: u8) -> MacAddr {
    MacAddr([0x02, 0, 0, 0, 0, last])
}

fn text(text: &str) -> Said {
    Said::Bytes(text.as_bytes().to_vec())
}

/// A row by MAC, behind a filter database if there is one.
fn by_mac(vlan: Option<u32>, last: u8, value: u64) -> (Vec<u32>, Said) {
    (vlan.into_iter().chain(mac(last).0.map(u32::from)).collect(), Said::Number(value))
}

fn told(tables: &Tables) -> Vec<String> {
    let line = |port: &Port| {
        let macs: Vec<String> = port.macs.iter().map(|mac| mac.0[5].to_string()).collect();
        let neighbours = port.neighbours.iter().map(|one| {
            format!(
                " [{} {}{}]",
                one.name.clone().unwrap_or_default(),
                one.mac.map_or(0, |mac| mac.0[5]),
                if one.forwards { " >" } else { "" }
            )
        });
        format!("{}: {}{}", port.label, macs.join(","), neighbours.collect::<String>())
    };
    tables.ports("switch").iter().map(line).collect()
}

#[test]
fn a_plain_bridge_tells_who_was_heard_where() {
    let tables = Tables {
        // The bridge itself (9) and what has timed out (8) are nobody's place; port 0 is none.
        ports: vec![
            by_mac(None, 1, 1),
            by_mac(None, 2, 1),
            by_mac(None, 3, 5),
            by_mac(None, 7, 0),
            by_mac(None, 8, 5),
            by_mac(None, 9, 5),
        ],
        status: vec![by_mac(None, 1, 3), by_mac(None, 8, 2), by_mac(None, 9, 4)],
        interface: vec![(vec![1], Said::Number(10001)), (vec![5], Said::Number(10005))],
        names: vec![(vec![10001], text("Port 1")), (vec![10005], text("g5"))],
        aliases: vec![(vec![10001], text("")), (vec![10005], text("office"))],
        ..Tables::default()
    };
    assert_eq!(told(&tables), ["switch port 1: 1,2", "switch port g5 (office): 3"]);
}

#[test]
fn a_bridge_with_vlans_tells_the_same_and_names_may_be_missing() {
    let tables = Tables {
        by_vlan: true,
        ports: vec![by_mac(Some(1), 1, 3), by_mac(Some(20), 1, 3), by_mac(Some(20), 2, 4), by_mac(None, 3, 4)],
        ..Tables::default()
    };
    assert_eq!(told(&tables), ["switch port 3: 1", "switch port 4: 2"]);
}

#[test]
fn neighbours_are_found_by_the_name_of_the_port_or_its_number() {
    let index = |port, number| vec![77, port, number];
    let chassis = |last| Said::Bytes(mac(last).0.to_vec());
    let can = |bits: u8| Said::Bytes(vec![bits, 0]);
    let tables = Tables {
        ports: vec![by_mac(None, 1, 2)],
        interface: [1, 2, 3, 4].map(|port| (vec![port], Said::Number(100 + u64::from(port)))).into(),
        names: [1, 2, 3, 4].map(|port| (vec![100 + port], text(&format!("eth{port}")))).into(),
        local: [
            vec![(vec![55], text("eth2")), (vec![1], Said::Bytes(mac(99).0.to_vec()))],
            vec![(vec![1], text("left side")), (vec![56], text("eth3"))],
        ],
        remote: [
            vec![
                (index(1, 1), Said::Number(4)),
                (index(1, 2), Said::Number(7)),
                (index(55, 1), Said::Number(4)),
                (vec![1], Said::Number(4)),
                (index(56, 1), Said::Number(7)),
                (index(104, 1), Said::Number(7)),
            ],
            vec![(index(1, 1), chassis(40)), (index(1, 2), text("router")), (index(55, 1), chassis(41))],
            vec![(index(1, 2), text("router")), (index(55, 1), text("phone.home"))],
            vec![(index(1, 1), can(0x20)), (index(1, 2), can(0x08)), (index(55, 1), can(0x24))],
        ],
        ..Tables::default()
    };
    assert_eq!(
        told(&tables),
        [
            "switch port eth1:  [ 40 >] [router 0 >]",
            "switch port eth2: 1 [phone.home 41]",
            "switch port eth3:  [ 0]",
            "switch port eth4:  [ 0]"
        ]
    );
}

#[test]
fn a_router_s_neighbours_are_read_from_both_tables() {
    let physical = |last: u8| Said::Bytes(mac(last).0.to_vec());
    let v6 = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5];
    let tables = Tables {
        media: vec![
            (vec![2, 10, 0, 0, 5], physical(5)),
            (vec![2, 10, 0, 0, 256], physical(6)),
            (vec![2, 10, 0, 0], physical(6)),
            (vec![2, 10, 0, 0, 7], Said::Bytes(vec![0; 6])),
            (vec![2, 10, 0, 0, 8], Said::Bytes(Vec::new())),
            (Vec::new(), physical(6)),
        ],
        physical: vec![
            (vec![2, 1, 4, 10, 0, 0, 5], physical(5)),
            ([vec![2, 2, 16], v6.to_vec()].concat(), physical(5)),
            (vec![2, 2, 16, 1], physical(6)),
            (vec![2, 4, 20, 10, 0, 0, 6], physical(6)),
        ],
        // Reachable, stale, of no address, no number.
        states: vec![
            (vec![2, 1, 4, 10, 0, 0, 5], Said::Number(1)),
            ([vec![2, 2, 16], v6.to_vec()].concat(), Said::Number(2)),
            (vec![2, 1, 4, 10, 0], Said::Number(1)),
            (vec![2, 1, 4, 10, 0, 0, 7], Said::Bytes(vec![1])),
        ],
        ..Tables::default()
    };
    let found: Vec<String> = tables.neighbours().iter().map(|(mac, ip)| format!("{} {ip}", mac.0[5])).collect();
    assert_eq!(found, ["5 10.0.0.5", "5 2001:db8::5"]);
    assert_eq!(tables.reachable(), [[10, 0, 0, 5].into()].into());
}

#[test]
fn a_port_is_called_as_people_call_it() {
    let cases = [
        (Some("Port 5"), None, "s port 5"),
        (Some("port-05"), None, "s port 05"),
        (Some("Port"), None, "s port 9"),
        (Some("GigabitEthernet1/0/5"), Some("GigabitEthernet1/0/5"), "s port GigabitEthernet1/0/5"),
        (Some("lan1"), Some("Kitchen"), "s port lan1 (Kitchen)"),
        (None, Some("Kitchen"), "s port 9 (Kitchen)"),
        (Some("a name that is longer than any port has"), None, "s port a name that is longer th"),
        (Some("pörtchen"), None, "s port pörtchen"),
    ];
    for (name, alias, expected) in cases {
        let own = |text: Option<&str>| text.map(ToOwned::to_owned);
        assert_eq!(label("s", 9, own(name).as_ref(), own(alias).as_ref()), expected);
    }
}

fn any_rows() -> impl Strategy<Value = Rows> {
    let said = prop_oneof![
        any::<u64>().prop_map(Said::Number),
        vec(any::<u8>(), 0..9).prop_map(Said::Bytes),
        any::<u32>().prop_map(|ip| Said::Address(ip.into())),
    ];
    vec((vec(prop_oneof![0u32..3, any::<u32>()], 0..9), said), 0..12)
}

proptest! {
    #[test]
    fn whatever_a_switch_tells_each_port_comes_once_and_only_stations_hang_on_it(
        rows in proptest::array::uniform10(any_rows()), by_vlan in any::<bool>(),
    ) {
        let [media, physical, ports, status, interface, names, aliases, local, kinds, chassis] = rows;
        let (remote, local) = ([kinds, chassis, names.clone(), aliases.clone()], [local, names.clone()]);
        let states = status.clone();
        let tables =
            Tables { media, physical, states, ports, status, by_vlan, interface, names, aliases, local, remote };
        let told = tables.ports("s");
        prop_assert!(told.iter().all(|port| port.label.starts_with("s port ") && port.label.len() < 90));
        prop_assert!(told.iter().flat_map(|port| &port.macs).all(|mac| mac.is_station()));
        prop_assert!(tables.neighbours().iter().all(|(mac, _)| mac.is_station()));
    }
}
