//! Rules, and how they add up.

use super::*;

#[test]
fn every_rule_reads() {
    let lines = TABLES.iter().flat_map(|table| table.lines()).filter(|line| !line.starts_with('#'));
    let mut seen = BTreeSet::new();
    for line in lines {
        let rule = rule(line).unwrap_or_else(|| panic!("{line:?}"));
        assert!(rule.confidence > 0.1 && rule.confidence < 1.0 && line.split('\t').count() == 4, "{line}");
        let is_lower = matches!(rule.sign, Sign::Vendor | Sign::Class | Sign::Series);
        assert!(is_lower || rule.pattern == rule.pattern.to_lowercase(), "{line} can never hit");
        assert!(seen.insert((rule.sign, rule.key, rule.pattern, rule.kind)), "{line} stands twice");
    }
}

/// A device as it shows itself, and what it is.
struct Case {
    says: &'static str,
    vendor: &'static str,
    class: &'static str,
    asked: &'static [u8],
    services: &'static [&'static str],
    label: &'static str,
    routes: bool,
    kind: Kind,
}

const fn host(says: &'static str, kind: Kind) -> Case {
    Case { says, vendor: "", class: "", asked: &[], services: &[], label: "", routes: false, kind }
}

const ANDROID: &[u8] = &[1, 3, 6, 15, 26, 28, 51, 58, 59, 43, 114, 108];
const IOS: &[u8] = &[1, 121, 3, 6, 15, 108, 114, 119, 252];

#[test]
fn kinds_are_told_by_name_vendor_and_service() {
    let named = host;
    let cases = [
        host("", Kind::Unknown),
        // By name alone.
        named("Anna's iPhone", Kind::Phone),
        named("Annas-Phone", Kind::Phone),
        named("Galaxy-S24-Ultra", Kind::Phone),
        named("Galaxy-Tab-S9", Kind::Tablet),
        named("Annas-Galaxy-Tab", Kind::Tablet),
        named("Galaxy-Tab", Kind::Tablet),
        named("Tab-S9-von-Anna", Kind::Tablet),
        named("SM-X710", Kind::Tablet),
        named("SM-T580", Kind::Tablet),
        named("SM-S921B", Kind::Phone),
        named("Galaxy-Watch6", Kind::Watch),
        named("Pixel-8", Kind::Phone),
        named("Pixel-Tablet", Kind::Tablet),
        named("Redmi-Note-12", Kind::Phone),
        named("Redmi-Pad-SE", Kind::Tablet),
        named("Lenovo-Tab-P11", Kind::Tablet),
        named("Bens iPad", Kind::Tablet),
        named("ops-laptop", Kind::Laptop),
        named("LAPTOP-7K2M3N", Kind::Laptop),
        named("DESKTOP-7K2M", Kind::Computer),
        named("Annas-MacBook-Pro", Kind::Laptop),
        named("Living-Room-TV", Kind::Tv),
        named("ESP_PLUG1", Kind::Plug),
        named("HS110", Kind::Plug),
        named("IPC-Garden", Kind::Camera),
        named("rockrobo", Kind::Vacuum),
        named("family-nas", Kind::Nas),
        named("BRW3C2AF4D75500", Kind::Printer),
        named("PS5-Console", Kind::GameConsole),
        // Words within words are no words.
        named("stabilo", Kind::Unknown),
        named("campus", Kind::Unknown),
        named("watchtower", Kind::Unknown),
        named("lighthouse", Kind::Unknown),
        named("plug2", Kind::Plug),
        named("headphoneless", Kind::Unknown),
        named("nasa-wallpaper", Kind::Unknown),
        // A tablet asks for addresses as a phone of the same maker does.
        Case { asked: ANDROID, class: "android-dhcp-13", ..host("Galaxy-Tab", Kind::Tablet) },
        Case { asked: ANDROID, class: "android-dhcp-14", ..host("Galaxy-S24", Kind::Phone) },
        Case { asked: ANDROID, class: "android-dhcp-14", ..host("", Kind::Phone) },
        Case { asked: IOS, ..host("Annas-iPad", Kind::Tablet) },
        Case { asked: IOS, ..host("iPhone", Kind::Phone) },
        // By maker, service and model.
        Case { vendor: "Apple", ..host("", Kind::Unknown) },
        Case { vendor: "Hikvision", ..host("", Kind::Camera) },
        Case { vendor: "Synology", services: &["_smb", "_ssh"], ..host("diskstation", Kind::Nas) },
        Case { vendor: "HP", services: &["_ipp", "_http"], ..host("", Kind::Printer) },
        Case { vendor: "Espressif", ..host("wled-desk", Kind::Light) },
        Case { vendor: "Espressif", services: &["_esphomelib"], ..host("garage-sensor", Kind::Sensor) },
        Case {
            vendor: "Apple",
            services: &["_airplay", "_raop"],
            label: "AudioAccessory5,1",
            ..host("", Kind::Speaker)
        },
        Case { services: &["_googlecast"], label: "BRAVIA 4K", ..host("", Kind::Tv) },
        Case { services: &["_googlecast"], label: "Chromecast", ..host("", Kind::MediaPlayer) },
        Case { label: "Galaxy Tab S9", ..host("", Kind::Tablet) },
        Case { vendor: "AVM", routes: true, ..host("", Kind::Router) },
    ];
    for case in cases {
        let filled = |text: &'static str| Some(text).filter(|text| !text.is_empty());
        let service = |name: &&str| ServiceView { tcp: true, port: 80, name: (*name).into(), product: None };
        let guess = guess(&Signs {
            vendor: filled(case.vendor),
            hosts: filled(case.says).into_iter().collect(),
            class: filled(case.class),
            asked: case.asked,
            services: &case.services.iter().map(service).collect(),
            labels: &filled(case.label).map(|label| ("model".to_owned(), label.to_owned())).into_iter().collect(),
            routes: case.routes,
        });
        let Case { says, vendor, kind, .. } = case;
        assert_eq!(guess.kind, kind, "{says:?} {vendor:?}: {guess:?}");
        assert!(guess.confidence <= 1.0);
    }
}

#[test]
fn the_tables_of_an_agent_tell_what_it_is_and_where_it_stands_does_not() {
    let kind = |key: &str, value: &str| {
        let labels = [(key.to_owned(), value.to_owned())].into();
        let services = BTreeSet::new();
        let signs = Signs {
            vendor: None,
            hosts: Vec::new(),
            class: None,
            asked: &[],
            services: &services,
            labels: &labels,
            routes: false,
        };
        guess(&signs).kind
    };
    assert_eq!(kind("port", "hall-switch port 3 (camera)"), Kind::Unknown);
    assert_eq!(kind("location", "behind the Chromecast"), Kind::Unknown);
    assert_eq!(kind("serial", "IPHONE123"), Kind::Unknown);
    assert_eq!(kind("model", "HP LaserJet M402dn"), Kind::Printer);
    assert_eq!(kind("snmp_role", "printer"), Kind::Printer);
    assert_eq!(kind("snmp_role", "switch"), Kind::Switch);
}
