//! A scanner's desk inside the namespace, and what comes of it.

use std::{net::IpAddr, sync::Arc, time::Duration};

use porchlight::{
    capture::{self, Batch, Counters, Filter, Ring},
    model::{Clock, Look, MacAddr, NetworkFacts, Observation, Phase, ScannerView},
    scanners::{self, Budget, DeskParts, LOOKS, Network, OBSERVATIONS, SCANNERS, Settings},
};
use tokio::{
    sync::{broadcast, mpsc, watch},
    time::timeout,
};

use crate::home::{DEADLINE, clock};

/// A desk's surroundings, and what comes of it.
pub struct Office {
    pub parts: DeskParts,
    pub settings: Settings,
    pub observations: mpsc::Receiver<Observation>,
    pub health: mpsc::Receiver<ScannerView>,
    hearing: watch::Sender<bool>,
    pub looks: broadcast::Sender<Look>,
    /// The networks as the desks see them.
    pub facts: watch::Sender<Arc<NetworkFacts>>,
    /// Held, so that desks see them open.
    _held: (watch::Sender<Phase>, watch::Sender<u64>),
}

pub async fn office(rounds: Option<u32>) -> Office {
    let clock: Clock = clock;
    let (observations, seen) = mpsc::channel(OBSERVATIONS);
    let (health, lines) = mpsc::channel(64);
    let (looks, _) = broadcast::channel(LOOKS);
    let facts = scanners::read_network(&Network::default()).await.unwrap();
    assert!(facts.interfaces.iter().any(|i| i.name == "home0" && i.up), "{facts:?}");
    let (facts, network) = watch::channel(Arc::new(facts));
    let (phase, run) = watch::channel(Phase::Running);
    let (asked, scan_now) = watch::channel(0);
    let (hearing, heard) = watch::channel(false);
    Office {
        parts: DeskParts {
            clock,
            settings: Arc::default(),
            network,
            home: watch::channel(Arc::default()).1,
            phase: run,
            observations,
            looks: looks.clone(),
            scan_now,
            health,
            budget: Budget::new(clock),
            hearing: heard,
            rounds,
            settle: Duration::from_secs(6),
            progress: None,
        },
        settings: Settings::default(),
        observations: seen,
        health: lines,
        hearing,
        looks,
        facts,
        _held: (phase, asked),
    }
}

impl Office {
    pub fn start(&self, name: &str) -> tokio::task::JoinHandle<()> {
        let row = SCANNERS.iter().find(|row| row.card.id == name).unwrap();
        let running = scanners::start(row, &self.settings, &self.parts);
        let name = name.to_owned();
        tokio::spawn(async move {
            if let Err(error) = running.await {
                panic!("{name}: {error}");
            }
        })
    }

    /// Opens an ear on `home0`, which hears from then on.
    pub fn listen(&self) -> mpsc::Receiver<Batch> {
        let (core, batches) = mpsc::channel(64);
        let ring = Ring::open("home0", &Filter::home(), &capture::Settings::default(), clock).unwrap();
        let phase = self.parts.phase.clone();
        std::thread::spawn(move || capture::listen(ring, clock, &core, &phase, &Counters::default()).unwrap());
        self.hearing.send_replace(true);
        batches
    }

    /// Reads observations until `enough` says so.
    pub async fn until(&mut self, mut enough: impl FnMut(&Observation) -> bool) {
        timeout(DEADLINE, async {
            while let Some(observation) = self.observations.recv().await {
                if enough(&observation) {
                    return;
                }
            }
        })
        .await
        .expect("in time");
    }
}

/// Sender's IP and MAC of an ARP reply.
pub fn arp_reply(frame: &[u8]) -> Option<(IpAddr, MacAddr)> {
    if frame.get(12..14)? != [0x08, 0x06] || frame.get(20..22)? != [0, 2] {
        return None;
    }
    let mac = MacAddr(frame.get(22..28)?.try_into().ok()?);
    let ip: [u8; 4] = frame.get(28..32)?.try_into().ok()?;
    Some((ip.into(), mac))
}
