//! # Rules that a type cannot say
//!
//! Addresses that must parse, names with a grammar, keys that exclude or need each other. One row
//! a key; a key that no room has (yet) is passed over. Pure.

use serde_json::Value as Json;

use super::{
    Settings,
    check::nearest,
    problem::{Origin, Problem, spell, split},
};
use crate::{
    homeassistant::{Expose, evidence::is_entity},
    model::{Kind, MacAddr, Span, Subnet},
    presence,
};

/// What is wrong with a value, and what to do.
type Verdict = Result<(), (String, Option<String>)>;
type Rule = (&'static str, fn(&str) -> Verdict);

/// Key and rule. For a list the rule is asked for each item, for a map of free keys for each key.
const RULES: &[Rule] = &[
    ("mqtt.url", |text| url(text, &["mqtt", "mqtts", "ws", "wss"])),
    ("homeassistant.url", |text| url(text, &["http", "https"])),
    ("mqtt.node", node),
    ("mqtt.base_topic", topic),
    ("mqtt.discovery_prefix", topic),
    ("network.interfaces", interface),
    ("network.subnets", subnet),
    ("network.labels", subnet),
    ("presence.away_after", kind),
    ("presence.away_max", kind),
    ("presence.half_life", half_life),
];

/// What is wrong with single values of `json`, all sources merged. `who` tells who said a key.
pub fn values(json: &Json, who: &dyn Fn(&[String]) -> Origin) -> Vec<Problem> {
    let mut out = Vec::new();
    for (key, rule) in RULES {
        for (path, text) in texts(json, key) {
            if let Err((what, advice)) = rule(&text) {
                out.push(Problem { origin: who(&path), key: spell(&path), what, advice });
            }
        }
    }
    mac_lists(json, &mut Vec::new(), &mut |path, text| {
        if text.parse::<MacAddr>().is_err() {
            let what = format!("`{text}` is no MAC address");
            out.push(Problem { origin: who(path), key: spell(path), what, advice: Some("b8:27:eb:01:02:03".into()) });
        }
    });
    out
}

/// What is allowed and probably not meant.
pub fn warnings(settings: &Settings, who: &dyn Fn(&[String]) -> Origin) -> Vec<Problem> {
    let mut out = Vec::new();
    let mut warn = |key: &str, what: &str, advice: &str| {
        let path = split(key);
        out.push(Problem { origin: who(&path), key: key.into(), what: what.into(), advice: Some(advice.into()) });
    };
    let ha = &settings.homeassistant;
    if ha.expose != Expose::Listed && !ha.expose_list.is_empty() {
        warn("homeassistant.expose_list", "has no effect", "homeassistant.expose: listed");
    }
    if ha.expose == Expose::Listed && ha.expose_list.is_empty() {
        warn("homeassistant.expose", "shows no device: the list is empty", "homeassistant.expose_list");
    }
    let plain = settings.mqtt.url.as_deref().is_some_and(|url| url.starts_with("mqtt://") || url.starts_with("ws://"));
    if plain && (settings.mqtt.ca_file.is_some() || settings.mqtt.client_cert_file.is_some()) {
        warn("mqtt.url", "is not encrypted, so the certificates have no effect", "mqtts://… or wss://…");
    }
    if ha.url.as_deref().is_some_and(|url| url.starts_with("http://") && !is_local(url)) {
        warn("homeassistant.url", "sends the token readable for everybody on the way", "https://…");
    }
    if settings.presence.ap_sources != presence::Settings::default().ap_sources {
        let what = "has no effect in this version: it is kept for a later one";
        warn("presence.ap_sources", what, "leave it out");
    }
    if let Some(door) = settings.presence.doors.iter().find(|door| !is_entity(door)) {
        let what = format!("names `{door}`, which is no entity of Home Assistant: no door counts");
        warn("presence.doors", &what, "presence.doors: [binary_sensor.front_door]");
    }
    out
}

/// Keys that exclude or need each other.
pub fn pairs(settings: &Settings, who: &dyn Fn(&[String]) -> Origin) -> Vec<Problem> {
    let mut out = Vec::new();
    let json = serde_json::to_value(settings).unwrap_or_default();
    let given = |key: &str| at(&json, &split(key)).is_some_and(|value| !value.is_null());
    let mut complain = |key: &str, what: String, advice: &str| {
        out.push(Problem { origin: who(&split(key)), key: key.into(), what, advice: Some(advice.into()) });
    };
    for (a, b) in [("mqtt.password", "mqtt.password_file"), ("homeassistant.token", "homeassistant.token_file")] {
        if given(a) && given(b) {
            complain(a, format!("is given twice, here and by {b}"), &format!("only {b}"));
        }
    }
    for (a, b) in [("mqtt.client_cert_file", "mqtt.client_key_file"), ("mqtt.client_key_file", "mqtt.client_cert_file")]
    {
        if given(a) && !given(b) {
            complain(a, format!("needs {b} beside it"), b);
        }
    }
    if (given("mqtt.password") || given("mqtt.password_file")) && settings.mqtt.username.is_none() {
        let key = if given("mqtt.password") { "mqtt.password" } else { "mqtt.password_file" };
        complain(key, "needs a user name beside it".into(), "mqtt.username");
    }
    out
}

fn at<'j>(json: &'j Json, path: &[String]) -> Option<&'j Json> {
    path.iter().try_fold(json, |json, part| json.get(part))
}

/// The texts at `key`: one, each of a list, or each key of a map.
fn texts(json: &Json, key: &str) -> Vec<(Vec<String>, String)> {
    let path = split(key);
    let below = |part: String| [path.as_slice(), &[part]].concat();
    match at(json, &path) {
        Some(Json::String(text)) => vec![(path, text.clone())],
        Some(Json::Array(items)) => {
            let texts = items.iter().enumerate();
            texts.filter_map(|(n, item)| Some((below(n.to_string()), item.as_str()?.to_owned()))).collect()
        }
        Some(Json::Object(items)) => items.keys().map(|name| (below(name.clone()), name.clone())).collect(),
        _ => Vec::new(),
    }
}

/// Lists of hardware addresses, in whatever room: their key is `macs` or ends in `_macs`.
fn mac_lists(json: &Json, path: &mut Vec<String>, see: &mut dyn FnMut(&[String], &str)) {
    let Json::Object(items) = json else { return };
    for (name, value) in items {
        path.push(name.clone());
        match value {
            Json::Array(items) if name == "macs" || name.ends_with("_macs") => {
                for (index, item) in items.iter().enumerate() {
                    path.push(index.to_string());
                    item.as_str().into_iter().for_each(|text| see(path, text));
                    path.pop();
                }
            }
            other => mac_lists(other, path, see),
        }
        path.pop();
    }
}

fn url(text: &str, schemes: &[&str]) -> Verdict {
    let listed = schemes.iter().map(|scheme| format!("{scheme}://")).collect::<Vec<_>>().join(", ");
    let fit = schemes.first().copied().unwrap_or_default();
    let Some((scheme, _)) = text.split_once("://") else {
        return Err((format!("expected an address that starts with {listed}"), Some(format!("{fit}://host"))));
    };
    if !schemes.contains(&scheme) {
        let advice = nearest(scheme, schemes.iter().copied()).unwrap_or(fit);
        return Err((format!("`{scheme}://` is none of {listed}"), Some(format!("{advice}://…"))));
    }
    let parsed = url::Url::parse(text).map_err(|error| (format!("is no address: {error}"), None))?;
    if parsed.host_str().is_none_or(str::is_empty) {
        return Err(("names no host".into(), Some(format!("{scheme}://host"))));
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err((
            "may not hold a user name or password: addresses are logged".into(),
            Some("the keys for user name and password beside it".into()),
        ));
    }
    Ok(())
}

fn is_local(text: &str) -> bool {
    let Some(host) = url::Url::parse(text).ok().and_then(|url| url.host_str().map(str::to_owned)) else { return true };
    let host = host.trim_matches(['[', ']']);
    let private = match host.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(ip)) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        Ok(std::net::IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        Err(_) => false,
    };
    private || !host.contains('.') || host.ends_with(".local") || host.ends_with(".lan") || host.ends_with(".home.arpa")
}

fn node(text: &str) -> Verdict {
    let fits = (1..=24).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if fits {
        return Ok(());
    }
    let mended: String = text.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let mended: String = mended.chars().take(24).collect();
    Err((format!("`{text}` may have a-z, 0-9 and _ only, at most 24 of them"), (!mended.is_empty()).then_some(mended)))
}

fn topic(text: &str) -> Verdict {
    let say = |what: &str| Err((format!("`{text}` {what}"), None));
    match text {
        "" => Err(("may not be empty".into(), Some("leave the line out for the default".into()))),
        _ if text.contains(['+', '#', '\0']) => say("may not hold +, # or NUL: they are wildcards in topics"),
        _ if text.starts_with('$') => say("may not start with $: brokers keep those topics"),
        _ if text.split('/').any(str::is_empty) => say("has an empty level: no / at either end, none doubled"),
        _ if text.len() > 200 => say("is longer than 200 bytes"),
        _ => Ok(()),
    }
}

/// Linux: at most 15 bytes, no space, no slash (`dev_valid_name`, net/core/dev.c).
fn interface(text: &str) -> Verdict {
    let fits = (1..=15).contains(&text.len()) && text != "." && text != ".." && !text.contains(['/', ':', ' ', '\t']);
    if fits { Ok(()) } else { Err((format!("`{text}` is no name of a network interface"), Some("eth0".into()))) }
}

fn subnet(text: &str) -> Verdict {
    text.parse::<Subnet>().map(|_| ()).map_err(|what| {
        let whole =
            text.parse::<std::net::IpAddr>().ok().map(|ip| format!("{ip}/{}", if ip.is_ipv4() { 24 } else { 64 }));
        (what, whole)
    })
}

/// Shorter, and a night is forgotten before the next.
fn half_life(text: &str) -> Verdict {
    let span: Result<Span, _> = serde_json::from_value(text.into());
    match span {
        Ok(span) if !(Span::days(1)..=Span::days(3_650)).contains(&span) => {
            Err((format!("expected a day to 3650 days, found {text}"), Some("45d".into())))
        }
        // What is no duration was told before.
        _ => Ok(()),
    }
}

fn kind(text: &str) -> Verdict {
    text.parse::<Kind>().map(|_| ()).map_err(|_| {
        let near = nearest(text, Kind::ALL.iter().map(|kind| kind.word())).map(str::to_owned);
        let known = || Kind::ALL.iter().map(|kind| kind.word()).collect::<Vec<_>>().join(", ");
        (format!("`{text}` is no kind of device"), Some(near.unwrap_or_else(known)))
    })
}
