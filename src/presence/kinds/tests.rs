//! Rules, and how they add up.

use super::{
    table::{RULES, TEXT, rule},
    *,
};

mod machines;
mod weak;

#[test]
fn every_rule_reads() {
    let mut seen = BTreeSet::new();
    let starts = std::iter::once(0).chain(TEXT.match_indices('\n').map(|(at, _)| at + 1));
    for (at, line) in starts.zip(TEXT.lines()).filter(|(_, line)| !line.starts_with('#')) {
        let rule = rule(at, line).unwrap_or_else(|| panic!("{line:?}"));
        let columns: Vec<&str> = line.split('\t').collect();
        assert_eq!(columns.len(), 4, "{line}");
        assert!(rule.confidence() > 0.1 && columns[3].parse() == Ok(rule.confidence()), "{line}");
        assert_eq!((rule.evidence().pattern, rule.kind.word()), (columns[1], columns[2]));
        assert_eq!(rule.besides().count() + 1, if columns[0] == "all" { columns[1].split(" & ").count() } else { 1 });
        for part in std::iter::once(rule.part).chain(rule.besides()) {
            let may_be_upper = matches!(part.sign, Sign::Vendor | Sign::Class | Sign::Series);
            assert!(may_be_upper || part.pattern() == part.pattern().to_lowercase(), "{line} can never hit");
        }
        assert!(seen.insert(format!("{} {} {}", columns[0], columns[1], rule.kind)), "{line} stands twice");
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
    random: bool,
    kind: Kind,
}

const fn host(says: &'static str, kind: Kind) -> Case {
    Case { says, vendor: "", class: "", asked: &[], services: &[], label: "", routes: false, random: false, kind }
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
        Case { asked: ANDROID, class: "android-dhcp-14", ..host("", Kind::Unknown) },
        Case { asked: ANDROID, class: "android-dhcp-14", random: true, ..host("", Kind::Phone) },
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
        Case { services: &["_googlecast"], label: "Cast television", ..host("Living-Room-TV", Kind::Tv) },
        Case { label: "Galaxy Tab S9", ..host("", Kind::Tablet) },
        Case { vendor: "AVM", routes: true, ..host("", Kind::Router) },
    ];
    for case in cases {
        let filled = |text: &'static str| Some(text).filter(|text| !text.is_empty());
        let service = |name: &&str| ServiceView { tcp: true, port: 80, name: (*name).into(), product: None };
        let guess = guess(&Signs {
            macs: Vec::new(),
            vendor: filled(case.vendor),
            hosts: filled(case.says).into_iter().collect(),
            class: filled(case.class),
            asked: case.asked,
            services: &case.services.iter().map(service).collect(),
            labels: &filled(case.label).map(|label| ("model".to_owned(), label.to_owned())).into_iter().collect(),
            routes: case.routes,
            own: false,
            random: case.random,
        });
        let Case { says, vendor, kind, .. } = case;
        assert_eq!(guess.kind, kind, "{says:?} {vendor:?}: {guess:?}");
        assert!(guess.confidence <= 1.0);
    }
}

/// A device as others hear it: maker, host name, DHCP class, options asked for, labels, services.
struct Heard<'a> {
    vendor: &'a str,
    host: &'a str,
    class: &'a str,
    asked: &'a str,
    labels: &'a [(&'a str, &'a str)],
    services: &'a [&'a str],
}

const NOTHING: Heard<'static> = Heard { vendor: "", host: "", class: "", asked: "", labels: &[], services: &[] };

fn told(heard: &Heard<'_>) -> Guess {
    let filled = |text: &'static str| Some(text).filter(|text| !text.is_empty());
    let leak = |text: &str| -> &'static str { text.to_owned().leak() };
    let asked: Vec<u8> = heard.asked.split(',').filter_map(|code| code.parse().ok()).collect();
    let service = |name: &&str| ServiceView { tcp: true, port: 1, name: (*name).into(), product: None };
    guess(&Signs {
        macs: Vec::new(),
        vendor: filled(leak(heard.vendor)),
        hosts: filled(leak(heard.host)).into_iter().collect(),
        class: filled(leak(heard.class)),
        asked: &asked,
        services: &heard.services.iter().map(service).collect(),
        labels: &heard.labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        routes: false,
        own: false,
        random: false,
    })
}

/// Recorded of real devices: options 55, 60 and 12 of DHCP, SSDP headers and types, User-Agents.
#[test]
fn recorded_fingerprints_are_told() {
    let dhcp = |asked, class, host, kind| (Heard { asked, class, host, ..NOTHING }, kind);
    let label = |vendor, labels, kind| (Heard { vendor, labels, ..NOTHING }, kind);
    let udhcp = "1,3,6,12,15,28,42";
    let windows_7 = "1,15,3,6,44,46,47,31,33,121,249,43,252";
    let windows_10 = "1,3,6,15,31,33,43,44,46,47,119,121,249,252";
    let ubuntu = "1,28,2,3,15,6,119,12,44,47,26,121,42,121,249,252,42";
    let cases = [
        dhcp(udhcp, "udhcp 1.19.4", "Philips-hue", Kind::Hub),
        // A module's own name and a list that all small Linux has: nothing to go by.
        dhcp("1,3,28,6", "", "HF-LPB100", Kind::Unknown),
        dhcp("1,3,28,6,15,44,46,47,31,33,121,43", "", "ESP_A1B2C3", Kind::Unknown),
        dhcp(udhcp, "udhcp 1.12.1", "", Kind::Unknown),
        // The list tells the system, which is that of a phone, a tablet, a watch or a box at the television.
        dhcp("1,121,3,6,15,119,252", "", "Shen", Kind::Unknown),
        dhcp("1,3,6,15,119,95,252,44,46", "", "MacBook-Air", Kind::Laptop),
        dhcp("1,121,3,6,15,108,114,119,252,95,44,46", "", "MacBookPro", Kind::Laptop),
        dhcp(windows_7, "MSFT 5.0", "Joanna-PC", Kind::Computer),
        dhcp(windows_10, "MSFT 5.0", "", Kind::Computer),
        dhcp("1,33,3,6,15,28,51,58,59", "dhcpcd-5.5.6", "android-f7ca0f571270c52d", Kind::Phone),
        dhcp("1,33,3,6,15,26,28,51,58,59", "dhcpcd-5.5.6", "", Kind::Unknown),
        dhcp(ubuntu, "", "sanji-LIFEBOOK-LH531", Kind::Laptop),
        dhcp(ubuntu, "", "ubuntu", Kind::Computer),
        dhcp("1,28,2,3,15,6,119,12,44,47,26,121,42,249,33,252", "", "hlkali", Kind::Unknown),
        label("D-Link", &[("upnp_software", "Linux,    UPnP/1.0 DCS-935L/1.0")], Kind::Camera),
        label("D-Link", &[("upnp_software", "Cellvision UPnP/1.0")], Kind::Camera),
        label("Philips Hue", &[("upnp_software", "Linux/3.14.0 UPnP/1.0 IpBridge/1.9.0")], Kind::Hub),
        label("Belkin", &[("upnp_type", "insight")], Kind::Plug),
        label("Belkin", &[("upnp_type", "controllee")], Kind::Plug),
        label("Belkin", &[("upnp_type", "bridge")], Kind::Hub),
        label("", &[("upnp_software", "Microsoft-Windows/10.0 UPnP/1.0 UPnP-Device-Host/1.0")], Kind::Computer),
        label("Apple", &[("user_agent", "Argo/9.1.0 (iPhone; iOS 10.2; Scale/2.00)")], Kind::Phone),
        label("", &[("user_agent", "Mozilla/5.0 (Windows NT 6.1) AppleWebKit/537.22")], Kind::Computer),
        label("", &[("user_agent", "Dalvik/2.1.0 (Linux; U; Android 5.1.1; LGLS751 Build/LMY47V)")], Kind::Phone),
        label("", &[("user_agent", "Wget/1.13 (linux-uclibc)")], Kind::Unknown),
        label("", &[("user_agent", "Instagram 7.1.1 Android (19/4.4.2; samsung; GT-I9505; jflte)")], Kind::Phone),
    ];
    for (heard, kind) in cases {
        let guess = told(&heard);
        assert_eq!(guess.kind, kind, "{} {} {} {:?}: {guess:?}", heard.host, heard.class, heard.asked, heard.labels);
    }
}

/// Machines of many sorts and makers, as they speak by the makers' manuals: evidence of its sort, not a list of models.
#[test]
fn general_evidence_tells_machines_of_any_maker() {
    let speaks = |vendor, talk: &'static str, kind| (vendor, "", ("speaks", talk), "", kind);
    let asks = |vendor, domain: &'static str, kind| (vendor, "", ("asks", domain), "", kind);
    let serves = |vendor, service, kind| (vendor, "", ("", ""), service, kind);
    let named = |vendor, host, kind| (vendor, host, ("", ""), "", kind);
    let cases = [
        speaks("", "from:tcp/9100", Kind::Printer),
        speaks("", "from:tcp/34567", Kind::Camera),
        speaks("Samsung", "from:tcp/8002", Kind::Tv),
        speaks("", "from:tcp/8002", Kind::Unknown),
        speaks("LG", "from:tcp/3001", Kind::Tv),
        speaks("", "from:tcp/8060", Kind::MediaPlayer),
        speaks("", "to:udp/9522", Kind::Energy),
        speaks("", "from:udp/38899", Kind::Light),
        speaks("", "from:udp/56700", Kind::Light),
        speaks("", "from:tcp/4352", Kind::Projector),
        speaks("Synology", "from:tcp/5001", Kind::Nas),
        speaks("", "from:tcp/62078", Kind::Phone),
        speaks("", "to:udp/17500", Kind::Computer),
        speaks("", "from:tcp/58867", Kind::Vacuum),
        speaks("", "to:tcp/5223 to:tcp/8883", Kind::Unknown),
        asks("", "roborock.com", Kind::Vacuum),
        asks("Espressif", "ecobee.com", Kind::Thermostat),
        asks("", "home-connect.com", Kind::Appliance),
        asks("", "solaredge.com", Kind::Energy),
        asks("Texas Instruments", "nuki.io", Kind::Lock),
        asks("", "lgtvsdp.com", Kind::Tv),
        asks("", "nintendo.net", Kind::GameConsole),
        serves("", "_ipp", Kind::Printer),
        serves("", "_hwenergy", Kind::Energy),
        serves("", "_wled", Kind::Light),
        serves("", "_axis-video", Kind::Camera),
        serves("", "_dkapi", Kind::Thermostat),
        serves("", "_sonos", Kind::Speaker),
        serves("", "_kizbox", Kind::Hub),
        serves("", "_fbx-api", Kind::Router),
        serves("", "_qdiscover", Kind::Nas),
        serves("", "_pjlink", Kind::Projector),
        named("", "Wallbox-Garage", Kind::Energy),
        named("", "fritz.box", Kind::Router),
        named("", "opnsense", Kind::Firewall),
        named("", "shellyplusht-a8032ab1", Kind::Sensor),
        named("", "shellytrv-8cf681", Kind::Thermostat),
        named("", "Kueche-Lampe", Kind::Light),
        named("", "Saugroboter", Kind::Vacuum),
        named("Cisco", "SEP001122334455", Kind::VoipPhone),
        named("Withings", "WBS06", Kind::Scale),
        named("Tesla", "Powerwall", Kind::Energy),
        named("VMware", "", Kind::VirtualMachine),
        named("Nuki Home Solutions", "", Kind::Lock),
        named("APC by Schneider Electric", "", Kind::Ups),
        named("Miele & Cie", "", Kind::Appliance),
        // Makers of everything say nothing by their name.
        named("Apple", "", Kind::Unknown),
        named("Samsung", "", Kind::Unknown),
        named("Google", "", Kind::Unknown),
        named("TP-Link", "", Kind::Unknown),
        named("D-Link", "", Kind::Unknown),
        named("Xiaomi", "", Kind::Unknown),
        named("Espressif", "", Kind::Unknown),
        named("Ringier", "", Kind::Unknown),
    ];
    let mut kinds = BTreeSet::new();
    for (vendor, host, label, service, kind) in cases {
        let labels = [label];
        let labels: &[(&str, &str)] = if label.0.is_empty() { &[] } else { &labels };
        let services: &[&str] = if service.is_empty() { &[] } else { &[service] };
        let guess = told(&Heard { vendor, host, labels, services, ..NOTHING });
        assert_eq!(guess.kind, kind, "{vendor:?} {host:?} {label:?} {service:?}: {guess:?}");
        kinds.insert(kind);
    }
    assert!(kinds.len() >= 20, "{kinds:?}");
    let all: BTreeSet<Kind> = RULES.groups().iter().flat_map(|group| RULES.of(group)).map(|rule| rule.kind).collect();
    let bare: Vec<Kind> =
        Kind::ALL.iter().copied().filter(|kind| *kind != Kind::Unknown && !all.contains(kind)).collect();
    assert!(bare.is_empty() && all.len() >= 30, "without a rule: {bare:?}");
}

#[test]
fn an_app_is_not_the_machine() {
    let asks = |vendor: &'static str, domain: &str, random| {
        let labels = [("asks".to_owned(), domain.to_owned())].into();
        let vendor = Some(vendor).filter(|vendor| !vendor.is_empty());
        let (services, hosts) = (BTreeSet::new(), Vec::new());
        guess(&Signs {
            macs: Vec::new(),
            vendor,
            hosts,
            class: None,
            asked: &[],
            services: &services,
            labels: &labels,
            routes: false,
            own: false,
            random,
        })
        .kind
    };
    for (vendor, random, kind) in [
        ("Espressif", false, Kind::Vacuum),
        ("Beijing Roborock", false, Kind::Vacuum),
        ("", false, Kind::Vacuum),
        ("", true, Kind::Unknown),
        ("Apple", false, Kind::Unknown),
    ] {
        assert_eq!(asks(vendor, "roborock.us", random), kind, "{vendor:?} {random}");
    }
}

#[test]
fn what_is_unsure_is_not_said_but_kept() {
    // Below the bar.
    let eq3 = told(&Heard { vendor: "eQ-3 (Homematic)", ..NOTHING });
    assert_eq!(eq3.kind, Kind::Unknown);
    assert_eq!(eq3.second.as_ref().map(|second| (second.kind, second.confidence)), Some((Kind::Hub, 0.5)), "{eq3:?}");
    // A thing of one purpose yields to any kind that is known, and is said only when sure.
    let thing = told(&Heard { vendor: "Tuya", labels: &[("asks", "tuyaeu.com")], ..NOTHING });
    assert_eq!(thing.kind, Kind::Iot, "{thing:?}");
    let plug = told(&Heard { vendor: "Tuya", host: "Steckdose-2", labels: &[("asks", "tuyaeu.com")], ..NOTHING });
    assert_eq!(plug.kind, Kind::Plug, "{plug:?}");
    // Two of different groups, as sure as each other.
    let two = told(&Heard { services: &["_ipp", "_onvif"], ..NOTHING });
    assert_eq!((two.kind, two.second.is_some()), (Kind::Unknown, true), "{two:?}");
    // What people and programs say is no product.
    for label in [("user_agent", "camera"), ("asks", "bulb.example"), ("serial", "x")] {
        let labels = [label];
        assert_eq!(told(&Heard { labels: &labels, ..NOTHING }).kind, Kind::Unknown, "{label:?}");
    }
}

#[test]
fn the_tables_of_an_agent_tell_what_it_is_and_where_it_stands_does_not() {
    let kind = |key, value| told(&Heard { labels: &[(key, value)], ..NOTHING }).kind;
    assert_eq!(kind("port", "hall-switch port 3 (camera)"), Kind::Unknown);
    assert_eq!(kind("location", "behind the Chromecast"), Kind::Unknown);
    assert_eq!(kind("serial", "IPHONE123"), Kind::Unknown);
    assert_eq!(kind("model", "HP LaserJet M402dn"), Kind::Printer);
    assert_eq!(kind("snmp_role", "printer"), Kind::Printer);
    assert_eq!(kind("snmp_role", "switch"), Kind::Switch);
}

#[test]
fn what_signs_say_together_none_says_alone() {
    let camera = Heard { vendor: "TRENDnet", class: "udhcp 1.12.1", labels: &[("link", "wifi")], ..NOTHING };
    let guess = told(&camera);
    assert_eq!(guess.kind, Kind::Camera, "{guess:?}");
    assert_eq!(guess.why, "made by TRENDnet and joins by wifi and its DHCP class is \"udhcp\"");
    assert_eq!(told(&Heard { class: "", ..camera }).kind, Kind::Unknown);
    assert_eq!(told(&Heard { labels: &[], ..camera }).kind, Kind::Unknown);
    assert_eq!(told(&Heard { vendor: "Edimax", ..camera }).kind, Kind::Unknown);
}

#[test]
fn reasons_read_as_people_speak() {
    let why = |heard: &Heard<'_>| told(heard).why;
    let printer = Heard { vendor: "Brother", host: "BRW00112233", services: &["_ipp"], ..NOTHING };
    assert_eq!(why(&printer), "offers _ipp, its name has \"brw\", made by Brother");
    let cam = Heard {
        vendor: "D-Link",
        labels: &[("model", "DCS-935L"), ("upnp_software", "Cellvision UPnP/1.0")],
        ..NOTHING
    };
    assert_eq!(why(&cam), "a model \"dcs\" of D-Link, its upnp software has \"cellvision\"");
    let asked = "1,3,7,44,51,54,58,59,12,15,144,18";
    assert_eq!(why(&Heard { asked, ..NOTHING }), "the DHCP options it asks for");
}

#[test]
fn the_own_machine_is_a_computer_unless_something_better_is_known() {
    let (services, labels) = (BTreeSet::new(), BTreeMap::new());
    let kind = |vendor, host, routes| {
        let (macs, class, asked) = (Vec::new(), None, &[][..]);
        let hosts = vec![host];
        let (services, labels) = (&services, &labels);
        guess(&Signs { macs, vendor, hosts, class, asked, services, labels, routes, own: true, random: false }).kind
    };
    assert_eq!(kind(Some("Raspberry Pi"), "house", false), Kind::Computer);
    assert_eq!(kind(None, "house", true), Kind::Router);
    assert_eq!(kind(Some("Synology"), "diskstation", false), Kind::Nas);
}

/// Names that people and systems give to whatever they like.
#[test]
fn ordinary_names_tell_nothing() {
    for host in [
        "wizard",
        "champion",
        "gramophone",
        "poolhouse",
        "switzerland",
        "nucleus",
        "venus",
        "apollo",
        "epsilon",
        "ringo",
        "hallway",
        "lucia",
        "modesto",
        "templeton",
        "camilla",
        "printemps",
        "alexander",
        "plugin-test",
        "ledger",
        "locksmith",
        "homer",
        "tvb",
        "macaroni",
        "boseman",
        "eapol",
        "sepia",
        "hubert",
        "bridget",
        "apcalc",
        "meshuggah",
        "zappa",
        "arian",
        "localhost",
        "myhost",
        "a1b2c3d4e5f6",
        "host-12",
        "benjamin",
        "julia",
        "oskar",
        "family",
    ] {
        let guess = told(&Heard { host, ..NOTHING });
        assert_eq!(guess.kind, Kind::Unknown, "{host}: {guess:?}");
    }
}

#[test]
fn a_rule_that_does_not_count_says_nothing() {
    let (services, labels) = (BTreeSet::new(), BTreeMap::new());
    let signs = Signs {
        macs: Vec::new(),
        vendor: Some("Sonos"),
        hosts: vec!["kitchen-speaker"],
        class: None,
        asked: &[],
        services: &services,
        labels: &labels,
        routes: false,
        own: false,
        random: false,
    };
    let all = guess(&signs);
    let some = guess_by(&signs, |evidence| evidence.maker != Some("Sonos"));
    assert_eq!((all.kind, some.kind), (Kind::Speaker, Kind::Speaker));
    assert!(all.confidence > some.confidence, "{all:?} {some:?}");
    assert_eq!(guess_by(&signs, |_| false), Guess::default());
}
