//! # A device and what is said of it
//!
//! First what is said and why, with the next best guess, then every fact with who said it and when, then what would
//! settle what is uncertain.

use serde_json::{Value as Json, json};

use super::settle;
use crate::{
    intel::{parts, vendors},
    model::{DeviceView, Kind, Tier, Wall},
};

/// Keys of facts that hold several words of `from.<key>`: one packet brought them all.
const BY_DHCP: &[&str] = &["client_id", "dhcp_asked", "vendor_class"];

/// The value of the fact `key`.
fn fact<'a>(view: &'a DeviceView, key: &str) -> Option<&'a str> {
    view.facts.iter().find(|(held, _)| held == key).map(|(_, value)| value.as_str())
}

/// Who said the fact `key`, and when: `mdns`, `2026-11-25T17:02:11.000Z`.
fn origin<'a>(view: &'a DeviceView, key: &str) -> Option<(&'a str, &'a str)> {
    let key = if BY_DHCP.contains(&key) { "dhcp" } else { key };
    fact(view, &format!("from.{key}"))?.split_once(' ')
}

/// Every fact, for programs. An object can hold a key once; a fact can be there twice.
#[must_use]
pub fn facts(view: &DeviceView) -> Json {
    let told = view.facts.iter().filter(|(key, _)| !key.starts_with("from."));
    let services = view.services.iter().map(|service| {
        let proto = if service.tcp { "tcp" } else { "udp" };
        (format!("service.{proto}/{}", service.port), service.name.clone())
    });
    told.cloned()
        .chain(services)
        .map(|(key, value)| {
            let from = origin(view, &key);
            json!({"key": key, "value": value, "source": from.map(|from| from.0), "at": from.map(|from| from.1)})
        })
        .collect()
}

/// What a device's view rests on, as text.
#[must_use]
pub fn device(view: &DeviceView, now: Wall) -> String {
    let mut out = format!("{}  {}\n\n", view.id, view.name);
    let mut rows: Vec<(String, String, String)> = Vec::new();
    let mut row = |key: &str, value: String, why: String| {
        if !value.is_empty() {
            rows.push((key.to_owned(), value, why));
        }
    };
    row("name", view.name.clone(), format!("from {}", view.name_source));
    row("kind", kind(view), why_kind(view));
    row("presence", view.presence.to_string(), format!("because {}, since {}", view.presence_reason, view.since));
    row("last seen", view.last_seen.to_string(), format!("first {}", view.first_seen));
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    row("vendor", text(&view.vendor), why_vendor(view));
    row("model", text(&view.model), surely(fact(view, "model.why")));
    row("system", text(&view.os), surely(fact(view, "os.why")));
    row("host name", text(&view.hostname), String::new());
    row("area", text(&view.area), String::new());
    row("owner", text(&view.owner), String::new());
    row("group", text(&view.group), String::new());
    row("segment", text(&view.segment), String::new());
    row("notes", text(&view.notes), String::new());
    row("trust", view.trust.to_string(), if view.important { "important".into() } else { String::new() });
    let port = fact(view, "label.port").unwrap_or_default().to_owned();
    row("hangs on", port, "as its switch last told".into());
    let macs: Vec<String> = view.macs.iter().map(ToString::to_string).collect();
    row(
        "MAC",
        macs.join(", "),
        if view.randomised { "random: changes with the network or the day".into() } else { String::new() },
    );
    let addresses: Vec<String> = view.addresses.iter().map(ToString::to_string).collect();
    row("addresses", addresses.join(", "), String::new());
    let sources: Vec<&str> = view.sources.iter().map(|source| source.word()).collect();
    row("seen by", sources.join(", "), String::new());
    row("signal", view.signal_dbm.map(|dbm| format!("{dbm} dBm")).unwrap_or_default(), String::new());
    let away =
        if view.away_after_s == 0 { "learned".into() } else { format!("{} s without a proof", view.away_after_s) };
    row("away after", away, String::new());
    let shown = match (view.hidden, view.tier) {
        (true, _) => "hidden".into(),
        (false, Tier::None) => "no entities".into(),
        (false, tier) => format!("{tier} entities"),
    };
    row("in Home Assistant", shown, if view.exposed { "asked for".into() } else { String::new() });
    out.push_str(&columns(&rows));
    let facts = fact_rows(view, now);
    if !facts.is_empty() {
        out.push_str("\nfacts\n");
        out.push_str(&columns(&facts));
    }
    let hints = settle::would(view);
    if !hints.is_empty() {
        out.push_str("\nwhat would settle what is uncertain\n");
        out.extend(hints.iter().map(|hint| format!("  {hint}\n")));
    }
    out
}

fn kind(view: &DeviceView) -> String {
    if view.kind == Kind::Unknown { "unknown".into() } else { view.kind.noun() }
}

/// `93 % sure: service _ipp, vendor brother; else scanner, 50 %: service _uscan`.
fn why_kind(view: &DeviceView) -> String {
    if fact(view, "kind.set").is_some() {
        return "said by a person".into();
    }
    let mut why = String::new();
    if view.kind_confidence > 0.0 {
        why = format!("{:.0} % sure", view.kind_confidence * 100.0);
        if let Some(reasons) = fact(view, "kind.why") {
            why.push_str(&format!(": {reasons}"));
        }
    }
    if let Some((kind, sure, reasons)) = fact(view, "kind.second").and_then(second) {
        let before = if why.is_empty() { "nearest:" } else { "; else" };
        why.push_str(&format!("{before} {}, {:.0} %: {reasons}", kind.noun(), sure * 100.0));
    }
    why
}

fn second(value: &str) -> Option<(Kind, f32, &str)> {
    let mut words = value.splitn(3, ' ');
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?, words.next()?))
}

fn why_vendor(view: &DeviceView) -> String {
    match view.vendor_source {
        Some("oui") => {
            let part = view.vendor.as_deref().and_then(parts::by);
            let part = part.map(|part| format!("; it makes {}: who made the device is not known", part.what));
            format!("from oui: the registry of {}{}", vendors::date(), part.unwrap_or_default())
        }
        Some(from) => format!("from {from}"),
        None if view.randomised => "its address is random and names nobody".into(),
        None => String::new(),
    }
}

/// `90 % sure: it announces model` of `0.9 it announces model`.
fn surely(why: Option<&str>) -> String {
    let Some((sure, reasons)) = why.and_then(|why| why.split_once(' ')) else { return String::new() };
    sure.parse().map_or_else(|_| String::new(), |sure: f32| format!("{:.0} % sure: {reasons}", sure * 100.0))
}

fn fact_rows(view: &DeviceView, now: Wall) -> Vec<(String, String, String)> {
    // The numbers of what was learned are for the program; `sleep` says it in words. The rest was said above.
    let is_said = |key: &str| {
        key.starts_with("habit.")
            || key.starts_with("from.")
            || matches!(key, "kind.why" | "kind.second" | "os.why" | "model.why")
    };
    let told = view.facts.iter().filter(|(key, _)| !is_said(key)).cloned();
    let services = view.services.iter().map(|service| {
        let proto = if service.tcp { "tcp" } else { "udp" };
        let product = service.product.as_deref().map(|product| format!(" ({product})")).unwrap_or_default();
        (format!("service.{proto}/{}", service.port), format!("{}{product}", service.name))
    });
    told.chain(services)
        .map(|(key, value)| {
            let from = origin(view, &key).map(|(source, at)| match at.parse() {
                Ok(at) => format!("{source}, {} ago", age(now, at)),
                Err(_) => source.to_owned(),
            });
            said(now, key, value, from.unwrap_or_default())
        })
        .collect()
}

/// A fact as people read it: times of facts are ages, and what is said of the product needs no word for that.
fn said(now: Wall, key: String, value: String, from: String) -> (String, String, String) {
    let old = |at: &str| at.parse().map_or_else(|_| at.to_owned(), |at| format!("{} ago", age(now, at)));
    if key == "label.ports_seen" {
        let (at, ports) = value.split_once(' ').unwrap_or((&value, ""));
        let ports = if ports.is_empty() { "none" } else { ports };
        return ("open ports".into(), ports.to_owned(), format!("ports, looked {}", old(at)));
    }
    if let (Some(by), Some((proof, at))) = (key.strip_prefix("proof."), value.split_once(' ')) {
        return (format!("seen by {by}"), proof.to_owned(), old(at));
    }
    let plain = key.strip_prefix("label.").map(|label| label.replace('_', " "));
    (plain.unwrap_or(key), value, from)
}

/// `12 s`, `3 min`, `5 h`, `2 days`.
fn age(now: Wall, at: Wall) -> String {
    let seconds = now.0.saturating_sub(at.0).max(0) / 1000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn columns(rows: &[(String, String, String)]) -> String {
    let width = |of: fn(&(String, String, String)) -> &str| {
        rows.iter().map(|row| of(row).chars().count()).filter(|n| *n <= 48).max().unwrap_or(0)
    };
    let (keys, values) = (width(|row| &row.0), width(|row| &row.1));
    rows.iter()
        .map(|(key, value, why)| format!("  {key:keys$}  {value:values$}  {why}").trim_end().to_owned() + "\n")
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ServiceView;

    #[test]
    fn a_device_is_explained_with_its_sources() {
        let facts = [
            ("label.model", "Brand TV"),
            ("label.port", "hall-switch port g2 (office)"),
            ("from.label.model", "mdns 2026-11-25T17:00:00.000Z"),
            ("kind.why", "service _googlecast, label tv"),
            ("kind.second", "media_player 0.6 service _googlecast"),
            ("model.why", "0.9 it announces model"),
            ("from.service.tcp/8009", "ports 2026-11-23T17:00:00.000Z"),
            ("label.ports_seen", "2026-11-25T17:02:00.000Z 8008 8009"),
            ("proof.capture", "arp_reply 2026-11-25T17:02:50.000Z"),
        ];
        let service = ServiceView { tcp: true, port: 8009, name: "cast".into(), product: None };
        let view = DeviceView {
            name: "Living room TV".into(),
            vendor: Some("Espressif".into()),
            vendor_source: Some("oui"),
            kind: Kind::Tv,
            kind_confidence: 0.93,
            model: Some("Brand TV".into()),
            services: vec![service],
            facts: facts.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            ..DeviceView::blank("d-7f3k2m".parse().expect("an id"))
        };
        let text = device(&view, "2026-11-25T17:03:00.000Z".parse().expect("a time"));
        for part in [
            "Living room TV",
            "93 % sure: service _googlecast, label tv; else media player, 60 %: service _googlecast",
            "90 % sure: it announces model",
            "from oui: the registry of 20",
            "it makes Wi-Fi chips and modules: who made the device is not known",
            "because",
            "mdns, 3 min ago",
            "ports, 2 days ago",
            "learned",
            "no entities",
            "8008 8009                     ports, looked 1 min ago",
            "seen by capture",
            "arp_reply                     10 s ago",
            "what would settle",
            "hangs on           hall-switch port g2 (office)  as its switch last told",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        assert!(!text.contains("from.label") && text.lines().all(|line| line == line.trim_end()), "{text}");
        let json = super::facts(&view);
        assert_eq!(json[0]["source"], "mdns", "{json}");
        assert_eq!(json[7]["key"], "service.tcp/8009", "{json}");
        assert_eq!(json[7]["at"], "2026-11-23T17:00:00.000Z", "{json}");
    }

    #[test]
    fn an_unknown_kind_names_the_nearest() {
        let facts = vec![("kind.second".to_owned(), "hub 0.5 vendor eq-3".to_owned())].into();
        let view = DeviceView { facts, ..DeviceView::blank("d-7f3k2m".parse().expect("an id")) };
        let text = device(&view, Wall(0));
        assert!(
            text.contains("kind               unknown") && text.contains("nearest: hub, 50 %: vendor eq-3"),
            "{text}"
        );
        let told: DeviceView = DeviceView { facts: vec![("kind.set".to_owned(), "tv".to_owned())].into(), ..view };
        assert!(device(&told, Wall(0)).contains("said by a person"));
    }
}
