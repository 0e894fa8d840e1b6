//! A switch of eight ports with VLANs, LLDP neighbours and a neighbour table, played by the rules of the MIBs:
//! what is told of those who hang on it, against what is true of it.

use porchlight::{
    model::{DeviceId, DeviceView, HomeView, MacAddr, Span},
    wire::snmp::{ber, tag},
};

use super::{
    home::{DEADLINE, Home, Office, office, ready},
    player::{Values, asked, oid, play, socket, system, text},
};

/// Who hangs where in truth: last byte of the MAC, port, and what is to be told.
const TRUTH: &[(u8, u8, Option<&str>)] = &[
    (21, 1, Some("hall-switch port g1")),
    (22, 2, Some("hall-switch port g2 (office)")),
    // Two behind a small switch without management.
    (23, 3, Some("hall-switch port g3 (desk)")),
    (24, 3, Some("hall-switch port g3 (desk)")),
    // An access point that says so by LLDP, and phones on it.
    (25, 4, Some("hall-switch port g4 (ceiling)")),
    (26, 4, None),
    (27, 4, None),
    // The way to the rest of the house.
    (31, 8, None),
    (32, 8, None),
    (33, 8, None),
    (34, 8, None),
    (35, 8, None),
    (36, 8, None),
    (37, 8, None),
    (38, 8, None),
    (39, 8, None),
];
const OWN: u8 = 9;

fn mac(last: u8) -> [u8; 6] {
    [0x02, 0x78, 0, 0, 1, last]
}

fn values(by_vlan: bool) -> Values {
    let mut all = system("hall-switch.home.arpa", 2);
    let mut put = |column: &str, index: &[u32], value: Vec<u8>| drop(all.insert(oid(column).with(index), value));
    put("1.3.6.1.2.1.17.1.2", &[0], ber::put_int(8));
    for port in 1..=8u32 {
        let interface = 100 + port;
        put("1.3.6.1.2.1.17.1.4.1.2", &[port], ber::put_int(interface.into()));
        put("1.3.6.1.2.1.31.1.1.1.1", &[interface], text(&format!("g{port}")));
        let alias = ["", "office", "desk", "ceiling", "", "", "", "house"][port as usize - 1];
        put("1.3.6.1.2.1.31.1.1.1.18", &[interface], text(alias));
    }
    let own = (OWN, 0, None);
    for (last, port, _) in TRUTH.iter().chain([&own]) {
        let (row, status) = (mac(*last).map(u32::from), if *last == OWN { 4 } else { 3 });
        if by_vlan {
            // Every device in VLAN 1, some in 20 as well.
            for vlan in [1, 20].into_iter().take(1 + usize::from(*last % 2)) {
                let index = [&[vlan][..], &row].concat();
                put("1.3.6.1.2.1.17.7.1.2.2.1.2", &index, ber::put_int((*port).into()));
                put("1.3.6.1.2.1.17.7.1.2.2.1.3", &index, ber::put_int(status));
            }
        } else {
            put("1.3.6.1.2.1.17.4.3.1.1", &row, ber::put(ber::OCTETS, &[&mac(*last)]));
            put("1.3.6.1.2.1.17.4.3.1.2", &row, ber::put_int((*port).into()));
            put("1.3.6.1.2.1.17.4.3.1.3", &row, ber::put_int(status));
        }
    }
    // The access point on port 4, which LLDP calls 104.
    put("1.0.8802.1.1.2.1.3.1", &[0], ber::put_int(4));
    put("1.0.8802.1.1.2.1.3.7.1.3", &[104], text("g4"));
    let row = [4711, 104, 1];
    put("1.0.8802.1.1.2.1.4.1.1.4", &row, ber::put_int(4));
    put("1.0.8802.1.1.2.1.4.1.1.5", &row, ber::put(ber::OCTETS, &[&mac(25)]));
    put("1.0.8802.1.1.2.1.4.1.1.9", &row, text("ceiling-ap.home.arpa"));
    put("1.0.8802.1.1.2.1.4.1.1.12", &row, ber::put(ber::OCTETS, &[&[0x30, 0]]));
    // It remembers the address of one that nobody has heard of, and an old one of another.
    put("1.3.6.1.2.1.4.22.1.2", &[1, 10, 78, 0, 21], ber::put(ber::OCTETS, &[&mac(21)]));
    put("1.3.6.1.2.1.4.22.1.2", &[1, 10, 78, 0, 99], ber::put(ber::OCTETS, &[&mac(22)]));
    put("1.3.6.1.2.1.1.3", &[0], ber::put(tag::TICKS, &[&[1, 0, 0]]));
    all
}

#[test]
fn a_switch_with_vlans_tells_who_hangs_on_which_port() {
    let Some(mut home) = Home::build("snmps") else { return };
    home.listener("switch::inner_switch_by_vlan");
    home.run("switch::inner_asks");
}

#[test]
fn a_plain_switch_tells_the_same() {
    let Some(mut home) = Home::build("snmpp") else { return };
    home.listener("switch::inner_plain_switch");
    home.run("switch::inner_asks");
}

#[test]
#[ignore = "runs inside a namespace"]
fn inner_switch_by_vlan() {
    serve(&values(true));
}

#[test]
#[ignore = "runs inside a namespace"]
fn inner_plain_switch() {
    serve(&values(false));
}

fn serve(values: &Values) {
    let socket = socket("10.78.0.9");
    ready();
    loop {
        let (question, from) = asked(&socket);
        socket.send_to(&play(&question, values), from).unwrap();
    }
}

/// The home knows everybody; one has an address already.
fn know(office: &Office) {
    let before = office.parts.home.borrow().devices.clone();
    let known = TRUTH.iter().map(|(last, ..)| {
        let id = DeviceId::mint(2, (*last).into());
        let addresses = if *last == 22 { vec!["10.78.0.22".parse().unwrap()] } else { Vec::new() };
        let view = DeviceView { macs: vec![MacAddr(mac(*last))], addresses, ..DeviceView::blank(id) };
        (id, view.into())
    });
    let devices = before.into_iter().chain(known).collect();
    office.home.send_replace(HomeView { devices, ..HomeView::default() }.into());
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_asks() {
    let mut office = office().await;
    office.settings.snmp.interval = Span::seconds(5);
    know(&office);
    office.start("snmp");
    let wanted = TRUTH.iter().filter(|(.., label)| label.is_some()).count();
    let mut told: Vec<(u8, String)> = Vec::new();
    let mut at = None;
    let mut names = Vec::new();
    // A whole round: until the neighbour's address comes, which is told last.
    let round = async {
        while at.is_none() {
            let seen = office.observations.recv().await.unwrap();
            let fact = format!("{:?}", seen.fact);
            match (seen.subject.mac, fact) {
                (Some(MacAddr([2, 0x78, 0, 0, 1, last])), fact) if fact.starts_with("Label { key: \"port\"") => {
                    told.push((last, fact.split('"').nth(3).unwrap().to_owned()));
                }
                (Some(MacAddr([.., last])), fact) if fact.starts_with("Address") => at = Some((last, fact)),
                (Some(MacAddr([.., last])), fact) => names.push((last, fact)),
                (None, fact) => assert!(!fact.contains("port"), "{fact}"),
            }
        }
    };
    tokio::time::timeout(DEADLINE, round).await.expect("the round ends");
    told.sort();
    let truth: Vec<(u8, String)> =
        TRUTH.iter().filter_map(|(last, _, label)| Some((*last, (*label)?.to_owned()))).collect();
    assert_eq!(told, truth);
    assert_eq!(at, Some((21, "Address(10.78.0.21)".to_owned())));
    assert_eq!(names, [(25, "Named { name: \"ceiling-ap\", by: Snmp }".to_owned())]);
    eprintln!("measured: {wanted} of {wanted} ports told, {} devices behind others told of none", TRUTH.len() - wanted);
}
