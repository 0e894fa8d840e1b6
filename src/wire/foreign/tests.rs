//! Golden payloads of each kind, as its source writes them, each with its trap.

use super::*;

const PHONE: &str = "3c:22:fb:01:02:03";

fn word(id: &str, topic: &str, payload: &str) -> Option<Word> {
    let kind = KINDS.iter().find(|kind| kind.id == id).unwrap();
    kind.word(kind.base, topic, payload.as_bytes())
}

/// In one line, for the table: what, who, where, level, name.
fn told(id: &str, topic: &str, payload: &str) -> String {
    match word(id, topic, payload) {
        None => "not understood".into(),
        Some(Word::Nothing) => "nothing".into(),
        Some(Word::Node { node, up }) => format!("node {node} {}", if up { "up" } else { "down" }),
        Some(Word::Occupied { place, occupied }) => format!("{place} {}", if occupied { "occupied" } else { "empty" }),
        Some(Word::Heard(heard)) => {
            let who = match heard.who {
                Who::Mac(mac) => mac.to_string(),
                Who::Irk(_) => "a key".into(),
                Who::Beacon(beacon) => format!("beacon {beacon}"),
                Who::Alias(alias) => format!("alias {alias}"),
            };
            let level = heard.level.map(|level| format!(" {} dBm", level.dbm())).unwrap_or_default();
            let name = heard.name.map(|name| format!(" called {name}")).unwrap_or_default();
            format!("{:?} {who} at {}{level}{name}", heard.shows, heard.node)
        }
    }
}

#[test]
fn each_kind_is_read_as_its_source_writes_it_and_its_trap_is_no_sighting() {
    #[rustfmt::skip]
    let cases: &[(&str, &str, &str, &str)] = &[
        // ESPresense: fingerprints, not addresses; classes are nobody.
        ("espresense", "espresense/devices/known:3c22fb010203/kitchen",
            r#"{"mac":"5c857ea1b2c3","id":"known:3c22fb010203","rssi@1m":-65,"rssi":-71.20,"rxAdj":0,"rssiVar":1.20,"distance":1.83,"var":0.11,"int":210}"#,
            "Alive 3c:22:fb:01:02:03 at kitchen -71 dBm"),
        ("espresense", "espresense/devices/irk:ec0234a357c8ad05341010a60a397d9b/hall",
            r#"{"mac":"5c857ea1b2c3","id":"irk:ec0234a357c8ad05341010a60a397d9b","name":"Anna","rssi":-80}"#,
            "Alive a key at hall -80 dBm called Anna"),
        ("espresense", "espresense/devices/iBeacon:E5CA1ADE-F007-BA11-0000-000000000000-1-2/hall", r#"{"id":"iBeacon:E5CA1ADE-F007-BA11-0000-000000000000-1-2","rssi":-60}"#,
            "Alive beacon e5ca1ade-f007-ba11-0000-000000000000-1-2 at hall -60 dBm"),
        ("espresense", "espresense/devices/apple:1005:9/hall", r#"{"mac":"5c857ea1b2c3","id":"apple:1005:9","rssi":-60}"#, "nothing"),
        ("espresense", "espresense/devices/md:0075:22/hall", r#"{"mac":"5c857ea1b2c3","id":"md:0075:22","rssi":-60}"#, "nothing"),
        ("espresense", "espresense/devices/sd:feaf/hall", r#"{"mac":"5c857ea1b2c3","id":"sd:feaf","rssi":-60}"#, "nothing"),
        ("espresense", "espresense/rooms/kitchen/status", "online", "node kitchen up"),
        ("espresense", "espresense/rooms/kitchen/status", "offline", "node kitchen down"),
        ("espresense", "espresense/devices/x/hall", "not json", "not understood"),
        // ESPresense-companion: worked out from the nodes' word, so it proves nothing; its timeout is no departure.
        ("espresense_companion", "espresense/companion/known:3c22fb010203", "Kitchen", "Listed 3c:22:fb:01:02:03 at Kitchen"),
        ("espresense_companion", "espresense/companion/irk:ec0234a357c8ad05341010a60a397d9b", "not_home", "Absent a key at not_home"),
        ("espresense_companion", "espresense/companion/apple:1005:9", "Kitchen", "nothing"),
        ("espresense_companion", "espresense/companion/known:3c22fb010203/attributes", r#"{"source_type":"espresense","x":1.2}"#, "not understood"),
        ("espresense_companion", "espresense/companion/status", "online", "node companion up"),
        ("espresense_companion", "espresense/companion/status", "offline", "node companion down"),
        ("espresense_companion", "espresense/companion/known:3c22fb010203", "", "not understood"),
        // room-assistant: no level, and a suffix.
        ("room_assistant", "room-assistant/mqtt-room/office", r#"{"id":"3c22fb010203","name":"Anna","distance":2.1}"#, "Alive 3c:22:fb:01:02:03 at office called Anna"),
        ("room_assistant", "room-assistant/mqtt-room/office", r#"{"id":"3c22fb010203-tracker","distance":2.1}"#, "Alive 3c:22:fb:01:02:03 at office"),
        ("room_assistant", "room-assistant/mqtt-room/office", r#"{"id":"annas-watch","distance":2.1}"#, "Alive alias annas-watch at office"),
        ("room_assistant", "room-assistant/status/office", "online", "node office up"),
        // Theengs and OpenMQTTGateway: `absent` is a timeout and has no level.
        ("theengs", "home/TheengsGateway/BTtoMQTT/3C22FB010203", r#"{"id":"3C:22:FB:01:02:03","name":"Tile","rssi":-62,"brand":"Tile","model_id":"TILE","track":true,"distance":1.4}"#,
            "Alive 3c:22:fb:01:02:03 at TheengsGateway -62 dBm called Tile"),
        ("theengs", "home/TheengsGateway/BTtoMQTT/3C22FB010203", r#"{"id":"3C:22:FB:01:02:03","presence":"absent"}"#, "Absent 3c:22:fb:01:02:03 at TheengsGateway"),
        ("theengs", "home/OMG_hall/BTtoMQTT/undecoded", r#"{"id":"3C:22:FB:01:02:03","rssi":-62}"#, "nothing"),
        ("theengs", "home/OMG_hall/BTtoMQTT/5C857EA1B2C3", r#"{"id":"5C:85:7E:A1:B2:C3","mac_type":1,"rssi":-62}"#, "nothing"),
        ("theengs", "home/OMG_hall/BTtoMQTT/D4857EA1B2C3", r#"{"id":"D4:85:7E:A1:B2:C3","mac_type":1,"rssi":-62}"#, "Alive d4:85:7e:a1:b2:c3 at OMG_hall -62 dBm"),
        ("theengs", "home/OMG_hall/LWT", "offline", "node OMG_hall down"),
        // monitor: numbers are strings, and confidence falls.
        ("monitor", "monitor/first floor/3C:22:FB:01:02:03",
            r#"{"id":"3C:22:FB:01:02:03","confidence":"100","name":"Phone","manufacturer":"Apple","type":"KNOWN_MAC","retained":"false","timestamp":"Wed Nov 25 2026 10:00:00 GMT+0100 (CET)","version":"0.2.200"}"#,
            "Alive 3c:22:fb:01:02:03 at first floor called Phone"),
        ("monitor", "monitor/first floor/anna", r#"{"id":"3C:22:FB:01:02:03","confidence":"62","name":"Unknown"}"#, "Listed 3c:22:fb:01:02:03 at first floor"),
        ("monitor", "monitor/first floor/anna", r#"{"id":"3C:22:FB:01:02:03","confidence":"0"}"#, "Absent 3c:22:fb:01:02:03 at first floor"),
        ("monitor", "monitor/first floor/anna", r#"{"confidence":"100"}"#, "Alive alias anna at first floor"),
        ("monitor", "monitor/first floor/status", "online", "node first floor up"),
        ("monitor", "monitor/scan/arrive", "", "nothing"),
        // Tasmota: a lost beacon is RSSI 0.
        ("tasmota", "tele/ibeacon/SENSOR", r#"{"Time":"2020-03-24T20:09:40","IBEACON_3C22FB010203":{"RSSI":-60}}"#, "Alive 3c:22:fb:01:02:03 at ibeacon -60 dBm"),
        ("tasmota", "tele/ibeacon/SENSOR", r#"{"Time":"2020-03-24T20:09:40","IBEACON_3C22FB010203":{"RSSI":0}}"#, "Absent 3c:22:fb:01:02:03 at ibeacon"),
        ("tasmota", "tele/plug/SENSOR", r#"{"Time":"2020-03-24T20:09:40","ENERGY":{"Power":3}}"#, "nothing"),
        ("tasmota", "tele/ibeacon/LWT", "Online", "node ibeacon up"),
        // OwnTracks: a phone that lost the network has not left; a vague place is none.
        ("owntracks", "owntracks/anna/phone", r#"{"_type":"location","tst":1795600000,"lat":52.0,"lon":13.0,"acc":12,"inregions":["Home"],"batt":80}"#, "Listed alias anna/phone at owntracks"),
        ("owntracks", "owntracks/anna/phone", r#"{"_type":"location","tst":1795600000,"lat":52.0,"lon":13.0,"acc":1200,"inregions":["Home"]}"#, "nothing"),
        ("owntracks", "owntracks/anna/phone/event", r#"{"_type":"transition","event":"leave","desc":"Home","tst":1795600000}"#, "Absent alias anna/phone at owntracks"),
        ("owntracks", "owntracks/anna/phone/event", r#"{"_type":"transition","event":"leave","desc":"Work"}"#, "nothing"),
        ("owntracks", "owntracks/anna/phone", r#"{"_type":"lwt","tst":1795600000}"#, "nothing"),
        ("owntracks", "owntracks/anna/phone", r#"{"_type":"encrypted","data":"…"}"#, "nothing"),
        // wifi-presence and scripts of hostapd.
        ("wifi_presence", "wifi-presence/station/ap1/3c-22-fb-01-02-03/state", "connected", "Joined 3c:22:fb:01:02:03 at ap1"),
        ("wifi_presence", "wifi-presence/station/ap1/3c-22-fb-01-02-03/state", "not_connected", "Left 3c:22:fb:01:02:03 at ap1"),
        ("wifi_presence", "wifi-presence/station/ap1/3c-22-fb-01-02-03/attrs", "{}", "not understood"),
        ("wifi_presence", "wifi-presence/ap1/status", "offline", "node ap1 down"),
        ("hostapd_script", "presence/ap1/3c:22:fb:01:02:03", "AP-STA-CONNECTED", "Joined 3c:22:fb:01:02:03 at ap1"),
        ("hostapd_script", "presence/ap1/3c:22:fb:01:02:03", "AP-STA-DISCONNECTED 3c:22:fb:01:02:03", "Left 3c:22:fb:01:02:03 at ap1"),
        ("hostapd_script", "presence/ap1/3c:22:fb:01:02:03", "AP-STA-POLL-OK", "not understood"),
        // zigbee2mqtt: somebody, and names with a slash.
        ("zigbee2mqtt", "zigbee2mqtt/ground floor/hall", r#"{"occupancy":true,"linkquality":92}"#, "ground floor/hall occupied"),
        ("zigbee2mqtt", "zigbee2mqtt/plug", r#"{"state":"ON","linkquality":92}"#, "nothing"),
        ("zigbee2mqtt", "zigbee2mqtt/hall/availability", r#"{"state":"online"}"#, "nothing"),
        ("zigbee2mqtt", "zigbee2mqtt/bridge/devices", "[]", "nothing"),
    ];
    for (id, topic, payload, expected) in cases {
        assert_eq!(told(id, topic, payload), *expected, "{topic} {payload}");
    }
    let named: std::collections::BTreeSet<&str> = cases.iter().map(|(id, ..)| *id).collect();
    assert_eq!(named.len(), KINDS.len(), "each kind has its payloads");
}

#[test]
fn what_is_kept_by_the_broker_is_old_unless_it_is_the_state_of_a_node() {
    let cases = [
        ("espresense", "espresense/rooms/kitchen/status", true),
        ("espresense", "espresense/devices/known:3c22fb010203/kitchen", false),
        ("wifi_presence", "wifi-presence/ap1/status", true),
        ("wifi_presence", "wifi-presence/station/ap1/3c-22-fb-01-02-03/state", false),
        ("owntracks", "owntracks/anna/phone", false),
        ("zigbee2mqtt", "zigbee2mqtt/hall", false),
    ];
    for (id, topic, expected) in cases {
        let kind = KINDS.iter().find(|kind| kind.id == id).unwrap();
        assert_eq!(kind.keeps(kind.base, topic), expected, "{topic}");
    }
}

#[test]
fn a_moved_base_is_read_and_nobody_else_s_topics_are() {
    let kind = &wifi_presence::KIND;
    let topic = format!("my/wifi/station/ap1/{}/state", PHONE.replace(':', "-"));
    assert!(kind.word("my/wifi", &topic, b"connected").is_some());
    assert!(kind.word("wifi-presence", &topic, b"connected").is_none());
    assert!(kind.word("my/wi", &topic, b"connected").is_none());
    assert!(kind.word("my/wifi", &topic, &vec![b' '; PAYLOAD_MAX + 1]).is_none());
}

proptest::proptest! {
    #[test]
    fn any_message_is_read(topic in "[a-z/+#:-]{0,60}", payload: Vec<u8>, text in "[{}\":a-zA-Z0-9_,-]{0,80}") {
        for kind in KINDS {
            for base in [kind.base, ""] {
                let _ = (kind.word(base, &topic, &payload), kind.word(base, &format!("{}/{topic}", kind.base), text.as_bytes()));
            }
        }
    }
}
