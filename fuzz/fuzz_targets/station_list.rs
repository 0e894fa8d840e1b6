//! Lists of stations, as controllers of access points give them: JSON of OpenWrt and UniFi, XML of Fritz!Box.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::station_list::{
    Listed, POINTS_MAX, STATIONS_MAX, fritzbox,
    openwrt::{self, Said},
    unifi,
};

const TEXT_MAX: usize = 120;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(answer) = serde_json::from_slice(bytes) {
        if let Said::Done(body) = openwrt::said(&answer) {
            of_openwrt(&body);
        }
        // Without the shell around it, or the fuzzer would seldom come so far.
        of_openwrt(&answer);
        if let unifi::Said::Done(clients) = unifi::said(&answer) {
            of_unifi(&clients);
        }
        of_unifi(answer.as_array().map(Vec::as_slice).unwrap_or_default());
    }
    of_fritzbox(bytes);
});

fn of_openwrt(body: &serde_json::Value) {
    for list in [openwrt::clients(body), openwrt::assoclist(body)].into_iter().flatten() {
        assert!(list.len() <= STATIONS_MAX);
        list.iter().for_each(is_sane);
    }
    let names = [openwrt::points(body), openwrt::devices(body)].concat();
    assert!(names.len() <= 128 && names.iter().all(|name| !name.is_empty() && name.len() <= 64));
    assert!(openwrt::session(body).is_none_or(|key| key.len() == 32 && key.is_ascii()));
    openwrt::ssid(body).iter().for_each(|name| is_clean(name));
}

fn of_unifi(clients: &[serde_json::Value]) {
    let points = unifi::points(clients);
    assert!(points.len() <= POINTS_MAX);
    for point in points {
        is_clean(&point.name);
        point.ssid.iter().for_each(|name| is_clean(name));
        assert!(!point.listed.is_empty() && point.listed.len() <= STATIONS_MAX);
        point.listed.iter().for_each(is_sane);
    }
}

fn of_fritzbox(bytes: &[u8]) {
    fritzbox::station(bytes).iter().for_each(is_sane);
    let hosts = fritzbox::hosts(bytes);
    assert!(hosts.len() <= STATIONS_MAX);
    hosts.iter().for_each(is_sane);
    // Whatever it says, it is asked of the box itself.
    assert!(fritzbox::host_list(bytes).is_none_or(|path| path.starts_with('/') && !path.starts_with("//")));
    let _any = fritzbox::fault(bytes);
}

fn is_sane(listed: &Listed) {
    assert!(listed.station.mac.is_station());
    assert!(listed.station.level.is_none_or(|level| level.dbm() < 0));
    listed.host.iter().for_each(|host| is_clean(host));
}

fn is_clean(text: &str) {
    assert!(!text.is_empty() && text.len() <= TEXT_MAX && !text.chars().any(char::is_control), "{text:?}");
}
