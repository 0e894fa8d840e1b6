//! Conversations with a pretend Home Assistant on loopback: the good one, and those that break.
//!
//! Each story gives the pretender a flaw for its first connection; from the second on it is well, so a
//! client that survives always ends up with the facts. Waits end when the thing happens, with a
//! deadline of a minute.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::too_many_lines)] // a test stops at the first surprise

mod fake;

use std::{path::PathBuf, time::Duration};

use fake::{DEADLINE, Fake, Flaw, INSTANCE, TOKEN};
use porchlight::{
    homeassistant::{self, Bluetooth, HaError, Parts, Settings, Supervisor},
    model::{Fact, HaContact, HaFact, HaInfo, Health, Moment, Phase, Secret},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};

const DOOR: &str = "binary_sensor.front_door";

/// The client under test, with its outlets.
struct Client {
    facts: mpsc::Receiver<HaFact>,
    info: watch::Receiver<HaInfo>,
    health: mpsc::Receiver<Health>,
    phase: watch::Sender<Phase>,
    task: JoinHandle<Result<(), HaError>>,
}

impl Client {
    fn start(settings: Settings, supervisor: Option<Supervisor>) -> Client {
        Client::start_with(settings, supervisor, None)
    }

    fn start_with(settings: Settings, supervisor: Option<Supervisor>, bluetooth: Option<Bluetooth>) -> Client {
        let (facts_tx, facts) = mpsc::channel(16);
        let (info_tx, info) = watch::channel(HaInfo::default());
        let (health_tx, health) = mpsc::channel(64);
        let (phase, phase_rx) = watch::channel(Phase::Running);
        let parts = Parts {
            settings,
            doors: vec![DOOR.into(), "Front door".into()],
            bluetooth,
            instance: INSTANCE,
            supervisor,
            facts: facts_tx,
            info: info_tx,
            phase: phase_rx,
            health: Box::new(move |health| health_tx.try_send(health).expect("health is told on changes only")),
            now: Moment::default,
        };
        Client { facts, info, health, phase, task: tokio::spawn(homeassistant::run(parts)) }
    }

    fn of(fake: &Fake) -> Client {
        Client::start(settings(fake), None)
    }

    /// The next door or position.
    async fn evidence(&mut self) -> HaFact {
        loop {
            let fact = self.fact().await;
            if matches!(fact, HaFact::Contact(_) | HaFact::Located(_)) {
                return fact;
            }
        }
    }

    /// The next names fact: name and area of each foreign device.
    async fn names(&mut self) -> Vec<(Option<String>, Option<String>)> {
        loop {
            if let HaFact::Names(names) = self.fact().await {
                return names.into_iter().map(|name| (name.name, name.area)).collect();
            }
        }
    }

    async fn fact(&mut self) -> HaFact {
        timeout(DEADLINE, self.facts.recv()).await.expect("a fact in time").expect("the client runs")
    }

    async fn next_health(&mut self) -> Health {
        timeout(DEADLINE, self.health.recv()).await.expect("health in time").expect("the client runs")
    }

    async fn end(self) -> Result<(), HaError> {
        let _ = self.phase.send(Phase::Quiet);
        timeout(Duration::from_secs(5), self.task).await.expect("it leaves when asked").unwrap()
    }
}

fn settings(fake: &Fake) -> Settings {
    Settings { url: Some(format!("http://{}", fake.at)), token: Some(Secret::new(TOKEN)), ..Settings::default() }
}

fn shelly(name: &str) -> Vec<(Option<String>, Option<String>)> {
    vec![(Some(name.to_owned()), Some("Kitchen".to_owned()))]
}

#[tokio::test]
async fn names_areas_persons_and_the_release_arrive() {
    let fake = Fake::start(Flaw::Nothing).await;
    let mut client = Client::of(&fake);
    assert_eq!(client.names().await, shelly("Shelly"));
    let HaFact::Areas(areas) = client.fact().await else { panic!("areas follow names") };
    assert_eq!(areas, [("d-7f3k2m".parse().unwrap(), Some("Hall".to_owned()))]);
    let HaFact::Persons(persons) = client.fact().await else { panic!("persons follow areas") };
    assert_eq!((persons[0].name.as_str(), persons[0].devices.as_slice()), ("Anna", [areas[0].0].as_slice()));
    let info = client.info.borrow().clone();
    assert!(info.connected);
    assert_eq!(info.version, Some((2026, 11)));
    assert_eq!(info.areas.into_iter().collect::<Vec<_>>(), ["Hall", "Kitchen"]);
    assert!(info.ours.contains("porchlight_7f3a2c_d-7f3k2m"));
    assert_eq!(client.next_health().await, Health::Up);
    client.end().await.unwrap();
}

#[tokio::test]
async fn a_rename_over_there_is_a_fact_here_within_five_seconds() {
    let fake = Fake::start(Flaw::Nothing).await;
    let mut client = Client::of(&fake);
    assert_eq!(client.names().await, shelly("Shelly"));
    fake.home.lock().unwrap().devices[0]["name_by_user"] = "Kettle".into();
    // A rename is a burst: it must come out as one fact.
    for event in ["device_registry_updated", "entity_registry_updated", "entity_registry_updated"] {
        fake.events.send(event).unwrap();
    }
    let names = timeout(Duration::from_secs(5), client.names()).await.expect("within five seconds");
    assert_eq!(names, shelly("Kettle"));
    let lists = fake.heard.lock().unwrap().iter().filter(|kind| *kind == "config/device_registry/list").count();
    assert_eq!(lists, 2, "one reading at the start, one for the burst");
    client.end().await.unwrap();
}

#[tokio::test]
async fn an_event_that_changes_nothing_for_us_sends_no_fact() {
    let fake = Fake::start(Flaw::Nothing).await;
    let mut client = Client::of(&fake);
    for _ in 0..3 {
        client.fact().await;
    }
    fake.events.send("entity_registry_updated").unwrap();
    // The whole list is read again, then another change comes: the first fact must be of that one.
    wait_until(|| fake.heard.lock().unwrap().iter().filter(|kind| *kind == "person/list").count() == 2).await;
    fake.home.lock().unwrap().areas[0]["name"] = "Cellar".into();
    fake.events.send("area_registry_updated").unwrap();
    assert_eq!(client.names().await, [(Some("Shelly".to_owned()), Some("Cellar".to_owned()))]);
    client.end().await.unwrap();
}

/// Flaws beside good answers: the first connection must do.
#[tokio::test]
async fn nonsense_among_good_answers_is_passed_over() {
    for flaw in [
        Flaw::BadJson,
        Flaw::WrongTypes,
        Flaw::NoIds,
        Flaw::Arrays,
        Flaw::OddRegistry,
        Flaw::DuplicateIds,
        Flaw::Backwards,
    ] {
        let fake = Fake::start(flaw).await;
        let mut client = Client::of(&fake);
        assert_eq!(client.names().await, shelly("Shelly"), "{flaw:?}");
        assert_eq!(*fake.connections.borrow(), 1, "{flaw:?} must not cost the connection");
        client.end().await.unwrap();
    }
}

/// Flaws that cost the connection: the second must do, and nobody is alarmed by a short outage.
#[tokio::test]
async fn a_broken_connection_is_made_again() {
    for flaw in [Flaw::Huge, Flaw::CloseMidList, Flaw::Starting, Flaw::Noise, Flaw::NeverGreets] {
        let fake = Fake::start(flaw).await;
        let mut client = Client::of(&fake);
        assert_eq!(client.names().await, shelly("Shelly"), "{flaw:?}");
        assert_eq!(*fake.connections.borrow(), 2, "{flaw:?}");
        assert!(matches!(client.next_health().await, Health::Degraded { .. }), "{flaw:?} is not yet an outage");
        assert_eq!(client.next_health().await, Health::Up, "{flaw:?}");
        client.end().await.unwrap();
    }
}

#[tokio::test]
async fn a_refused_command_leaves_the_rest_and_is_told() {
    let fake = Fake::start(Flaw::UnknownCommand).await;
    let mut client = Client::of(&fake);
    assert!(matches!(client.fact().await, HaFact::Names(_)));
    assert!(matches!(client.fact().await, HaFact::Areas(_)));
    let Health::Degraded { why, .. } = client.next_health().await else { panic!("less than all is degraded") };
    assert_eq!(why, "Home Assistant refuses person/list (unknown_command)");
    client.end().await.unwrap();
}

#[tokio::test]
async fn a_refused_token_is_shown_once_and_again_when_it_changed() {
    let fake = Fake::start(Flaw::AuthInvalid).await;
    let folder = tempfile::tempdir().unwrap();
    let file: PathBuf = folder.path().join("token");
    std::fs::write(&file, "old-secret-token\n").unwrap();
    let mut client = Client::start(Settings { token: None, token_file: Some(file.clone()), ..settings(&fake) }, None);

    let Health::Down { why, advice } = client.next_health().await else { panic!("a refused token is an outage") };
    assert_eq!(why, "token refused: expired or revoked");
    assert!(advice.unwrap().contains("token_file"));
    // Longer than any first pause between tries.
    sleep(Duration::from_secs(5)).await;
    assert_eq!(*fake.connections.borrow(), 1, "it must not hammer");

    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    assert_eq!(client.names().await, shelly("Shelly"));
    assert_eq!(client.next_health().await, Health::Up);
    assert!(fake.heard.lock().unwrap().starts_with(&[
        "auth".into(),
        "old-secret-token".into(),
        "auth".into(),
        TOKEN.into()
    ]));
    client.end().await.unwrap();
}

#[tokio::test]
async fn a_missing_token_file_is_waited_for() {
    let fake = Fake::start(Flaw::Nothing).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let mut client = Client::start(Settings { token: None, token_file: Some(file.clone()), ..settings(&fake) }, None);
    assert!(matches!(client.next_health().await, Health::Down { .. }));
    std::fs::write(&file, TOKEN).unwrap();
    assert_eq!(client.names().await, shelly("Shelly"));
    client.end().await.unwrap();
}

#[tokio::test]
async fn a_redirect_is_followed_on_the_same_host_only() {
    let fake = Fake::start(Flaw::Redirect).await;
    let mut client = Client::of(&fake);
    assert_eq!(client.names().await, shelly("Shelly"));
    assert_eq!(client.next_health().await, Health::Up);
    client.end().await.unwrap();

    let fake = Fake::start(Flaw::Elsewhere).await;
    let mut client = Client::of(&fake);
    let Health::Degraded { why, advice } = client.next_health().await else { panic!("told, but not yet an outage") };
    assert!(why.contains("moved to http://localhost:9/"), "{why}");
    assert!(advice.unwrap().contains("homeassistant.url"));
    client.end().await.unwrap();
}

#[tokio::test]
async fn as_an_app_the_supervisors_proxy_and_token_are_used() {
    let fake = Fake::start(Flaw::Starting).await;
    let supervisor = Supervisor::new(&format!("http://{}/", fake.at), TOKEN);
    let mut client = Client::start(Settings::default(), Some(supervisor));
    assert_eq!(client.names().await, shelly("Shelly"));
    client.end().await.unwrap();
}

#[tokio::test]
async fn a_line_without_pongs_is_given_up_and_what_was_learned_stays() {
    let fake = Fake::start(Flaw::NeverPongs).await;
    let mut client = Client::of(&fake);
    client.names().await;
    let mut info = client.info.clone();
    timeout(DEADLINE, info.wait_for(|info| info.connected)).await.unwrap().unwrap();
    // The first ping goes after 30 s and is waited for 10 s.
    timeout(DEADLINE, info.wait_for(|info| !info.connected)).await.expect("the line goes").unwrap();
    assert_eq!(client.info.borrow().version, Some((2026, 11)));
    assert!(!client.info.borrow().areas.is_empty());
    fake.connected(2).await;
    client.end().await.unwrap();
}

#[tokio::test]
async fn without_an_address_there_is_nothing_to_do_and_wrong_ones_end_at_once() {
    let mut client = Client::start(Settings::default(), None);
    assert_eq!(client.next_health().await, Health::Off);
    client.end().await.unwrap();

    let wrong = [
        Settings { url: Some("homeassistant.local".into()), ..Settings::default() },
        Settings {
            url: Some("https://ha:8123".into()),
            token: Some(Secret::new(TOKEN)),
            ca_file: Some("/nowhere/ca.pem".into()),
            ..Settings::default()
        },
    ];
    for settings in wrong {
        let shown = format!("{settings:?}");
        assert!(!shown.contains(TOKEN), "{shown}");
        let client = Client::start(settings, None);
        let error = timeout(DEADLINE, client.task).await.unwrap().unwrap().unwrap_err();
        assert!(error.is_lasting() && error.advice().is_some(), "{error}");
    }
}

#[tokio::test]
async fn it_leaves_at_once_whatever_it_waits_for() {
    for flaw in [Flaw::Nothing, Flaw::NeverGreets, Flaw::AuthInvalid, Flaw::Starting] {
        let fake = Fake::start(flaw).await;
        let client = Client::of(&fake);
        fake.connected(1).await;
        client.end().await.unwrap();
    }
}

#[tokio::test]
async fn what_its_bluetooth_hears_is_told_and_a_token_without_the_right_is_said() {
    const TAG: &str = "C4:7C:8D:6A:11:22";
    let with = |fake: &Fake| {
        let (out, heard) = mpsc::channel(16);
        let tag = TAG.parse().unwrap();
        let bluetooth = Bluetooth { keys: Vec::new(), is_known: Box::new(move |mac| mac == tag), observations: out };
        (Client::start_with(settings(fake), None, Some(bluetooth)), heard)
    };
    let fake = Fake::start(Flaw::Nothing).await;
    let advert = |address: &str| {
        serde_json::json!({"name": address, "address": address, "rssi": -71, "manufacturer_data": {}, "service_data": {},
            "service_uuids": [], "source": "A0:B7:65:01:02:03", "connectable": false, "time": 1.0, "tx_power": 0, "raw": null})
    };
    fake.home.lock().unwrap().adverts = vec![advert("5C:85:7E:A1:B2:C3"), advert(TAG)];
    let (client, mut heard) = with(&fake);
    let mut facts = Vec::new();
    for _ in 0..2 {
        let seen = timeout(DEADLINE, heard.recv()).await.expect("in time").expect("the client runs");
        assert_eq!(seen.subject.mac, Some(TAG.parse().unwrap()));
        facts.push(seen.fact);
    }
    assert!(matches!(&facts[..], [Fact::Alive { .. }, Fact::HeardAt(_)]), "{facts:?}");
    client.end().await.unwrap();

    let fake = Fake::start(Flaw::NoAdmin).await;
    let (mut client, _heard) = with(&fake);
    assert_eq!(client.names().await, shelly("Shelly"));
    // Answers come in any order: it may have been well for a moment.
    let (why, advice) = loop {
        if let Health::Degraded { why, advice } = client.next_health().await {
            break (why, advice);
        }
    };
    assert_eq!(why, "Home Assistant refuses bluetooth/subscribe_advertisements (unauthorized)");
    assert!(advice.unwrap().contains("administrator"));
    client.end().await.unwrap();
}

fn contact(open: Option<bool>) -> HaFact {
    HaFact::Contact(HaContact { entity: DOOR.into(), open })
}

#[tokio::test]
async fn doors_are_told_as_they_move_and_as_unread_when_the_line_goes() {
    let fake = Fake::start(Flaw::Nothing).await;
    let state = |word: &str| serde_json::json!({"s": word, "a": {"device_class": "door"}, "c": "x", "lc": 1.0});
    fake.home.lock().unwrap().states.insert(DOOR.into(), state("off"));
    let mut client = Client::of(&fake);
    assert_eq!(client.evidence().await, contact(Some(false)));
    for (word, open) in [("on", Some(true)), ("unavailable", None), ("off", Some(false))] {
        fake.changes.send(serde_json::json!({"c": {DOOR: {"+": {"s": word, "lc": 2.0}}}})).unwrap();
        assert_eq!(client.evidence().await, contact(open), "{word}");
    }
    // It opens while nobody is connected: told as unread, then as it stands.
    fake.home.lock().unwrap().states.insert(DOOR.into(), state("on"));
    fake.hang_up.send(()).unwrap();
    assert_eq!(client.evidence().await, contact(None));
    assert_eq!(client.evidence().await, contact(Some(true)));
    fake.changes.send(serde_json::json!({"r": [DOOR]})).unwrap();
    assert_eq!(client.evidence().await, contact(None));
    client.end().await.unwrap();
}

#[tokio::test]
async fn a_position_that_an_app_sends_is_told_as_a_distance() {
    let fake = Fake::start(Flaw::Nothing).await;
    let at = |latitude: f64| serde_json::json!({"source_type": "gps", "latitude": latitude, "longitude": 5.0, "gps_accuracy": 10});
    let mut states = std::mem::take(&mut fake.home.lock().unwrap().states);
    for tracker in ["device_tracker.pixel", "device_tracker.cloud"] {
        states.insert(tracker.into(), serde_json::json!({"s": "not_home", "a": at(53.0), "c": "x", "lc": 1.0}));
    }
    states.insert(DOOR.into(), serde_json::json!({"s": "off", "a": {}, "c": "x", "lc": 1.0}));
    fake.home.lock().unwrap().states = states;
    let mut client = Client::of(&fake);
    // The door is told of the same message: what stood there of the phone was not.
    assert_eq!(client.evidence().await, contact(Some(false)));
    // A service asked about a phone does not know when; the app does.
    for (tracker, latitude) in [("device_tracker.cloud", 52.5), ("device_tracker.pixel", 52.1)] {
        let new = serde_json::json!({"+": {"a": {"latitude": latitude}, "lc": 2.0}});
        fake.changes.send(serde_json::json!({"c": {tracker: new}})).unwrap();
    }
    let HaFact::Located(place) = client.evidence().await else { panic!("a position") };
    assert_eq!((place.person.as_str(), place.fix.accuracy_m), ("Anna", 10.0));
    assert!((place.fix.distance_m - 11_119.5).abs() < 1.0, "{}", place.fix.distance_m);
    client.end().await.unwrap();
}

async fn wait_until(mut done: impl FnMut() -> bool) {
    timeout(DEADLINE, async {
        while !done() {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("in time");
}
