//! Neighbours as the real LLDP daemon hears them and as the real kernel knows them, told by the real agent.

use porchlight::model::{DeviceId, DeviceView, HomeView, MacAddr, Span};

use super::home::{DEADLINE, Home, ip, office};

/// Of whom the far kernel knows the address.
const QUIET: MacAddr = MacAddr([0x02, 0x78, 0, 0, 1, 33]);

#[test]
fn a_real_neighbour_is_told_by_the_port_it_hangs_on() {
    let Some(mut home) = Home::build("snmpl") else { return };
    let dir = home.dir.display().to_string();
    // The socket between agent and daemon is within the namespace, so its number is free.
    let config = format!(
        "[snmp] persistentDir {dir}/kept\n[snmp] mibs :\n[snmpd]\nagentaddress udp:161\nrocommunity public\n\
         sysName garage-switch\nmaster agentx\nagentXSocket tcp:127.0.0.1:7705\n"
    );
    std::fs::write(home.dir.join("snmpd.conf"), config).unwrap();
    let entry = ["-n", &home.far, "neigh", "add", "10.78.0.33", "lladdr", &QUIET.to_string(), "dev", "wire0"];
    assert!(ip(&entry));
    let (config, far, near) = (format!("{dir}/snmpd.conf"), format!("{dir}/far.sock"), format!("{dir}/near.sock"));
    let started = home.peer("snmpd", &["-f", "-C", "-Lo", "-c", &config])
        && home.peer("lldpd", &["-d", "-x", "-X", "tcp:127.0.0.1:7705", "-u", &far])
        && home.companion("lldpd", &["-d", "-u", &near]);
    if started {
        home.run("lldp::inner_asks");
    }
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_asks() {
    let mut office = office().await;
    office.settings.snmp.interval = Span::seconds(5);
    let own = office.parts.network.borrow().interfaces.iter().find(|i| i.name == "home0").and_then(|i| i.mac).unwrap();
    let mut devices = office.parts.home.borrow().devices.clone();
    for (number, mac) in [(2, own), (3, QUIET)] {
        let id = DeviceId::mint(2, number);
        devices.insert(id, DeviceView { macs: vec![mac], ..DeviceView::blank(id) }.into());
    }
    office.home.send_replace(HomeView { devices, ..HomeView::default() }.into());
    office.start("snmp");
    let mut missing = vec![
        (own, "Label { key: \"port\", value: \"garage-switch port wire0\" }"),
        (own, "Named { name: \"vm\", by: Snmp }"),
        (QUIET, "Address(10.78.0.33)"),
    ];
    let mut told = Vec::new();
    let listen = async {
        while !missing.is_empty() {
            let seen = office.observations.recv().await.unwrap();
            let fact = format!("{:?}", seen.fact);
            // The neighbour calls itself by this host's name, whatever that is.
            let is_name = fact.starts_with("Named");
            let fits = |said: &str| fact == said || is_name && said.starts_with("Named");
            missing.retain(|(mac, said)| seen.subject.mac != Some(*mac) || !fits(said));
            told.push((seen.subject, fact));
        }
    };
    if tokio::time::timeout(DEADLINE, listen).await.is_err() {
        panic!("missing {missing:?} in {told:?}");
    }
}
