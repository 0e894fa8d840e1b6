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
        assert!(guess.second.is_some_and(|second| second.confidence <= WEAK_MOST));
    }
    // One of them that may be said alone, and they add up.
    let named = told(&Heard { asked: linux, vendor: "Raspberry Pi", host: "raspberrypi", ..NOTHING });
    assert!(named.kind == Kind::Computer && named.confidence > 0.85, "{named:?}");
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
