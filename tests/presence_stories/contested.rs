//! # An address that two say they have

use porchlight::model::Proof;

use crate::world::{GATEWAY, PHONE, World, ip, mac};

// Somebody announces an address that another has: that one is asked at once, and not for each of many announcements.
#[test]
fn the_holder_of_an_address_that_another_announces_is_asked_at_once() {
    let stranger = ("02:00:00:00:00:77", "192.168.7.77");
    let mut home = World::new();
    for who in [GATEWAY, PHONE, stranger] {
        home.comes(who);
    }
    home.run(60);
    let before = home.asks.len();
    for _ in 0..100 {
        home.seen((stranger.0, PHONE.1), Proof::ArpAnnounce);
        home.now += 50;
    }
    let asked: Vec<_> = home.asks[before..].iter().filter(|(_, look)| look.mac == Some(mac(PHONE.0))).collect();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(asked[0].1.ip, ip(PHONE.1));
    home.run(30);
    home.seen((stranger.0, PHONE.1), Proof::ArpAnnounce);
    assert!(home.asks[before..].iter().filter(|(_, look)| look.mac == Some(mac(PHONE.0))).count() > 1);
    // Its own announcement asks nobody.
    home.run(30);
    let before = home.asks.len();
    home.seen(stranger, Proof::ArpAnnounce);
    assert_eq!(home.asks.len(), before);
}
