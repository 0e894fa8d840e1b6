//! # What would settle what is uncertain of a device
//!
//! Each hint names evidence that is missing and how it comes: by itself, by a scanner that is off, or by a person.

use crate::{
    intel::parts,
    model::{DeviceView, Kind, NameSource, Source},
};

/// Sure enough that nobody need look further.
const SURE: f32 = 0.8;
/// A second guess from here on is near enough to be named.
const NEAR: f32 = 0.5;

/// Hints, the easiest first. Empty if nothing is uncertain.
#[must_use]
pub fn would(view: &DeviceView) -> Vec<String> {
    let mut hints = Vec::new();
    let is_set = view.facts.iter().any(|(key, _)| key == "kind.set");
    // Which of many purposes it has is open.
    let is_kind_sure = is_set || (view.kind_confidence >= SURE && view.kind != Kind::Iot);
    if !is_kind_sure {
        kind(view, &mut hints);
    }
    vendor(view, &mut hints);
    witness(view, &mut hints);
    let is_name_weak = matches!(
        view.name_source,
        NameSource::VendorKind | NameSource::Generic | NameSource::VendorTail | NameSource::Address
    );
    if is_name_weak {
        hints.push(format!("name: it says none of its own; give it one: porchlight device set {} name NAME", view.id));
    }
    if !is_kind_sure {
        let kind = if matches!(view.kind, Kind::Unknown | Kind::Iot) { "KIND" } else { view.kind.word() };
        hints.push(format!("kind: say it yourself: porchlight device set {} kind {kind}", view.id));
    }
    hints
}

/// Who else could tell whether a phone that falls silent has left.
fn witness(view: &DeviceView, hints: &mut Vec<String>) {
    if !matches!(view.kind, Kind::Phone | Kind::Watch) {
        return;
    }
    let hears = |sources: &[Source]| view.sources.iter().any(|source| sources.contains(source));
    let by_station = hears(&[Source::Hostapd, Source::Openwrt, Source::Unifi, Source::Fritzbox]);
    let by_bluetooth = hears(&[Source::Ble, Source::Bluetooth, Source::HomeAssistant]);
    let quality = view.facts.iter().find(|(key, _)| key == "quality").map(|(_, value)| value.as_str());
    // One is enough, unless its silence is still not to be trusted.
    if (by_station || by_bluetooth) && quality != Some("poor") {
        return;
    }
    if !by_station {
        hints.push(
            "presence: whether it left, its access point knows first (scanners.openwrt, unifi, fritzbox, hostapd; \
             `porchlight doctor` names the cheapest)"
                .into(),
        );
    }
    if !by_bluetooth {
        hints.push(
            "presence: its Bluetooth, by its key, is a second radio that hears it at home (scanners.ble.owners_file)"
                .into(),
        );
    }
    hints.push(
        "presence: doors and the app on it tell a departure from sleep (presence.doors, homeassistant.url)".into(),
    );
}

/// What would tell the kind, and is not known yet.
fn kind(view: &DeviceView, hints: &mut Vec<String>) {
    let has = |key: &str| view.facts.iter().any(|(held, _)| held == key);
    if view.kind == Kind::Iot {
        hints.push("kind: it is a thing of one purpose; which one its own name or its model would tell".into());
    }
    if let Some((_, second)) = view.facts.iter().find(|(key, _)| key == "kind.second")
        && let mut words = second.split(' ')
        && let (Some(rival), Some(sure)) = (words.next(), words.next())
        && let (Ok(rival), Ok(sure)) = (rival.parse::<Kind>(), sure.parse::<f32>())
        && sure >= NEAR
        && rival != view.kind
        && view.kind != Kind::Unknown
    {
        hints.push(format!(
            "kind: a name, model or service that only a {} or only a {} has",
            view.kind.noun(),
            rival.noun()
        ));
    }
    if !has("dhcp_asked") && !has("vendor_class") {
        hints.push(
            "kind, system, name: the DHCP request at its next renewal, or when it next joins the network".to_owned(),
        );
    }
    if view.services.is_empty() {
        hints.push(if view.sources.contains(&Source::Ports) {
            "kind: it has no open port that gives it away; its traffic would, on a mirror port".into()
        } else {
            "kind, model: a look at its ports (scanners.ports.enabled, then `porchlight scan`)".into()
        });
    }
    if !has("label.asks") && !has("label.asks_as_system") {
        hints.push("kind, vendor: what it asks of the Internet, heard on the router or a mirror port".into());
    }
}

fn vendor(view: &DeviceView, hints: &mut Vec<String>) {
    match &view.vendor {
        Some(vendor) if parts::maker(view).is_none() => hints.push(format!(
            "maker: {vendor} made a part of it; its web page, its model or its maker's services would name the maker"
        )),
        Some(_) => {}
        None if view.randomised => {
            hints.push("vendor: its address is random and names no maker; a name or a service of its own would".into());
        }
        None => hints.push(
            "vendor: its address is in no registry of the table; a newer one may have it (`porchlight vendors update`)"
                .into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(facts: &[(&str, &str)]) -> DeviceView {
        let facts = facts.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        DeviceView { facts, ..DeviceView::blank("d-7f3k2m".parse().expect("an id")) }
    }

    #[test]
    fn hints_name_what_is_missing_and_end_where_nothing_is() {
        let all = would(&view(&[])).join("\n");
        for part in ["DHCP", "ports", "Internet", "vendors update", "set d-7f3k2m name NAME", "set d-7f3k2m kind KIND"]
        {
            assert!(all.contains(part), "{part} in\n{all}");
        }
        let heard = would(&view(&[("dhcp_asked", "1,3"), ("label.asks", "tado.com")])).join("\n");
        assert!(!heard.contains("DHCP") && !heard.contains("Internet"), "{heard}");
        let random = would(&DeviceView { randomised: true, ..view(&[]) }).join("\n");
        assert!(random.contains("random") && !random.contains("vendors update"), "{random}");
        let known = DeviceView {
            kind: Kind::Printer,
            kind_confidence: 0.97,
            name_source: NameSource::Mdns,
            vendor: Some("HP".into()),
            ..view(&[])
        };
        assert_eq!(would(&known), Vec::<String>::new());
        assert_eq!(would(&DeviceView { kind_confidence: 0.3, ..known.clone() }).len(), 4);
        // A thing of whatever purpose is not settled, however sure that is; nor is the maker of a part the maker.
        let thing = DeviceView {
            kind: Kind::Iot,
            kind_confidence: 0.95,
            vendor: Some("Espressif".into()),
            vendor_source: Some("oui"),
            ..known.clone()
        };
        let hints = would(&thing).join("\n");
        for part in ["thing of one purpose", "Espressif made a part of it", "kind KIND"] {
            assert!(hints.contains(part), "{part} in\n{hints}");
        }
        // Two kinds near to each other are both named.
        let facts = view(&[("kind.second", "tablet 0.5 made by Samsung")]).facts;
        let either = DeviceView { kind: Kind::Phone, kind_confidence: 0.6, facts, ..known.clone() };
        assert!(would(&either).join("\n").contains("only a phone or only a tablet"), "{:?}", would(&either));
        // A phone that nobody but the network hears: who else could tell that it left.
        let phone = DeviceView { kind: Kind::Phone, kind_confidence: 0.97, ..known.clone() };
        let hints = would(&phone).join("\n");
        for part in ["its access point", "its Bluetooth", "presence.doors"] {
            assert!(hints.contains(part), "{part} in\n{hints}");
        }
        let listed = DeviceView { sources: vec![Source::Capture, Source::Fritzbox], ..phone.clone() };
        assert_eq!(would(&listed), Vec::<String>::new(), "one witness is enough");
        let facts = view(&[("quality", "poor")]).facts;
        let poor = would(&DeviceView { facts, ..listed }).join("\n");
        assert!(poor.contains("its Bluetooth") && !poor.contains("its access point"), "{poor}");
        // What a person said is not asked for again.
        let facts = view(&[("kind.set", "tv")]).facts;
        assert_eq!(would(&DeviceView { kind_confidence: 0.1, facts, ..known }), Vec::<String>::new());
    }
}
