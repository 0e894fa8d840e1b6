//! Hosts beyond the router: a second network that is named in `network.subnets`, where no MAC can be seen.

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

use super::home::{Home, ROUTER, ROUTER_MAC, ip};

#[test]
fn hosts_beyond_the_router_have_an_address_and_no_mac() {
    let Some(mut home) = Home::build("beyond") else { return };
    let beyond = home.another("garage");
    let far = home.far.clone();
    assert!(ip(&["-n", &far, "link", "add", "far0", "type", "veth", "peer", "name", "host0", "netns", &beyond]));
    for (space, link, address) in
        [(&far, "far0", "10.80.0.1/24"), (&beyond, "host0", "10.80.0.7/24"), (&beyond, "host0", "10.80.0.8/24")]
    {
        assert!(ip(&["-n", space, "addr", "add", address, "dev", link]));
        assert!(ip(&["-n", space, "link", "set", link, "up"]));
    }
    assert!(ip(&["-n", &beyond, "route", "add", "default", "via", "10.80.0.1"]));
    // It also answers ARP for whatever lies behind it.
    home.there("sysctl", &["-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.lan0.proxy_arp=1"]);
    let config = "network:\n  subnets: [10.80.0.0/24]\n  labels:\n    10.80.0.0/24: garage\n    10.79.0.0/24: home\n";
    std::fs::write(home.dir.join("porchlight.yaml"), config).unwrap();
    let done = Command::new("ip")
        .args(["netns", "exec", &home.near, "timeout", "90", env!("CARGO_BIN_EXE_porchlight"), "--config"])
        .arg(home.dir.join("porchlight.yaml"))
        .arg("--state-dir")
        .arg(home.dir.join("state"))
        .args(["--json", "scan", "--only", "arp_sweep,icmp,netlink,capture", "--for", "60"])
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{err}");
    let said: Value = serde_json::from_slice(&done.stdout).unwrap();
    let mut found: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for device in said["devices"].as_array().unwrap() {
        let macs = device["macs"].as_array().unwrap();
        for address in device["addresses"].as_array().unwrap().iter().filter_map(Value::as_str) {
            if address == ROUTER {
                assert_eq!(macs[0].as_str().unwrap(), ROUTER_MAC.to_string());
            }
            let segment = device["segment"].as_str().unwrap_or_default().to_owned();
            found.insert(address.to_owned(), (macs.len(), segment));
        }
    }
    for (address, macs, segment) in [(ROUTER, 1, "home"), ("10.80.0.7", 0, "garage"), ("10.80.0.8", 0, "garage")] {
        assert_eq!(found.get(address), Some(&(macs, segment.to_owned())), "{address}: {said:#}\n{err}");
    }
    let garage = found.keys().filter(|address| address.starts_with("10.80.")).count();
    assert_eq!(garage, 3, "the two, and the router's other side: {found:?}");
}
