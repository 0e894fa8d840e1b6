//! What says little, and what is no word.

use super::*;

/// A gateway, a meter or a wallbox is built of the same small computer and asks for the same options.
#[test]
fn weak_signs_do_not_add_up_to_a_kind() {
    let linux = "1,28,2,3,15,6,119,12,44,47,26,121,42";
    for heard in [
        Heard { asked: linux, ..NOTHING },
        Heard { asked: linux, vendor: "Raspberry Pi", ..NOTHING },
        Heard { asked: linux, services: &["_smb"], ..NOTHING },
        Heard { asked: "1,121,3,6,15,108,114,119,252", ..NOTHING },
    ] {
        let guess = told(&heard);
        assert_eq!(guess.kind, Kind::Unknown, "{guess:?}");
        assert!(guess.second.is_some_and(|second| second.confidence <= tally::WEAK_MOST));
    }
    // One of them that may be said alone, and they add up.
    let named = told(&Heard { asked: linux, vendor: "Raspberry Pi", host: "raspberrypi", ..NOTHING });
    assert!(named.kind == Kind::Computer && named.confidence > 0.8, "{named:?}");
}

#[test]
fn words_of_names_begin_at_great_letters() {
    for (host, kind) in [
        ("CamDoorbell", Kind::Doorbell),
        ("DryerTemp", Kind::Sensor),
        ("dryer-temp", Kind::Sensor),
        ("HallPrinter2", Kind::Printer),
        // Small letters only: no word is looked for within others.
        ("unplugged", Kind::Unknown),
        ("ABCPLUG", Kind::Unknown),
    ] {
        assert_eq!(told(&Heard { host, ..NOTHING }).kind, kind, "{host}");
    }
}

/// Phones, tablets, watches, televisions and boxes ask for addresses by the same program. It draws its own address on what is
/// carried; what hangs at a television keeps the one of its module.
#[test]
fn a_system_is_no_machine() {
    let asked = "1,3,6,15,26,28,51,58,59,43,114,108";
    let android = Heard { asked, class: "android-dhcp-13", ..NOTHING };
    assert_eq!(told(&android).kind, Kind::Unknown);
    assert_eq!(told(&Heard { host: "Kitchen-Tablet", ..android }).kind, Kind::Tablet);
    assert_eq!(told(&Heard { vendor: "Motorola", ..android }).kind, Kind::Phone);
    for services in [&["_googlecast"][..], &["_airplay"], &["_smb"]] {
        assert_eq!(told(&Heard { services, ..NOTHING }).kind, Kind::Unknown, "{services:?}");
    }
}

/// A maker of printers makes scanners too, and one of supplies strips of sockets: what the thing shows goes before.
#[test]
fn the_maker_yields_to_what_the_thing_shows() {
    for (vendor, host, kind) in [
        ("APC by Schneider Electric", "", Kind::Ups),
        ("APC by Schneider Electric", "rack-pdu", Kind::Plug),
        ("Reolink", "", Kind::Camera),
        ("Reolink", "front-doorbell", Kind::Doorbell),
        ("Midea", "bedroom-thermostat", Kind::Thermostat),
        // The maker's name in the machine's says no more than the maker.
        ("Lexmark", "lexmark-scanner", Kind::Scanner),
    ] {
        let guess = told(&Heard { vendor, host, ..NOTHING });
        assert_eq!(guess.kind, kind, "{vendor} {host:?}: {guess:?}");
    }
}

#[test]
fn the_words_of_classes_and_makers_tell_what_is_made() {
    for (vendor, class, host, kind) in [
        ("", "AcmeDeskPhone2", "", Kind::VoipPhone),
        ("", "Acme-WiFi-AP", "", Kind::AccessPoint),
        ("", "ACME STB", "", Kind::MediaPlayer),
        ("", "aptitude", "", Kind::Unknown),
        ("Acme Solar", "", "", Kind::Energy),
        ("Acme Surveillance", "", "", Kind::Camera),
        ("Solarflare Communications", "", "", Kind::Unknown),
        ("", "", "Gartensteckdose", Kind::Plug),
        ("", "", "hallrepeater", Kind::AccessPoint),
        ("", "", "Cambridge", Kind::Unknown),
    ] {
        let guess = told(&Heard { vendor, class, host, ..NOTHING });
        assert_eq!(guess.kind, kind, "{vendor} {class} {host}: {guess:?}");
    }
    assert_eq!(text::pieces("OptiIpPhone2"), ["Opti", "Ip", "Phone", "2"]);
    assert_eq!(text::pieces("WiFiAP"), ["Wi", "Fi", "AP"]);
    assert!(text::pieces("").is_empty());
}
