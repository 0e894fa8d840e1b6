//! Answers as the makers' public pages show them, and what is none.

use serde_json::json;

use super::{fritzbox, openwrt, unifi, *};

#[test]
fn openwrt_tells_done_from_denied_from_missing() {
    let cases = [
        (json!({"jsonrpc": "2.0", "id": 1, "result": [0, {"a": 1}]}), openwrt::Said::Done(json!({"a": 1}))),
        (json!({"result": [0]}), openwrt::Said::Done(Value::Null)),
        (json!({"result": {"hostapd.wlan0": {}}}), openwrt::Said::Done(json!({"hostapd.wlan0": {}}))),
        (json!({"result": [6]}), openwrt::Said::Denied),
        (json!({"error": {"code": -32002, "message": "Access denied"}}), openwrt::Said::Denied),
        (json!({"error": {"code": -32000, "message": "Object not found"}}), openwrt::Said::Missing),
        (json!({"result": [4]}), openwrt::Said::Missing),
        (json!({"result": [3]}), openwrt::Said::Missing),
        (json!({"result": ["0", {}]}), openwrt::Said::Odd),
        (json!({"result": []}), openwrt::Said::Odd),
        (json!([]), openwrt::Said::Odd),
    ];
    for (answer, expected) in cases {
        assert_eq!(openwrt::said(&answer), expected, "{answer}");
    }
    let key = "c1ed6c7b025d0caca723a816fa61b668";
    assert_eq!(openwrt::session(&json!({"ubus_rpc_session": key})).as_deref(), Some(key));
    for wrong in ["", "short", "c1ed6c7b025d0caca723a816fa61b66\n"] {
        assert_eq!(openwrt::session(&json!({ "ubus_rpc_session": wrong })), None);
    }
}

#[test]
fn both_lists_of_openwrt_count_what_was_received_from_the_station() {
    let body = json!({"freq": 5180, "clients": {
        "3c:22:fb:01:02:03": {"auth": true, "assoc": true, "authorized": true, "signal": -61,
            "bytes": {"rx": 4711, "tx": 9}, "packets": {"rx": 47, "tx": 8}, "rate": {"rx": 1, "tx": 2}},
        "da:a1:19:01:02:03": {"authorized": false},
        "no address": {"authorized": true}}});
    let listed = openwrt::clients(&body).unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!((listed[0].station.rx_packets, listed[0].station.rx_bytes), (Some(47), Some(4711)));
    assert_eq!((listed[0].station.level.map(Rssi::dbm), listed[0].station.inactive), (Some(-61), None));
    assert!(listed[0].station.authorized && !listed[1].station.authorized);

    let body = json!({"results": [{"mac": "3C:22:FB:01:02:03", "signal": -48, "noise": -95, "inactive": 1500,
        "connected_time": 77, "authorized": true, "rx": {"packets": 12, "bytes": 999}, "tx": {"packets": 1}}, {"x": 1}]});
    let listed = openwrt::assoclist(&body).unwrap();
    assert_eq!(listed.len(), 1);
    let station = &listed[0].station;
    assert_eq!((station.rx_packets, station.inactive), (Some(12), Some(Duration::from_millis(1500))));
    assert_eq!(station.connected, Some(Duration::from_secs(77)));
    for odd in [json!(null), json!({"clients": []}), json!({"results": {}})] {
        assert!(openwrt::clients(&odd).is_none() && openwrt::assoclist(&odd).is_none());
    }
}

#[test]
fn unifi_leaves_out_who_hangs_on_a_cable() {
    let clients = [
        json!({"mac": "3c:22:fb:01:02:03", "is_wired": false, "bssid": "74:83:c2:00:00:01", "essid": "home", "ip": "192.168.1.20",
            "hostname": "annas-phone", "rx_packets": 10, "rx_bytes": 1000.0, "uptime": 300, "idletime": 4, "signal": -55}),
        json!({"mac": "3c:22:fb:01:02:04", "is_wired": true, "rx_packets": 10, "sw_port": 3}),
        json!({"mac": "3c:22:fb:01:02:05", "ap_mac": "74:83:c2:00:00:09", "essid": "home"}),
        json!({"mac": "3c:22:fb:01:02:06"}),
        json!({"mac": "ff:ff:ff:ff:ff:ff", "bssid": "74:83:c2:00:00:01"}),
        json!("text"),
    ];
    let points = unifi::points(&clients);
    assert_eq!(points.iter().map(|point| point.listed.len()).collect::<Vec<_>>(), [1, 1]);
    let first = &points[0].listed[0];
    assert_eq!((points[0].ssid.as_deref(), first.host.as_deref()), (Some("home"), Some("annas-phone")));
    assert_eq!((first.station.rx_packets, first.station.rx_bytes), (Some(10), Some(1000)));
    assert_eq!(first.ip, "192.168.1.20".parse().ok());
}

#[test]
fn unifi_tells_a_login_from_a_right_from_a_site() {
    let cases = [
        (json!({"meta": {"rc": "ok"}, "data": []}), unifi::Said::Done(Vec::new())),
        (json!({"meta": {"rc": "error", "msg": "api.err.LoginRequired"}, "data": []}), unifi::Said::Login),
        (json!({"meta": {"rc": "error", "msg": "api.err.NoPermission"}, "data": []}), unifi::Said::Forbidden),
        (json!({"meta": {"rc": "error", "msg": "api.err.NoSiteContext"}, "data": []}), unifi::Said::NoSite),
        (json!({"meta": {"rc": "ok"}}), unifi::Said::Odd(String::new())),
        (json!(7), unifi::Said::Odd(String::new())),
    ];
    for (answer, expected) in cases {
        assert_eq!(unifi::said(&answer), expected, "{answer}");
    }
}

#[test]
fn a_fritz_box_lists_stations_one_by_one_and_hosts_in_a_file() {
    let body = b"<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><u:R xmlns:u=\"x\">\
        <NewAssociatedDeviceMACAddress>3C:22:FB:01:02:03</NewAssociatedDeviceMACAddress>\
        <NewAssociatedDeviceIPAddress>192.168.178.20</NewAssociatedDeviceIPAddress>\
        <NewAssociatedDeviceAuthState>1</NewAssociatedDeviceAuthState>\
        <NewX_AVM-DE_SignalStrength>71</NewX_AVM-DE_SignalStrength></u:R></s:Body></s:Envelope>";
    let listed = fritzbox::station(body).unwrap();
    assert_eq!((listed.ip, listed.station.authorized), ("192.168.178.20".parse().ok(), true));
    let fault = |code: u32| {
        format!(
            "<Envelope><Body><Fault><detail><UPnPError><errorCode>{code}</errorCode></UPnPError></detail></Fault></Body></Envelope>"
        )
    };
    assert_eq!(fritzbox::fault(fault(713).as_bytes()), fritzbox::Fault::NoEntry);
    assert_eq!(fritzbox::fault(fault(606).as_bytes()), fritzbox::Fault::Forbidden);
    assert_eq!(fritzbox::fault(b"<html>"), fritzbox::Fault::Other(0));

    let item = |n: usize| {
        format!(
            "<Item><Index>{n}</Index><IPAddress>192.168.178.{n}</IPAddress><MACAddress>3C:22:FB:01:02:{n:02X}</MACAddress><Active>1</Active><HostName>host-{n}</HostName></Item>"
        )
    };
    // More than one document may be long.
    let list = format!("<?xml version=\"1.0\"?><List>{}</List>", (1..=250).map(item).collect::<String>());
    let hosts = fritzbox::hosts(list.as_bytes());
    assert_eq!(hosts.len(), 250);
    assert_eq!(hosts[249].host.as_deref(), Some("host-250"));
    assert!(fritzbox::hosts(b"<Item><Item><MACAddress>").is_empty());

    for (path, good) in [("/devicehostlist.lua?sid=1", true), ("//evil/x", false), ("http://evil/x", false)] {
        let body = format!("<R><NewX_AVM-DE_HostListPath>{path}</NewX_AVM-DE_HostListPath></R>");
        assert_eq!(fritzbox::host_list(body.as_bytes()).is_some(), good, "{path}");
    }
    let request = fritzbox::request(fritzbox::HOSTS, "X_AVM-DE_GetHostListPath", None);
    assert!(xml::leaves(request.as_bytes(), |_, _| {}).is_ok());
}

use crate::wire::xml;

proptest::proptest! {
    #[test]
    fn no_answer_is_a_fault_of_ours(bytes: Vec<u8>) {
        let _ = (fritzbox::station(&bytes), fritzbox::hosts(&bytes), fritzbox::host_list(&bytes), fritzbox::fault(&bytes));
    }
}
