//! A home with a small pure half of its own, and the bridge in it.

use std::{collections::BTreeMap, sync::Arc};

use porchlight::{
    model::{
        Answer, Change, Command, DeviceId, HaInfo, HomeView, LinkMac, Moment, Phase, Presence, Refusal, Ticket, Wall,
    },
    mqtt::{
        Commands, Incoming, MqttError, Publish, Settings, Site,
        bridge::{self, BridgeParts, Counts, Pure, Told},
        commands::{Reply, Wish},
        find::{self, Surroundings},
        reconcile::{Published, Wave},
    },
};
use tokio::{
    sync::{broadcast, mpsc, watch},
    task::JoinHandle,
};

use crate::mosquitto::{PATIENCE, message};

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

pub fn device(n: u32) -> DeviceId {
    DeviceId::mint(0x7f_3a2c, n)
}

/// A bridge and the home around it.
pub struct Home {
    pub view: watch::Sender<Arc<HomeView>>,
    pub changes: broadcast::Sender<Arc<[Change]>>,
    pub commands: mpsc::Receiver<(Ticket, Command)>,
    pub phase: watch::Sender<Phase>,
    pub told: mpsc::Receiver<Told>,
    pub counts: Arc<Counts>,
    pub bridge: JoinHandle<Result<(), MqttError>>,
    _ha: watch::Sender<HaInfo>,
}

impl Home {
    pub async fn start(broker: u16, instance: u32, first_start: bool) -> Home {
        let settings = Settings { url: Some(format!("mqtt://127.0.0.1:{broker}")), ..Settings::default() };
        let around = Surroundings { supervisor: None, state_dir: "/nonexistent".into(), local_port: 0 };
        let found = find::find(&settings, &around).await.expect("configured");
        Home::with(settings, around, found, instance, first_start)
    }

    pub fn with(
        settings: Settings,
        around: Surroundings,
        found: find::Found,
        instance: u32,
        first_start: bool,
    ) -> Home {
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
            memo: None,
            view: view_seen,
            changes: changes_heard,
            commands: commands_out,
            ha: ha_seen,
            phase: phase_seen,
            tell: Arc::new(move |word| drop(tell.try_send(word))),
            counts: Arc::clone(&counts),
            now: clock,
            pure: Pure {
                reconcile: |view, site, published| Wave { messages: reconcile(view, site, published), is_last: true },
                events,
                parse,
                answer,
            },
        };
        let bridge = tokio::spawn(bridge::run(parts));
        Home { view, changes, commands, phase, told, counts, bridge, _ha: ha }
    }

    /// The home as the core would show it.
    pub fn shows(&self, devices: &[(DeviceId, i64)]) {
        let devices: BTreeMap<DeviceId, Wall> = devices.iter().map(|(id, state)| (*id, Wall(*state))).collect();
        self.view.send_modify(|view| {
            let revision = view.revision + 1;
            *view = Arc::new(HomeView { revision, tombstones: Arc::new(devices), ..HomeView::default() });
        });
    }

    pub fn says(&self, change: Change) {
        let batch: Arc<[Change]> = vec![change].into();
        self.changes.send(batch).expect("the bridge listens");
    }

    pub fn moved(&self, device: DeviceId, to: Presence) {
        self.says(Change::Presence { device, from: Presence::Home, to, why: "test", at: Wall(0) });
    }

    pub async fn told(&mut self, wanted: impl Fn(&Told) -> bool) -> Told {
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

    pub async fn end(self, lasting: bool) {
        self.phase.send(Phase::Closed { lasting }).expect("the bridge listens");
        let ended = tokio::time::timeout(PATIENCE, self.bridge).await.expect("it ends");
        assert_eq!(ended.expect("no panic"), Ok(()));
    }
}
