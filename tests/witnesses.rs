//! Access points of all makers as witnesses, from the wire to presence: each adapter against a stand-in that answers
//! in its maker's shapes (`tests/witnesses/sources.md` says where they come from), on loopback.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::large_futures,
    reason = "a test may stop at the first surprise"
)]

#[path = "witnesses/house.rs"]
mod house;
#[path = "witnesses/makers.rs"]
mod makers;
#[path = "witnesses/server.rs"]
mod server;

use std::{sync::Arc, time::Duration};

use porchlight::{
    model::{Health, Presence, Secret},
    scanners::Account,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::Digest;
use tokio_rustls::TlsAcceptor;

use house::{House, ROUND};
use server::{Peer, State};

const ANNA: &str = "da:a1:19:00:00:01";
const BEN: &str = "da:a1:19:00:00:02";
const CARA: &str = "3c:22:fb:00:00:03";
const PASSWORD: &str = "correct horse";
const MINUTE: Duration = Duration::from_secs(60);

/// Which adapter, and how its controller is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Maker {
    Openwrt,
    /// hostapd is out of the user's reach: by iwinfo.
    OpenwrtInfo,
    Unifi,
    UnifiClassic,
    Fritzbox,
}

impl Maker {
    const ALL: [Maker; 5] = [Maker::Openwrt, Maker::OpenwrtInfo, Maker::Unifi, Maker::UnifiClassic, Maker::Fritzbox];
    /// Those that count what they received.
    const COUNTING: [Maker; 4] = [Maker::Openwrt, Maker::OpenwrtInfo, Maker::Unifi, Maker::UnifiClassic];

    const fn scanner(self) -> &'static str {
        match self {
            Maker::Openwrt | Maker::OpenwrtInfo => "openwrt",
            Maker::Unifi | Maker::UnifiClassic => "unifi",
            Maker::Fritzbox => "fritzbox",
        }
    }

    async fn start(self) -> (Peer, Account) {
        let state = State {
            password: PASSWORD,
            limited: self == Maker::OpenwrtInfo,
            classic: self == Maker::UnifiClassic,
            ..State::default()
        };
        let handler = match self {
            Maker::Openwrt | Maker::OpenwrtInfo => makers::openwrt,
            Maker::Unifi | Maker::UnifiClassic => makers::unifi,
            Maker::Fritzbox => makers::fritzbox,
        };
        let is_secure = self.scanner() == "unifi";
        let (tls, print) = if is_secure { certificate() } else { (None, None) };
        let peer = server::start(handler, state, tls).await;
        let account = Account {
            url: format!("{}://127.0.0.1:{}", if is_secure { "https" } else { "http" }, peer.port),
            username: makers::USER.into(),
            password: Some(Secret::new(PASSWORD)),
            fingerprint: print,
            ..Account::default()
        };
        (peer, account)
    }

    fn set(self, house: &mut House, account: Account) {
        match self.scanner() {
            "openwrt" => house.settings.openwrt.routers = vec![account],
            "unifi" => house.settings.unifi.controllers = vec![account],
            _ => house.settings.fritzbox.boxes = vec![account],
        }
    }

    /// A house whose controller serves `stations`, after the first look.
    async fn house(self, stations: &[(&'static str, u64)]) -> (House, Peer) {
        let (peer, account) = self.start().await;
        peer.state().stations = stations.to_vec();
        let mut house = House::new();
        self.set(&mut house, account);
        house.start(self.scanner());
        house.first().await;
        (house, peer)
    }
}

/// As controllers make their own, and its fingerprint.
fn certificate() -> (Option<TlsAcceptor>, Option<String>) {
    let made = rcgen::generate_simple_self_signed(vec!["unifi".to_owned()]).unwrap();
    let print = sha2::Sha256::digest(made.cert.der()).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (Some(TlsAcceptor::from(Arc::new(config))), Some(print))
}

#[tokio::test]
async fn who_connects_is_home_with_a_name_and_who_disconnects_is_told_to_have_left() {
    for maker in Maker::ALL {
        let (mut house, peer) = maker.house(&[(CARA, 5)]).await;
        assert_eq!(house.presence(ANNA), None, "{maker:?}");
        peer.state().stations.push((ANNA, 1));
        house.round().await;
        assert_eq!(house.presence(ANNA), Some(Presence::Home), "{maker:?} {:?}", house.told);
        assert_eq!(house.health, Some(Health::Up), "{maker:?}");
        if maker != Maker::Openwrt && maker != Maker::OpenwrtInfo {
            assert!(house.name(ANNA).starts_with("annas-phone"), "{maker:?}: {}", house.name(ANNA));
        }
        for packets in 2..10 {
            peer.state().stations = vec![(CARA, 5), (ANNA, packets)];
            house.round().await;
        }
        assert_eq!(house.goodbyes(ANNA), 0, "{maker:?}");
        let mut waited = Duration::ZERO;
        while house.presence(ANNA) != Some(Presence::Away) && waited < 120 * MINUTE {
            waited += ROUND;
            // Others go on; a core that hears nobody at all lets nobody leave.
            peer.state().stations = vec![(CARA, 5 + waited.as_secs())];
            if waited.as_secs().is_multiple_of(600) {
                peer.state().stations.push((BEN, 1));
            }
            house.round().await;
        }
        assert_eq!(house.goodbyes(ANNA), 1, "{maker:?}");
        eprintln!("measured: {maker:?}: away {} s after it was last listed", waited.as_secs());
        assert_eq!(house.presence(ANNA), Some(Presence::Away), "{maker:?}");
    }
}

#[tokio::test]
async fn counters_that_grow_hold_a_device_home_and_a_place_in_the_list_does_not() {
    for maker in Maker::COUNTING {
        let (mut house, peer) = maker.house(&[(ANNA, 5), (BEN, 5), (CARA, 5)]).await;
        // Both send; from now on Ben's place in the list is a ghost's.
        for packets in 6..10 {
            peer.state().stations = vec![(ANNA, packets), (BEN, packets), (CARA, packets)];
            house.round().await;
        }
        assert_eq!((house.presence(ANNA), house.presence(BEN)), (Some(Presence::Home), Some(Presence::Home)));
        let before = house.proofs(BEN);
        for packets in 10..10 + 4 * 60 * 4 {
            peer.state().stations = vec![(ANNA, packets), (BEN, 9), (CARA, packets)];
            house.round().await;
        }
        assert_eq!(house.proofs(BEN), before, "{maker:?}: a ghost is no proof");
        assert_eq!(house.presence(ANNA), Some(Presence::Home), "{maker:?}");
        assert_eq!(house.presence(BEN), Some(Presence::Away), "{maker:?}: a list held it home");
    }
}

#[tokio::test]
async fn a_controller_that_starts_anew_or_is_silent_moves_nobody() {
    for maker in Maker::ALL {
        let everybody: Vec<(&str, u64)> = vec![(ANNA, 5), (BEN, 5), (CARA, 5)];
        let (mut house, peer) = maker.house(&[]).await;
        peer.state().stations = everybody.clone();
        house.round().await;
        assert_eq!(house.presence(ANNA), Some(Presence::Home), "{maker:?}");
        house.changes.clear();
        // It starts, and its list is empty for some minutes.
        peer.state().stations.clear();
        house.rounds(2 * MINUTE).await;
        let (why, _) = house.trouble();
        assert!(why.contains("suddenly lists 0 instead of 3"), "{maker:?}: {why}");
        peer.state().stations = everybody.clone();
        house.round().await;
        assert_eq!(house.health, Some(Health::Up), "{maker:?}");
        // It breaks: no answer is not "not there".
        peer.state().broken = Some(503);
        for _ in 0..40 {
            house.round_in_vain().await;
        }
        assert!(house.trouble().0.contains("503"), "{maker:?}: {:?}", house.trouble());
        for mac in [ANNA, BEN, CARA] {
            assert_eq!(house.goodbyes(mac), 0, "{maker:?}");
            assert_eq!(house.presence(mac), Some(Presence::Home), "{maker:?}: {:?}", house.changes);
        }
    }
}

#[tokio::test]
async fn a_session_that_is_over_is_begun_anew_without_a_gap() {
    for maker in [Maker::Openwrt, Maker::OpenwrtInfo, Maker::Unifi, Maker::UnifiClassic, Maker::Fritzbox] {
        let (mut house, peer) = maker.house(&[(ANNA, 5)]).await;
        let (logins, proofs) = (peer.state().logins, house.proofs(ANNA));
        peer.state().sessions.clear();
        // A nonce that is too old, with a Fritz!Box.
        peer.state().logins += u32::from(maker == Maker::Fritzbox);
        peer.state().stations = vec![(ANNA, 6)];
        house.round().await;
        assert_eq!(house.health, Some(Health::Up), "{maker:?}");
        // It counts nothing: to be listed as before is no proof.
        let more = usize::from(maker != Maker::Fritzbox);
        assert_eq!(house.proofs(ANNA), proofs + more, "{maker:?}: {:?}", house.told);
        assert_eq!(peer.state().logins, logins + 1, "{maker:?}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_in_one_sentence_and_no_account_is_locked() {
    type Change = fn(&mut Account, &Peer);
    let wrong: Change = |account, _| account.password = Some(Secret::new("hunter2"));
    let missing_file: Change = |account, _| account.password_file = Some("/nowhere/secret".into());
    let elsewhere: Change = |account, _| account.url += "/elsewhere";
    let unpinned: Change = |account, _| account.fingerprint = None;
    let other: Change = |account, _| account.fingerprint = Some("ab".repeat(32));
    let nobody: Change = |account, _| account.url = "http://127.0.0.1:1".into();
    let off: Change = |_, peer| peer.state().limited = true;
    let moved: Change = |_, peer| peer.state().broken = Some(302);
    let cases: [(Maker, Change, &str, &str); 14] = [
        (Maker::Openwrt, wrong, "refuses the user name or the password", "password"),
        (Maker::Unifi, wrong, "refuses the user name or the password", "password"),
        (Maker::UnifiClassic, wrong, "refuses the user name or the password", "password"),
        (Maker::Fritzbox, wrong, "refuses the user name or the password", "password"),
        (Maker::Openwrt, missing_file, "password_file /nowhere/secret", "settings"),
        (Maker::Openwrt, elsewhere, "has no ubus over HTTP", "uhttpd-mod-ubus"),
        (Maker::Unifi, elsewhere, "has no login", "8443"),
        (Maker::Fritzbox, elsewhere, "has no TR-064", "access for applications"),
        (Maker::Unifi, unpinned, "is not trusted: its SHA-256 is ", "fingerprint"),
        (Maker::Unifi, other, "another certificate than the settings name", "fingerprint"),
        (Maker::Openwrt, nobody, "is not reached", "url"),
        (Maker::Unifi, off, "no such site", "scanners.unifi.site"),
        (Maker::Fritzbox, off, "has no TR-064", "access for applications"),
        (Maker::Openwrt, moved, "with status 302", "url"),
    ];
    for (maker, change, why, advice) in cases {
        let (peer, mut account) = maker.start().await;
        change(&mut account, &peer);
        let mut house = House::new();
        maker.set(&mut house, account);
        house.start(maker.scanner());
        house.first().await;
        let (said, mend) = house.trouble();
        assert!(said.contains(why), "{maker:?}: {said}");
        assert!(mend.contains(advice), "{maker:?}: {mend}");
        assert!(!said.contains("hunter2") && !mend.contains("hunter2"));
        let asked = peer.state().log.len();
        for _ in 0..20 {
            house.round_in_vain().await;
        }
        // Five minutes: at most 15, 30, 60 and 120 s apart, or not at all.
        let again = peer.state().log.len() - asked;
        assert!(again <= 5 * asked.max(1), "{maker:?}: {again} more after {asked}");
        if why.contains("password") {
            assert_eq!(again, 0, "{maker:?}: it would lock the account");
        }
    }
}

#[tokio::test]
async fn without_a_controller_it_rests() {
    for name in ["openwrt", "unifi", "fritzbox"] {
        let mut house = House::new();
        house.start(name);
        house.first().await;
        assert_eq!(house.health, Some(Health::Off), "{name}");
    }
}

/// How long after its last word the device is away; `gives_up`: a router's tracker says so five minutes later.
fn away_after(gives_up: bool) -> Duration {
    let mut house = House::new();
    for n in 0..40 {
        house.pass(ROUND);
        house.sees(ANNA, n);
        house.sees(CARA, n);
    }
    assert_eq!(house.presence(ANNA), Some(Presence::Home));
    let mut waited = Duration::ZERO;
    while house.presence(ANNA) != Some(Presence::Away) {
        house.pass(ROUND);
        waited += ROUND;
        // Others go on; a core that hears nobody at all lets nobody leave.
        house.sees(CARA, 40);
        if gives_up && waited == 5 * MINUTE {
            house.told(ANNA, false);
        }
        assert!(waited < 300 * MINUTE, "it never leaves");
    }
    waited
}

#[test]
fn a_router_s_tracker_in_home_assistant_asks_and_hints_and_proves_nothing() {
    let (alone, hinted) = (away_after(false), away_after(true));
    eprintln!("measured: away {} s after its last word, {} s with a tracker's word", alone.as_secs(), hinted.as_secs());
    assert!(hinted < alone && hinted > 6 * MINUTE, "{hinted:?} of {alone:?}");

    let mut house = House::new();
    house.sees(ANNA, 1);
    house.sees(CARA, 1);
    let waited = (0..).find(|_| {
        house.pass(ROUND);
        house.sees(CARA, 1);
        house.presence(ANNA) == Some(Presence::Away)
    });
    assert!(waited.is_some());
    // Heard ourselves a moment ago, its timeout is old news.
    house.told(CARA, false);
    assert_eq!(house.presence(CARA), Some(Presence::Home));
    let asked = house.asked(ANNA);
    house.told(ANNA, true);
    assert_eq!(house.presence(ANNA), Some(Presence::Away), "its word is no arrival");
    assert_eq!(house.asked(ANNA), asked + 1, "but it is asked");
    house.sees(ANNA, 2);
    assert_eq!(house.presence(ANNA), Some(Presence::Home));
    // Of a device that nobody here knows it says nothing.
    house.told("02:00:00:00:00:99", true);
    assert_eq!(house.presence("02:00:00:00:00:99"), None);
}
