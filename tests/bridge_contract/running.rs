//! The bridge as the program runs it, in a home that the test holds.

use std::sync::{Arc, Mutex, PoisonError};

use porchlight::{
    model::{Change, Command, HaInfo, Health, HomeView, Moment, Phase, Ticket},
    mqtt::{
        MqttError, Settings, Site,
        bridge::{self, BridgeParts, Counts, Pure, Told},
        find::{self, Surroundings},
    },
};
use tokio::sync::{broadcast, mpsc, watch};

use crate::{home, mosquitto::PATIENCE};

/// What the store would hold.
pub type Memo = Arc<Mutex<Option<String>>>;

pub struct Running {
    pub view: watch::Sender<Arc<HomeView>>,
    pub changes: broadcast::Sender<Arc<[Change]>>,
    pub commands: mpsc::Receiver<(Ticket, Command)>,
    pub phase: watch::Sender<Phase>,
    pub counts: Arc<Counts>,
    pub ha: watch::Sender<HaInfo>,
    ups: watch::Receiver<u32>,
    bridge: tokio::task::JoinHandle<Result<(), MqttError>>,
}

impl Running {
    pub async fn start(broker: u16, home: HomeView) -> Running {
        Running::at(broker, home, home::site(), &Memo::default()).await
    }

    pub async fn at(broker: u16, home: HomeView, site: Site, memo: &Memo) -> Running {
        let settings = Settings { url: Some(format!("mqtt://127.0.0.1:{broker}")), ..Settings::default() };
        let around = Surroundings { supervisor: None, state_dir: "/nonexistent".into(), local_port: 0 };
        let found = find::find(&settings, &around).await.expect("configured");
        let (view, view_seen) = watch::channel(Arc::new(home));
        let (changes, changes_heard) = broadcast::channel(256);
        let (commands_out, commands) = mpsc::channel(8);
        let (phase, phase_seen) = watch::channel(Phase::Running);
        let (ha, ha_seen) = watch::channel(site.ha.clone());
        let counts = Arc::new(Counts::default());
        let stored = memo.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let store = Arc::clone(memo);
        let (up, ups) = watch::channel(0);
        let bridge = tokio::spawn(bridge::run(BridgeParts {
            settings,
            found,
            around,
            site,
            first_start: false,
            memo: stored,
            view: view_seen,
            changes: changes_heard,
            commands: commands_out,
            ha: ha_seen,
            phase: phase_seen,
            tell: Arc::new(move |told| match told {
                Told::Memo(text) => drop(store.lock().unwrap_or_else(PoisonError::into_inner).replace(text)),
                Told::Health(Health::Up) => up.send_modify(|ups| *ups += 1),
                Told::Health(_) | Told::Node(_) | Told::Restart => {}
            }),
            counts: Arc::clone(&counts),
            now: Moment::default,
            pure: Pure::default(),
        }));
        Running { view, changes, commands, phase, counts, ha, ups, bridge }
    }

    /// Waits until it is connected, after this was asked for the last time.
    pub async fn is_up_again(&mut self) {
        tokio::time::timeout(PATIENCE, self.ups.changed()).await.expect("in time").expect("the bridge lives");
    }

    pub async fn end(self, lasting: bool) {
        self.phase.send(Phase::Closed { lasting }).expect("the bridge listens");
        let ended = tokio::time::timeout(PATIENCE, self.bridge).await.expect("it ends");
        assert_eq!(ended.expect("no panic"), Ok(()));
    }

    /// As by `kill -9`: the socket falls, and nothing more is said or stored.
    pub async fn kill(self) {
        self.bridge.abort();
        let _ = self.bridge.await;
    }
}
