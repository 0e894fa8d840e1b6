//! Two namespaces and a wire: `near` is where Porchlight looks from (10.78.0.1), `far` is the peer (10.78.0.9).

use std::{
    fs,
    net::IpAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, OnceLock},
    time::Duration,
};

use porchlight::{
    model::{
        Clock, DeviceId, DeviceView, HomeView, Look, MacAddr, Moment, Mono, NetworkFacts, Observation, Phase,
        ScannerView, Wall,
    },
    scanners::{self, Budget, DeskParts, LOOKS, Network, OBSERVATIONS, SCANNERS, Settings},
};
use tokio::{
    sync::{broadcast, mpsc, watch},
    time::{Instant, timeout},
};

/// Nothing here takes this long, even on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(60);
pub const PEER: &str = "10.78.0.9";
pub const PEER_MAC: MacAddr = MacAddr([0x02, 0x78, 0, 0, 0, 9]);

pub fn peer() -> IpAddr {
    PEER.parse().unwrap()
}

pub fn clock() -> Moment {
    static START: OnceLock<Instant> = OnceLock::new();
    let wall = jiff::Timestamp::now().as_millisecond();
    let ns = u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap() + 3_600_000_000_000;
    Moment { mono: Mono(ns), wall: Wall(wall) }
}

pub struct Home {
    pub near: String,
    pub far: String,
    /// For the peers' files; goes with the home.
    pub dir: PathBuf,
    helpers: Vec<Child>,
}

impl Home {
    /// `None`: fast, not root, or no namespaces here; said aloud.
    pub fn build(name: &str) -> Option<Home> {
        if std::env::var_os("PORCHLIGHT_FAST").is_some() {
            eprintln!("skipped: PORCHLIGHT_FAST is set");
            return None;
        }
        let id = std::process::id();
        let home = Home {
            near: format!("disc-{name}-near-{id}"),
            far: format!("disc-{name}-far-{id}"),
            dir: std::env::temp_dir().join(format!("porchlight-disc-{name}-{id}")),
            helpers: Vec::new(),
        };
        if !ip(&["netns", "add", &home.near]) || !ip(&["netns", "add", &home.far]) {
            eprintln!("skipped: network namespaces need root and iproute2");
            return None;
        }
        fs::create_dir_all(&home.dir).unwrap();
        let (near, far) = (&home.near, &home.far);
        assert!(ip(&["-n", near, "link", "add", "home0", "type", "veth", "peer", "name", "wire0", "netns", far]));
        for (namespace, link, address) in [(near, "home0", "10.78.0.1/24"), (far, "wire0", "10.78.0.9/24")] {
            assert!(ip(&["-n", namespace, "link", "set", "lo", "up"]));
            if link == "wire0" {
                assert!(ip(&["-n", namespace, "link", "set", link, "address", &PEER_MAC.to_string()]));
            }
            assert!(ip(&["-n", namespace, "addr", "add", address, "brd", "+", "dev", link]));
            assert!(ip(&["-n", namespace, "link", "set", link, "up"]));
            assert!(ip(&["-n", namespace, "route", "add", "224.0.0.0/4", "dev", link]));
        }
        Some(home)
    }

    fn within(namespace: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace, program]);
        command
    }

    /// Starts a peer in `far`, in the foreground; it ends with the home. `false`: not installed, said aloud.
    pub fn peer(&mut self, program: &str, arguments: &[&str]) -> bool {
        let far = self.far.clone();
        self.start(&far, program, arguments)
    }

    /// The same in `near`.
    #[allow(dead_code, reason = "not every family of tests has one")]
    pub fn companion(&mut self, program: &str, arguments: &[&str]) -> bool {
        let near = self.near.clone();
        self.start(&near, program, arguments)
    }

    fn start(&mut self, namespace: &str, program: &str, arguments: &[&str]) -> bool {
        let path = format!("/usr/bin:/usr/sbin:{}", std::env::var("PATH").unwrap_or_default());
        let there = path.split(':').any(|folder| std::path::Path::new(folder).join(program).exists());
        if !there {
            eprintln!("skipped: {program} is not installed (tests/run installs it)");
            return false;
        }
        let log = fs::File::create(self.dir.join(format!("{program}-{}.log", self.helpers.len()))).unwrap();
        let mut command = Home::within(namespace, program);
        command.args(arguments).env("PATH", path).stdout(log.try_clone().unwrap()).stderr(log).stdin(Stdio::null());
        self.helpers.push(command.spawn().unwrap());
        true
    }

    /// Rules for the kernel of `far`. `false`: nft is not installed, said aloud.
    pub fn nft(&self, rules: &str) -> bool {
        let file = self.dir.join("rules.nft");
        fs::write(&file, rules).unwrap();
        let known = Home::within(&self.far, "nft").arg("--version").output().is_ok_and(|done| done.status.success());
        if !known {
            eprintln!("skipped: nft is not installed (tests/run installs it)");
            return false;
        }
        let done = Home::within(&self.far, "nft").arg("-f").arg(&file).output().unwrap();
        assert!(done.status.success(), "{}\n{rules}", String::from_utf8_lossy(&done.stderr));
        true
    }

    /// Runs `inner` of this program in `far` until the home ends.
    pub fn stranger(&mut self, inner: &str) {
        let program = std::env::current_exe().unwrap();
        let mut command = Home::within(&self.far, program.to_str().unwrap());
        command.args([inner, "--exact", "--ignored", "--nocapture"]).env("HOME_DIR", &self.dir).stdout(Stdio::null());
        self.helpers.push(command.spawn().unwrap());
    }

    /// The same, and waits until it says that it listens: a scanner that asks once asks nobody twice.
    #[allow(dead_code, reason = "not every family of tests has one")]
    pub fn listener(&mut self, inner: &str) {
        self.stranger(inner);
        let began = Instant::now();
        while !self.dir.join("ready").exists() {
            assert!(began.elapsed() < DEADLINE, "{inner} does not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Runs `inner` of this program in `near`, to its end.
    pub fn run(&self, inner: &str) {
        let program = std::env::current_exe().unwrap();
        let mut command = Home::within(&self.near, program.to_str().unwrap());
        command.args([inner, "--exact", "--ignored", "--nocapture", "--test-threads=1"]).env("HOME_DIR", &self.dir);
        let done = command.output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        for line in out.lines().chain(err.lines()).filter(|line| line.starts_with("measured")) {
            eprintln!("{line}");
        }
        let mut logs = String::new();
        for entry in
            fs::read_dir(&self.dir).unwrap().flatten().filter(|e| e.path().extension().is_some_and(|e| e == "log"))
        {
            logs += &fs::read_to_string(entry.path()).unwrap_or_default();
        }
        assert!(done.status.success() && out.contains("1 passed"), "{inner}:\n{out}\n{err}\npeers:\n{logs}");
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        for helper in &mut self.helpers {
            drop(helper.kill());
            drop(helper.wait());
        }
        ip(&["netns", "del", &self.near]);
        ip(&["netns", "del", &self.far]);
        drop(fs::remove_dir_all(&self.dir));
    }
}

/// Said by a [`Home::listener`].
#[allow(dead_code, reason = "not every family of tests has one")]
pub fn ready() {
    let dir = std::env::var_os("HOME_DIR").unwrap();
    fs::write(std::path::Path::new(&dir).join("ready"), "").unwrap();
}

pub fn ip(arguments: &[&str]) -> bool {
    Command::new("ip").args(arguments).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// A desk's surroundings, with the peer as the one device that is here.
pub struct Office {
    pub parts: DeskParts,
    pub settings: Settings,
    pub observations: mpsc::Receiver<Observation>,
    pub health: mpsc::Receiver<ScannerView>,
    pub looks: broadcast::Sender<Look>,
    _held: (watch::Sender<Arc<NetworkFacts>>, watch::Sender<Phase>, watch::Sender<u64>),
    pub home: watch::Sender<Arc<HomeView>>,
}

pub async fn office() -> Office {
    office_of(&[peer()]).await
}

/// With a device at each of `addresses`; the first is the gateway.
pub async fn office_of(addresses: &[IpAddr]) -> Office {
    let clock: Clock = clock;
    let (observations, seen) = mpsc::channel(OBSERVATIONS);
    let (health, lines) = mpsc::channel(64);
    let (looks, _) = broadcast::channel(LOOKS);
    let facts = scanners::read_network(&Network::default()).await.unwrap();
    assert!(facts.interfaces.iter().any(|i| i.name == "home0" && i.up), "{facts:?}");
    let (facts, network) = watch::channel(Arc::new(facts));
    let (phase, run) = watch::channel(Phase::Running);
    let (asked, scan_now) = watch::channel(0);
    let devices = addresses.iter().enumerate().map(|(number, address)| {
        let id = DeviceId::mint(1, number as u32 + 1);
        let device = DeviceView {
            addresses: vec![*address],
            macs: vec![PEER_MAC],
            last_seen: clock().wall,
            is_gateway: number == 0,
            ..DeviceView::blank(id)
        };
        (id, Arc::new(device))
    });
    let view = HomeView { devices: devices.collect(), ..HomeView::default() };
    let (home_tx, home) = watch::channel(Arc::new(view));
    Office {
        parts: DeskParts {
            clock,
            settings: Arc::default(),
            network,
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
        _held: (facts, phase, asked),
        home: home_tx,
    }
}

impl Office {
    /// Every device here is of this kind.
    pub fn is_a(&self, kind: porchlight::model::Kind) {
        self.home.send_modify(|view| {
            for device in Arc::make_mut(view).devices.values_mut() {
                Arc::make_mut(device).kind = kind;
            }
        });
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

    /// One more device that is here.
    pub fn add(&self, ip: IpAddr) {
        self.home.send_modify(|view| {
            let mut more = HomeView::clone(view);
            let id = DeviceId::mint(1, 100 + more.devices.len() as u32);
            let device = DeviceView { addresses: vec![ip], last_seen: clock().wall, ..DeviceView::blank(id) };
            more.devices.insert(id, Arc::new(device));
            *view = Arc::new(more);
        });
    }

    /// Reads observations until each of `wanted` is part of one that was told of the peer.
    pub async fn hears(&mut self, wanted: &[&str]) -> Vec<Observation> {
        let began = Instant::now();
        let mut told: Vec<Observation> = Vec::new();
        let missing = |told: &[Observation]| -> Vec<String> {
            let told: Vec<String> = told.iter().map(|o| format!("{:?}", o.fact)).collect();
            wanted.iter().filter(|w| !told.iter().any(|fact| fact.contains(**w))).map(ToString::to_string).collect()
        };
        while !missing(&told).is_empty() {
            match timeout(DEADLINE.saturating_sub(began.elapsed()), self.observations.recv()).await {
                Ok(Some(observation)) => {
                    assert_eq!(observation.subject.ip, Some(peer()), "{observation:?}");
                    told.push(observation);
                }
                _ => panic!("missing {:?} in {told:?}", missing(&told)),
            }
        }
        eprintln!("measured: {wanted:?} after {:.1} s", began.elapsed().as_secs_f64());
        told
    }
}
