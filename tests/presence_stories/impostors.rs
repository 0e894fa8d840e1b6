//! # Whose an address is, if somebody copies it: what proves a device, and what `presence.identity: enforce` lets in

use porchlight::{
    engine::Settings,
    model::{Command, Fact, Kind, Presence, Proof},
};

use crate::world::{GATEWAY, PHONE, World, mac};

/// What a phone's DHCP client says when it comes: options in their order, class, name.
fn visits(home: &mut World, asked: &[u8], class: Option<&str>, name: &str) {
    home.there.insert(mac(PHONE.0));
    home.seen(PHONE, Proof::DhcpRequest);
    home.fact(PHONE, Fact::Dhcp { asked: asked.to_vec(), vendor_class: class.map(ToOwned::to_owned), client_id: None });
    home.named(PHONE, name);
    home.run(10);
}

const IPHONE: &[u8] = &[1, 121, 3, 6, 15, 108, 114, 119, 252];
const LINUX: &[u8] = &[1, 28, 2, 3, 15, 6, 119, 12, 44, 47, 26, 121, 42];

fn identity(home: &mut World) -> String {
    let facts = home.device(PHONE).facts.clone();
    facts.iter().find(|(key, _)| key == "identity").map(|(_, value)| value.clone()).unwrap_or_default()
}

fn important_phone(enforce: bool) -> World {
    let mut settings = Settings::default();
    if enforce {
        settings.presence.identity = porchlight::presence::Identity::Enforce;
    }
    settings.presence.away_after.insert("phone".into(), porchlight::model::Span::minutes(5));
    let mut home = World::with(settings, &porchlight::model::Remembered::default());
    home.comes(GATEWAY);
    // The first minutes of a first start are silent.
    home.run(3_600);
    visits(&mut home, IPHONE, None, "Annas-iPhone");
    let phone = home.id(PHONE);
    assert!(home.order(Command::SetImportant { device: phone, on: true }));
    home.run(600);
    home
}

fn goes_and(home: &mut World, comes: impl Fn(&mut World)) -> Presence {
    home.goes(PHONE);
    home.run(1_200);
    assert_eq!(home.device(PHONE).presence, Presence::Away, "{:#?}", home.lines);
    comes(home);
    home.device(PHONE).presence
}

// Somebody copies the address of a phone that is away. What is behind it asks for other things.
#[test]
fn a_copied_address_is_told_and_with_enforce_it_is_not_home() {
    type Row<'a> = (&'a str, &'a [u8], Option<&'a str>, &'a str, bool, [Presence; 2], &'a str);
    use Presence::{Away, Home};
    let table: &[Row] = &[
        // who comes, its options, class and name; told; shown with warn and enforce; identity with warn
        ("itself", IPHONE, None, "Annas-iPhone", false, [Home, Home], "sure"),
        ("another client", LINUX, None, "Annas-iPhone", true, [Home, Away], "doubtful"),
        ("another client and name", LINUX, Some("dhcpcd-10.0.6"), "kali", true, [Home, Away], "doubtful"),
        (
            "the same options in another order",
            &[121, 1, 3, 6, 15, 108, 114, 119, 252],
            None,
            "Annas-iPhone",
            true,
            [Home, Away],
            "doubtful",
        ),
        // People rename their phones: doubted, not told.
        ("a new name", IPHONE, None, "Annas-new-iPhone", false, [Home, Away], "doubtful"),
        ("no name", IPHONE, None, "", false, [Home, Away], "fresh"),
        ("nothing but a frame", &[], None, "", false, [Home, Away], "fresh"),
    ];
    for (name, asked, class, host, told, shown, word) in table {
        for (enforce, expected) in [false, true].into_iter().zip(shown) {
            let mut home = important_phone(enforce);
            assert_eq!(home.saw("identity doubted") + home.saw("identity_change"), 0, "{:#?}", home.lines);
            let got = goes_and(&mut home, |home| visits(home, asked, *class, host));
            assert_eq!(got, *expected, "{name}, enforce {enforce}: {:#?}", home.lines);
            assert_eq!(home.saw("identity doubted"), usize::from(*told), "{name}: {:#?}", home.lines);
            assert_eq!(home.saw("alert opened identity_change") > 0, *told, "{name}: {:#?}", home.lines);
            if !enforce {
                assert_eq!(identity(&mut home), *word, "{name}");
            }
            // Frames go on and prove nothing more; the true phone is let in whenever it comes.
            home.run(30);
            home.seen(PHONE, Proof::Frame);
            home.run(30);
            assert_eq!(home.device(PHONE).presence, *expected, "{name}: {:#?}", home.lines);
            if *expected == Away {
                visits(&mut home, IPHONE, None, "Annas-iPhone");
                assert_eq!(home.device(PHONE).presence, Home, "{name}: {:#?}", home.lines);
            }
        }
    }
}

// The copy knows what the phone asks of DHCP and its name, and is let in; then it speaks as another system does.
#[test]
fn who_was_let_in_and_speaks_as_another_is_taken_back() {
    use Presence::{Away, Home};
    let system = |home: &mut World, system: &str| home.fact(PHONE, Fact::Label { key: "os", value: system.into() });
    // How long after it came it gives itself away, with `enforce`; what is shown then.
    for (name, after, enforce, shown) in [
        ("at once", 2, true, Away),
        ("in a while", 500, true, Away),
        ("somebody joins beside one that is home", 3_600, true, Home),
        ("nothing is enforced", 2, false, Home),
    ] {
        let mut home = important_phone(enforce);
        system(&mut home, "iOS");
        let came = goes_and(&mut home, |home| visits(home, IPHONE, None, "Annas-iPhone"));
        assert_eq!(came, Home, "{name}: {:#?}", home.lines);
        home.run(after);
        let opened = home.saw("window opened");
        system(&mut home, "Windows");
        assert_eq!(home.device(PHONE).presence, shown, "{name}: {:#?}", home.lines);
        assert_eq!(home.saw("alert opened identity_change"), 1, "{name}: {:#?}", home.lines);
        // Its frames do not bring it home again; the true phone does.
        home.run(60);
        home.seen(PHONE, Proof::Frame);
        home.run(60);
        assert_eq!(
            (home.device(PHONE).presence, home.saw("window opened")),
            (shown, opened),
            "{name}: {:#?}",
            home.lines
        );
        visits(&mut home, IPHONE, None, "Annas-iPhone");
        system(&mut home, "iOS");
        assert_eq!(home.device(PHONE).presence, Home, "{name}: {:#?}", home.lines);
    }
}

// A fixed address asks nothing of DHCP: nothing is known that a copy could not show. With enforce it is let in by a
// person, for this visit; with warn presence follows the address, and says that it is not sure.
#[test]
fn what_has_no_second_fact_is_never_sure_and_not_let_in_by_itself() {
    for enforce in [false, true] {
        let mut settings = Settings::default();
        if enforce {
            settings.presence.identity = porchlight::presence::Identity::Enforce;
        }
        settings.presence.away_after.insert("unknown".into(), porchlight::model::Span::minutes(5));
        let mut home = World::with(settings, &porchlight::model::Remembered::default());
        home.comes(GATEWAY);
        home.comes(PHONE);
        home.run(3_600);
        let phone = home.id(PHONE);
        assert!(home.order(Command::SetImportant { device: phone, on: true }));
        home.run(60);
        assert_eq!((home.device(PHONE).presence, identity(&mut home).as_str()), (Presence::Home, "fresh"));
        for round in 0..2 {
            let came = goes_and(&mut home, |home| {
                home.comes(PHONE);
                home.run(30);
                home.seen(PHONE, Proof::Frame);
                home.run(30);
            });
            let expected = if enforce { Presence::Away } else { Presence::Home };
            assert_eq!(came, expected, "round {round}, enforce {enforce}: {:#?}", home.lines);
            assert_eq!(identity(&mut home), "fresh");
            if enforce {
                assert!(home.order(Command::Trust { device: phone, trust: porchlight::model::Trust::Trusted }));
                home.seen(PHONE, Proof::Frame);
                home.run(10);
                assert_eq!(home.device(PHONE).presence, Presence::Home, "{:#?}", home.lines);
                assert_eq!(identity(&mut home), "fresh", "a person's word is no fact");
            }
        }
    }
}

// A fixed address asks nothing of DHCP. How such a device speaks and what it calls itself are two facts all the same.
#[test]
fn a_fixed_address_is_proven_by_how_it_speaks_and_what_it_calls_itself() {
    use Presence::{Away, Home};
    let says = |home: &mut World, system: &str, name: &str| {
        home.comes(PHONE);
        for fact in [
            Fact::Label { key: "os", value: system.into() },
            Fact::Named { name: name.into(), by: porchlight::model::Heard::MdnsHost },
        ] {
            let is_said = !matches!(&fact, Fact::Label { value, .. } if value.is_empty())
                && !matches!(&fact, Fact::Named { name, .. } if name.is_empty());
            if is_said {
                home.fact(PHONE, fact);
            }
        }
        home.run(10);
    };
    let mut settings = Settings::default();
    settings.presence.identity = porchlight::presence::Identity::Enforce;
    settings.presence.away_after.insert("computer".into(), porchlight::model::Span::minutes(5));
    let mut home = World::with(settings, &porchlight::model::Remembered::default());
    home.comes(GATEWAY);
    home.run(3_600);
    says(&mut home, "Linux", "den");
    let phone = home.id(PHONE);
    assert!(home.order(Command::SetKind { device: phone, kind: Some(Kind::Computer) }));
    assert!(home.order(Command::SetImportant { device: phone, on: true }));
    home.run(600);
    for (name, system, called, shown, word) in [
        ("itself", "Linux", "den", Home, "sure"),
        ("another system", "Windows", "den", Away, "doubtful"),
        ("another name", "Linux", "kali", Away, "doubtful"),
        ("half of it", "Linux", "", Away, "fresh"),
        ("nothing", "", "", Away, "fresh"),
        ("itself again", "Linux", "den", Home, "sure"),
    ] {
        let came = goes_and(&mut home, |home| says(home, system, called));
        assert_eq!((came, identity(&mut home).as_str()), (shown, word), "{name}: {:#?}", home.lines);
    }
    // An impostor that asks DHCP is not proven by it, and teaches nothing: the true one is let in afterwards.
    let came = goes_and(&mut home, |home| visits(home, LINUX, None, "den"));
    assert_eq!((came, identity(&mut home).as_str()), (Away, "fresh"), "{:#?}", home.lines);
    let came = goes_and(&mut home, |home| visits(home, LINUX, None, "den"));
    assert_eq!(came, Away, "what it said the first time proves nothing the second: {:#?}", home.lines);
    let came = goes_and(&mut home, |home| says(home, "Linux", "den"));
    assert_eq!(came, Home, "{:#?}", home.lines);
}

// Its first frame makes it home, what proves it comes a moment later: that is told too, and not only when something else is.
#[test]
fn a_proof_that_follows_the_arrival_is_told_at_once() {
    let mut home = important_phone(false);
    home.goes(PHONE);
    home.run(1_200);
    home.there.insert(mac(PHONE.0));
    home.seen(PHONE, Proof::Frame);
    assert_eq!((home.device(PHONE).presence, identity(&mut home).as_str()), (Presence::Home, "fresh"));
    let told = home.saw("changed");
    home.fact(PHONE, Fact::Dhcp { asked: IPHONE.to_vec(), vendor_class: None, client_id: None });
    assert_eq!((identity(&mut home).as_str(), home.saw("changed")), ("fresh", told), "one fact is not enough");
    home.named(PHONE, "Annas-iPhone");
    assert_eq!(identity(&mut home), "sure");
    assert!(home.saw("changed") > told, "{:#?}", home.lines);
}

// An update changes what a phone asks for: told once, and whoever trusts it anew has settled it.
#[test]
fn a_device_that_was_set_up_anew_is_recognised_by_trust() {
    let mut home = important_phone(true);
    assert_eq!(goes_and(&mut home, |home| visits(home, LINUX, None, "Annas-iPhone")), Presence::Away);
    let phone = home.id(PHONE);
    assert!(home.order(Command::Trust { device: phone, trust: porchlight::model::Trust::Trusted }));
    visits(&mut home, LINUX, None, "Annas-iPhone");
    assert_eq!(home.device(PHONE).presence, Presence::Home, "{:#?}", home.lines);
    assert_eq!(goes_and(&mut home, |home| visits(home, LINUX, None, "Annas-iPhone")), Presence::Home);
    // Over a restart it is still known.
    let mut again = home.after_a_stop(60);
    again.run(300);
    assert_eq!(goes_and(&mut again, |home| visits(home, IPHONE, None, "Annas-iPhone")), Presence::Away);
}

// Once its first words were missed, and it became a second device of the same name. Its next address is joined to the
// latest; two of one name that are here together stay two, and nobody guesses.
#[test]
fn a_turn_that_was_missed_does_not_part_a_phone_for_ever() {
    let (first, second, third) = (
        ("5a:11:22:33:44:55", "192.168.7.50"),
        ("9e:11:22:33:44:66", "192.168.7.51"),
        ("3e:aa:bb:cc:dd:77", "192.168.7.52"),
    );
    for together in [false, true] {
        let mut home = World::new();
        home.comes(GATEWAY);
        home.comes(first);
        home.dhcp(first, "Annas-iPhone");
        home.run(600);
        if !together {
            home.goes(first);
            home.run(4 * 3_600);
        }
        // Its DHCP request is heard only after it has been here for long.
        home.comes(second);
        home.run(1_200);
        home.dhcp(second, "Annas-iPhone");
        assert_ne!(home.id(first), home.id(second), "{:#?}", home.lines);
        home.run(600);
        home.goes(first);
        home.goes(second);
        home.run(6 * 3_600);
        home.comes(third);
        home.dhcp(third, "Annas-iPhone");
        home.run(30);
        let who = home.id(third);
        let is_second = who == home.id(second);
        assert_eq!(is_second, !together, "{:#?}", home.lines);
        assert_ne!(who, home.id(first), "{:#?}", home.lines);
    }
}
