//! Scanners and the ring in a home made of network namespaces: thirty devices on a wire, and a peer.
//!
//! Needs root and `ip`; without them each test says why it skips. A test starts this same program inside the
//! namespace for the part that looks (`inner_*`, ignored otherwise). Nothing leaves the namespaces.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may stop at the first surprise")]

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    net::{IpAddr, Ipv4Addr},
    process::{Child, Command, Stdio},
    sync::{Arc, OnceLock},
    time::Duration,
};

use porchlight::{
    capture::{self, Batch, Counters, Filter, Ring},
    model::{
        Clock, Fact, Look, MacAddr, Moment, Mono, NetworkFacts, Observation, Phase, Probe, Proof, ScannerView, Wall,
    },
    scanners::{self, Budget, DeskParts, LOOKS, Network, OBSERVATIONS, SCANNERS, Settings},
};
use tokio::{
    sync::{broadcast, mpsc, watch},
    time::{Instant, timeout, timeout_at},
};

/// Devices on the wire; they have 10.77.0.101 and up.
const DEVICES: u8 = 30;
const FIRST: u8 = 101;
/// Nothing here takes this long, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

fn clock() -> Moment {
    static START: OnceLock<Instant> = OnceLock::new();
    // Both clocks are the system's own: kernel stamps are wall time.
    let wall = jiff::Timestamp::now().as_millisecond();
    let ns = u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap() + 3_600_000_000_000;
    Moment { mono: Mono(ns), wall: Wall(wall) }
}

fn ip_of(device: u8) -> IpAddr {
    Ipv4Addr::new(10, 77, 0, FIRST + device).into()
}

fn mac_of(device: u8) -> MacAddr {
    MacAddr([0x02, 0x77, 0, 0, 0, FIRST + device])
}

// ---- The home, from outside ------------------------------------------------------------------------------

/// Two namespaces: `near` is where Porchlight looks from (`home0`, 10.77.0.1), `far` holds the devices.
struct Home {
    near: String,
    far: String,
}

impl Home {
    /// `None`: not root, or no namespaces here; said aloud.
    fn build(name: &str) -> Option<Home> {
        let home = Home {
            near: format!("scan-{name}-near-{}", std::process::id()),
            far: format!("scan-{name}-far-{}", std::process::id()),
        };
        if !ip(&["netns", "add", &home.near]) || !ip(&["netns", "add", &home.far]) {
            eprintln!("skipped: network namespaces need root and iproute2");
            return None;
        }
        let (near, far) = (&home.near, &home.far);
        assert!(ip(&["-n", near, "link", "add", "home0", "type", "veth", "peer", "name", "wire0", "netns", far]));
        let near_side = "link set lo up\nlink set home0 up\naddr add 10.77.0.1/24 dev home0\n";
        batch(near, near_side);
        batch(far, "link set lo up\nlink set wire0 up\n");
        // Each device answers for its own address only, by its own MAC.
        sysctl(far, "net.ipv4.conf.all.arp_ignore=1");
        sysctl(far, "net.ipv4.conf.all.rp_filter=0");
        // The devices share one kernel here, whose limit on complaints is meant for one host.
        sysctl(far, "net.ipv6.icmp.ratelimit=0");
        let mut script = String::new();
        for device in 0..DEVICES {
            let (mac, ip) = (mac_of(device), ip_of(device));
            script += &format!("link add dev{device} link wire0 address {mac} type macvlan mode bridge\n");
            script += &format!("addr add {ip}/24 dev dev{device}\nlink set dev{device} up\n");
            // What it sends of its own goes out by its own card, as in a home.
            let table = u16::from(device) + 100;
            script += &format!("route add 10.77.0.0/24 dev dev{device} src {ip} table {table}\n");
            script += &format!("rule add from {ip} table {table}\n");
        }
        batch(far, &script);
        Some(home)
    }

    /// Runs `inner` of this program in `namespace`, as `user`.
    fn command(namespace: &str, user: Option<&str>, inner: &str) -> Command {
        let program = std::env::current_exe().unwrap();
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace]);
        if let Some(user) = user {
            command.args(["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--inh-caps=-all"]);
        }
        command.arg(program).args([inner, "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
        command
    }

    fn run(&self, user: Option<&str>, inner: &str) {
        let done = Home::command(&self.near, user, inner).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        for line in out.lines().chain(err.lines()).filter(|line| line.starts_with("measured")) {
            eprintln!("{line}");
        }
        assert!(done.status.success() && out.contains("1 passed"), "{inner}:\n{out}\n{err}");
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        ip(&["netns", "del", &self.near]);
        ip(&["netns", "del", &self.far]);
    }
}

fn ip(arguments: &[&str]) -> bool {
    Command::new("ip").args(arguments).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn batch(namespace: &str, script: &str) {
    let mut child = Command::new("ip").args(["-n", namespace, "-batch", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "ip -batch:\n{script}");
}

fn sysctl(namespace: &str, setting: &str) {
    let done = Command::new("ip").args(["netns", "exec", namespace, "sysctl", "-qw", setting]).status();
    assert!(done.unwrap().success(), "{setting}");
}

/// A process that ends with the test.
struct Helper(Child);

impl Drop for Helper {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn a_sweep_with_capture_finds_every_device_and_is_quick() {
    let Some(home) = Home::build("sweep") else { return };
    home.run(None, "inner_sweep_with_capture");
    match Command::new("ip").args(["netns", "exec", &home.near, "arp-scan", "-I", "home0", "10.77.0.0/24"]).output() {
        Ok(peer) => {
            let text = String::from_utf8_lossy(&peer.stdout);
            eprintln!("measured arp-scan: {}", text.lines().last().unwrap_or_default());
        }
        Err(_) => eprintln!("arp-scan is not installed: nothing to compare with"),
    }
}

#[test]
fn a_user_without_rights_finds_every_device_through_the_kernel() {
    let Some(home) = Home::build("nobody") else { return };
    home.run(Some("65534"), "inner_sweep_by_the_kernel");
}

#[test]
fn neighbours_of_ipv6_answer_the_group() {
    let Some(home) = Home::build("nd") else { return };
    home.run(None, "inner_nd_sweep");
}

#[test]
fn a_look_is_answered_or_told_as_silence() {
    let Some(home) = Home::build("look") else { return };
    home.run(None, "inner_looks");
}

#[test]
fn a_flood_of_neighbours_hides_no_device() {
    let Some(home) = Home::build("flood") else { return };
    home.run(None, "inner_flood");
}

#[test]
fn a_link_that_goes_and_an_address_that_comes_are_noticed() {
    let Some(home) = Home::build("links") else { return };
    home.run(None, "inner_links");
}

#[test]
fn the_ring_hears_every_frame_in_order_and_none_of_ours() {
    let Some(home) = Home::build("ring") else { return };
    batch(&home.near, "link add ring0 type veth peer name ring1\nlink set ring0 up\nlink set ring1 up\n");
    home.run(None, "inner_ring");
}

#[test]
fn a_service_on_the_wire_gives_its_device_a_name() {
    let Some(home) = Home::build("mdns") else { return };
    let responder = Home::command(&home.far, None, "inner_responder").stdout(Stdio::null()).spawn().unwrap();
    let _helper = Helper(responder);
    home.run(None, "inner_mdns");
}

// ---- Inside the namespace ---------------------------------------------------------------------------------

/// A desk's surroundings, and what comes of it.
struct Office {
    parts: DeskParts,
    settings: Settings,
    observations: mpsc::Receiver<Observation>,
    health: mpsc::Receiver<ScannerView>,
    hearing: watch::Sender<bool>,
    looks: broadcast::Sender<Look>,
    /// Held, so that desks see them open.
    _held: (watch::Sender<Arc<NetworkFacts>>, watch::Sender<Phase>, watch::Sender<u64>),
}

async fn office(rounds: Option<u32>) -> Office {
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
        _held: (facts, phase, asked),
    }
}

impl Office {
    fn start(&self, name: &str) -> tokio::task::JoinHandle<()> {
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
    fn listen(&self) -> mpsc::Receiver<Batch> {
        let (core, batches) = mpsc::channel(64);
        let ring = Ring::open("home0", &Filter::home(), &capture::Settings::default(), clock).unwrap();
        let phase = self.parts.phase.clone();
        std::thread::spawn(move || capture::listen(ring, clock, &core, &phase, &Counters::default()).unwrap());
        self.hearing.send_replace(true);
        batches
    }

    /// Reads observations until `enough` says so.
    async fn until(&mut self, mut enough: impl FnMut(&Observation) -> bool) {
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
fn arp_reply(frame: &[u8]) -> Option<(IpAddr, MacAddr)> {
    if frame.get(12..14)? != [0x08, 0x06] || frame.get(20..22)? != [0, 2] {
        return None;
    }
    let mac = MacAddr(frame.get(22..28)?.try_into().ok()?);
    let ip: [u8; 4] = frame.get(28..32)?.try_into().ok()?;
    Some((ip.into(), mac))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs inside a namespace"]
async fn inner_sweep_with_capture() {
    let mut office = office(Some(1)).await;
    let mut batches = office.listen();
    let began = Instant::now();
    let running = office.start("arp_sweep");
    let line = timeout(DEADLINE, office.health.recv()).await.unwrap().unwrap();
    let swept = began.elapsed();
    assert_eq!(line.health.word(), "ok", "{line:?}");
    let mut found = BTreeMap::new();
    while found.len() < DEVICES.into() {
        let batch = timeout(DEADLINE, batches.recv()).await.expect("every device answers").unwrap();
        found.extend(batch.frames().filter_map(|frame| arp_reply(frame.bytes)));
    }
    eprintln!(
        "measured sweep of a /24: asked in {:.1} ms, {} devices known after {:.1} ms",
        swept.as_secs_f64() * 1e3,
        found.len(),
        began.elapsed().as_secs_f64() * 1e3
    );
    assert!(swept < Duration::from_secs(1), "a /24 takes less than a second, took {swept:?}");
    let expected: BTreeMap<_, _> = (0..DEVICES).map(|device| (ip_of(device), mac_of(device))).collect();
    assert_eq!(found, expected);
    running.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs inside a namespace"]
async fn inner_sweep_by_the_kernel() {
    assert!(!capture::missing().is_empty(), "this is about a user without rights");
    let refused = Ring::open("home0", &Filter::home(), &capture::Settings::default(), clock).unwrap_err();
    assert!(refused.is_fatal() && refused.advice().is_some_and(|advice| advice.contains("setcap")), "{refused}");
    let mut office = office(None).await;
    office.start("netlink");
    let began = Instant::now();
    office.start("arp_sweep");
    let mut found = BTreeMap::new();
    office
        .until(|observation| {
            if let Fact::Alive { proof: Proof::NeighbourReachable, age } = observation.fact {
                assert!(age < DEADLINE);
                found.insert(observation.subject.ip.unwrap(), observation.subject.mac.unwrap());
            }
            assert!(!matches!(observation.fact, Fact::Unanswered { .. }), "nobody known is silent: {observation:?}");
            found.len() >= DEVICES.into()
        })
        .await;
    eprintln!(
        "measured sweep by the kernel as an ordinary user: {} devices after {:.1} s",
        found.len(),
        began.elapsed().as_secs_f64()
    );
    let expected: BTreeMap<_, _> = (0..DEVICES).map(|device| (ip_of(device), mac_of(device))).collect();
    assert_eq!(found, expected);
    // What was found can be asked one by one as well; who is not there fails, and nothing is made of it.
    let line = timeout(DEADLINE, async {
        loop {
            let line = office.health.recv().await.unwrap();
            if line.name == "arp_sweep" {
                return line;
            }
        }
    });
    assert_eq!(line.await.unwrap().health.word(), "degraded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs inside a namespace"]
async fn inner_nd_sweep() {
    // Duplicate address detection takes a second or two; then the link-local address may be used.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let office = office(Some(1)).await;
    let mut batches = office.listen();
    let running = office.start("nd_sweep");
    let (mut echoed, mut complained) = (BTreeSet::new(), BTreeSet::new());
    let until = Instant::now() + DEADLINE;
    while echoed.len() < DEVICES.into() || complained.len() < DEVICES.into() {
        let batch = timeout_at(until, batches.recv())
            .await
            .unwrap_or_else(|_| panic!("{} echoes, {} complaints", echoed.len(), complained.len()))
            .unwrap();
        for frame in batch.frames().filter(|frame| frame.bytes.get(12..14) == Some(&[0x86, 0xdd])) {
            let mac = MacAddr(frame.bytes[6..12].try_into().unwrap());
            match frame.bytes.get(54) {
                Some(129) => drop(echoed.insert(mac)),
                // Parameter problem, code 2: unrecognised option (RFC 4443 §3.4).
                Some(4) if frame.bytes.get(55) == Some(&2) => drop(complained.insert(mac)),
                _ => {}
            }
        }
    }
    let expected: BTreeSet<_> = (0..DEVICES).map(mac_of).collect();
    assert!(echoed.is_superset(&expected) && complained.is_superset(&expected), "{echoed:?} {complained:?}");
    running.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs inside a namespace"]
async fn inner_looks() {
    let mut office = office(None).await;
    let mut batches = office.listen();
    for name in ["icmp", "arp_sweep", "mdns"] {
        office.start(name);
    }
    // The first rounds are over when each has told its line.
    let mut told = BTreeSet::new();
    while told.len() < 3 {
        told.insert(timeout(DEADLINE, office.health.recv()).await.unwrap().unwrap().name);
    }
    let home0 = office.parts.network.borrow().interfaces.iter().find(|i| i.name == "home0").map(|i| i.id);
    let look = |probe, ip, mac| Look { probe, mac, ip, interface: home0 };
    let nobody: IpAddr = [10, 77, 0, 200].into();
    while batches.try_recv().is_ok() {}
    let began = Instant::now();
    office.looks.send(look(Probe::Icmp, ip_of(3), Some(mac_of(3)))).unwrap();
    office.looks.send(look(Probe::Icmp, nobody, None)).unwrap();
    office.looks.send(look(Probe::Arp, ip_of(4), Some(mac_of(4)))).unwrap();
    office.looks.send(look(Probe::Mdns, nobody, None)).unwrap();
    let (mut answered, mut silent) = (None, BTreeSet::new());
    office
        .until(|observation| {
            match &observation.fact {
                Fact::Alive { proof: Proof::IcmpReply, .. } => {
                    assert_eq!(observation.subject.ip, Some(ip_of(3)));
                    answered.get_or_insert(began.elapsed());
                }
                Fact::Unanswered { probe } => drop(silent.insert((observation.subject.ip.unwrap(), *probe))),
                _ => {}
            }
            // The ARP answer is a frame, so its look ends as "asked, time is up"; presence has the answer by then.
            answered.is_some() && silent.len() >= 3
        })
        .await;
    assert_eq!(silent, BTreeSet::from([(nobody, Probe::Icmp), (nobody, Probe::Mdns), (ip_of(4), Probe::Arp)]));
    eprintln!("measured look by ping: answered after {:.1} ms", answered.unwrap().as_secs_f64() * 1e3);
    let mut heard = BTreeSet::new();
    while let Ok(batch) = batches.try_recv() {
        heard.extend(batch.frames().filter_map(|frame| arp_reply(frame.bytes)));
    }
    assert!(heard.contains(&(ip_of(4), mac_of(4))), "capture heard the answer: {heard:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs inside a namespace"]
async fn inner_flood() {
    const FLOOD: u32 = 5000;
    let mut office = office(None).await;
    // Long enough that only a loss the scanner noticed makes it read the table again.
    office.settings.netlink.interval = porchlight::model::Span::seconds(600);
    // The core is behind: its channel is full, so the scanner waits with its first report while the kernel's
    // events overflow their buffer.
    let idle = Observation {
        source: porchlight::model::Source::Capture,
        interface: None,
        at: clock(),
        subject: porchlight::model::Subject::default(),
        fact: Fact::Routes,
    };
    while office.parts.observations.try_send(idle.clone()).is_ok() {}
    office.start("netlink");
    tokio::task::spawn_blocking(|| {
        // Only permanent entries are exempt from the kernel's own limit; a new MAC each time makes each an event.
        for pass in 0..3 {
            let mut script = String::new();
            for n in 0..FLOOD {
                let (high, low, a, b) = (n / 250, n % 250 + 1, n >> 8, n & 0xff);
                let mac = format!("02:88:00:{pass:02x}:{a:02x}:{b:02x}");
                script += &format!("neigh replace 10.78.{high}.{low} lladdr {mac} dev home0 nud permanent\n");
            }
            let mut child = Command::new("ip").args(["-batch", "-"]).stdin(Stdio::piped()).spawn().unwrap();
            child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
            assert!(child.wait().unwrap().success());
        }
    })
    .await
    .unwrap();
    // Unheard in the flood, one device speaks up, by what any program does: a connection attempt.
    drop(timeout(Duration::from_secs(5), tokio::net::TcpStream::connect((ip_of(7), 9))).await);
    let began = Instant::now();
    let (mut invented, mut own) = (0, 0);
    office
        .until(|observation| {
            match observation.fact {
                Fact::Alive { proof: Proof::OwnHost, .. } => own += 1,
                Fact::Alive { .. } if observation.subject.mac.is_some_and(|mac| mac.0[1] == 0x88) => invented += 1,
                _ => {}
            }
            let proof = matches!(observation.fact, Fact::Alive { proof: Proof::NeighbourReachable, .. });
            proof && observation.subject.ip == Some(ip_of(7))
        })
        .await;
    let took = began.elapsed().as_secs_f64() * 1e3;
    eprintln!("measured: among {FLOOD} neighbours, after lost events, a device is told after {took:.1} ms");
    assert_eq!(invented, 0, "an entry set by hand proves nothing");
    assert!(own > 0, "this host lists itself");
    let listed = Command::new("ip").args(["neigh", "show", "nud", "all"]).output().unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).lines().count() >= FLOOD as usize, "the flood was there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs inside a namespace"]
async fn inner_links() {
    let (facts, mut seen) = watch::channel(Arc::new(NetworkFacts::default()));
    let (_phase, run) = watch::channel(Phase::Running);
    tokio::spawn(scanners::watch_network(Arc::default(), facts, run));
    let up = |facts: &NetworkFacts| facts.interfaces.iter().any(|i| i.name == "home0" && i.up);
    let wait =
        async |seen: &mut watch::Receiver<Arc<NetworkFacts>>, what: &str, wanted: &dyn Fn(&NetworkFacts) -> bool| {
            timeout(DEADLINE, seen.wait_for(|facts| wanted(facts))).await.unwrap_or_else(|_| panic!("{what}")).unwrap();
        };
    wait(&mut seen, "first listing", &up).await;
    assert!(ip(&["link", "set", "home0", "down"]));
    wait(&mut seen, "link down", &|facts| !up(facts)).await;
    assert!(ip(&["link", "set", "home0", "up"]));
    wait(&mut seen, "link up", &up).await;
    assert!(ip(&["addr", "add", "10.99.0.1/24", "dev", "home0"]));
    wait(&mut seen, "address", &|facts| facts.is_attached([10, 99, 0, 7].into())).await;
    assert!(ip(&["route", "add", "default", "via", "10.99.0.254"]));
    wait(&mut seen, "gateway", &|facts| facts.is_gateway([10, 99, 0, 254].into())).await;
    assert!(
        ip(&["link", "add", "docker0", "type", "bridge"]) && ip(&["addr", "add", "172.17.0.1/16", "dev", "docker0"])
    );
    assert!(ip(&["link", "set", "docker0", "up"]) && ip(&["addr", "add", "10.98.0.1/24", "dev", "home0"]));
    wait(&mut seen, "second address", &|facts| facts.is_attached([10, 98, 0, 7].into())).await;
    assert!(!seen.borrow().interfaces.iter().any(|i| i.name == "docker0"), "containers are not the home");
}

#[test]
#[ignore = "runs inside a namespace"]
fn inner_ring() {
    use pnet::datalink::{self, Channel, Config};
    const FRAMES: u32 = 20_000;
    const SIZE: usize = 300;
    let settings = capture::Settings::default();
    let mut ring = Ring::open("ring1", &Filter::everything(), &settings, clock).unwrap();
    let missing = Ring::open("nowhere0", &Filter::home(), &settings, clock).unwrap_err().to_string();
    assert!(missing.contains("nowhere0") && missing.contains("ring1"), "{missing}");
    let open = |name: &str| {
        let interface = datalink::interfaces().into_iter().find(|i| i.name == name).unwrap();
        match datalink::channel(&interface, Config { promiscuous: false, ..Config::default() }).unwrap() {
            Channel::Ethernet(sender, _) => sender,
            _ => panic!("an Ethernet channel"),
        }
    };
    // EtherType 0x88b5 is for local experiments (IEEE 802).
    let frame = |number: u32| {
        let mut frame = [0xff; SIZE];
        frame[12..14].copy_from_slice(&[0x88, 0xb5]);
        frame[14..18].copy_from_slice(&number.to_be_bytes());
        frame
    };
    let mut ours = open("ring1");
    ours.send_to(&frame(u32::MAX), None).unwrap().unwrap();
    let mut theirs = open("ring0");
    let sender = std::thread::spawn(move || {
        for number in 0..FRAMES {
            theirs.send_to(&frame(number), None).unwrap().unwrap();
        }
    });
    let (mut next, mut last, began) = (0, Mono(0), Instant::now());
    while next < FRAMES && began.elapsed() < DEADLINE {
        let batch = ring.next_batch(Duration::from_millis(100)).unwrap();
        let now = clock();
        for frame in batch.frames().filter(|frame| frame.bytes.get(12..14) == Some(&[0x88, 0xb5])) {
            let number = u32::from_be_bytes(frame.bytes[14..18].try_into().unwrap());
            assert_eq!((number, frame.bytes.len(), frame.wire_len), (next, SIZE, SIZE as u32), "whole and in order");
            assert!(frame.at.mono >= last && frame.at.mono <= now.mono, "stamps go forward and not past now");
            assert!(now.mono.since(frame.at.mono) < Duration::from_secs(30), "a stamp is the frame's own time");
            (next, last) = (next + 1, frame.at.mono);
        }
    }
    sender.join().unwrap();
    let counted = ring.statistics().unwrap();
    eprintln!(
        "measured ring: {next} frames in {:.0} ms, {} dropped",
        began.elapsed().as_secs_f64() * 1e3,
        counted.dropped
    );
    assert_eq!((next, counted.dropped), (FRAMES, 0));
    assert!(counted.received >= u64::from(FRAMES));
    // The kernel takes VLAN tags out (IEEE 802.1Q); the ring puts them back.
    let mut tagged = vec![0xff; 12];
    tagged.extend([0x81, 0, 0, 7, 0x88, 0xb5, 0, 0, 0, 7]);
    tagged.resize(SIZE, 0);
    open("ring0").send_to(&tagged, None).unwrap().unwrap();
    let heard = (0..100).find_map(|_| {
        let batch = ring.next_batch(Duration::from_millis(100)).unwrap();
        batch.frames().find(|f| f.bytes.get(16..18) == Some(&[0x88, 0xb5])).map(|f| f.bytes.to_vec())
    });
    assert_eq!(heard, Some(tagged));
    // The interface goes away: an error, not silence.
    assert!(ip(&["link", "set", "ring1", "down"]));
    let lost = (0..100).find_map(|_| ring.next_batch(Duration::from_millis(100)).err());
    assert!(matches!(lost, Some(capture::CaptureError::Lost { .. })), "{lost:?}");
}

#[test]
#[ignore = "runs inside a namespace"]
fn inner_responder() {
    use std::net::{SocketAddr, UdpSocket};

    use mdns_sd::{IfKind, ServiceDaemon, ServiceInfo};
    use socket2::{Domain, Socket, Type};
    let daemon = ServiceDaemon::new().unwrap();
    daemon.disable_interface(IfKind::All).unwrap();
    daemon.enable_interface("dev5").unwrap();
    let txt = [("fn", "Kitchen speaker"), ("md", "Sound One")];
    let service =
        ServiceInfo::new("_googlecast._tcp.local.", "cast-5", "cast-5.local.", ip_of(5).to_string(), 8009, &txt[..]);
    daemon.register(service.unwrap()).unwrap();
    // Another device answers questions by unicast, as phones do; ended by the test that started it.
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.set_reuse_port(true).unwrap();
    socket.bind(&SocketAddr::new(ip_of(6), 5353).into()).unwrap();
    let (socket, mut room) = (UdpSocket::from(socket), [0; 512]);
    while let Ok((len, from)) = socket.recv_from(&mut room) {
        room[2] |= 0x84;
        socket.send_to(&room[..len], from).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs inside a namespace"]
async fn inner_mdns() {
    let mut office = office(None).await;
    office.start("mdns");
    let (mut found, mut answered) = (BTreeSet::new(), false);
    let began = Instant::now();
    office
        .until(|observation| {
            assert_eq!(observation.subject.ip, Some(ip_of(5)), "{observation:?}");
            assert!(!matches!(observation.fact, Fact::Alive { .. }), "a memory proves no presence");
            found.insert(format!("{:?}", observation.fact));
            ["Named { name: \"Kitchen speaker\"", "value: \"Sound One\"", "port: 8009"]
                .iter()
                .all(|wanted| found.iter().any(|fact| fact.contains(wanted)))
        })
        .await;
    eprintln!("measured mDNS: named after {:.1} s", began.elapsed().as_secs_f64());
    let look = Look { probe: Probe::Mdns, mac: None, ip: ip_of(6), interface: None };
    office.looks.send(look).unwrap();
    office
        .until(|observation| {
            answered |= matches!(observation.fact, Fact::Alive { proof: Proof::Mdns, .. })
                && observation.subject.ip == Some(ip_of(6));
            answered || matches!(observation.fact, Fact::Unanswered { .. })
        })
        .await;
    assert!(answered, "the device answers a question by unicast");
}
