//! What services say when somebody knocks: greetings, pages, certificates, logins, offers of addresses, browsed records.
#![no_main]

use std::{collections::BTreeMap, net::Ipv4Addr};

use libfuzzer_sys::fuzz_target;
use porchlight::{
    model::{Fact, MacAddr},
    scanners::{
        dhcp_probe::message::offer,
        mdns_read,
        ports::{certificate, read},
    },
    wire::http::digest::{Challenge, Login},
};

/// Of a banner or title; of a name; of a value in TXT.
const TEXT_MAX: usize = 100;
const NAME_MAX: usize = 63;
const VALUE_MAX: usize = 255;
const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 5]);

fuzz_target!(|bytes: &[u8]| {
    let Some((&way, said)) = bytes.split_first() else { return };
    match way % 5 {
        0 => {
            let port = [22, 21, 25, 23, 143][usize::from(way / 5) % 5];
            let found = [read::greeting(port, said), read::http(said), read::rtsp(said)];
            for found in found.into_iter().flatten() {
                let labels = found.labels.iter().map(|(_, value)| value);
                found.product.iter().chain(labels).for_each(|text| is_clean(text, TEXT_MAX));
            }
        }
        // Four names, and until when.
        1 => certificate::words(said).iter().for_each(|words| is_clean(words, 4 * 42 + 24)),
        2 => {
            if let Some(offer) = offer(said, Ipv4Addr::new(10, 0, 0, 1), 0x0102_0304, MAC) {
                assert!(offer.routers.len() <= 8 && offer.dns.len() <= 8);
                offer.domain.iter().chain(&offer.proxy_config).for_each(|text| is_clean(text, 120));
            }
        }
        3 => {
            let text = String::from_utf8_lossy(said);
            if let Some(challenge) = Challenge::read(&text) {
                let login = Login { username: "anna".into(), password: "secret".to_owned().into() };
                let answer = challenge.answer(&login, "GET", "/", 1, "0011");
                let answer = secrecy::ExposeSecret::expose_secret(&answer);
                assert!(answer.starts_with("Digest ") && answer.len() <= 400 + 4 * text.len());
                // What the other side says ends no value of ours.
                let plain = answer.replace("\\\\", "").replace("\\\"", "");
                let fields = if answer.contains(", opaque=\"") { 7 } else { 6 };
                assert_eq!(plain.matches('"').count(), 2 * fields, "{answer}");
            }
        }
        _ => browsed(said),
    }
});

fn browsed(said: &[u8]) {
    let text = String::from_utf8_lossy(said);
    let mut lines = text.split('\n');
    let mut next = || lines.next().unwrap_or_default();
    let (kind, full, host) = (next(), next(), next());
    let txt: BTreeMap<String, String> =
        lines.filter_map(|line| line.split_once('=')).map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let _any = (mdns_read::is_kind(kind), mdns_read::is_well_known(kind));
    for kind in [kind, "_googlecast._tcp.local.", "_hap._tcp.local.", "_ipp._tcp.local."] {
        let facts = mdns_read::facts(kind, full, host, 80, &txt);
        assert!(facts.len() <= 128);
        for fact in facts {
            match fact {
                Fact::Named { name, .. } => is_clean(&name, NAME_MAX),
                Fact::Service { name, .. } => assert!(name.len() <= NAME_MAX && !name.chars().any(char::is_control)),
                Fact::Label { value, .. } => assert!(value.len() <= VALUE_MAX && !value.chars().any(char::is_control)),
                other => panic!("{other:?}"),
            }
        }
    }
}

fn is_clean(text: &str, most: usize) {
    assert!(!text.is_empty() && text.len() <= most && !text.chars().any(char::is_control), "{text:?}");
}
