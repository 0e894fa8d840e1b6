//! # What would settle what is uncertain of a device
//!
//! Each hint names evidence that is missing and how it comes: by itself, by a scanner that is off, or by a person.

use crate::model::{DeviceView, Kind, NameSource, Source};

/// Sure enough that nobody need look further.
const SURE: f32 = 0.8;

/// Hints, the easiest first. Empty if nothing is uncertain.
#[must_use]
pub fn would(view: &DeviceView) -> Vec<String> {
    let mut hints = Vec::new();
    let has = |key: &str| view.facts.iter().any(|(held, _)| held == key);
    let is_kind_sure = has("kind.set") || view.kind_confidence >= SURE;
    let is_named = matches!(view.name_source, NameSource::Own | NameSource::HomeAssistant);
    let is_name_weak = matches!(
        view.name_source,
        NameSource::VendorKind | NameSource::Generic | NameSource::VendorTail | NameSource::Address
    );
    if is_kind_sure && !is_name_weak && view.vendor.is_some() {
        return hints;
    }
    if !is_kind_sure {
        if !has("dhcp_asked") && !has("vendor_class") {
            hints.push(
                "kind, system, name: the DHCP request at its next renewal, or when it next joins the network"
                    .to_owned(),
            );
        }
        if view.services.is_empty() {
            let seen = |source| view.sources.contains(&source);
            if seen(Source::Ports) {
                hints.push("kind: it has no open port that gives it away; its traffic would, on a mirror port".into());
            } else {
                hints.push("kind, model: a look at its ports (scanners.ports.enabled, then `porchlight scan`)".into());
            }
        }
        if !has("label.asks") && !has("label.asks_as_system") {
            hints.push("kind, vendor: what it asks of the Internet, heard on the router or a mirror port".into());
        }
    }
    if view.vendor.is_none() {
        hints.push(if view.randomised {
            "vendor: its address is random and names no maker; a name or a service of its own would".into()
        } else {
            "vendor: its address is in no registry of the table; a newer one may have it (`porchlight vendors update`)"
                .into()
        });
    }
    if is_name_weak {
        hints.push(format!("name: name it yourself: porchlight device set {} name NAME", view.id));
    }
    if !is_kind_sure {
        let kind = if view.kind == Kind::Unknown { "KIND" } else { view.kind.word() };
        hints.push(format!("kind: say it yourself: porchlight device set {} kind {kind}", view.id));
    }
    if is_named && is_kind_sure {
        hints.retain(|hint| !hint.starts_with("name:"));
    }
    hints
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
        assert_eq!(would(&DeviceView { kind_confidence: 0.3, ..known }).len(), 4);
    }
}
