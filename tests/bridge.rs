//! The bridge, with a small pure half of its own, against a real broker and against the own one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise"
)]

#[path = "broker/mosquitto.rs"]
#[allow(dead_code)]
mod mosquitto;

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use mosquitto::{Mosquitto, PATIENCE, free_port, hears, message, send, until, visitor, wanted};
use porchlight::{
    model::{
        Answer, Change, Command, DeviceId, HaInfo, Health, HomeView, LinkMac, Moment, Phase, Presence, Refusal,
        RefusalCode, Ticket, Wall,
    },
    mqtt::{
        Account, Commands, Incoming, Link, MqttError, Place, Publish, Settings, Site,
        bridge::{self, BridgeParts, Counts, Pure, Told},
        broker::{Keys, OwnBroker},
        client::{Event, Filter, Options},
        commands::{Reply, Wish},
        find::{self, How, Surroundings},
        reconcile::Published,
    },
};
use secrecy::ExposeSecret;
use tokio::{
    sync::{broadcast, mpsc, watch},
    task::JoinHandle,
};

// Fewer words than the real half, and the same manners: what differs, `online` last. Devices are
// carried by the view's tombstones, whose wall time stands for their state.
fn reconcile(view: &HomeView, site: &Site, published: &Published) -> Vec<Publish> {
    let here = format!("{}/{}", site.base, site.node);
    let info = format!(r#"{{"instance":"{:06x}","version":"1","started":"now"}}"#, site.instance);
    let mut wanted = vec![message(&format!("{here}/bridge/info"), info.as_bytes(), true)];
    for (id, state) in view.tombstones.iter() {
        let config = format!("{}/device/porchlight_{:06x}_{id}/config", site.prefix, site.instance);
        wanted.push(message(&config, b"{}", true));
        wanted.push(message(&format!("{here}/device/{id}/presence"), state.0.to_string().as_bytes(), true));
        wanted.push(message(&format!("{here}/device/{id}/state"), state.0.to_string().as_bytes(), true));
    }
    wanted.push(message(&format!("{here}/bridge/state"), b"online", true));
    let is_there = |message: &Publish| {
        let mut after = published.clone();
        after.sent(message);
        after == *published
    };
    wanted.retain(|message| !is_there(message));
    wanted
}

fn events(change: &Change, _: &HomeView, site: &Site) -> Vec<Publish> {
    match change {
        Change::Presence { to, .. } => {
            vec![message(&format!("{}/{}/event", site.base, site.node), to.word().as_bytes(), false)]
        }
        _ => Vec::new(),
    }
}

fn parse(incoming: &Incoming, _: &HomeView, site: &Site) -> Option<(Reply, Result<Wish, Refusal>)> {
    let verb = incoming.topic.strip_prefix(&format!("{}/{}/", site.base, site.node))?;
    let wish = match verb {
        set if set.ends_with("/set/trust") => Wish::Command(Command::ScanNow),
        "request/scan" => Wish::Command(Command::ScanNow),
        "request/info" => Wish::Answer(serde_json::json!("me")),
        "bridge/do" => Wish::Restart,
        _ => return None,
    };
    let topic = incoming.response_topic.clone().unwrap_or_else(|| format!("{}/{}/response/x", site.base, site.node));
    let reply = Reply {
        topic,
        correlation: incoming.correlation.clone(),
        id: Some(String::from_utf8_lossy(&incoming.payload).into_owned()),
        is_request: verb.starts_with("request/"),
        asked_on: incoming.topic.clone(),
        data: serde_json::Value::Null,
    };
    Some((reply, Ok(wish)))
}

fn answer(reply: &Reply, result: &Result<Answer, Refusal>, _: &Site) -> Option<Publish> {
    let word = result.as_ref().map_or_else(|refusal| refusal.code.word(), |_| "ok");
    let text = format!("{} {word}", reply.id.as_deref().unwrap_or_default());
    Some(message(&reply.topic, text.as_bytes(), false))
}

fn clock() -> Moment {
    Moment::default()
}

fn device(n: u32) -> DeviceId {
    DeviceId::mint(0x7f_3a2c, n)
}

/// A bridge and the home around it.
struct Home {
    view: watch::Sender<Arc<HomeView>>,
    changes: broadcast::Sender<Arc<[Change]>>,
    commands: mpsc::Receiver<(Ticket, Command)>,
    phase: watch::Sender<Phase>,
    told: mpsc::Receiver<Told>,
    counts: Arc<Counts>,
    bridge: JoinHandle<Result<(), MqttError>>,
    _ha: watch::Sender<HaInfo>,
}

impl Home {
    async fn start(broker: u16, instance: u32, first_start: bool) -> Home {
        let settings = Settings { url: Some(format!("mqtt://127.0.0.1:{broker}")), ..Settings::default() };
        let around = Surroundings { supervisor: None, state_dir: "/nonexistent".into(), local_port: 0 };
        let found = find::find(&settings, &around).await.expect("configured");
        Home::with(settings, around, found, instance, first_start)
    }

    fn with(settings: Settings, around: Surroundings, found: find::Found, instance: u32, first_start: bool) -> Home {
        let (view, view_seen) = watch::channel(Arc::new(HomeView::default()));
        let (changes, changes_heard) = broadcast::channel(256);
        let (commands_out, commands) = mpsc::channel(4);
        let (phase, phase_seen) = watch::channel(Phase::Running);
        let (ha, ha_seen) = watch::channel(HaInfo::default());
        let (tell, told) = mpsc::channel(64);
        let counts = Arc::new(Counts::default());
        let site = Site {
            base: "porchlight".into(),
            node: "home".into(),
            prefix: "homeassistant".into(),
            instance,
            version: "0.1.0",
            started: Wall(0),
            mqtt: 5,
            commands: Commands::All,
            link_mac: LinkMac::Auto,
            expose_limit: 40,
            page: None,
            ha: HaInfo::default(),
            foreign_macs: std::collections::BTreeSet::new(),
        };
        let parts = BridgeParts {
            settings,
            found,
            around,
            site,
            first_start,
            view: view_seen,
            changes: changes_heard,
            commands: commands_out,
            ha: ha_seen,
            phase: phase_seen,
            tell: Arc::new(move |word| drop(tell.try_send(word))),
            ears: None,
            counts: Arc::clone(&counts),
            now: clock,
            pure: Pure { reconcile, events, parse, answer },
        };
        let bridge = tokio::spawn(bridge::run(parts));
        Home { view, changes, commands, phase, told, counts, bridge, _ha: ha }
    }

    /// The home as the core would show it.
    fn shows(&self, devices: &[(DeviceId, i64)]) {
        let devices: BTreeMap<DeviceId, Wall> = devices.iter().map(|(id, state)| (*id, Wall(*state))).collect();
        self.view.send_modify(|view| {
            let revision = view.revision + 1;
            *view = Arc::new(HomeView { revision, tombstones: Arc::new(devices), ..HomeView::default() });
        });
    }

    fn says(&self, change: Change) {
        let batch: Arc<[Change]> = vec![change].into();
        self.changes.send(batch).expect("the bridge listens");
    }

    fn moved(&self, device: DeviceId, to: Presence) {
        self.says(Change::Presence { device, from: Presence::Home, to, why: "test", at: Wall(0) });
    }

    async fn told(&mut self, wanted: impl Fn(&Told) -> bool) -> Told {
        tokio::time::timeout(PATIENCE, async {
            loop {
                let told = self.told.recv().await.expect("the bridge lives");
                if wanted(&told) {
                    return told;
                }
            }
        })
        .await
        .expect("told in time")
    }

    async fn end(self, lasting: bool) {
        self.phase.send(Phase::Closed { lasting }).expect("the bridge listens");
        let ended = tokio::time::timeout(PATIENCE, self.bridge).await.expect("it ends");
        assert_eq!(ended.expect("no panic"), Ok(()));
    }
}

/// All retained messages under `topics`.
async fn retained(account: Account, topics: &[&str]) -> BTreeMap<String, String> {
    let mut link = Link::connect(Options::visit(account, "reader"));
    mosquitto::up(&mut link).await;
    let filters: Vec<Filter> = topics.iter().map(|topic| Filter::others(*topic)).collect();
    link.subscribe(&filters).expect("subscribed");
    let mut all = BTreeMap::new();
    while let Ok(Some(event)) = tokio::time::timeout(Duration::from_millis(700), link.next()).await {
        if let Event::Message(message) = event {
            all.insert(message.topic, String::from_utf8_lossy(&message.payload).into_owned());
        }
    }
    all
}

const ALL: &[&str] = &["porchlight/#", "homeassistant/#"];
const ONLINE: &str = "porchlight/home/bridge/state";

#[tokio::test]
async fn a_home_is_published_kept_and_published_again_to_a_wiped_broker() {
    if !wanted() {
        return;
    }
    let mut broker = Mosquitto::open();
    let mut other = visitor(broker.account(), "other", ALL).await;
    let mut home = Home::start(broker.port, 0x7f_3a2c, true).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    home.shows(&[(device(1), 1), (device(2), 2)]);
    let mut order = Vec::new();
    until(&mut other, |event| {
        if let Event::Message(message) = event {
            order.push(message.topic);
        }
        order.last().filter(|topic| *topic == ONLINE).map(|_| ())
    })
    .await;
    assert_eq!(order.len(), 8, "all of it, and `online` last: {order:?}");
    home.told(|told| matches!(told, Told::Health(Health::Up))).await;
    let before = retained(broker.account(), ALL).await;
    assert_eq!(before.len(), 8);
    broker.kill();
    home.told(|told| matches!(told, Told::Health(Health::Down { advice: Some(_), .. }))).await;
    // Said while it is away: forgotten. Shown while it is away: there afterwards.
    home.moved(device(1), Presence::Away);
    home.shows(&[(device(1), 7), (device(2), 2)]);
    broker.again();
    home.told(|told| matches!(told, Told::Health(Health::Up))).await;
    let mut other = visitor(broker.account(), "another", ALL).await;
    hears(&mut other, ONLINE, b"online").await;
    let after = retained(broker.account(), ALL).await;
    assert_eq!(after.len(), before.len());
    assert_eq!(after[&format!("porchlight/home/device/{}/presence", device(1))], "7");
    assert!(!after.contains_key("porchlight/home/event"));
    home.end(true).await;
    assert_eq!(retained(broker.account(), &[ONLINE]).await[ONLINE], "offline");
}

#[tokio::test]
async fn a_restart_is_silent_and_nothing_is_sent_twice() {
    if !wanted() {
        return;
    }
    let broker = Mosquitto::open();
    let home = Home::start(broker.port, 0x7f_3a2c, true).await;
    home.shows(&[(device(1), 1)]);
    let mut other = visitor(broker.account(), "other", &[ONLINE]).await;
    hears(&mut other, ONLINE, b"online").await;
    home.end(false).await;
    let mut other = visitor(broker.account(), "all", ALL).await;
    let mut home = Home::start(broker.port, 0x7f_3a2c, false).await;
    home.shows(&[(device(1), 1)]);
    home.told(|told| matches!(told, Told::Health(Health::Up))).await;
    // A birth of Home Assistant in between changes nothing either.
    send(&mut other, &message("homeassistant/status", b"online", false)).await;
    let quiet = tokio::time::timeout(
        Duration::from_secs(8),
        until(&mut other, |event| match event {
            Event::Message(message) if !message.retain => Some(message.topic),
            _ => None,
        }),
    );
    assert_eq!(quiet.await.ok(), None, "not a word");
    assert_eq!(home.counts.sent.load(Ordering::Relaxed), 0);
    assert_eq!(retained(broker.account(), &[ONLINE]).await[ONLINE], "online");
    home.end(true).await;
}

#[tokio::test]
async fn a_transition_is_there_within_50_ms_and_the_rest_is_gathered() {
    if !wanted() {
        return;
    }
    let broker = Mosquitto::open();
    let home = Home::start(broker.port, 0x7f_3a2c, true).await;
    home.shows(&[(device(1), 0)]);
    let mut other = visitor(broker.account(), "other", ALL).await;
    hears(&mut other, ONLINE, b"online").await;
    let presence = format!("porchlight/home/device/{}/presence", device(1));
    let mut spans = Vec::new();
    for n in 1..=40 {
        let began = Instant::now();
        // As the core does it: the picture, then the word.
        home.shows(&[(device(1), n)]);
        home.moved(device(1), Presence::Home);
        hears(&mut other, &presence, n.to_string().as_bytes()).await;
        spans.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    spans.sort();
    let p95 = spans[spans.len() * 95 / 100];
    println!("transition to subscriber: p50 {:?}, p95 {p95:?}", spans[spans.len() / 2]);
    assert!(p95 <= Duration::from_millis(50), "{spans:?}");
    // A state that flickers, with nobody waiting: five a second at most.
    let began = Instant::now();
    let state = format!("porchlight/home/device/{}/state", device(1));
    let mut heard = 0;
    for n in 100..200 {
        home.shows(&[(device(1), n)]);
        while let Ok(Some(event)) = tokio::time::timeout(Duration::from_millis(10), other.next()).await {
            heard += usize::from(matches!(event, Event::Message(message) if message.topic == state));
        }
    }
    let most = began.elapsed().as_millis() as usize / 200 + 2;
    assert!((1..=most).contains(&heard), "{heard} of at most {most}");
    home.end(true).await;
}

#[tokio::test]
async fn each_request_gets_one_answer() {
    if !wanted() {
        return;
    }
    let broker = Mosquitto::open();
    // Somebody retained a command: it must never be obeyed.
    let mut other = visitor(broker.account(), "other", &["porchlight/home/response/#", "mine"]).await;
    send(&mut other, &message("porchlight/home/bridge/do", b"restart", true)).await;
    let mut home = Home::start(broker.port, 0x7f_3a2c, true).await;
    home.shows(&[(device(1), 1)]);
    let mut watching = visitor(broker.account(), "watching", &[ONLINE]).await;
    hears(&mut watching, ONLINE, b"online").await;

    let response = "porchlight/home/response/x";
    send(&mut other, &message("porchlight/home/request/info", b"a", false)).await;
    hears(&mut other, response, b"a ok").await;
    send(&mut other, &message("porchlight/home/request/scan", b"b", false)).await;
    let (ticket, command) = home.commands.recv().await.expect("a command");
    assert_eq!(command, Command::ScanNow);
    home.says(Change::Answered { ticket, result: Err(Refusal::new(RefusalCode::NotFound, "no")) });
    hears(&mut other, response, b"b not_found").await;
    home.says(Change::Answered { ticket, result: Ok(Answer::Done) });

    // A refused entity command tells the old state again, so that the switch snaps back.
    let here = format!("porchlight/home/device/{}", device(1));
    let mut switch = visitor(broker.account(), "switch", &[&format!("{here}/state")]).await;
    hears(&mut switch, &format!("{here}/state"), b"1").await;
    send(&mut other, &message(&format!("{here}/set/trust"), b"trusted", false)).await;
    let (ticket, _) = home.commands.recv().await.expect("a command");
    home.says(Change::Answered { ticket, result: Err(Refusal::new(RefusalCode::NotPermitted, "no")) });
    hears(&mut switch, &format!("{here}/state"), b"1").await;
    // The core is busy: four wait in its channel, the fifth is refused at once.
    for n in 0..5 {
        send(&mut other, &message("porchlight/home/request/scan", format!("c{n}").as_bytes(), false)).await;
    }
    hears(&mut other, response, b"c4 busy").await;
    // It never answers those four.
    let began = Instant::now();
    for n in 0..4 {
        hears(&mut other, response, format!("c{n} internal").as_bytes()).await;
    }
    assert!(began.elapsed() < Duration::from_secs(10), "the contract");
    // Faster than any finger.
    for n in 0..60 {
        send(&mut other, &message("porchlight/home/request/info", format!("d{n}").as_bytes(), false)).await;
    }
    let deadline = Instant::now() + PATIENCE;
    while home.counts.commands_dropped.load(Ordering::Relaxed) == 0 {
        assert!(Instant::now() < deadline, "none was dropped");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(home.told.try_recv().is_ok_and(|told| told != Told::Restart), "the retained command was not obeyed");
    while let Ok(told) = home.told.try_recv() {
        assert_ne!(told, Told::Restart);
    }
    send(&mut other, &message("porchlight/home/bridge/do", b"restart", false)).await;
    home.told(|told| *told == Told::Restart).await;
    home.end(true).await;
}

#[tokio::test]
async fn a_device_deleted_in_home_assistant_is_hidden_once() {
    if !wanted() {
        return;
    }
    let broker = Mosquitto::open();
    let mut home = Home::start(broker.port, 0x7f_3a2c, true).await;
    home.shows(&[(device(1), 1), (device(2), 1)]);
    let mut other = visitor(broker.account(), "other", ALL).await;
    hears(&mut other, ONLINE, b"online").await;
    let config = format!("homeassistant/device/porchlight_7f3a2c_{}/config", device(1));
    for _ in 0..3 {
        send(&mut other, &message(&config, b"", true)).await;
    }
    let (_, command) = home.commands.recv().await.expect("a command");
    assert_eq!(command, Command::Hide { device: device(1), by_ha: true });
    // Before the core has hidden it, it must not come back.
    home.shows(&[(device(1), 2), (device(2), 2)]);
    home.moved(device(1), Presence::Home);
    hears(&mut other, &format!("porchlight/home/device/{}/presence", device(1)), b"2").await;
    assert!(!retained(broker.account(), ALL).await.contains_key(&config));
    assert!(home.commands.try_recv().is_err(), "copies are one");
    // An old connection's will is contradicted.
    send(&mut other, &message(ONLINE, b"offline", true)).await;
    hears(&mut other, ONLINE, b"online").await;
    home.end(true).await;
}

#[tokio::test]
async fn two_of_us_do_not_share_a_node() {
    if !wanted() {
        return;
    }
    let broker = Mosquitto::open();
    let first = Home::start(broker.port, 0x00_0001, true).await;
    first.shows(&[]);
    let mut other = visitor(broker.account(), "other", &["porchlight/+/bridge/state"]).await;
    hears(&mut other, ONLINE, b"online").await;
    let mut second = Home::start(broker.port, 0x00_0002, true).await;
    second.shows(&[]);
    assert_eq!(second.told(|told| matches!(told, Told::Node(_))).await, Told::Node("home_2".into()));
    hears(&mut other, "porchlight/home_2/bridge/state", b"online").await;
    let third = Home::start(broker.port, 0x00_0003, false).await;
    let refused = tokio::time::timeout(PATIENCE, third.bridge).await.expect("it ends").expect("no panic");
    let expected = MqttError::Duplicate { node: "home".into(), version: "1".into(), started: "now".into() };
    assert_eq!(refused, Err(expected));
    assert_eq!(retained(broker.account(), &[ONLINE]).await[ONLINE], "online", "the first one stands");
    second.end(true).await;
    first.end(true).await;
}

#[tokio::test]
async fn the_own_broker_serves_both_versions_and_nobody_without_a_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = Settings::default();
    settings.broker.port = free_port();
    // The wished port is taken.
    let _taken = std::net::TcpListener::bind(("127.0.0.1", settings.broker.port)).expect("a port");
    let around = Surroundings { supervisor: None, state_dir: folder.path().into(), local_port: free_port() };
    let found = find::find(&settings, &around).await.expect("the own one");
    assert_eq!(found.how, How::Own);
    let port = found.account.place.port;
    assert!(port > settings.broker.port && found.line.contains("is taken"), "{}", found.line);
    let anonymous = Account::anonymous(Place::tcp("127.0.0.1", port));
    assert!(matches!(Link::probe(anonymous, "nobody").await, Err(MqttError::Refused { .. })));

    let keys = Keys::load(folder.path()).expect("the passwords");
    let home = Home::with(settings.clone(), around, found, 0x7f_3a2c, true);
    let devices: Vec<(DeviceId, i64)> = (0..166).map(|n| (device(n), 1)).collect();
    home.shows(&devices);
    let guest = Account {
        username: Some("homeassistant".into()),
        password: porchlight::mqtt::Password::Given(keys.home_assistant().clone()),
        ..Account::anonymous(Place::tcp("127.0.0.1", port))
    };
    let mut other = visitor(guest.clone(), "guest", &[ONLINE]).await;
    hears(&mut other, ONLINE, b"online").await;
    assert_eq!(retained(guest, ALL).await.len(), 500);
    if wanted() {
        for version in ["5", "mqttv311"] {
            let read = tokio::process::Command::new("mosquitto_sub")
                .args(["-V", version, "-p", &port.to_string(), "-u", "homeassistant", "-P"])
                .arg(keys.home_assistant().expose_secret())
                .args(["-t", "#", "-q", "1", "-C", "500", "-W", "20", "-F", "%t"])
                .output()
                .await
                .expect("mosquitto_sub runs");
            assert_eq!(String::from_utf8_lossy(&read.stdout).lines().count(), 500, "{version}");
        }
    }
    // Our end: others hear it before the broker is gone.
    home.phase.send(Phase::Closed { lasting: true }).expect("the bridge listens");
    hears(&mut other, ONLINE, b"offline").await;
}

#[tokio::test]
async fn the_own_broker_speaks_the_will_of_the_vanished() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = Settings::default();
    settings.broker.port = free_port();
    let broker = OwnBroker::start(&settings.broker, folder.path()).await.expect("started");
    let mut other = visitor(broker.account(), "other", &["gone"]).await;
    let will = porchlight::mqtt::client::Will { topic: "gone".into(), payload: b"yes".to_vec(), delay_s: 1 };
    let mut ours =
        Link::connect(Options { will: Some(will), session_s: Some(120), ..Options::visit(broker.account(), "ours") });
    mosquitto::up(&mut ours).await;
    drop(ours);
    hears(&mut other, "gone", b"yes").await;
    broker.stop().await;
}
