//! # What an mDNS service says of its device
//!
//! Pure. Names, kinds and TXT entries come from anybody on the network: they are cut, cleaned and bounded here.

use std::collections::BTreeMap;

use crate::{
    model::{Fact, Heard, Port, clean_text},
    wire::mdns,
};

/// TXT entries looked at.
pub const TXT_MAX: usize = 64;
/// Addresses of one service looked at.
pub const ADDRESSES_MAX: usize = 16;
/// The longest name kept: one DNS label (RFC 1035 §2.3.4).
const NAME_MAX: usize = 63;
const VALUE_MAX: usize = 255;

/// TXT keys that tell what a device is, and the label they become. Sources: Google Cast `md` and `fn`; Apple
/// `model`, `am`, `rpmd`; HomeKit `md` and `ci` (category); printers `ty` and `product` (Bonjour Printing 1.2.1);
/// Shelly `app` and `gen`; ESPHome `board`, `platform`, `friendly_name`; Sonos and Matter their own.
const LABELS: &[(&str, &str)] = &[
    ("model", "model"),
    ("am", "model"),
    ("rpmd", "model"),
    ("md", "model"),
    ("ty", "model"),
    ("product", "product"),
    ("manufacturer", "manufacturer"),
    ("usb_mfg", "manufacturer"),
    ("usb_mdl", "model"),
    ("app", "shelly_app"),
    ("board", "board"),
    ("platform", "platform"),
    ("project_name", "project"),
    ("osxvers", "os_version"),
    ("srcvers", "source_version"),
    ("vp", "matter_vendor_product"),
    ("product_type", "product"),
];

/// Kinds of services whose instance names people (or a setup app) chose. Others carry serial numbers or user names.
const NAMED_BY_PEOPLE: &[&str] = &[
    "_airplay._tcp",
    "_ipp._tcp",
    "_ipps._tcp",
    "_printer._tcp",
    "_pdl-datastream._tcp",
    "_uscan._tcp",
    "_scanner._tcp",
    "_smb._tcp",
    "_afpovertcp._tcp",
    "_device-info._tcp",
    "_hap._tcp",
    "_companion-link._tcp",
    "_sftp-ssh._tcp",
    "_rfb._tcp",
    "_spotify-connect._tcp",
    "_sonos._tcp",
];

/// Kinds of services that are asked for however many others are on the wire (IANA service names; Apple, Google and
/// makers' developer pages). Sorted.
const WELL_KNOWN: &[&str] = &[
    "_adisk._tcp",
    "_afpovertcp._tcp",
    "_airplay._tcp",
    "_airport._tcp",
    "_amzn-alexa._tcp",
    "_amzn-wplay._tcp",
    "_androidtvremote._tcp",
    "_androidtvremote2._tcp",
    "_apple-mobdev2._tcp",
    "_arduino._tcp",
    "_axis-video._tcp",
    "_coap._tcp",
    "_coap._udp",
    "_companion-link._tcp",
    "_daap._tcp",
    "_daikin._udp",
    "_device-info._tcp",
    "_ecobee._tcp",
    "_eero._tcp",
    "_elg._tcp",
    "_esphomelib._tcp",
    "_ewelink._tcp",
    "_ftp._tcp",
    "_googlecast._tcp",
    "_googlezone._tcp",
    "_hap._tcp",
    "_hap._udp",
    "_heos-audio._tcp",
    "_home-assistant._tcp",
    "_homekit._tcp",
    "_hs100._tcp",
    "_http-alt._tcp",
    "_http._tcp",
    "_https._tcp",
    "_hue._tcp",
    "_hwenergy._tcp",
    "_ipp._tcp",
    "_ipps._tcp",
    "_ipspeaker._tcp",
    "_leap._tcp",
    "_lookin._tcp",
    "_lutron._tcp",
    "_matter._tcp",
    "_matterc._tcp",
    "_matterc._udp",
    "_matterd._udp",
    "_mediaremotetv._tcp",
    "_meshcop._tcp",
    "_meshcop._udp",
    "_miio._tcp",
    "_miio._udp",
    "_mqtt._tcp",
    "_nanoleafapi._tcp",
    "_nanoleafms._tcp",
    "_nfs._tcp",
    "_ntp._udp",
    "_nut._tcp",
    "_nvstream._tcp",
    "_octoprint._tcp",
    "_onvif._tcp",
    "_pdl-datastream._tcp",
    "_philipstv_rpc._tcp",
    "_plexmediasvr._tcp",
    "_plugwise._tcp",
    "_powerview._tcp",
    "_printer._tcp",
    "_privet._tcp",
    "_ptp._tcp",
    "_qdiscover._tcp",
    "_raop._tcp",
    "_rdlink._tcp",
    "_remotepairing._tcp",
    "_rfb._tcp",
    "_roku-rcp._tcp",
    "_rtsp._tcp",
    "_sane-port._tcp",
    "_scanner._tcp",
    "_sftp-ssh._tcp",
    "_shelly._tcp",
    "_sip._tcp",
    "_sip._udp",
    "_sleep-proxy._tcp",
    "_sleep-proxy._udp",
    "_smb._tcp",
    "_snmp._tcp",
    "_sonos._tcp",
    "_soundtouch._tcp",
    "_spotify-connect._tcp",
    "_ssh._tcp",
    "_system-bridge._tcp",
    "_telnet._tcp",
    "_tivo-videos._tcp",
    "_touch-able._tcp",
    "_trel._tcp",
    "_trel._udp",
    "_uscan._tcp",
    "_uscans._tcp",
    "_viziocast._tcp",
    "_volumio._tcp",
    "_wizlan._udp",
    "_wled._tcp",
    "_workstation._tcp",
    "_xbmc-jsonrpc-h._tcp",
    "_xserveraid._tcp",
    "_yeelight._tcp",
    "_zigbee-gateway._tcp",
    "_zwave-js-server._tcp",
];

/// `_ipp._tcp.local.` and its like.
#[must_use]
pub fn is_well_known(kind: &str) -> bool {
    let kind = kind.trim_end_matches('.').trim_end_matches(".local");
    WELL_KNOWN.binary_search(&kind).is_ok()
}

/// `_http._tcp.local.`, well-formed and of sane length (RFC 6763 §7: at most 15 characters and an underscore).
#[must_use]
pub fn is_kind(name: &str) -> bool {
    let Some(rest) = name.strip_suffix(".local.") else { return false };
    let Some((service, transport)) = rest.split_once('.') else { return false };
    let letters = service.strip_prefix('_').unwrap_or_default();
    matches!(transport, "_tcp" | "_udp")
        && !letters.is_empty()
        && letters.len() <= 32
        && letters.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The facts in one resolved service.
#[must_use]
pub fn facts(kind: &str, fullname: &str, host: &str, port: Port, txt: &BTreeMap<String, String>) -> Vec<Fact> {
    let mut facts = Vec::new();
    let kind = kind.trim_end_matches(".local.");
    let (service, tcp) = match kind.rsplit_once('.') {
        Some((service, transport)) => (service.trim_start_matches('_'), transport == "_tcp"),
        None => (kind, true),
    };
    if port != 0 {
        facts.push(Fact::Service { tcp, port, name: clean_text(service, NAME_MAX) });
    }
    let hostname = clean_text(host.trim_end_matches('.').trim_end_matches(".local"), NAME_MAX);
    if let Some(name) = chosen_name(kind, fullname, txt) {
        facts.push(Fact::Named { name, by: Heard::Mdns });
    }
    if !hostname.is_empty() {
        facts.push(Fact::Named { name: hostname, by: Heard::MdnsHost });
    }
    facts.push(Fact::Label { key: "mdns_service", value: clean_text(service, NAME_MAX) });
    for (key, label) in LABELS {
        if let Some(value) = txt.get(*key).map(|value| clean_text(value, VALUE_MAX)).filter(|value| !value.is_empty()) {
            facts.push(Fact::Label { key: label, value });
        }
    }
    let sort = |key: &str| txt.get(key).map_or(&b""[..], |value| value.as_bytes());
    let sort = match kind {
        "_hap._tcp" | "_hap._udp" => mdns::homekit_category(sort("ci")).map(|value| ("homekit_category", value)),
        "_googlecast._tcp" => mdns::cast_output(sort("ca")).map(|value| ("cast_output", value)),
        "_matterc._udp" => mdns::matter_type(sort("dt")).map(|value| ("matter_type", value)),
        _ => None,
    };
    facts.extend(sort.map(|(key, value)| Fact::Label { key, value: value.to_owned() }));
    facts
}

/// The name people gave, if this kind of service carries one.
fn chosen_name(kind: &str, fullname: &str, txt: &BTreeMap<String, String>) -> Option<String> {
    let named = |text: &str| Some(clean_text(text, NAME_MAX)).filter(|name| !name.is_empty());
    match kind {
        "_googlecast._tcp" => named(txt.get("fn")?),
        "_esphomelib._tcp" => named(txt.get("friendly_name")?),
        _ if NAMED_BY_PEOPLE.contains(&kind) => {
            let instance = fullname.split(&format!(".{kind}.")).next()?;
            // DNS writes a dot or backslash inside a label with a backslash (RFC 6763 §4.3).
            named(&instance.replace("\\.", ".").replace("\\\\", "\\"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn txt(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    fn name(kind: &str, full: &str, host: &str, pairs: &[(&str, &str)], wanted: Heard) -> Option<String> {
        facts(kind, full, host, 80, &txt(pairs)).into_iter().find_map(|fact| match fact {
            Fact::Named { name, by } if by == wanted => Some(name),
            _ => None,
        })
    }

    #[test]
    fn the_name_people_chose_and_the_host_name_are_two() {
        type Row<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, &'a str)], Option<&'a str>);
        let cases: &[Row] = &[
            (
                "_googlecast._tcp.local.",
                "Cast-1234._googlecast._tcp.local.",
                "c1.local.",
                &[("fn", "Kitchen speaker")],
                Some("Kitchen speaker"),
            ),
            ("_googlecast._tcp.local.", "Cast-1234._googlecast._tcp.local.", "c1.local.", &[], None),
            ("_airplay._tcp.local.", "Living Room._airplay._tcp.local.", "tv.local.", &[], Some("Living Room")),
            ("_ipp._tcp.local.", "Laser Mk\\. 2._ipp._tcp.local.", "p.local.", &[], Some("Laser Mk. 2")),
            ("_http._tcp.local.", "serial 9931._http._tcp.local.", "nas.local.", &[], None),
            ("_airplay._tcp.local.", "evil\u{202e}\n._airplay._tcp.local.", "tv.local.", &[], Some("evil")),
        ];
        for (kind, full, host, pairs, expected) in cases {
            assert_eq!(name(kind, full, host, pairs, Heard::Mdns).as_deref(), *expected, "{full}");
            let host = host.trim_end_matches(".local.");
            assert_eq!(name(kind, full, host, pairs, Heard::MdnsHost).as_deref(), Some(host), "{full}");
        }
    }

    #[test]
    fn kinds_are_believed_only_if_well_formed() {
        for good in ["_http._tcp.local.", "_sleep-proxy._udp.local.", "_home-assistant._tcp.local."] {
            assert!(is_kind(good), "{good}");
        }
        for bad in [
            "",
            "http._tcp.local.",
            "_._tcp.local.",
            "_http._sctp.local.",
            "_http._tcp.example.",
            "_a b._tcp.local.",
            "_x._sub._http._tcp.local.",
        ] {
            assert!(!is_kind(bad), "{bad}");
        }
    }

    #[test]
    fn well_known_kinds_are_sorted_and_well_formed() {
        assert!(WELL_KNOWN.is_sorted());
        for kind in WELL_KNOWN {
            assert!(is_kind(&format!("{kind}.local.")) && is_well_known(&format!("{kind}.local.")), "{kind}");
        }
        assert!(!is_well_known("_invented._tcp.local.") && !is_well_known("_ipp._udp.local."));
    }

    #[test]
    fn models_and_services_are_told() {
        let found = facts(
            "_hap._tcp.local.",
            "Lamp._hap._tcp.local.",
            "lamp.local.",
            5001,
            &txt(&[("md", "L1"), ("ci", "5"), ("pw", "x")]),
        );
        assert!(found.contains(&Fact::Service { tcp: true, port: 5001, name: "hap".into() }));
        assert!(found.contains(&Fact::Label { key: "model", value: "L1".into() }));
        assert!(found.contains(&Fact::Label { key: "homekit_category", value: "light bulb".into() }));
        assert!(!format!("{found:?}").contains("\"x\""), "unknown keys are not passed on");
    }

    proptest! {
        #[test]
        fn whatever_a_device_says_stays_short_and_printable(kind in ".{0,80}", full in ".{0,300}", host in ".{0,300}", value in ".{0,600}") {
            let pairs = BTreeMap::from([("model".to_owned(), value.clone()), ("fn".to_owned(), value)]);
            for fact in facts(&kind, &full, &host, 1, &pairs) {
                let text = match fact {
                    Fact::Named { name, .. } | Fact::Service { name, .. } => name,
                    Fact::Label { value, .. } => value,
                    _ => String::new(),
                };
                prop_assert!(text.len() <= VALUE_MAX && !text.chars().any(char::is_control));
            }
        }
    }
}
