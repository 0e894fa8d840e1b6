//! `near` is where Porchlight looks from (10.79.0.5), `far` is the router (10.79.0.1), whose other side is
//! `wan0` with an address of documentation.

use std::{
    fs,
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
pub const DEADLINE: Duration = Duration::from_secs(90);
pub const ROUTER: &str = "10.79.0.1";
pub const OWN: &str = "10.79.0.5";
const OUTER: &str = "198.51.100.9";
pub const ROUTER_MAC: MacAddr = MacAddr([0x02, 0x79, 0, 0, 0, 1]);
pub const OWN_MAC: MacAddr = MacAddr([0x02, 0x79, 0, 0, 0, 5]);

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
    others: Vec<String>,
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
            near: format!("igd-{name}-near-{id}"),
            far: format!("igd-{name}-far-{id}"),
            dir: std::env::temp_dir().join(format!("porchlight-igd-{name}-{id}")),
            helpers: Vec::new(),
            others: Vec::new(),
        };
        if !ip(&["netns", "add", &home.near]) || !ip(&["netns", "add", &home.far]) {
            eprintln!("skipped: network namespaces need root and iproute2");
            return None;
        }
        fs::create_dir_all(&home.dir).unwrap();
        let (near, far) = (&home.near, &home.far);
        assert!(ip(&["-n", near, "link", "add", "home0", "type", "veth", "peer", "name", "lan0", "netns", far]));
        for (space, link, mac, address) in [(near, "home0", OWN_MAC, OWN), (far, "lan0", ROUTER_MAC, ROUTER)] {
            assert!(ip(&["-n", space, "link", "set", "lo", "up"]));
            assert!(ip(&["-n", space, "link", "set", link, "address", &mac.to_string()]));
            assert!(ip(&["-n", space, "addr", "add", &format!("{address}/24"), "brd", "+", "dev", link]));
            assert!(ip(&["-n", space, "link", "set", link, "up"]));
            assert!(ip(&["-n", space, "route", "add", "224.0.0.0/4", "dev", link]));
        }
        assert!(ip(&["-n", near, "route", "add", "default", "via", ROUTER]));
        assert!(ip(&["-n", far, "link", "add", "wan0", "type", "veth", "peer", "name", "wan1"]));
        assert!(ip(&["-n", far, "addr", "add", &format!("{OUTER}/24"), "dev", "wan0"]));
        assert!(ip(&["-n", far, "link", "set", "wan0", "up"]) && ip(&["-n", far, "link", "set", "wan1", "up"]));
        Some(home)
    }

    /// One more namespace, which goes with the home.
    pub fn another(&mut self, name: &str) -> String {
        let name = format!("igd-{name}-{}", std::process::id());
        assert!(ip(&["netns", "add", &name]) && ip(&["-n", &name, "link", "set", "lo", "up"]));
        self.others.push(name.clone());
        name
    }

    fn within(namespace: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace, program]);
        command
    }

    /// Runs `program` in `far` to its end; its output.
    pub fn there(&self, program: &str, arguments: &[&str]) -> String {
        let done = Home::within(&self.far, program).args(arguments).output().unwrap();
        assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    /// Starts a peer in `far`, in the foreground; it ends with the home. `false`: not installed, said aloud.
    pub fn peer(&mut self, program: &str, arguments: &[&str]) -> bool {
        self.peer_in(&self.far.clone(), program, arguments)
    }

    pub fn peer_in(&mut self, namespace: &str, program: &str, arguments: &[&str]) -> bool {
        if !is_installed(program) {
            return false;
        }
        let log = fs::File::create(self.dir.join(format!("{program}.log"))).unwrap();
        let mut command = Home::within(namespace, program);
        command.args(arguments).env("PATH", path()).stdout(log.try_clone().unwrap()).stderr(log).stdin(Stdio::null());
        self.helpers.push(command.spawn().unwrap());
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
        self.run_by(&[], inner);
    }

    /// As [`Home::run`], started by another program and its arguments.
    pub fn run_by(&self, starter: &[&str], inner: &str) {
        let program = std::env::current_exe().unwrap();
        let mut words = starter.to_vec();
        words.push(program.to_str().unwrap());
        let mut command = Home::within(&self.near, words[0]);
        command.args(&words[1..]).args([inner, "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
        let done = command.env("HOME_DIR", &self.dir).env("HOME_FAR", &self.far).output().unwrap();
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
        for other in &self.others {
            ip(&["netns", "del", other]);
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

pub fn path() -> String {
    format!("/usr/bin:/usr/sbin:{}", std::env::var("PATH").unwrap_or_default())
}

/// Says aloud if not.
pub fn is_installed(program: &str) -> bool {
    let there = path().split(':').any(|folder| std::path::Path::new(folder).join(program).exists());
    if !there {
        eprintln!("skipped: {program} is not installed (tests/run installs it)");
    }
    there
}

/// A desk's surroundings.
pub struct Office {
    pub parts: DeskParts,
    pub settings: Settings,
    pub observations: mpsc::Receiver<Observation>,
    pub health: mpsc::Receiver<ScannerView>,
    _held: (watch::Sender<Arc<NetworkFacts>>, watch::Sender<Phase>, broadcast::Sender<Look>),
    pub again: watch::Sender<u64>,
    _home: watch::Sender<Arc<HomeView>>,
}

pub async fn office() -> Office {
    office_of(Network::default()).await
}

pub async fn office_of(network: Network) -> Office {
    let clock: Clock = clock;
    let (observations, seen) = mpsc::channel(OBSERVATIONS);
    let (health, lines) = mpsc::channel(64);
    let (looks, _) = broadcast::channel(LOOKS);
    let facts = scanners::read_network(&network).await.unwrap();
    assert!(facts.interfaces.iter().any(|i| i.name == "home0" && i.up), "{facts:?}");
    let (facts, facts_seen) = watch::channel(Arc::new(facts));
    let (phase, run) = watch::channel(Phase::Running);
    let (asked, scan_now) = watch::channel(0);
    let id = DeviceId::mint(1, 1);
    let router =
        DeviceView { addresses: vec![ROUTER.parse().unwrap()], macs: vec![ROUTER_MAC], ..DeviceView::blank(id) };
    let view = HomeView { devices: [(id, Arc::new(router))].into(), ..HomeView::default() };
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
        _held: (facts, phase, looks),
        again: asked,
        _home: home_tx,
    }
}

impl Office {
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

    /// Reads observations until each of `wanted` is part of one (subject and fact); returns all read.
    pub async fn hears(&mut self, wanted: &[&str]) -> Vec<Observation> {
        let began = Instant::now();
        let mut told: Vec<Observation> = Vec::new();
        let missing = |told: &[Observation]| -> Vec<String> {
            let told: Vec<String> = told.iter().map(|o| format!("{:?} {:?}", o.subject, o.fact)).collect();
            wanted.iter().filter(|w| !told.iter().any(|fact| fact.contains(**w))).map(ToString::to_string).collect()
        };
        while !missing(&told).is_empty() {
            match timeout(DEADLINE.saturating_sub(began.elapsed()), self.observations.recv()).await {
                Ok(Some(observation)) => told.push(observation),
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
