//! # What becomes known of a device, and what is told of it

use porchlight::model::{Fact, Heard, Kind};

use crate::world::{PHONE, World};

/// A box that says nothing at first, then offers something, has a name, and takes the offer back.
#[test]
fn each_thing_learned_is_told_once() {
    let mut home = World::new();
    let offer = |port, name: &str| Fact::Service { tcp: true, port, name: name.into() };
    home.comes(PHONE);
    home.run(120);
    assert_eq!(home.device(PHONE).kind, Kind::Unknown);
    for _ in 0..3 {
        home.fact(PHONE, offer(8009, "_googlecast"));
        home.fact(PHONE, Fact::Label { key: "md", value: "Chromecast".into() });
        home.fact(PHONE, Fact::Named { name: "Living room box".into(), by: Heard::Mdns });
        home.run(60);
    }
    let view = home.device(PHONE);
    assert_eq!((view.kind, view.name.as_str()), (Kind::MediaPlayer, "Living room box"));
    assert_eq!(home.saw(" service d-"), 1, "{:#?}", home.lines);
    assert_eq!(home.saw(" kind d-"), 1, "{:#?}", home.lines);
    assert!(home.saw("unknown") >= 1 && home.saw("media_player") >= 1, "{:#?}", home.lines);
    let renames = home.saw("renamed");
    assert!((1..=2).contains(&renames), "by maker and kind, then by its own name: {:#?}", home.lines);
    // Its port refuses: the offer goes, and is told to be gone once.
    for _ in 0..2 {
        home.fact(PHONE, Fact::ServiceGone { tcp: true, port: 8009 });
        home.run(10);
    }
    assert_eq!(home.saw(" service closed "), 1, "{:#?}", home.lines);
    assert_eq!(home.saw("renamed"), renames);
    // It comes back: opened again, and the same device of the same kind as before.
    home.fact(PHONE, offer(8009, "_googlecast"));
    home.run(10);
    assert_eq!((home.saw(" service d-"), home.device(PHONE).kind), (2, Kind::MediaPlayer));
}

/// What came later and says more wins; what says less changes nothing.
#[test]
fn better_evidence_wins_whenever_it_comes() {
    let mut home = World::new();
    let tablet = ("00:16:6b:01:02:03", "192.168.7.60");
    home.comes(tablet);
    home.fact(
        tablet,
        Fact::Dhcp {
            asked: vec![1, 3, 6, 15, 26, 28, 51, 58, 59, 43],
            vendor_class: Some("android-dhcp-13".into()),
            client_id: None,
        },
    );
    home.run(120);
    assert_eq!(home.device(tablet).kind, Kind::Phone);
    home.fact(tablet, Fact::Label { key: "model", value: "Galaxy Tab S9".into() });
    assert_eq!(home.device(tablet).kind, Kind::Tablet);
    for weak in [
        Fact::Label { key: "speaks", value: "to:tcp/5228".into() },
        Fact::Label { key: "user_agent", value: "okhttp/4.9".into() },
        Fact::Service { tcp: true, port: 7000, name: "_airplay".into() },
    ] {
        home.fact(tablet, weak);
        home.run(30);
        assert_eq!(home.device(tablet).kind, Kind::Tablet);
    }
    // From unknown to phone to tablet.
    assert_eq!(home.saw(" kind d-"), 2, "{:#?}", home.lines);
}
