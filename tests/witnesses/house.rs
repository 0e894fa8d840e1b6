//! A scanner against its controller, and the core behind it, in a time that the test turns.

use std::{cell::Cell, sync::Arc, time::Duration};

use porchlight::{
    engine::{Engine, Input, Settings as Core},
    model::{
        Change, Fact, Goodbye, HaFact, HaTracker, Health, HomeView, MacAddr, Moment, Mono, NetworkFacts, Observation,
        Phase, Presence, Proof, Remembered, ScannerView, Source, Subject, Wall,
    },
    scanners::{self, Budget, DeskParts, LOOKS, Network, OBSERVATIONS, SCANNERS, Settings},
};
use tokio::{
    sync::{broadcast, mpsc, watch},
    time::timeout,
};

/// Nothing here takes this long, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);
/// Between two looks.
pub const ROUND: Duration = Duration::from_secs(15);
/// Some Thursday noon.
const BEGAN_MS: i64 = 1_795_694_400_000;

thread_local! {
    // Each test has a thread and a runtime of its own.
    static PASSED_MS: Cell<u64> = const { Cell::new(0) };
}

pub fn clock() -> Moment {
    let passed = PASSED_MS.with(Cell::get);
    Moment { mono: Mono((1_000_000 + passed) * 1_000_000), wall: Wall(BEGAN_MS + i64::try_from(passed).unwrap()) }
}

pub struct House {
    engine: Engine,
    pub settings: Settings,
    parts: DeskParts,
    observations: mpsc::Receiver<Observation>,
    lines: mpsc::Receiver<ScannerView>,
    again: watch::Sender<u64>,
    pub health: Option<Health>,
    /// All that was told, and what the core made of it.
    pub told: Vec<Observation>,
    pub changes: Vec<Change>,
    /// Up to which change questions were looked for.
    unheard: usize,
    _held: (watch::Sender<Arc<NetworkFacts>>, watch::Sender<Phase>, watch::Sender<Arc<HomeView>>),
}

impl House {
    pub fn new() -> House {
        let (observations, seen) = mpsc::channel(OBSERVATIONS);
        let (health, lines) = mpsc::channel(64);
        let (facts, network) = watch::channel(Arc::default());
        let (running, phase) = watch::channel(Phase::Running);
        let (shown, home) = watch::channel(Arc::default());
        let (again, scan_now) = watch::channel(0);
        let parts = DeskParts {
            clock,
            settings: Arc::new(Network::default()),
            network,
            home,
            phase,
            observations,
            looks: broadcast::channel(LOOKS).0,
            scan_now,
            health,
            budget: Budget::new(clock),
            hearing: watch::channel(false).1,
            rounds: None,
            settle: Duration::ZERO,
            progress: None,
        };
        let engine = Engine::new(&Core::default(), Arc::default(), &Remembered::default(), 1, clock());
        House {
            engine,
            settings: Settings::default(),
            parts,
            observations: seen,
            lines,
            again,
            health: None,
            told: Vec::new(),
            changes: Vec::new(),
            unheard: 0,
            _held: (facts, running, shown),
        }
    }

    pub fn start(&self, name: &str) {
        let row = SCANNERS.iter().find(|row| row.card.id == name).unwrap();
        tokio::spawn(scanners::start(row, &self.settings, &self.parts));
    }

    /// The first look: what was there before.
    pub async fn first(&mut self) {
        self.heard(true).await;
    }

    /// Time passes, and the controller is asked again.
    pub async fn round(&mut self) {
        PASSED_MS.with(|passed| passed.set(passed.get() + u64::try_from(ROUND.as_millis()).unwrap()));
        self.again.send_modify(|count| *count += 1);
        self.heard(true).await;
    }

    pub async fn rounds(&mut self, many: Duration) {
        for _ in 0..many.as_secs() / ROUND.as_secs() {
            self.round().await;
        }
    }

    /// As a round, if the controller does not answer: until its health says so, if it does not yet.
    pub async fn round_in_vain(&mut self) {
        PASSED_MS.with(|passed| passed.set(passed.get() + u64::try_from(ROUND.as_millis()).unwrap()));
        self.again.send_modify(|count| *count += 1);
        self.heard(matches!(self.health, None | Some(Health::Up | Health::Off))).await;
    }

    /// Until the look of now is over.
    async fn heard(&mut self, waits: bool) {
        let mut is_over = !waits;
        while !is_over {
            let line = timeout(DEADLINE, self.lines.recv()).await.expect("the scanner says nothing").unwrap();
            is_over = line.last_success == Some(clock().wall) || matches!(line.health, Health::Down { .. });
            self.line(line);
        }
        if !waits {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // Health and the end of a look are told in one go.
        while let Ok(line) = self.lines.try_recv() {
            self.line(line);
        }
        while let Ok(observation) = self.observations.try_recv() {
            self.told.push(observation.clone());
            self.changes.extend(self.engine.handle(Input::Observation(observation), clock()));
        }
        self.settle();
    }

    /// What time alone brings. Nobody answers questions here: the witness is all there is.
    fn settle(&mut self) {
        self.changes.extend(self.engine.handle(Input::Tick, clock()));
        for change in self.changes.split_off(self.unheard.min(self.changes.len())) {
            if let Change::Asked(look) = &change {
                let seen = Observation {
                    source: Source::ArpSweep,
                    interface: look.interface,
                    at: clock(),
                    subject: Subject { mac: look.mac, ip: Some(look.ip) },
                    fact: Fact::Unanswered { probe: look.probe },
                };
                let more = self.engine.handle(Input::Observation(seen), clock());
                self.changes.extend(more);
            }
            self.changes.push(change);
        }
        self.unheard = self.changes.len();
    }

    fn line(&mut self, line: ScannerView) {
        self.health = Some(line.health.clone());
        self.changes.extend(self.engine.handle(Input::Scanner(line), clock()));
    }

    /// Time passes, and nobody says anything.
    pub fn pass(&mut self, time: Duration) {
        PASSED_MS.with(|passed| passed.set(passed.get() + u64::try_from(time.as_millis()).unwrap()));
        self.settle();
    }

    /// It is heard by this host itself.
    pub fn sees(&mut self, mac: &str, last: u8) {
        let mac: MacAddr = mac.parse().unwrap();
        let subject = Subject { mac: Some(mac), ip: Some([192, 168, 1, mac.0[5]].into()) };
        let proof = if last.is_multiple_of(2) { Proof::ArpRequest } else { Proof::Frame };
        let fact = Fact::Alive { proof, age: Duration::ZERO };
        let seen = Observation { source: Source::Capture, interface: None, at: clock(), subject, fact };
        self.changes.extend(self.engine.handle(Input::Observation(seen), clock()));
        self.settle();
    }

    /// A router's tracker in Home Assistant changed its mind.
    pub fn told(&mut self, mac: &str, home: bool) {
        let tracker = HaTracker { mac: mac.parse().unwrap(), home };
        self.changes.extend(self.engine.handle(Input::Told(HaFact::Tracker(tracker)), clock()));
        self.settle();
    }

    /// How often it was asked.
    pub fn asked(&self, mac: &str) -> usize {
        let mac: MacAddr = mac.parse().unwrap();
        let asked = |change: &&Change| matches!(change, Change::Asked(look) if look.mac == Some(mac));
        self.changes.iter().filter(asked).count()
    }

    pub fn presence(&mut self, mac: &str) -> Option<Presence> {
        let mac: MacAddr = mac.parse().unwrap();
        let view = self.engine.view();
        view.devices.values().find(|device| device.macs.contains(&mac)).map(|device| device.presence)
    }

    pub fn name(&mut self, mac: &str) -> String {
        let mac: MacAddr = mac.parse().unwrap();
        let view = self.engine.view();
        let device = view.devices.values().find(|device| device.macs.contains(&mac));
        device.map(|device| device.name.clone()).unwrap_or_default()
    }

    /// How often it was proven to live.
    pub fn proofs(&self, mac: &str) -> usize {
        self.count(mac, |fact| matches!(fact, Fact::Alive { .. }))
    }

    pub fn goodbyes(&self, mac: &str) -> usize {
        self.count(mac, |fact| matches!(fact, Fact::Gone(Goodbye::ApLeft)))
    }

    fn count(&self, mac: &str, which: impl Fn(&Fact) -> bool) -> usize {
        let mac: MacAddr = mac.parse().unwrap();
        self.told.iter().filter(|seen| seen.subject.mac == Some(mac) && which(&seen.fact)).count()
    }

    /// Why it does not work, and what to do.
    pub fn trouble(&self) -> (String, String) {
        match &self.health {
            Some(Health::Down { why, advice } | Health::Degraded { why, advice }) => {
                (why.clone(), advice.clone().unwrap_or_default())
            }
            other => panic!("{other:?}"),
        }
    }
}
