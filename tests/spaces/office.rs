//! A desk's surroundings: what the daemon gives a scanner, with channels whose other ends the test holds.

use std::{net::IpAddr, sync::Arc, time::Duration};

use porchlight::{
    model::{Clock, DeviceId, DeviceView, HomeView, Kind, Look, NetworkFacts, Observation, Phase, ScannerView},
    scanners::{self, Budget, DeskParts, LOOKS, Network, OBSERVATIONS, SCANNERS, Settings},
};
use tokio::{
    sync::{broadcast, mpsc, watch},
    time::{Instant, timeout},
};

use super::{DEADLINE, clock};

pub struct Office {
    pub parts: DeskParts,
    pub settings: Settings,
    pub observations: mpsc::Receiver<Observation>,
    pub health: mpsc::Receiver<ScannerView>,
    pub looks: broadcast::Sender<Look>,
    pub again: watch::Sender<u64>,
    pub home: watch::Sender<Arc<HomeView>>,
    /// Nobody else may be told of.
    pub about: Option<IpAddr>,
    _held: (watch::Sender<Arc<NetworkFacts>>, watch::Sender<Phase>),
}

impl Office {
    /// With these devices here; they are numbered in this order.
    pub async fn new(network: Network, devices: impl IntoIterator<Item = DeviceView>) -> Office {
        let clock: Clock = clock;
        let (observations, seen) = mpsc::channel(OBSERVATIONS);
        let (health, lines) = mpsc::channel(64);
        let (looks, _) = broadcast::channel(LOOKS);
        let facts = scanners::read_network(&network).await.unwrap();
        assert!(facts.interfaces.iter().any(|i| i.name == "home0" && i.up), "{facts:?}");
        let (facts, facts_seen) = watch::channel(Arc::new(facts));
        let (phase, run) = watch::channel(Phase::Running);
        let (again, scan_now) = watch::channel(0);
        let devices = devices.into_iter().zip(1..).map(|(device, number)| {
            let id = DeviceId::mint(1, number);
            (id, Arc::new(DeviceView { id, ..device }))
        });
        let view = HomeView { devices: devices.collect(), ..HomeView::default() };
        let (home_tx, home) = watch::channel(Arc::new(view));
        Office {
            parts: DeskParts {
                clock,
                settings: Arc::new(network),
                network: facts_seen,
                home,
                phase: run,
                observations,
                looks: looks.clone(),
                scan_now,
                health,
                budget: Budget::new(clock),
                hearing: watch::channel(false).1,
                rounds: None,
                settle: Duration::from_secs(6),
                progress: None,
            },
            settings: Settings::default(),
            observations: seen,
            health: lines,
            looks,
            again,
            home: home_tx,
            about: None,
            _held: (facts, phase),
        }
    }

    pub fn start(&self, name: &str) {
        let row = SCANNERS.iter().find(|row| row.card.id == name).unwrap();
        let running = scanners::start(row, &self.settings, &self.parts);
        let name = name.to_owned();
        tokio::spawn(async move {
            if let Err(error) = running.await {
                panic!("{name}: {error}");
            }
        });
    }

    /// A round now.
    pub fn round(&self) {
        self.again.send_modify(|count| *count += 1);
    }

    /// Every device here is of this kind.
    pub fn is_a(&self, kind: Kind) {
        self.home.send_modify(|view| {
            for device in Arc::make_mut(view).devices.values_mut() {
                Arc::make_mut(device).kind = kind;
            }
        });
    }

    /// One more device that is here.
    pub fn add(&self, ip: IpAddr) {
        self.home.send_modify(|view| {
            let more = Arc::make_mut(view);
            let id = DeviceId::mint(1, 100 + u32::try_from(more.devices.len()).unwrap());
            let device = DeviceView { addresses: vec![ip], last_seen: clock().wall, ..DeviceView::blank(id) };
            more.devices.insert(id, Arc::new(device));
        });
    }

    /// Reads observations until each of `wanted` is part of one (its subject and fact); returns all read.
    pub async fn hears(&mut self, wanted: &[&str]) -> Vec<Observation> {
        let began = Instant::now();
        let mut told: Vec<Observation> = Vec::new();
        let missing = |told: &[Observation]| -> Vec<String> {
            let told: Vec<String> = told.iter().map(|o| format!("{:?} {:?}", o.subject, o.fact)).collect();
            wanted.iter().filter(|w| !told.iter().any(|fact| fact.contains(**w))).map(ToString::to_string).collect()
        };
        while !missing(&told).is_empty() {
            match timeout(DEADLINE.saturating_sub(began.elapsed()), self.observations.recv()).await {
                Ok(Some(observation)) => {
                    assert!(self.about.is_none_or(|ip| observation.subject.ip == Some(ip)), "{observation:?}");
                    told.push(observation);
                }
                _ => panic!("missing {:?} in {told:?}", missing(&told)),
            }
        }
        eprintln!("measured: {wanted:?} after {:.1} s", began.elapsed().as_secs_f64());
        told
    }

    /// What is told within `time`.
    pub async fn hears_for(&mut self, time: Duration) -> Vec<Observation> {
        let began = Instant::now();
        let mut told = Vec::new();
        while let Ok(Some(observation)) = timeout(time.saturating_sub(began.elapsed()), self.observations.recv()).await
        {
            told.push(observation);
        }
        told
    }

    /// Waits for a round's end; how many it saw.
    pub async fn ends_round(&mut self) -> u64 {
        let told = timeout(DEADLINE, async {
            loop {
                let line = self.health.recv().await.unwrap();
                if line.last_success.is_some() {
                    return line.seen;
                }
            }
        });
        told.await.unwrap()
    }
}
