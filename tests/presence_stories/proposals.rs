//! # Probably the same phone: newcomers that are proposed as somebody known

use porchlight::{
    engine::Settings,
    model::{Command, Fact, Heard, Proof},
    presence::Join,
};

use crate::world::{GATEWAY, World};

/// Two phones of people with names that say nothing, and addresses that they draw anew.
fn generic_phones(join: Join) -> World {
    let mut settings = Settings::default();
    settings.presence.join = join;
    let mut home = World::with(settings, &Default::default());
    home.comes(GATEWAY);
    for (who, owner) in [(ANNAS, "Anna"), (BENS, "Ben")] {
        home.comes(who);
        home.dhcp(who, "iPhone");
        let device = home.id(who);
        assert!(home.order(Command::SetOwner { device, owner: Some(owner.into()) }));
    }
    home.run(600);
    home
}

const ANNAS: (&str, &str) = ("5a:11:22:33:44:55", "192.168.7.50");
const BENS: (&str, &str) = ("6a:11:22:33:44:55", "192.168.7.51");
const NEW: (&str, &str) = ("9e:11:22:33:44:66", "192.168.7.60");

/// Anna's phone is silent, and four seconds later somebody new is there.
fn takes_over(home: &mut World) {
    home.run(45);
    home.seen(BENS, Proof::Frame);
    home.seen(ANNAS, Proof::Frame);
    home.goes(ANNAS);
    home.run(4);
    home.comes(NEW);
    home.dhcp(NEW, "iPhone");
}

#[test]
fn a_newcomer_that_took_over_is_proposed_and_joined_by_one_word() {
    for (join, proposals) in [(Join::Auto, 1), (Join::Propose, 1), (Join::Off, 0)] {
        let mut home = generic_phones(join);
        let anna = home.id(ANNAS);
        takes_over(&mut home);
        home.run(60);
        home.seen(BENS, Proof::Frame);
        assert_eq!(home.saw("proposed"), 0, "whoever is here has not spoken yet");
        home.run(60);
        assert_eq!(home.saw("proposed"), proposals, "{join:?}: {:#?}", home.lines);
        if proposals == 0 {
            continue;
        }
        let new = home.id(NEW);
        assert_ne!(new, anna, "nothing proves it");
        let device = home.device(NEW);
        let proposal = device.facts.iter().find(|(key, _)| key == "proposal").expect("a proposal").1.clone();
        assert!(proposal.starts_with(&anna.to_string()) && proposal.contains("took over within"), "{proposal}");
        // While nobody has answered, what it proves keeps Anna's phone at home; over a restart too.
        let mut home = home.after_a_stop(60);
        for _ in 0..60 {
            home.run(60);
            home.seen(NEW, Proof::Frame);
        }
        assert_eq!(home.saw(&format!("presence {anna}")), 0, "{:#?}", home.lines);
        assert!(home.order(Command::AnswerProposal { device: new, is_same: true }));
        assert_eq!((home.id(NEW), home.id(ANNAS)), (anna, anna));
        assert!(!home.order(Command::AnswerProposal { device: anna, is_same: true }), "it is answered");
        assert!(home.order(Command::Split { device: anna }), "and can be taken back");
        assert_ne!(home.id(NEW), anna);
    }
}

#[test]
fn who_is_refused_or_heard_beside_the_other_is_not_proposed_again() {
    for refused in [true, false] {
        let mut home = generic_phones(Join::Auto);
        takes_over(&mut home);
        home.run(120);
        assert_eq!(home.saw("proposed"), 1, "{:#?}", home.lines);
        let (new, anna) = (home.id(NEW), home.id(ANNAS));
        if refused {
            assert!(home.order(Command::AnswerProposal { device: new, is_same: false }));
        } else {
            home.comes(ANNAS);
        }
        home.run(5);
        home.dhcp(NEW, "iPhone");
        home.run(30);
        assert_eq!(home.saw("proposed"), 1);
        assert!(!home.order(Command::AnswerProposal { device: new, is_same: true }));
        let apart = home.device(NEW).facts.iter().any(|(key, value)| key == "apart" && *value == anna.to_string());
        assert!(apart, "refused {refused}");
    }
}

// At the first start phones are here that ask for no address for hours: all that is known of them is what the name server
// or they themselves call them.
#[test]
fn a_phone_of_which_only_its_name_was_heard_is_proposed_when_it_draws_a_new_address() {
    let dns = (Heard::Dns, "annas-phone");
    let spoken = (Heard::MdnsHost, "Annas-Phone.local");
    // What the old address was called, what the new one asks by, and whether it is proposed.
    let table = [
        ("by the name server", vec![dns], "Annas-Phone", false, 1),
        ("by itself", vec![spoken], "Annas-Phone", false, 1),
        ("another name", vec![(Heard::Dns, "bens-phone")], "Annas-Phone", false, 0),
        ("no name", vec![], "Annas-Phone", false, 0),
        ("a name that many have", vec![(Heard::Dns, "iphone")], "iPhone", false, 0),
        ("it is here beside it", vec![dns], "Annas-Phone", true, 0),
    ];
    for (name, called, asks_by, stays, proposals) in table {
        let mut home = World::new();
        home.comes(GATEWAY);
        home.comes(ANNAS);
        for (by, text) in called {
            home.fact(ANNAS, Fact::Named { by, name: text.into() });
        }
        home.run(120);
        home.seen(ANNAS, Proof::Frame);
        home.goes(ANNAS);
        home.run(40);
        home.comes(NEW);
        home.dhcp(NEW, asks_by);
        home.run(30);
        if stays {
            home.seen(ANNAS, Proof::Frame);
        }
        home.run(90);
        assert_eq!(home.saw("proposed"), proposals, "{name}: {:#?}", home.lines);
        assert_ne!(home.id(NEW), home.id(ANNAS), "{name}: a name server proves nothing");
    }
}
