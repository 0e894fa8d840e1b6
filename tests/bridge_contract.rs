//! The bridge with its real words: the example home of the contract, on a real broker.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise"
)]

#[path = "mqtt_golden/home.rs"]
#[allow(dead_code)]
mod home;
#[path = "broker/mosquitto.rs"]
#[allow(dead_code)]
mod mosquitto;

use std::{collections::BTreeMap, sync::Arc, sync::atomic::Ordering, time::Duration};

use mosquitto::{Mosquitto, PATIENCE, hears, message, send, until, visitor, wanted};
use porchlight::{
    model::{Answer, Change, Command, HaInfo, HomeView, Moment, Phase, Refusal, RefusalCode, Ticket, Trust},
    mqtt::{
        Account, Settings,
        bridge::{self, BridgeParts, Counts, Pure},
        client::Event,
        find::{self, Surroundings},
    },
};
use tokio::sync::{broadcast, mpsc, watch};

const ONLINE: &str = "porchlight/home/bridge/state";
const ALL: &[&str] = &["porchlight/#", "homeassistant/#"];

struct Running {
    view: watch::Sender<Arc<HomeView>>,
    changes: broadcast::Sender<Arc<[Change]>>,
    commands: mpsc::Receiver<(Ticket, Command)>,
    phase: watch::Sender<Phase>,
    counts: Arc<Counts>,
    bridge: tokio::task::JoinHandle<Result<(), porchlight::mqtt::MqttError>>,
    _ha: watch::Sender<HaInfo>,
}

impl Running {
    async fn start(broker: u16, home: HomeView) -> Running {
        let settings = Settings { url: Some(format!("mqtt://127.0.0.1:{broker}")), ..Settings::default() };
        let around = Surroundings { supervisor: None, state_dir: "/nonexistent".into(), local_port: 0 };
        let found = find::find(&settings, &around).await.expect("configured");
        let site = home::site();
        let (view, view_seen) = watch::channel(Arc::new(home));
        let (changes, changes_heard) = broadcast::channel(256);
        let (commands_out, commands) = mpsc::channel(8);
        let (phase, phase_seen) = watch::channel(Phase::Running);
        let (ha, ha_seen) = watch::channel(site.ha.clone());
        let counts = Arc::new(Counts::default());
        let bridge = tokio::spawn(bridge::run(BridgeParts {
            settings,
            found,
            around,
            site,
            first_start: false,
            view: view_seen,
            changes: changes_heard,
            commands: commands_out,
            ha: ha_seen,
            phase: phase_seen,
            tell: Arc::new(|_| ()),
            ears: None,
            counts: Arc::clone(&counts),
            now: Moment::default,
            pure: Pure::default(),
        }));
        Running { view, changes, commands, phase, counts, bridge, _ha: ha }
    }

    async fn end(self, lasting: bool) {
        self.phase.send(Phase::Closed { lasting }).expect("the bridge listens");
        let ended = tokio::time::timeout(PATIENCE, self.bridge).await.expect("it ends");
        assert_eq!(ended.expect("no panic"), Ok(()));
    }
}

fn example() -> HomeView {
    HomeView { revision: 1, instance: home::site().instance, ..home::view() }
}

async fn retained(account: Account) -> BTreeMap<String, Vec<u8>> {
    let mut link = visitor(account, "reader", ALL).await;
    let mut all = BTreeMap::new();
    while let Ok(Some(event)) = tokio::time::timeout(Duration::from_millis(700), link.next()).await {
        if let Event::Message(message) = event {
            all.insert(message.topic, message.payload);
        }
    }
    all
}

#[tokio::test]
async fn the_example_home_stands_and_a_restart_adds_nothing() {
    if !wanted() {
        return;
    }
    let mut broker = Mosquitto::open();
    // Somebody else's discovery names the phone's address; an orphan of ours was left behind.
    let mut other = visitor(broker.account(), "other", &[ONLINE]).await;
    let foreign = r#"{"dev":{"cns":[["mac","3c:22:fb:01:02:03"]],"ids":"x"},"uniq_id":"x"}"#;
    send(&mut other, &message("homeassistant/sensor/x/config", foreign.as_bytes(), true)).await;
    let orphan = "homeassistant/device/porchlight_7f3a2c_d-zzzzzz/config";
    send(&mut other, &message(orphan, b"{}", true)).await;
    let running = Running::start(broker.port, example()).await;
    hears(&mut other, ONLINE, b"online").await;
    let first = retained(broker.account()).await;
    let phone = &first["homeassistant/device/porchlight_7f3a2c_d-7f3k2m/config"];
    assert!(!String::from_utf8_lossy(phone).contains("connections"), "another program has that address");
    assert!(!first.contains_key(orphan), "the orphan went");
    for topic in ["bridge/info", "household/state", "security/state", "device/d-7f3k2m/presence"] {
        assert!(first.contains_key(&format!("porchlight/home/{topic}")), "{topic}");
    }
    running.end(false).await;

    let running = Running::start(broker.port, example()).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(running.counts.sent.load(Ordering::Relaxed), 0, "not a word after a restart");
    broker.kill();
    broker.again();
    let mut other = visitor(broker.account(), "afterwards", &[ONLINE]).await;
    hears(&mut other, ONLINE, b"online").await;
    let mut again = retained(broker.account()).await;
    // Nobody else published again, so the address is free now.
    let (mut first, config) = (first, "homeassistant/device/porchlight_7f3a2c_d-7f3k2m/config");
    first.remove("homeassistant/sensor/x/config");
    assert!(again.remove(config).is_some() && first.remove(config).is_some());
    assert_eq!(again.keys().collect::<Vec<_>>(), first.keys().collect::<Vec<_>>());
    running.end(true).await;
}

#[tokio::test]
async fn commands_of_home_assistant_reach_the_core_and_are_answered() {
    if !wanted() {
        return;
    }
    let broker = Mosquitto::open();
    let mut running = Running::start(broker.port, example()).await;
    let mut other = visitor(broker.account(), "other", &["porchlight/home/#", "homeassistant/device/+/config"]).await;
    hears(&mut other, ONLINE, b"online").await;

    let trust = "porchlight/home/device/d-7f3k2m/set/trust";
    send(&mut other, &message(trust, b"guest", false)).await;
    let (ticket, command) = running.commands.recv().await.expect("a command");
    assert_eq!(command, Command::Trust { device: home::id("d-7f3k2m"), trust: Trust::Guest });
    let no: Arc<[Change]> =
        vec![Change::Answered { ticket, result: Err(Refusal::new(RefusalCode::NotPermitted, "no")) }].into();
    running.changes.send(no).expect("the bridge listens");
    let mut seen = (false, false);
    until(&mut other, |event| {
        if let Event::Message(message) = event {
            seen.0 |= message.topic == "porchlight/home/response/error";
            seen.1 |= message.topic == "porchlight/home/device/d-7f3k2m/state" && !message.retain;
        }
        (seen == (true, true)).then_some(())
    })
    .await;

    send(&mut other, &message("porchlight/home/request/device/check", br#"{"id":"a1","device":"d-7f3k2m"}"#, false))
        .await;
    let (ticket, command) = running.commands.recv().await.expect("a command");
    assert_eq!(command, Command::Check { device: home::id("d-7f3k2m") });
    let yes: Arc<[Change]> = vec![Change::Answered { ticket, result: Ok(Answer::Done) }].into();
    running.changes.send(yes).expect("the bridge listens");
    let answer = until(&mut other, |event| match event {
        Event::Message(message) if message.topic == "porchlight/home/response/device/check" => Some(message.payload),
        _ => None,
    })
    .await;
    let answer: serde_json::Value = serde_json::from_slice(&answer).expect("JSON");
    assert_eq!((&answer["id"], &answer["ok"]), (&"a1".into(), &true.into()));

    let config = "homeassistant/device/porchlight_7f3a2c_d-7f3k2m/config";
    send(&mut other, &message(config, b"", true)).await;
    let (_, command) = running.commands.recv().await.expect("a command");
    assert_eq!(command, Command::Hide { device: home::id("d-7f3k2m"), by_ha: true });
    let mut hidden = example();
    hidden.revision = 2;
    let phone = hidden.devices.get_mut(&home::id("d-7f3k2m")).expect("the phone");
    *phone = Arc::new(porchlight::model::DeviceView {
        hidden: true,
        tier: porchlight::model::Tier::None,
        ..(**phone).clone()
    });
    running.view.send_replace(Arc::new(hidden));
    // Longer than the bridge holds the device back by itself.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(!retained(broker.account()).await.contains_key(config), "it stays deleted");
    running.end(true).await;
}
