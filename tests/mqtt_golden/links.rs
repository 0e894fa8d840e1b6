//! What discovery says of a device besides its entities.

use porchlight::{
    model::{DeviceView, LinkMac, MacAddr, Source},
    mqtt::{
        Site,
        reconcile::{Published, reconcile},
        topics::Topics,
    },
};
use serde_json::Value as Json;

use crate::home;

#[test]
fn a_mac_is_linked_only_where_it_renames_nobody() {
    let real: MacAddr = "3c:22:fb:01:02:03".parse().expect("a MAC");
    let random: MacAddr = "da:a1:19:01:02:03".parse().expect("a MAC");
    let linked = |site: &Site, device: &DeviceView, old: Option<&[u8]>| -> bool {
        let payload = porchlight::mqtt::discovery::device(device, site, &Topics::new(site), old).expect("announced");
        String::from_utf8(payload).expect("UTF-8").contains("connections")
    };
    let phone = home::phone();
    let new = home::site();
    let with = |change: &dyn Fn(&mut Site)| {
        let mut site = home::site();
        change(&mut site);
        site
    };
    let old_ha = with(&|site| site.ha.version = Some((2026, 7)));
    let no_ha = with(&|site| site.ha = porchlight::model::HaInfo::default());
    assert!(linked(&new, &phone, None));
    assert!(!linked(&old_ha, &phone, None));
    assert!(!linked(&no_ha, &phone, None));
    assert!(!linked(&with(&|site| site.foreign_macs = [real].into()), &phone, None));
    assert!(!linked(&with(&|site| site.link_mac = LinkMac::Never), &phone, None));
    let always = with(&|site| {
        site.link_mac = LinkMac::Always;
        site.ha.version = None;
    });
    assert!(linked(&always, &phone, None));
    for random in [
        DeviceView { macs: vec![random], ..home::phone() },
        DeviceView { randomised: true, ..home::phone() },
        DeviceView { macs: vec![MacAddr([0, 0, 0x5e, 0, 1, 9])], ..home::phone() },
    ] {
        assert!(!linked(&always, &random, None));
    }
    // A restart of Home Assistant, whose version is then unknown, takes no link away.
    let published = porchlight::mqtt::discovery::device(&phone, &new, &Topics::new(&new), None).expect("announced");
    assert!(linked(&no_ha, &phone, Some(&published)));
    assert!(!linked(&old_ha, &phone, Some(&published)));
}

#[test]
fn areas_are_suggested_for_things_that_stay() {
    let mut site = home::site();
    site.ha.areas = ["Kitchen".to_owned()].into();
    let suggested = |kind, area: &str| -> bool {
        let device = DeviceView { kind, area: Some(area.into()), ..home::phone() };
        let payload =
            porchlight::mqtt::discovery::device(&device, &site, &Topics::new(&site), None).expect("announced");
        let payload: Json = serde_json::from_slice(&payload).expect("JSON");
        payload["device"].get("suggested_area").is_some()
    };
    use porchlight::model::Kind;
    assert!(suggested(Kind::Tv, "Kitchen"));
    assert!(!suggested(Kind::Tv, "Cellar"));
    assert!(!suggested(Kind::Phone, "Kitchen"));
}

#[test]
fn what_was_suggested_first_stays_and_nothing_is_suggested_later() {
    use porchlight::{model::Kind, mqtt::discovery};
    let bare = home::site();
    let mut site = home::site();
    site.ha.areas = ["Kitchen".to_owned(), "Cellar".to_owned()].into();
    let tv = |area: Option<&str>| DeviceView { kind: Kind::Tv, area: area.map(str::to_owned), ..home::phone() };
    let announced = |site: &Site, device: &DeviceView, old: Option<&[u8]>| {
        discovery::device(device, site, &Topics::new(site), old).expect("announced")
    };
    // It would change nothing there, and each change of the payload is a row in the tracker's history.
    for first in [tv(None), tv(Some("Kitchen"))] {
        let published = announced(&site, &first, None);
        for later in [tv(None), tv(Some("Kitchen")), tv(Some("Cellar")), DeviceView { kind: Kind::Phone, ..tv(None) }] {
            for site in [&site, &bare] {
                assert_eq!(announced(site, &later, Some(&published)), published, "{:?}", later.area);
            }
        }
    }
}

#[test]
fn what_only_bluetooth_sees_says_so() {
    let source = |sources: Vec<Source>| -> String {
        let device = DeviceView { sources, ..home::phone() };
        let site = home::site();
        let payload =
            porchlight::mqtt::discovery::device(&device, &site, &Topics::new(&site), None).expect("announced");
        let payload: Json = serde_json::from_slice(&payload).expect("JSON");
        payload["components"]["tracker"]["source_type"].as_str().expect("a word").to_owned()
    };
    assert_eq!(source(vec![Source::Ble]), "bluetooth_le");
    assert_eq!(source(vec![Source::Ble, Source::Capture]), "router");
    assert_eq!(source(vec![]), "router");
}

/// What other programs had to learn of discovery: one identifier, and it tells two of us apart; entity ids by
/// `default_entity_id`, never by `object_id`; one availability for all; trackers that say what they are by themselves.
#[test]
fn discovery_is_as_others_learned_it_must_be() {
    fn keys<'j>(value: &'j Json, out: &mut Vec<&'j str>) {
        match value {
            Json::Array(list) => list.iter().for_each(|value| keys(value, out)),
            Json::Object(map) => map.iter().for_each(|(key, value)| {
                out.push(key);
                keys(value, out);
            }),
            _ => {}
        }
    }
    let site = home::site();
    let sent = reconcile(&home::view(), &site, &Published::default());
    let mut trackers = 0;
    for message in sent.iter().filter(|message| message.topic.ends_with("/config")) {
        let config: Json = serde_json::from_slice(&message.payload).expect("JSON");
        assert!(message.retain && message.qos == 1 && message.expiry_s.is_none(), "{}", message.topic);
        let mut found = Vec::new();
        keys(&config, &mut found);
        for never in ["object_id", "expire_after", "off_delay", "payload_home", "payload_not_home"] {
            assert!(!found.contains(&never), "{}: {never}", message.topic);
        }
        let identifiers = config["device"]["identifiers"].as_array().expect("a list");
        assert!(
            identifiers.len() == 1 && identifiers[0].as_str().is_some_and(|id| id.contains("_7f3a2c_")),
            "{config}"
        );
        // The bridge itself says that it is gone; all others go with it.
        let is_bridge = message.topic.contains("_bridge/");
        let availability = (!is_bridge).then_some("porchlight/home/bridge/state");
        assert_eq!(config["availability_topic"].as_str(), availability, "{}", message.topic);
        for (key, component) in config["components"].as_object().expect("components") {
            assert!(component["default_entity_id"].is_string(), "{}: {key}", message.topic);
            assert!(component["unique_id"].as_str().is_some_and(|id| id.starts_with("porchlight_7f3a2c_")), "{key}");
            if component["platform"] == "device_tracker" {
                trackers += 1;
                assert!(component["source_type"].is_string(), "{}: {key}", message.topic);
                assert_eq!(component["value_template"], "{{ value_json.state }}", "a state is said, not worked out");
            }
        }
    }
    assert!(trackers > 0);
    // Only what changes all the time may be lost once.
    for message in &sent {
        assert!(message.retain, "{}: a state that is not kept is unknown later", message.topic);
        assert!(message.qos == 1 || !message.topic.ends_with("/presence"), "{}", message.topic);
    }
}
